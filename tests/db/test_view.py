"""The snapshot handoff beside statements that don't respect snapshots: they empty a table for those of before."""

import asyncio

import psycopg
import pytest

from db.session import make_pool
from db.tables import Relation
from db.view import view
from tests.server import eventually

_WAITS = "SELECT FROM pg_locks WHERE NOT granted AND relation = 't'::regclass"


@pytest.mark.parametrize(
    ("statement", "rows"), [("ALTER TABLE t ALTER id TYPE bigint", 2), ("TRUNCATE t; INSERT INTO t VALUES (3)", 1)]
)
async def test_a_table_that_is_rewritten_meanwhile_is_seen_as_it_is_then(
    database: str, statement: str, rows: int
) -> None:
    async with (
        await psycopg.AsyncConnection.connect(database) as other,
        await psycopg.AsyncConnection.connect(database, autocommit=True) as looking,
        make_pool(database, "test", max_size=1) as pool,
    ):
        await other.execute("CREATE TABLE t (id integer); INSERT INTO t VALUES (1), (2)")
        await other.commit()
        await other.execute(statement.encode())

        async def seen() -> int:
            async with view(pool, Relation("public", "t")) as (connection, _):
                row = await (await connection.execute("SELECT count(*) FROM t")).fetchone()
            assert row is not None
            return int(row[0])

        async def waits() -> bool:
            return (await looking.execute(_WAITS)).rowcount > 0

        seeing = asyncio.create_task(seen())
        await eventually(waits)
        await other.commit()
        assert await seeing == rows


async def test_a_table_that_is_gone_is_left_to_who_reads_it(database: str) -> None:
    async with make_pool(database, "test", max_size=1) as pool, view(pool, Relation("public", "gone")) as seen:
        connection, _ = seen
        assert await (await connection.execute("SELECT 1")).fetchone() == (1,)
