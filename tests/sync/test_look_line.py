"""One look of a group at a time, and one more for all that was asked for meanwhile."""

import asyncio

import pytest

from sync.schedule.look_line import LookLine


async def yielded() -> None:
    """Everything that can go on has gone on."""
    for _ in range(10):
        await asyncio.sleep(0)


async def test_what_is_asked_for_during_a_look_is_one_more() -> None:
    line, gate = LookLine(), asyncio.Event()
    looks = 0

    async def look() -> None:
        nonlocal looks
        looks += 1
        await gate.wait()

    asked = [asyncio.create_task(line.look("a", look)) for _ in range(50)]
    await yielded()
    assert looks == 1
    other = asyncio.create_task(line.look("b", look))
    await yielded()
    assert looks == 2
    gate.set()
    await asyncio.gather(*asked, other)
    assert looks == 3


async def test_a_look_that_fails_or_is_cut_off_leaves_the_line_open() -> None:
    line = LookLine()
    looks: list[str] = []

    async def fails() -> None:
        looks.append("fails")
        raise ConnectionError

    async def hangs() -> None:
        looks.append("hangs")
        await asyncio.Event().wait()

    async def succeeds() -> None:
        looks.append("succeeds")

    with pytest.raises(ConnectionError):
        await line.look("a", fails)
    hanging = asyncio.create_task(line.look("a", hangs))
    await yielded()
    waiting = asyncio.create_task(line.look("a", succeeds))
    await yielded()
    waiting.cancel()
    await yielded()
    hanging.cancel()
    await yielded()
    await line.look("a", succeeds)
    assert looks == ["fails", "hangs", "succeeds"]
