"""The four ways to lose all rows at once, in a real worksheet and a real Postgres: each held, shown and confirmed."""

from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from typing import Any

import psycopg
import pytest

from db.held import confirm_deletes, held_deletes
from db.runs import Run, RunState
from db.sources import Side, SourceState, source_by_id
from tests.sync.sheets import bench
from tests.sync.syncing import Sync, syncing

_LINES: Sequence[Sequence[str]] = (("ID", "Name"), ("1", "Ada"), ("2", "Grace"), ("3", "Alan"))
_ROWS = [[1, "Ada"], [2, "Grace"], [3, "Alan"]]
_ADOPTED = """CREATE TABLE folk (id integer PRIMARY KEY, name text, note text);
    ALTER TABLE folk REPLICA IDENTITY FULL"""


@asynccontextmanager
async def _synced(database: str, **settings: Any) -> AsyncIterator[Sync]:
    with bench(lines=_LINES) as people:
        async with syncing(database, people, **settings) as sync:
            assert (await sync.settle()).state is RunState.SUCCEEDED
            yield sync


async def _held(sync: Sync, side: Side) -> Run:
    """The run that holds the three rows of a side, and shows them; nothing is written."""
    run = await sync.settle()
    assert run.state is RunState.HELD
    async with sync.pool.connection() as connection:
        source = await source_by_id(connection, sync.source.id)
        page = await held_deletes(connection, run.id, first=10)
    assert source is not None
    assert source.state is SourceState.HELD
    assert [(one.side, one.row["id"], one.row["name"]) for one in page.nodes] == [(side, *row) for row in _ROWS]
    return run


async def _confirmed(sync: Sync, run: Run) -> Run:
    async with sync.pool.connection() as connection:
        await confirm_deletes(connection, run.id)
    return await sync.settle()


async def test_a_truncated_table_of_ours(database: str) -> None:
    async with _synced(database) as sync:
        sync.sql("TRUNCATE people")
        run = await _held(sync, Side.SOURCE)
        assert await sync.sheet() == _ROWS
        done = await _confirmed(sync, run)
        assert (done.state, await sync.sheet()) == (RunState.SUCCEEDED, [])
        sync.sql("INSERT INTO people VALUES (4, 'Edsger')")
        await sync.settle()
        assert await sync.sheet() == [[4, "Edsger"]]


async def test_a_truncated_table_of_the_users(database: str) -> None:
    with psycopg.connect(database, autocommit=True) as owner:
        owner.execute(_ADOPTED)
    async with _synced(database, table="folk", adopt=True) as sync:
        sync.sql("TRUNCATE folk")
        run = await _held(sync, Side.SOURCE)
        assert await sync.sheet() == _ROWS
        await _confirmed(sync, run)
        assert await sync.sheet() == []


async def test_a_table_that_was_restored_empty(database: str) -> None:
    async with _synced(database) as sync:
        # As pg_restore --clean does with a dump from before the first run.
        with psycopg.connect(database) as owner:
            owner.execute("DROP TABLE people")
            owner.execute("CREATE TABLE people (id integer PRIMARY KEY, name text)")
            owner.execute("ALTER TABLE people REPLICA IDENTITY FULL")
            owner.execute("ALTER PUBLICATION rowcast_tables ADD TABLE people")
        run = await _held(sync, Side.SOURCE)
        assert await sync.sheet() == _ROWS
        await _confirmed(sync, run)
        assert await sync.sheet() == []


@pytest.mark.parametrize("confirm", [True, False])
async def test_a_cleared_sheet(database: str, confirm: bool) -> None:
    async with _synced(database) as sync:
        sync.people.type("A2", [["", ""]] * 3)
        run = await _held(sync, Side.DATABASE)
        assert len(sync.sql("SELECT id FROM people")) == 3
        if confirm:
            await _confirmed(sync, run)
            assert sync.sql("SELECT id FROM people") == []
            return
        sync.people.type("A2", [[str(cell) for cell in row] for row in _ROWS])
        assert (await sync.settle()).state is RunState.SUCCEEDED
        assert sync.sql("SELECT id, name FROM people ORDER BY id") == [tuple(row) for row in _ROWS]
