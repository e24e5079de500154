"""A source is deleted at the moment in which a run of it ends: the one waits for the other, and never both."""

import asyncio

import pytest
from psycopg import AsyncConnection

from db.runs import RunCounts, RunState, RunTrigger, finish_run, start_run
from db.sources import delete_source
from tests.server import eventually
from tests.sync.ground import Ground, ground

_WAITS = "SELECT pid FROM pg_stat_activity WHERE %s = ANY(pg_blocking_pids(pid))"


async def _ended(at: Ground, id_: int, state: RunState) -> object:
    async with at.pool.connection() as connection:
        return await finish_run(connection, id_, state, RunCounts(), None)


@pytest.mark.parametrize("state", [RunState.UNCHANGED, RunState.FAILED])
async def test_a_run_that_ends_waits_for_a_delete_under_way(database: str, state: RunState) -> None:
    async with ground(database) as at:
        async with at.pool.connection() as connection:
            older = await start_run(connection, at.source_id, RunTrigger.SCHEDULE)
            run = await start_run(connection, at.source_id, RunTrigger.SCHEDULE)
        await _ended(at, older.id, RunState.UNCHANGED)
        async with await AsyncConnection.connect(database) as deleting:
            # Postgres deletes the source, then its runs one by one: here it is amid them.
            await deleting.execute("SELECT FROM rowcast.sources WHERE id = %s FOR UPDATE", (at.source_id,))
            await deleting.execute("DELETE FROM rowcast.runs WHERE id = %s", (older.id,))
            ending = asyncio.create_task(_ended(at, run.id, state))

            async def waits() -> bool:
                return bool(await asyncio.to_thread(at.sql, _WAITS, deleting.info.backend_pid))

            await eventually(waits)
            await delete_source(deleting, at.source_id)
        assert await ending is None
        assert at.sql("SELECT id FROM rowcast.runs") == []
