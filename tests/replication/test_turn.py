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
    # Three steps of 0.4 s are the first that take as long as a turn may. Where one ends, what is left is nobody's.
    taken = [after - before for before, after in pairwise(seen)]
    assert max(taken) == 3
    assert len(taken) <= 50 / 3 + 2 * 5
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


async def test_of_many_who_wait_those_are_woken_who_have_time() -> None:
    asked = now = 0.0

    def clock() -> float:
        nonlocal asked
        asked += 1
        return now

    turn, steps = Turn(longest_s=1.0, clock=clock), 0

    async def work() -> None:
        nonlocal now, steps
        for _ in range(10):
            await turn.share()
            now += 1.0
            steps += 1

    async with asyncio.TaskGroup() as group:
        for _ in range(100):
            group.create_task(work())
    assert steps == 1000
    # Whether there is time left is asked before each step, and when a turn begins: not by everybody in every turn.
    assert asked <= 2 * steps


async def test_who_is_cancelled_when_its_turn_comes_leaves_it_to_the_next() -> None:
    now = 0.0
    turn = Turn(longest_s=1.0, clock=lambda: now)

    async def work() -> None:
        nonlocal now
        await turn.share()
        now += 1.0

    tasks = [asyncio.create_task(work()) for _ in range(5)]
    for cancelled in ((1,), (2, 3)):
        # The turn of the first of these comes; who is behind it waits.
        await asyncio.sleep(0)
        for number in cancelled:
            assert not tasks[number].done()
            tasks[number].cancel()
    await asyncio.wait_for(tasks[4], 60)
    assert [task.cancelled() for task in tasks] == [False, True, True, True, False]
