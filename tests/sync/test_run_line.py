"""Runs of sources that wait for each other: the urgent first, also where one became so while it waited."""

import asyncio
from datetime import UTC, datetime
from uuid import UUID

from db.runs import RunTrigger
from sync.schedule.run_line import RunLine
from sync.schedule.source_worker import SourceWorker
from sync.urgency import Urgency

HOLDS, IMPORTED, POLLED, HOOKED, EDITED = (UUID(int=number) for number in range(5))
DEADLINE_S = 30


async def test_the_urgent_run_first() -> None:
    order: list[UUID] = []
    go_on, done = asyncio.Event(), asyncio.Event()

    async def run(source_id: UUID, trigger: RunTrigger) -> None:
        order.append(source_id)
        if source_id == HOLDS:
            await go_on.wait()
        if len(order) == 5:
            done.set()

    line = RunLine(1, 1, lambda _: "google default", lambda: 0.0)
    workers = {
        source_id: SourceWorker(source_id, run, asyncio.Lock(), line, lambda: datetime(2026, 1, 1, tzinfo=UTC))
        for source_id in (HOLDS, IMPORTED, POLLED, HOOKED, EDITED)
    }
    tasks = [asyncio.create_task(worker.serve()) for worker in workers.values()]
    for source_id, trigger in (
        (HOLDS, RunTrigger.HOOK),
        (IMPORTED, RunTrigger.START),
        (POLLED, RunTrigger.SCHEDULE),
        (HOOKED, RunTrigger.SCHEDULE),
        (EDITED, RunTrigger.CHANGE),
        (HOOKED, RunTrigger.HOOK),
    ):
        workers[source_id].wake(trigger)
        await asyncio.sleep(0)
        await asyncio.sleep(0)
    go_on.set()
    async with asyncio.timeout(DEADLINE_S):
        await done.wait()
    assert order == [HOLDS, HOOKED, EDITED, POLLED, IMPORTED]
    for task in tasks:
        task.cancel()
    await asyncio.wait(tasks)


async def test_who_waits_no_longer_gives_its_turn_away() -> None:
    line = RunLine(1, 1, lambda _: "", lambda: 0.0)
    async with line.turn(HOLDS, Urgency.NOW):
        waiting = asyncio.create_task(_turn(line, POLLED))
        await asyncio.sleep(0)
        waiting.cancel()
        await asyncio.wait({waiting})
    async with asyncio.timeout(DEADLINE_S):
        await _turn(line, EDITED)


async def _turn(line: RunLine, source_id: UUID) -> None:
    async with line.turn(source_id, Urgency.NOW):
        pass
