"""How the leader tells every process how far the log goes: a thin adapter over `broadcaster`.

A beat is a hint and carries no change, however large a commit is: the log is read by whoever hears it. So a lost beat,
a slow backend or a dead one costs time and nothing else: beats come all the time, and a hub that hears none looks at
the database. Nothing here waits for a backend but the two tasks that speak to it, and only the newest beat is kept.
Never put data on it.
"""

import asyncio
import random
import time
from collections.abc import AsyncGenerator, Callable
from contextlib import suppress
from dataclasses import dataclass
from typing import Final, Self

import orjson
import structlog
from broadcaster import Broadcast, BroadcastBackend

from db.position import Position

log = structlog.get_logger(__name__)

_CHANNEL: Final = "rowcast"
_ANSWER_S: Final = 2.0
SILENCE_S: Final = 5.0
"""Of a backend, before it is connected to anew: beats come four times a second, and some backends die silently."""
_AGAIN_S: Final = 0.5
_ECHO_S: Final = 0.02
"""Within which a beat of ours comes back to us by a backend that works."""


@dataclass(frozen=True, slots=True)
class Beat:
    """The log's head, and the LSN below which every commit is in the log."""

    head: Position
    decoded_to: int

    @property
    def frontier(self) -> Position:
        """Behind everything that the log holds, before everything that it will hold."""
        return Position(self.head.epoch, self.decoded_to, 0)

    def encode(self) -> str:
        """JSON: {"head": [epoch, lsn, index], "decodedTo": lsn}."""
        return orjson.dumps({"head": _parts(self.head), "decodedTo": self.decoded_to}).decode()

    @classmethod
    def decode(cls, text: str | bytes) -> "Beat":
        """Of what `encode` made. ValueError for anything else: the backend may be shared."""
        try:
            message = orjson.loads(text)
            return cls(Position(*message["head"]), int(message["decodedTo"]))
        except (KeyError, TypeError, ValueError) as error:
            raise ValueError(f"no beat: {text!r}") from error


