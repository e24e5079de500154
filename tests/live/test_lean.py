"""What stands in the place of asyncio's Queue and Event does what they do, as far as it is used."""

import asyncio

import pytest

from api.live.lean import LeanEvent, LeanQueue


async def turn() -> None:
    for _ in range(5):
        await asyncio.sleep(0)


async def test_an_event_wakes_all_who_wait_and_none_later() -> None:
    event = LeanEvent()
    waiting = [asyncio.create_task(event.wait()) for _ in range(3)]
    await turn()
    waiting[0].cancel()
    await turn()
    assert not event.is_set()
    event.set()
    event.clear()
    await asyncio.gather(*waiting[1:])
    assert waiting[0].cancelled()
    again = asyncio.create_task(event.wait())
    await turn()
    assert not again.done()
    event.set()
    await again
    await event.wait()
    assert event.is_set()


async def test_a_queue_gives_everything_in_order_also_after_its_reader_gave_up() -> None:
    queue = LeanQueue[int]()
    reading = asyncio.create_task(queue.get())
    await turn()
    reading.cancel()
    await turn()
    assert queue.empty()
    queue.put_nowait(1)
    queue.put_nowait(2)
    assert [await queue.get(), await queue.get()] == [1, 2]
    reading = asyncio.create_task(queue.get())
    await turn()
    queue.put_nowait(3)
    # It was given up in the moment when something came: what came is there for the next.
    reading.cancel()
    with pytest.raises(asyncio.CancelledError):
        await reading
    assert await asyncio.wait_for(queue.get(), 60) == 3


async def test_a_queue_says_what_comes_to_whom_it_was_given() -> None:
    queue, heard = LeanQueue[int](), list[bool]()
    queue.put_nowait(1)
    queue.heard = lambda: heard.append(queue.empty())
    queue.put_nowait(2)
    assert heard == [False], "what came is there by then"
    assert [await queue.get(), await queue.get()] == [1, 2]
