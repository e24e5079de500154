"""Brings a database to the schema of this version, with Alembic; safe to run from several processes at once."""

import psycopg
from alembic import command
from alembic.config import Config
from sqlalchemy import create_engine, text
from sqlalchemy.pool import NullPool

from db.revision import MIGRATIONS
from db.session import session_dsn

_LOCK = 0x726F7763617374  # "rowcast": one migration at a time


def upgrade(dsn: str, revision: str = "head") -> None:
    """Migrate to the revision, the newest; does nothing where it is reached."""
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
        command.upgrade(config, revision)


def _config() -> Config:
    config = Config()
    config.set_main_option("script_location", str(MIGRATIONS).replace("%", "%%"))
    return config
