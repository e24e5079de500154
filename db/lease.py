"""Who leads: one row of the database, with a term that only grows, judged by the database's clock.

The leader holds the slot, the scheduler and the write-back. It proves its term in every transaction (`Term.fence`)
and, before what no database can fence (a call to Google), against a local deadline that ends before the database
lets anybody else in (`Term.check`). Whoever takes over first ends all sessions of the holder before it, known by
their application_name, so a process that was stopped and wakes finds no open transaction to commit.

All sessions of a leader's work carry `holder` as application_name; it must be of that process alone.
"""

import asyncio
import contextlib
import random
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field

import psycopg
import structlog

from db.errors import LeadershipLost
from db.session import Connection, connect

log = structlog.get_logger(__name__)

_NAME_BYTES = 63  # Postgres cuts an application_name there
_RELEASE_S = 2.0

_LOOK = "SELECT term, holder, expires_at <= clock_timestamp() FROM rowcast.lease"

_END_SESSIONS = """SELECT count(pg_terminate_backend(pid, 5000)) FROM pg_stat_activity
    WHERE application_name = %s AND datname = current_database() AND pid <> pg_backend_pid()"""

# FOR UPDATE waits for every fenced transaction; a renewal's UPDATE, which changes no key, does not.
_CLAIM = "SELECT FROM rowcast.lease WHERE term = %s AND expires_at <= clock_timestamp() FOR UPDATE"

_TAKE = """UPDATE rowcast.lease SET term = term + 1, previous = holder, holder = %s,
        acquired_at = clock_timestamp(), expires_at = clock_timestamp() + make_interval(secs => %s)
    RETURNING term, previous"""

_RENEW = """UPDATE rowcast.lease SET expires_at = clock_timestamp() + make_interval(secs => %s)
    WHERE term = %s AND holder = %s RETURNING term"""

_RELEASE = "UPDATE rowcast.lease SET holder = '', expires_at = '-infinity' WHERE term = %s AND holder = %s"

_FENCE = "SELECT FROM rowcast.lease WHERE term = %s AND holder = %s FOR KEY SHARE"


@dataclass(slots=True, eq=False)
class Term:
    """One leadership, from taking the lease to losing it. `previous` held the lease before, empty if nobody's left."""

    number: int
    holder: str
    previous: str
    deadline: float
    clock: Callable[[], float] = field(default=time.monotonic, repr=False)

    def remaining(self) -> float:
        """Seconds until the term ends unless it is renewed."""
        return self.deadline - self.clock()

    def check(self) -> None:
        """LeadershipLost once the term is over. Call it before every call to a source and every transaction."""
        if self.remaining() <= 0:
            raise LeadershipLost(f"This process no longer leads (term {self.number} is over).")

    async def fence(self, connection: Connection) -> None:
        """Hold the term until the open READ COMMITTED transaction ends: nobody can take over before that."""
        self.check()
        cursor = await connection.execute(_FENCE, (self.number, self.holder))
        if await cursor.fetchone() is None:
            raise self.ended()

    def ended(self) -> LeadershipLost:
        """Somebody else has taken over: the error to raise."""
        self.deadline = float("-inf")
        return LeadershipLost(f"Another process leads now (term {self.number} is over).")


