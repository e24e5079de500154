"""Turns of the event loop: many who never wait leave it to everything else after a while, and all come to their end."""

import asyncio
from itertools import pairwise

from replication.turn import Turn


async def test_those_who_never_wait_share_turns_and_others_have_theirs_between() -> None:
    now = 0.0
    turn = Turn(longest_s=1.0, clock=lambda: now)
    steps, seen = 0, []

    async def work() -> None:
        nonlocal now, steps
        for _ in range(10):
            await turn.share()
            now += 0.4
            steps += 1

    async def others() -> None:
        while steps < 50:
            seen.append(steps)
            await asyncio.sleep(0)

    async with asyncio.TaskGroup() as group:
        for _ in range(5):
            group.create_task(work())
        group.create_task(others())
    # Three steps of 0.4 s are the first that take as long as a turn may.
    assert [after - before for before, after in pairwise(seen)] == [3] * (len(seen) - 1)
    assert steps == 50


async def test_who_waits_anyway_has_every_turn_anew() -> None:
    now = 0.0
    turn = Turn(longest_s=1.0, clock=lambda: now)
    loop, turns = asyncio.get_running_loop(), 0

    def count() -> None:
        nonlocal turns
        turns += 1
        loop.call_soon(count)

    loop.call_soon(count)
    for _ in range(5):
        await turn.share()
        now += 10.0
        before = turns
        await asyncio.sleep(0)
        assert turns == before + 1
