"""What this process does while it leads: reads the slot, runs the sync, tidies up. All of it ends with the term."""

import asyncio
import os
import secrets
import socket
import time
from collections.abc import Awaitable, Callable
from datetime import timedelta
from functools import partial
from typing import Final
from uuid import UUID

import structlog

from api.run_totals import RunTotals
from api.runtime import LeaderStatus
from api.upkeep import EVERY, tidy
from db.lease import Lease, Term
from db.notify import Listener
from db.retention import Retention
from db.runs import Run, RunTrigger, abandon_runs
from db.secrets import Keyring
from db.session import make_pool
from replication.bus import BroadcastBus
from replication.recent import Recent
from replication.runner import Replication
from replication.turns import Turns
from sync.adapters import Adapters
from sync.breaker import Breakers
from sync.clock import utc_now
from sync.google.drive_push import EVERY as PUSH_EVERY
from sync.google.drive_push import DrivePush
from sync.google.named_credentials import Credentials
from sync.runs.engine import Engine
from sync.runs.table_follow import follow_paused
from sync.schedule.scheduler import Scheduler
from sync.schedule.sheet_polls import SheetPolls
from sync.services import google_service, service_of

_log = structlog.stdlib.get_logger(__name__)

_CLOSE_EVERY: Final = timedelta(minutes=1)
_RECOVER_EVERY: Final = timedelta(seconds=2)
_FOLLOW_EVERY: Final = timedelta(seconds=10)
_FIRST_PAUSE_S: Final = 1.0
_LONGEST_PAUSE_S: Final = 30.0


def holder_name() -> str:
    """The name of this process' sessions as leader: of this process alone, and short enough for Postgres."""
    return f"rowcast {socket.gethostname()[:24]} {os.getpid()} {secrets.token_hex(4)}"


class Leadership:
    """`run` it as long as the process serves; `status` is what it does now."""

    def __init__(
        self,
        dsn: str,
        bus: BroadcastBus,
        recent: Recent,
        turns: Turns,
        listener: Listener,
        credentials: Credentials,
        breakers: Breakers,
        adapters: Adapters,
        keyring: Keyring,
        runs: RunTotals,
        *,
        retention: Retention,
        drive_hook_url: str | None,
        grace: timedelta,
        clock: Callable[[], float] = time.monotonic,
        sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
    ) -> None:
        self._dsn = dsn
        self._holder = holder_name()
        self._bus = bus
        self._recent = recent
        self._turns = turns
        self._listener = listener
        self._credentials = credentials
        self._breakers = breakers
        self._adapters = adapters
        self._keyring = keyring
        self._runs = runs
        self._retention = retention
        self._drive_hook_url = drive_hook_url
        self._grace = grace
        self._clock = clock
        self._sleep = sleep
        self._replication: Replication | None = None
        self._scheduler: Scheduler | None = None

    def status(self) -> LeaderStatus:
        """All False and None where another process leads, or nobody."""
        replication, scheduler = self._replication, self._scheduler
        return LeaderStatus(
            leading=replication is not None,
            scheduling=scheduler is not None and scheduler.running,
            replication=None if replication is None else replication.status,
            holder=self._holder,
        )

    async def run(self) -> None:
        """Seek the lease, lead, seek again, until cancelled. A leadership that fails is said, and sought anew."""
        failures = 0
        lease = Lease(self._dsn, self._holder)
        while True:
            begun = self._clock()
            try:
                await lease.run(self._lead)
            except Exception:  # noqa: BLE001 - whatever it was: this process must go on seeking
                _log.exception("leading failed, seeking the lease again")
            failures = failures + 1 if self._clock() - begun < _LONGEST_PAUSE_S else 0
            await self._sleep(min(_LONGEST_PAUSE_S, _FIRST_PAUSE_S * 2**failures))

    async def _lead(self, term: Term) -> None:
        async with make_pool(self._dsn, term.holder) as pool:
            async with pool.connection() as connection:
                await term.fence(connection)
                await abandon_runs(connection)
            engine = Engine(pool, term, self._keyring.origin, self._adapters.leading(term.check), grace=self._grace)
            scheduler = Scheduler(
                pool, _Counted(engine, self._runs), self._listener, SheetPolls(self._adapters, pool, term)
            )
            tidying = partial(tidy, pool, term, self._retention)
            scheduler.add_job("tidy", tidying, EVERY)
            scheduler.add_job("deleted sources", self._adapters.close_deleted, _CLOSE_EVERY)
            scheduler.add_job("recover", partial(self._recover, scheduler), _RECOVER_EVERY)
            scheduler.add_job("paused sources", partial(follow_paused, pool, term), _FOLLOW_EVERY)
            push = DrivePush(pool, term, self._credentials, self._drive_hook_url, utc_now)
            scheduler.add_job("push channels", push.tend, PUSH_EVERY, soon=True)
            replication = Replication(
                self._dsn,
                term,
                self._bus,
                self._keyring.origin,
                appended=scheduler.changed,
                reconcile=lambda _: scheduler.reconcile_all(),
                recent=self._recent,
                turns=self._turns,
            )
            self._replication, self._scheduler = replication, scheduler
            try:
                async with asyncio.TaskGroup() as group:
                    group.create_task(replication.run(), name="replication")
                    group.create_task(scheduler.run(), name="scheduler")
                    group.create_task(tidying(), name="tidy")
            finally:
                self._replication = self._scheduler = None

    async def _recover(self, scheduler: Scheduler) -> None:
        """Sources of a service that works again are looked at now, not when their own pauses end."""
        services = self._breakers.recovered() | {google_service(name) for name in self._credentials.changed()}
        if services:
            scheduler.recover(lambda source: service_of(source) in services)


class _Counted:
    """The engine, its runs counted."""

    def __init__(self, engine: Engine, totals: RunTotals) -> None:
        self._engine = engine
        self._totals = totals

    async def run(self, source_id: UUID, trigger: RunTrigger) -> Run | None:
        run = await self._engine.run(source_id, trigger)
        if run is not None:
            self._totals.count(run)
        return run
