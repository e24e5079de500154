"""A commit of very many rows passes in bounded memory, whole, and is handed on in slices."""

import asyncio
from contextlib import aclosing

import psutil
import pytest

from db.cursor import Cursor
from replication.log_events import CaughtUp
from tests.replication.leader import bind, execute, hub_of, leading, until, value
from tests.replication.reading import settled

BOUND = 70 << 20  # all of it, decoded, would be above 75 MB, and above 150 MB of the larger one


@pytest.mark.parametrize("rows", [50_000, pytest.param(100_000, marks=pytest.mark.soak)])
async def test_a_large_commit_passes_in_bounded_memory(database: str, rows: int) -> None:
    await bind(database, "t", "id integer PRIMARY KEY, text text")
    process = psutil.Process()
    peak = 0

    async def watch() -> bool:
        nonlocal peak
        peak = max(peak, process.memory_info().rss)
        return bool(await value(database, f"SELECT count(*) >= {rows + 1} FROM rowcast.changes"))

    async with leading(database) as leader, hub_of(database, leader.bus) as hub:
        await settled(database, hub)
        async with aclosing(hub.subscribe("public.t", Cursor(hub.frontier))) as events:
            assert isinstance(await anext(events), CaughtUp)
            before = process.memory_info().rss
            await execute(
                database,
                f"INSERT INTO t SELECT n, repeat('x', 300) FROM generate_series(1, {rows}) n",
                "INSERT INTO t VALUES (0, 'the next commit')",
            )
            await until(watch)
            assert peak - before < BOUND
            # The subscription was not taken from meanwhile: it reads the log, in slices, with no end before the last.
            index, slices = 0, 0
            async with asyncio.timeout(100):
                async for event in events:
                    if isinstance(event, CaughtUp):
                        continue
                    transaction = event.transaction
                    if index == rows:
                        assert [change.key for change in transaction.changes] == ['["0"]']
                        break
                    assert transaction.changes[0].position.index == index + 1
                    assert len(transaction.changes) <= 1000
                    index = transaction.changes[-1].position.index
                    slices += 1
                    assert transaction.last == (index == rows)
                    peak = max(peak, process.memory_info().rss)
            assert slices == rows // 1000
            assert peak - before < BOUND
