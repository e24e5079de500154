"""The bus: beats as text, a backend that dies, another that is there again."""

import asyncio
from contextlib import aclosing

import pytest
from broadcaster import BroadcastBackend, Event

from db.position import Position
from replication.bus import Beat, BroadcastBus, BusBroken, WatchedBroadcast

BEAT = Beat(Position(1, 2, 3), Position(1, 5, 1), 9)


def test_a_beat_is_read_as_it_was_written() -> None:
    assert Beat.decode(BEAT.encode()) == BEAT
    assert BEAT.frontier == Position(1, 9, 0)


@pytest.mark.parametrize("text", ["", "[]", "{}", '{"previous": [1], "head": [1, 2, 3], "decodedTo": 1}', "null"])
def test_what_is_no_beat_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="no beat"):
        Beat.decode(text)


async def test_beats_arrive_and_strangers_are_passed_over() -> None:
    async with BroadcastBus("memory://") as bus, aclosing(bus.listen()) as beats:
        first = asyncio.ensure_future(anext(beats))
        await asyncio.sleep(0)
        await asyncio.sleep(0)
        await bus._broadcast.publish("rowcast", "something else")
        await bus.publish(BEAT)
        assert await asyncio.wait_for(first, 10) == BEAT


class BrokenBackend(BroadcastBackend):
    """A server that can't be published to, and that hangs up at the first wait for messages."""

    def __init__(self, url: str) -> None: ...

    async def connect(self) -> None: ...

    async def disconnect(self) -> None: ...

    async def subscribe(self, channel: str) -> None: ...

    async def unsubscribe(self, channel: str) -> None: ...

    async def publish(self, channel: str, message: str) -> None:  # noqa: ARG002 - the interface's
        raise ConnectionError("no route")

    async def next_published(self) -> Event:
        raise ConnectionResetError("hung up")


async def test_a_dead_backend_is_noticed_and_replaced() -> None:
    backends = iter([WatchedBroadcast(backend=BrokenBackend("")), WatchedBroadcast("memory://")])
    async with BroadcastBus("", lambda: next(backends)) as bus:
        # Publishing to it must not stop the leader.
        await bus.publish(BEAT)
        async with aclosing(bus.listen()) as beats:
            with pytest.raises(BusBroken) as caught:
                await asyncio.wait_for(anext(beats), 10)
        assert isinstance(caught.value.__cause__, ConnectionResetError)
        await bus.reconnect()
        async with aclosing(bus.listen()) as beats:
            first = asyncio.ensure_future(anext(beats))
            await asyncio.sleep(0)
            await asyncio.sleep(0)
            await bus.publish(BEAT)
            assert await asyncio.wait_for(first, 10) == BEAT