class Lease:
    """Seeks the lease and leads while it has it, for as long as the process runs."""

    def __init__(
        self,
        dsn: str,
        holder: str,
        ttl: float = 10.0,
        *,
        clock: Callable[[], float] = time.monotonic,
        sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
        jitter: Callable[[], float] = random.random,
    ) -> None:
        """`ttl`: seconds that a leader which says nothing is left in peace; it is renewed at each third of them."""
        if not 0 < len(holder.encode()) <= _NAME_BYTES:
            raise ValueError(f"The holder's name must have 1 to {_NAME_BYTES} bytes, as an application_name has.")
        self._dsn = dsn
        self._holder = holder
        self._ttl = ttl
        self._clock = clock
        self._sleep = sleep
        self._jitter = jitter
        self._connection: Connection | None = None

    async def run(self, lead: Callable[[Term], Awaitable[None]]) -> None:
        """Seek, lead, seek again. Returns when `lead` returns, raises what it raises but LeadershipLost.

        `lead` is cancelled, and awaited, when the term is lost. Cancelled itself, it hands the lease back at once.
        """
        try:
            while True:
                term = await self._seek()
                log.info("leading", term=term.number, holder=term.holder)
                if await self._lead(term, lead):
                    return
                log.warning("leadership lost, seeking it again", term=term.number)
        finally:
            await self._disconnect()

    async def _seek(self) -> Term:
        while True:
            try:
                term = await self._try_take(await self._connected())
            except (psycopg.OperationalError, TimeoutError) as error:
                log.warning("can't seek the lease now", error=str(error).strip())
                await self._disconnect()
                term = None
            if term is not None:
                return term
            await self._sleep(self._ttl / 5 * (0.5 + self._jitter()))

    async def _try_take(self, connection: Connection) -> Term | None:
        row = await (await connection.execute(_LOOK)).fetchone()
        if row is None or not row[2]:
            return None
        number, holder = row[0], row[1]
        if holder:
            await connection.execute(_END_SESSIONS, (holder,))
        begun = self._clock()
        async with connection.transaction():
            await connection.execute("SET LOCAL lock_timeout = '1s'")
            if await (await connection.execute(_CLAIM, (number,))).fetchone() is None:
                return None
            row = await (await connection.execute(_TAKE, (self._holder, self._ttl))).fetchone()
        assert row is not None
        return Term(row[0], self._holder, row[1], begun + self._ttl, self._clock)

    async def _lead(self, term: Term, lead: Callable[[Term], Awaitable[None]]) -> bool:
        """Whether `lead` came to its end; False: the term was lost."""
        leading = asyncio.ensure_future(lead(term))
        renewing = asyncio.create_task(self._renew(term))
        try:
            while not leading.done() and not renewing.done() and (left := term.remaining()) > 0:
                await asyncio.wait({leading, renewing}, timeout=left, return_when=asyncio.FIRST_COMPLETED)
        finally:
            leading.cancel()
            renewing.cancel()
            await asyncio.wait({leading, renewing})
            with contextlib.suppress(asyncio.CancelledError, LeadershipLost):
                renewing.result()
            await self._release(term)
        return _came_to_its_end(leading)

    async def _renew(self, term: Term) -> None:
        while True:
            await self._sleep(min(self._ttl / 3, max(0.0, term.remaining())))
            begun = self._clock()
            try:
                connection = await self._connected()
                row = await (await connection.execute(_RENEW, (self._ttl, term.number, term.holder))).fetchone()
            except psycopg.OperationalError as error:
                log.warning("can't renew the lease now", term=term.number, error=str(error).strip())
                await self._disconnect()
                await self._sleep(self._ttl / 20)
                continue
            if row is None:
                term.deadline = float("-inf")
                raise LeadershipLost(f"Another process leads now (term {term.number} is over).")
            term.deadline = begun + self._ttl

    async def _release(self, term: Term) -> None:
        """Hand the lease back, so that a successor needn't wait for its end."""
        if term.remaining() <= 0:
            return
        term.deadline = float("-inf")
        try:
            async with asyncio.timeout(_RELEASE_S):
                await (await self._connected()).execute(_RELEASE, (term.number, term.holder))
        except (psycopg.OperationalError, TimeoutError) as error:
            log.warning("could not hand the lease back: it ends by itself", error=str(error).strip())
            await self._disconnect()

    async def _connected(self) -> Connection:
        if self._connection is None or self._connection.closed:
            self._connection = await connect(self._dsn, self._holder)
        return self._connection

    async def _disconnect(self) -> None:
        if self._connection is not None:
            await self._connection.close()
            self._connection = None


def _came_to_its_end(leading: "asyncio.Future[None]") -> bool:
    if leading.cancelled():
        return False
    error = leading.exception()
    if error is None:
        return True
    if isinstance(error, LeadershipLost):
        return False
    if isinstance(error, BaseExceptionGroup) and error.split(LeadershipLost)[1] is None:
        return False
    raise error