class BroadcastBus:
    """One a process: `async with BroadcastBus(url) as bus`. `memory://` reaches this process only."""

    def __init__(
        self,
        url: str,
        make: Callable[[], BroadcastBackend] | None = None,
        *,
        silence_s: float = SILENCE_S,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        """`make` makes the backend in another way than from the URL."""
        self._make = make or (None if url.startswith("memory:") else lambda: _backend(url))
        self._silence_s = silence_s
        self._clock = clock
        self._backend: BroadcastBackend | None = None
        self._newest: Beat | None = None
        self._news = asyncio.Event()
        self._published: Beat | None = None
        self._sending = asyncio.Event()
        self._echoed: Position | None = None
        self._echoing = asyncio.Event()
        self._checking = asyncio.Event()
        self._tasks: list[asyncio.Task[None]] = []
        self._works = True
        self._closing = False
        self._heard_at = clock()
        self.failures = 0
        """How often the backend could not be reached, or fell silent."""

    async def __aenter__(self) -> Self:
        """Returns at once, whether or not the backend is there: it is sought until it is."""
        if self._make is not None:
            self._tasks = [asyncio.create_task(self._receive(self._make)), asyncio.create_task(self._send())]
        return self

    async def __aexit__(self, *_: object) -> None:
        self._closing = True
        for task in self._tasks:
            task.cancel()
        if self._tasks:
            await asyncio.wait(self._tasks)

    @property
    def works(self) -> bool:
        """Whether the backend, if there is one, is not known to be away."""
        return self._works

    def silent_s(self) -> float:
        """For how long no beat was heard, our own included."""
        return self._clock() - self._heard_at

    def publish(self, beat: Beat) -> None:
        """Tell this process now, and the others when the backend takes it. A beat that is passed over is lost."""
        self.hear(beat)
        self._published = beat
        self._sending.set()
        self._checking.set()

    def hear(self, beat: Beat) -> None:
        """It came to this process, whichever way."""
        self._heard_at = self._clock()
        self._newest = beat
        self._news.set()
        self._news = asyncio.Event()

    async def unheard(self) -> AsyncGenerator[Beat, None]:
        """Those of our beats that no other process may have heard: they don't come back to us by the backend. One of a
        working backend is there when it is late; while they stay away each is there at once. None without a backend.
        """
        doubted = False
        while True:
            await self._checking.wait()
            self._checking.clear()
            beat = self._published
            if self._make is None or beat is None or self._is_echoed(beat):
                continue
            if not doubted:
                with suppress(TimeoutError):
                    async with asyncio.timeout(_ECHO_S):
                        while not self._is_echoed(beat):
                            self._echoing.clear()
                            await self._echoing.wait()
            doubted = not self._is_echoed(beat)
            if doubted:
                yield self._published or beat

    async def listen(self) -> AsyncGenerator[Beat, None]:
        """Beats, each newer than the one before; who is slow gets the newest only."""
        last: Beat | None = None
        while True:
            if self._newest is not None and self._newest is not last:
                last = self._newest
                yield last
            else:
                await self._news.wait()

    def _is_echoed(self, beat: Beat) -> bool:
        return self._echoed is not None and self._echoed >= beat.frontier

    # ---- the backend

    async def _send(self) -> None:
        while True:
            await self._sending.wait()
            self._sending.clear()
            beat, backend = self._published, self._backend
            if beat is None or backend is None:
                continue
            try:
                async with asyncio.timeout(_ANSWER_S):
                    await backend.publish(_CHANNEL, beat.encode())
            except Exception as error:  # noqa: BLE001 - each backend has its own errors
                self._fail(error)

    async def _receive(self, make: Callable[[], BroadcastBackend]) -> None:
        # A client may raise its own error in the place of a cancellation.
        while not self._closing:
            try:
                await self._follow(make())
            except TimeoutError:
                self._fail("it is silent")
            except Exception as error:  # noqa: BLE001 - as above
                self._fail(error)
            await asyncio.sleep(_AGAIN_S * (0.5 + random.random()))  # noqa: S311 - jitter

    async def _follow(self, backend: BroadcastBackend) -> None:
        """Until it fails, or nothing came for long."""
        try:
            async with asyncio.timeout(_ANSWER_S):
                await backend.connect()
                await backend.subscribe(_CHANNEL)
            self._backend = backend
            while True:
                async with asyncio.timeout(self._silence_s):
                    event = await backend.next_published()
                if not self._works:
                    self._works = True
                    log.info("the broadcast backend is back")
                try:
                    beat = Beat.decode(event.message)
                except ValueError as error:
                    log.warning("not ours on the broadcast channel", error=str(error))
                else:
                    if self._published is not None and beat.head.epoch == self._published.head.epoch:
                        # Others' beats are no echo: several rowcasts may share a broker.
                        self._echoed = beat.frontier
                        self._echoing.set()
                    self.hear(beat)
        finally:
            self._backend = None
            # What broke it was raised already; what can't be closed in time is left.
            with suppress(Exception):
                async with asyncio.timeout(_ANSWER_S):
                    await backend.disconnect()

    def _fail(self, why: object) -> None:
        self.failures += 1
        if self._works:
            self._works = False
            log.warning("can't broadcast: listeners look at the database until this works again", why=repr(why))


def _backend(url: str) -> BroadcastBackend:
    """Without the library's own queues: they are unbounded, and a backend that dies would die silently behind them."""
    if url.startswith(("redis://", "rediss://")):
        from replication.redis_backend import RedisBackend

        return RedisBackend(url)
    backend: BroadcastBackend = Broadcast(url)._backend  # noqa: SLF001 - there is no other way to have one made
    return backend


def _parts(position: Position) -> tuple[int, int, int]:
    return position.epoch, position.lsn, position.index
