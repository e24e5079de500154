"""Which revision a database is at, and which one this version needs; without Alembic, whose import takes a second."""

from functools import cache
from pathlib import Path
from typing import Final

from db.session import Connection

MIGRATIONS: Final = Path(__file__).parent / "migrations"


@cache
def newest() -> str:
    """The revision that this version of the program needs: migrations are one chain, numbered by their files' names."""
    return max(path.name.partition("_")[0] for path in (MIGRATIONS / "versions").glob("[0-9]*.py"))


async def current(connection: Connection) -> str | None:
    """The database's revision; None where it was never migrated."""
    cursor = await connection.execute("SELECT to_regclass('rowcast.alembic_version') IS NOT NULL")
    row = await cursor.fetchone()
    if row is None or not row[0]:
        return None
    row = await (await connection.execute("SELECT version_num FROM rowcast.alembic_version")).fetchone()
    return None if row is None else row[0]
