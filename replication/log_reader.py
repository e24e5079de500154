"""Reads of the log that outlast an absence of Postgres: whoever reads waits until it is back, and the log with it.

An append is published before it is durable. So after a crash of Postgres the log may end before what readers know to be
in it, until the leader has appended the same again: to take its end for theirs would lose what is missing in between.
"""

import asyncio
import random
from collections.abc import Awaitable, Callable, Collection

import psycopg
import structlog

from db.errors import CursorExpired, Unavailable
from db.log import PAGE, LogState, log_state, read_entries
from db.position import Position
from db.session import Pool
from db.slices import LogEntry

log = structlog.get_logger(__name__)

_AGAIN_S = 0.5


class LogReader:
    """One a process."""

    def __init__(
        self,
        pool: Pool,
        *,
        sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
        jitter: Callable[[], float] = random.random,
    ) -> None:
        self._pool = pool
        self._sleep = sleep
        self._jitter = jitter

    async def page(
        self, after: Position, relations: Collection[str], until: Position, limit: int = PAGE
    ) -> list[LogEntry]:
        """A page of the log, once that goes up to `until`. CursorExpired where it does not reach back to `after`."""
        while True:
            try:
                async with self._pool.connection() as connection:
                    return await read_entries(connection, after, relations, until, limit)
            except (psycopg.OperationalError, Unavailable) as error:
                log.warning("can't read the log now, trying again", error=str(error).strip())
            await self._sleep(_AGAIN_S * (0.5 + self._jitter()))

    async def state(self) -> LogState:
        """How far the log reaches. CursorExpired before it was opened."""
        while True:
            try:
                async with self._pool.connection() as connection:
                    state = await log_state(connection)
            except psycopg.OperationalError as error:
                log.warning("can't read the log's state now, trying again", error=str(error).strip())
                await self._sleep(_AGAIN_S * (0.5 + self._jitter()))
                continue
            if state is None:
                raise CursorExpired("The change log is not open yet: take a new snapshot once it is.")
            return state
