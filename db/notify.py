"""Postgres' NOTIFY for what is only a hint: one LISTEN connection a process, shared by all who want to be woken.

Notifications are lost while the connection is down. So each subscriber is told to look for itself (`RESYNCHRONISE`)
whenever listening began anew, and when it was too slow to take what came. Nothing that may not be lost belongs here.
"""

import asyncio
import json
import random
from collections import deque
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from typing import Final, Self
from uuid import UUID

import psycopg
import structlog
from psycopg import sql

from db.session import Connection, connect

log = structlog.get_logger(__name__)

EVENTS: Final = "rowcast_events"
"""An event was stored; the payload is its id."""
WAKE: Final = "rowcast_wake"
"""Somebody wants a run; the payload is what `wake` makes of a source and a trigger."""
LOOK: Final = "rowcast_look"
"""Something changed in what a Google credential can see; the payload is the credential's name."""
RUNS: Final = "rowcast_runs"
"""A run ended; the payload is its id."""
DELETED: Final = "rowcast_deleted"
"""A source was deleted; the payload is its id."""
ALTERED: Final = "rowcast_altered"
"""A source's columns are others than before; the payload is its id."""
TOKENS: Final = "rowcast_tokens"
"""A token was revoked; the payload is its id."""
LOG: Final = "rowcast_log"
"""How far the change log goes, where the broker doesn't tell it."""

_CHANNELS = (EVENTS, WAKE, LOOK, RUNS, DELETED, ALTERED, TOKENS, LOG)
_QUEUE = 1000
_CHECK_S = 30.0
_LONGEST_PAUSE_S = 10.0


class Resynchronise:
    """Stands in the place of a payload: notifications may have been missed, look at the state."""


RESYNCHRONISE: Final = Resynchronise()


async def wake(connection: Connection, source_id: UUID, trigger: str) -> None:
    """Ask the leader for a run of a source; announced when the caller's transaction commits."""
    payload = json.dumps({"source": str(source_id), "trigger": trigger})
    await connection.execute("SELECT pg_notify(%s, %s)", (WAKE, payload))


def read_wake(payload: str) -> tuple[UUID, str]:
    """Source and trigger of a WAKE payload. ValueError if it is none: anybody may notify."""
    try:
        message = json.loads(payload)
        return UUID(message["source"]), str(message["trigger"])
    except (KeyError, TypeError, AttributeError) as error:
        raise ValueError(f"no wake: {payload!r}") from error


async def look(connection: Connection, credential: str) -> None:
    """Ask the leader to look what changed among the sheets of a credential; announced when the transaction commits."""
    await connection.execute("SELECT pg_notify(%s, %s)", (LOOK, credential))


async def notify_run(connection: Connection, run_id: int) -> None:
    """Say that a run ended; announced when the caller's transaction commits."""
    await connection.execute("SELECT pg_notify(%s, %s)", (RUNS, str(run_id)))


async def notify_deleted(connection: Connection, source_id: UUID) -> None:
    """Say that a source was deleted; announced when the caller's transaction commits."""
    await connection.execute("SELECT pg_notify(%s, %s)", (DELETED, str(source_id)))


async def notify_altered(connection: Connection, source_id: UUID) -> None:
    """Say that a source's columns are others; announced when the caller's transaction commits."""
    await connection.execute("SELECT pg_notify(%s, %s)", (ALTERED, str(source_id)))


class Notifications:
    """What one subscriber gets: payloads, and RESYNCHRONISE where some may be missing. Iterate over it."""

    def __init__(self) -> None:
        self._waiting: deque[str | Resynchronise] = deque()
        self._arrived = asyncio.Event()

    def put(self, payload: str | Resynchronise) -> None:
        """Hand on, or replace everything by RESYNCHRONISE where the subscriber is too slow."""
        if isinstance(payload, Resynchronise) or len(self._waiting) >= _QUEUE:
            self._waiting.clear()
            payload = RESYNCHRONISE
        self._waiting.append(payload)
        self._arrived.set()

    def __aiter__(self) -> Self:
        return self

    async def __anext__(self) -> str | Resynchronise:
        while not self._waiting:
            self._arrived.clear()
            await self._arrived.wait()
        return self._waiting.popleft()


class Listener:
    """`async with Listener(dsn, name) as listener`: listens until the block ends, reconnecting as often as needed."""

    def __init__(
        self,
        dsn: str,
        application_name: str,
        *,
        sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
        jitter: Callable[[], float] = random.random,
    ) -> None:
        self._dsn = dsn
        self._application_name = application_name
        self._sleep = sleep
        self._jitter = jitter
        self._subscribers: dict[str, set[Notifications]] = {channel: set() for channel in _CHANNELS}
        self._task: asyncio.Task[None] | None = None

    async def __aenter__(self) -> Self:
        self._task = asyncio.create_task(self._run(), name="listener")
        return self

    async def __aexit__(self, *_: object) -> None:
        assert self._task is not None
        self._task.cancel()
        await asyncio.wait({self._task})
        if not self._task.cancelled():
            self._task.result()

    @asynccontextmanager
    async def subscribe(self, *channels: str) -> AsyncIterator[Notifications]:
        """What is notified on the channels from now on. Each time that listening begins, RESYNCHRONISE comes first."""
        notifications = Notifications()
        for channel in channels:
            self._subscribers[channel].add(notifications)
        try:
            yield notifications
        finally:
            for channel in channels:
                self._subscribers[channel].discard(notifications)

    async def _run(self) -> None:
        failures = 0
        while True:
            try:
                async with await connect(self._dsn, self._application_name) as connection:
                    for channel in _CHANNELS:
                        await connection.execute(sql.SQL("LISTEN {}").format(sql.Identifier(channel)))
                    failures = 0
                    self._resynchronise()
                    await self._listen(connection)
            except (psycopg.OperationalError, TimeoutError) as error:
                log.warning("listening was interrupted, connecting again", error=str(error).strip())
            await self._sleep(min(_LONGEST_PAUSE_S, 0.1 * 2**failures) * self._jitter())
            failures += 1

    async def _listen(self, connection: Connection) -> None:
        while True:
            async for notification in connection.notifies(timeout=_CHECK_S):
                for subscriber in self._subscribers[notification.channel]:
                    subscriber.put(notification.payload)
            # Nothing heard for a while: a connection that died in silence is found by using it.
            async with asyncio.timeout(_CHECK_S):
                await connection.execute("SELECT 1")

    def _resynchronise(self) -> None:
        for subscribers in self._subscribers.values():
            for subscriber in subscribers:
                subscriber.put(RESYNCHRONISE)
