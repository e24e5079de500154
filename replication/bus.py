"""How the leader tells every process how far the log goes: a thin adapter over `broadcaster`.

A beat is a hint and carries no change: the log is read by whoever hears it. So a lost beat, a slow backend or a dead
one costs time and nothing else: each beat names its predecessor, one comes every second, and a hub that hears nothing
looks at the database. Never put data on it.
"""

import asyncio
import contextlib
from collections.abc import AsyncGenerator, Callable
from dataclasses import dataclass
from typing import Self

import orjson
import structlog
from broadcaster import Broadcast

from db.position import Position

log = structlog.get_logger(__name__)

_CHANNEL = "rowcast"
_PUBLISH_S = 2.0


class BusBroken(Exception):
    """The backend no longer brings anything: connect again."""


@dataclass(frozen=True, slots=True)
class Beat:
    """The log's head, the head that was published before it, and the LSN below which every commit is in the log."""

    previous: Position
    head: Position
    decoded_to: int

    @property
    def frontier(self) -> Position:
        """Behind everything that the log holds, before everything that it will hold."""
        return Position(self.head.epoch, self.decoded_to, 0)

    def encode(self) -> str:
        """JSON: {"previous": [epoch, lsn, index], "head": […], "decodedTo": lsn}."""
        return orjson.dumps(
            {"previous": _parts(self.previous), "head": _parts(self.head), "decodedTo": self.decoded_to}
        ).decode()

    @classmethod
    def decode(cls, text: str | bytes) -> "Beat":
        """Of what `encode` made. ValueError for anything else: the backend may be shared."""
        try:
            message = orjson.loads(text)
            return cls(Position(*message["previous"]), Position(*message["head"]), int(message["decodedTo"]))
        except (KeyError, TypeError, ValueError) as error:
            raise ValueError(f"no beat: {text!r}") from error


class WatchedBroadcast(Broadcast):
    """Tells when the task that feeds the subscribers died, which the base class keeps to itself."""

    @property
    def listener(self) -> "asyncio.Task[None]":
        return self._listener_task


class BroadcastBus:
    """One a process: `async with BroadcastBus(url) as bus`. `memory://` reaches this process only."""

    def __init__(self, url: str, make: Callable[[], WatchedBroadcast] | None = None) -> None:
        """`make` builds the broadcast in another way than from the URL."""
        self._make = make or (lambda: WatchedBroadcast(url))
        self._broadcast = self._make()

    async def __aenter__(self) -> Self:
        await self._broadcast.connect()
        return self

    async def __aexit__(self, *_: object) -> None:
        await self._disconnect()

    async def publish(self, beat: Beat) -> None:
        """Hand a beat to the backend. One that fails is logged and lost, as any beat may be."""
        try:
            async with asyncio.timeout(_PUBLISH_S):
                await self._broadcast.publish(_CHANNEL, beat.encode())
        except Exception as error:  # noqa: BLE001 - each backend has its own errors
            log.warning("could not broadcast: listeners look at the database instead", error=repr(error))

    async def listen(self) -> AsyncGenerator[Beat, None]:
        """Beats as they come. Take them at once: they queue without bound. BusBroken once none can come."""
        broadcast = self._broadcast
        async with broadcast.subscribe(_CHANNEL) as subscriber:
            while True:
                getting = asyncio.ensure_future(subscriber.get())
                try:
                    await asyncio.wait({getting, broadcast.listener}, return_when=asyncio.FIRST_COMPLETED)
                    if not getting.done():
                        raise BusBroken("the broadcast backend stopped listening") from broadcast.listener.exception()
                    event = getting.result()
                finally:
                    getting.cancel()
                try:
                    beat = Beat.decode(event.message)
                except ValueError as error:
                    log.warning("not ours on the broadcast channel", error=str(error))
                    continue
                yield beat

    async def reconnect(self) -> None:
        """Begin anew with a backend that works. Raises what the backend raises while it doesn't."""
        await self._disconnect()
        self._broadcast = self._make()
        await self._broadcast.connect()

    async def _disconnect(self) -> None:
        # What broke the listener was said by `listen`.
        with contextlib.suppress(Exception):
            await self._broadcast.disconnect()


def _parts(position: Position) -> tuple[int, int, int]:
    return position.epoch, position.lsn, position.index
