"""Brings a database to the schema of this version, with Alembic; safe to run from several processes at once."""

from pathlib import Path

import psycopg
from alembic import command
from alembic.config import Config
from alembic.script import ScriptDirectory
from sqlalchemy import create_engine, text
from sqlalchemy.pool import NullPool

from db.session import Connection, session_dsn

_LOCK = 0x726F7763617374  # "rowcast": one migration at a time


def upgrade(dsn: str) -> None:
    """Migrate to the newest revision; does nothing where it is reached."""
    engine = create_engine(
        "postgresql+psycopg://",
        poolclass=NullPool,
        creator=lambda: psycopg.connect(session_dsn(dsn, "rowcast migrate")),
    )
    with engine.connect() as connection:
        connection.execute(text(f"SELECT pg_advisory_lock({_LOCK})"))
        connection.execute(text("CREATE SCHEMA IF NOT EXISTS rowcast"))
        connection.commit()
        config = _config()
        config.attributes["connection"] = connection
        command.upgrade(config, "head")


def newest() -> str:
    """The revision that this version of the program needs."""
    head = ScriptDirectory.from_config(_config()).get_current_head()
    assert head is not None
    return head


async def current(connection: Connection) -> str | None:
    """The database's revision; None where it was never migrated."""
    cursor = await connection.execute("SELECT to_regclass('rowcast.alembic_version') IS NOT NULL")
    row = await cursor.fetchone()
    if row is None or not row[0]:
        return None
    row = await (await connection.execute("SELECT version_num FROM rowcast.alembic_version")).fetchone()
    return None if row is None else row[0]


def _config() -> Config:
    config = Config()
    config.set_main_option("script_location", str(Path(__file__).parent / "migrations").replace("%", "%%"))
    return config
