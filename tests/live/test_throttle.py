"""Few begin at the same time, in the order in which they come, and nobody is kept out by who takes long."""

import asyncio

from api.live.throttle import Throttle


async def taken(throttle: Throttle, order: list[int], number: int) -> None:
    await throttle.turn()
    order.append(number)


async def test_the_next_one_begins_when_a_turn_is_over_and_one_is_over_once() -> None:
    throttle = Throttle(at_once=2, longest_s=3600)
    first, second = await throttle.turn(), await throttle.turn()
    order: list[int] = []
    waiting = [asyncio.create_task(taken(throttle, order, number)) for number in range(3)]
    await asyncio.wait(waiting, timeout=0)
    assert order == []
    first.over()
    first.over()
    await waiting[0]
    assert order == [0]
    second.over()
    await waiting[1]
    assert order == [0, 1]
    assert not waiting[2].done()
    waiting[2].cancel()


async def test_who_takes_long_does_not_keep_the_others_out() -> None:
    throttle = Throttle(at_once=1, longest_s=0.01)
    slow = await throttle.turn()
    next_one = await asyncio.wait_for(throttle.turn(), 60)
    # Its end, when it comes, lets nobody in any more.
    slow.over()
    order: list[int] = []
    waiting = asyncio.create_task(taken(throttle, order, 1))
    next_one.over()
    await asyncio.wait_for(waiting, 60)


async def test_who_gives_up_while_it_waits_takes_no_turn() -> None:
    throttle = Throttle(at_once=1, longest_s=3600)
    first = await throttle.turn()
    waiting = asyncio.create_task(throttle.turn())
    await asyncio.wait({waiting}, timeout=0)
    waiting.cancel()
    await asyncio.wait({waiting})
    first.over()
    await asyncio.wait_for(throttle.turn(), 60)
