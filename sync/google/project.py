"""What all credentials of one Google Cloud project share: its quota, the line before it, and the threads of its calls.

A call waits here until it is its turn: by urgency, in turns with other sources, when both its user's and the project's
quota have room and a thread is free. Nothing of Google's API is known here.
"""

import asyncio
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Hashable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Final, TypeVar

import structlog

from sync.daemon_threads import DaemonThreads
from sync.google.quota import Buckets, CallKind, QuotaLimits, QuotaUse, TokenBucket
from sync.urgency import Urgency
from sync.waiting_line import WaitingLine

T = TypeVar("T")
Sleep = Callable[[float], Awaitable[None]]

log = structlog.get_logger(__name__)

_THREADS: Final = 8
_SHARE: Final = 2
"""Threads that one source may hold."""
_AGING_S: Final = 30.0


@dataclass(frozen=True, slots=True)
class Caller:
    """For whom calls are made. `owner` takes turns with others: a source's id, or None for registrations."""

    owner: Hashable = None
    urgency: Urgency = Urgency.NOW

    def of(self, kind: CallKind | None) -> Urgency:
        """What a run found to write is written before others look whether they have anything."""
        return Urgency.NOW if kind is CallKind.WRITE and self.urgency is Urgency.POLL else self.urgency


@dataclass(frozen=True, slots=True, eq=False)
class _Ticket:
    """`futile`: whether the call will not be made anyway, so that it needs no quota."""

    buckets: tuple[TokenBucket, ...]
    futile: Callable[[], bool]
    admitted: "asyncio.Future[None]" = field(default_factory=lambda: asyncio.get_running_loop().create_future())


class GoogleProject:
    """`clock` is monotonic, in seconds."""

    def __init__(
        self,
        name: str,
        limits: QuotaLimits | None = None,
        *,
        threads: int = _THREADS,
        clock: Callable[[], float] = time.monotonic,
        sleep: Sleep = asyncio.sleep,
    ) -> None:
        limits = limits or QuotaLimits()
        self._limits = limits
        self._clock = clock
        self._sleep = sleep
        self._threads = DaemonThreads(threads, f"google-{name}")
        self._line: WaitingLine[_Ticket] = WaitingLine(threads, min(_SHARE, threads), _AGING_S)
        self._quota = Buckets(limits.project_reads, limits.project_writes, clock())
        self._users: dict[str, Buckets] = {}
        self._timer: asyncio.Task[None] | None = None

    def quota(self) -> Mapping[CallKind, QuotaUse]:
        """What of the project's quota is used now."""
        return self._quota.use(self._clock())

    def quota_of(self, email: str) -> Mapping[CallKind, QuotaUse]:
        """What of a user's quota is used now."""
        return self._user(email).use(self._clock())

    def refused(self, email: str, kind: CallKind, *, whole_project: bool) -> None:
        """Google said that it was too much: for the user, or for all of the project."""
        bucket = (self._quota if whole_project else self._user(email)).of(kind)
        if bucket is not None:
            bucket.refused(self._clock())

    @asynccontextmanager
    async def turn(
        self, email: str, kind: CallKind | None, caller: Caller, futile: Callable[[], bool] = lambda: False
    ) -> AsyncIterator[None]:
        """Waits until the call may be made; around the call. `kind` None: work that calls nobody."""
        buckets = () if kind is None else (self._quota.of(kind), self._user(email).of(kind))
        ticket = _Ticket(tuple(bucket for bucket in buckets if bucket is not None), futile)
        self._line.join(ticket, caller.owner, caller.of(kind), self._clock())
        try:
            self._admit()
            await ticket.admitted
            yield
        finally:
            self._line.leave(ticket)
            self._admit()

    async def run(self, function: Callable[[], T]) -> T:
        """Within a turn: what `function` returns or raises, called in a thread."""
        return await self._threads.run(function)

    def close(self) -> None:
        """No more calls; those under way end by their time-outs."""
        self._threads.close()
        if self._timer is not None:
            self._timer.cancel()

    def _user(self, email: str) -> Buckets:
        if email not in self._users:
            self._users[email] = Buckets(self._limits.reads, self._limits.writes, self._clock())
        return self._users[email]

    def _admit(self) -> None:
        """Everybody whose turn it is; and again when the first of the others finds room."""
        now = self._clock()
        while (ticket := self._line.next(now, lambda one: self._ready_in(one, now) <= 0)) is not None:
            if not ticket.futile():
                for bucket in ticket.buckets:
                    bucket.take(now)
            if not ticket.admitted.done():
                ticket.admitted.set_result(None)
        self._wait(min((self._ready_in(one, now) for one in self._line.candidates(now)), default=None))

    def _ready_in(self, ticket: _Ticket, now: float) -> float:
        return 0.0 if ticket.futile() else max((bucket.ready_in(now) for bucket in ticket.buckets), default=0.0)

    def _wait(self, delay_s: float | None) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        if delay_s is not None:
            self._timer = asyncio.create_task(self._admit_in(delay_s), name="Google's quota")

    async def _admit_in(self, delay_s: float) -> None:
        log.debug("calls wait for Google's quota", waiting=len(self._line), seconds=round(delay_s, 1))
        await self._sleep(delay_s)
        self._timer = None
        self._admit()
