"""The bus: beats as text, bounded; a backend that is away, dies or falls silent, and another that is there again."""

import asyncio
from contextlib import aclosing

import pytest
from broadcaster import BroadcastBackend, Event

from db.position import Position
from replication.bus import Beat, BroadcastBus

BEAT = Beat(Position(1, 5, 1), 9)
DEADLINE_S = 30.0


def test_a_beat_is_read_as_it_was_written() -> None:
    assert Beat.decode(BEAT.encode()) == BEAT
    assert BEAT.frontier == Position(1, 9, 0)


def test_a_beat_is_small_whatever_it_tells_of() -> None:
    """Positions only, so that it fits into any broker's message: the smallest limit is NOTIFY's, of 8,000 bytes."""
    last = Position(2**62, 2**63 - 1, 2**31 - 1)
    assert len(Beat(last, 2**63 - 1).encode()) < 200


@pytest.mark.parametrize("text", ["", "[]", "{}", '{"head": [1], "decodedTo": 1}', "null"])
def test_what_is_no_beat_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="no beat"):
        Beat.decode(text)


async def test_who_is_slow_gets_the_newest_beat_only() -> None:
    async with BroadcastBus("memory://") as bus, aclosing(bus.listen()) as beats:
        for lsn in range(10, 1000):
            bus.publish(Beat(BEAT.head, lsn))
        assert (await asyncio.wait_for(anext(beats), DEADLINE_S)).decoded_to == 999
        waiting = asyncio.ensure_future(anext(beats))
        await asyncio.sleep(0)
        bus.publish(BEAT)
        assert await asyncio.wait_for(waiting, DEADLINE_S) is BEAT


class Backend(BroadcastBackend):
    """A broker that does what it is told: `state` is that of all of them."""

    def __init__(self, url: str, state: str = "fine") -> None:  # noqa: ARG002 - the interface's
        self.state = state
        self.connected = asyncio.Event()
        self._queue: asyncio.Queue[Event] = asyncio.Queue()

    async def connect(self) -> None:
        if self.state == "away":
            raise ConnectionError("no route")
        self.connected.set()

    async def disconnect(self) -> None: ...

    async def subscribe(self, channel: str) -> None: ...

    async def unsubscribe(self, channel: str) -> None: ...

    async def publish(self, channel: str, message: str) -> None:
        if self.state == "broken":
            raise ConnectionError("no route")
        if self.state == "fine":
            self._queue.put_nowait(Event(channel, message))

    async def next_published(self) -> Event:
        if self.state == "broken":
            raise ConnectionResetError("hung up")
        return await self._queue.get()


@pytest.mark.parametrize("state", ["away", "broken", "silent"])
async def test_a_backend_that_does_not_work_is_replaced_and_holds_nobody_up(state: str) -> None:
    bad, good = Backend("", state), Backend("")
    backends = iter([bad, good])
    async with (
        BroadcastBus("", lambda: next(backends), silence_s=0.2) as bus,
        aclosing(bus.listen()) as beats,
    ):
        # Here it is heard at once, and nothing waits for the backend.
        bus.publish(BEAT)
        assert await asyncio.wait_for(anext(beats), DEADLINE_S) is BEAT
        await asyncio.wait_for(good.connected.wait(), DEADLINE_S)
        assert bus.failures
        # What comes by the backend is heard, and what is not ours passed over.
        await good.publish("rowcast", "something else")
        later = Beat(Position(1, 7, 1), 12)
        await good.publish("rowcast", later.encode())
        while (heard := await asyncio.wait_for(anext(beats), DEADLINE_S)) == BEAT:
            pass
        assert heard == later


async def test_beats_that_come_back_by_the_backend_were_heard_and_others_are_told_until_they_do() -> None:
    backend = Backend("")
    async with BroadcastBus("", lambda: backend) as bus, aclosing(bus.unheard()) as unheard:
        await asyncio.wait_for(backend.connected.wait(), DEADLINE_S)
        waiting = asyncio.ensure_future(anext(unheard))
        bus.publish(BEAT)
        await _echoed(bus)
        backend.state = "silent"
        # Another rowcast on the same broker, whose beats come.
        await backend._queue.put(Event("rowcast", Beat(Position(2, 7, 1), 12).encode()))
        await _heard(bus, 2)
        later = Beat(Position(1, 7, 1), 12)
        bus.publish(later)
        assert await asyncio.wait_for(waiting, DEADLINE_S) == later
        # The same again, as it is pulsed, in case that it was missed.
        bus.publish(later)
        assert await asyncio.wait_for(anext(unheard), DEADLINE_S) == later
        backend.state = "fine"
        waiting = asyncio.ensure_future(anext(unheard))
        back = Beat(Position(1, 8, 1), 13)
        bus.publish(back)
        await _echoed(bus)
        if waiting.done():
            assert waiting.result() == back
        await _ended(waiting)


async def test_without_a_backend_there_is_nobody_to_be_told() -> None:
    async with BroadcastBus("memory://") as bus, aclosing(bus.unheard()) as unheard:
        waiting = asyncio.ensure_future(anext(unheard))
        bus.publish(BEAT)
        for _ in range(10):
            await asyncio.sleep(0)
        assert not waiting.done()
        await _ended(waiting)


async def _ended(task: "asyncio.Future[Beat]") -> None:
    """A generator can't be closed while it is being asked."""
    task.cancel()
    await asyncio.wait({task})


async def _echoed(bus: BroadcastBus) -> None:
    """Wait until what was published last came back by the backend."""
    async with aclosing(bus.listen()) as beats:
        first = await anext(beats)
        again = await asyncio.wait_for(anext(beats), DEADLINE_S)
        assert again == first


async def _heard(bus: BroadcastBus, epoch: int) -> None:
    """Wait until a beat of that epoch came."""
    async with aclosing(bus.listen()) as beats:
        while (await asyncio.wait_for(anext(beats), DEADLINE_S)).head.epoch != epoch:
            pass
