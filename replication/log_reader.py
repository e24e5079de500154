"""Reads of the log that outlast an absence of Postgres: whoever reads waits until it is back, and the log with it.

An append is published before it is durable. So after a crash of Postgres the log may end before what is known to have
been in it, until the leader has appended the same again: who took that for its end would lose what is missing.
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
_BEFORE_ALL = Position(0, 0, 0)


class LogReader:
    """One a process."""

    def __init__(
        self,
        pool: Pool,
        *,
        head: Callable[[], Position] = lambda: _BEFORE_ALL,
        sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
        jitter: Callable[[], float] = random.random,
    ) -> None:
        """`head`: the newest entry that the log is known to have had."""
        self._pool = pool
        self._head = head
        self._sleep = sleep
        self._jitter = jitter

    async def page(
        self, after: Position, relations: Collection[str], until: Position, limit: int = PAGE
    ) -> list[LogEntry]:
        """A page of the log. CursorExpired where the log does not reach back to `after`."""
        while True:
            head = self._head()
            try:
                async with self._pool.connection() as connection:
                    return await read_entries(connection, after, relations, until, limit, head)
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
