"""When sources run: at the leader's start, by the clock, and whenever something says that one may differ.

A wake carries no data. It comes from the log (a table was changed), from any process by NOTIFY (a hook, a mutation), or
from APScheduler, which keeps all of the time here: polls, retries, upkeep. Part of the leader; ends with its term.
"""

import asyncio
import random
from collections.abc import Awaitable, Callable, Collection
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from functools import partial
from typing import Final, Protocol
from uuid import UUID
from weakref import WeakValueDictionary

import psycopg
import structlog
from apscheduler.schedulers.asyncio import AsyncIOScheduler
from psycopg_pool import PoolTimeout

from db.errors import LeadershipLost
from db.notify import LOOK, WAKE, Listener, Notifications, Resynchronise, read_wake
from db.runs import Run, RunState, RunTrigger
from db.session import Pool
from db.sources import Source, SourceState, all_sources
from db.sync_state import sync_state
from sync.clock import utc_now
from sync.retry import RetryPolicy
from sync.schedule.poll_clock import PollClock, Polls
from sync.schedule.run_line import RunLine
from sync.schedule.source_worker import SourceWorker
from sync.services import service_of

log = structlog.get_logger(__name__)

_REFRESH_S: Final = 30
_SHARE: Final = 4
"""Runs of one credential or one feed's host at once."""
_AFTER_CRASH: Final = RetryPolicy(attempts=64, base_s=1.0, cap_s=15.0)
_OVER: Final = "This process no longer leads: its scheduler has stopped."


class Engine(Protocol):
    """What reconciles one source, once."""

    async def run(self, source_id: UUID, trigger: RunTrigger) -> Run | None:
        """A whole run, recorded. Raises LeadershipLost; anything else that it raises is a fault of ours."""
        ...


class Scheduler:
    """`run` schedules until it is cancelled, or the leadership is lost."""

    def __init__(
        self,
        pool: Pool,
        engine: Engine,
        listener: Listener,
        polls: Polls,
        *,
        clock: Callable[[], datetime] = utc_now,
        rng: random.Random | None = None,
        max_runs: int = 6,
    ) -> None:
        self._pool = pool
        self._engine = engine
        self._listener = listener
        self._polls = polls
        self._clock = clock
        self._rng = rng or random.Random()  # noqa: S311 - spreads polls, guards nothing
        self._line = RunLine(max_runs, min(_SHARE, max_runs), self._service, self._seconds)
        self._timer = AsyncIOScheduler(
            timezone=UTC, job_defaults={"misfire_grace_time": None, "coalesce": True, "max_instances": 1}
        )
        self._clockwork = PollClock(self._timer, polls, self._run_soon, self._fail, clock)
        self._group: asyncio.TaskGroup | None = None
        self._fatal: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._workers: dict[UUID, SourceWorker] = {}
        # A worker that was stopped holds its source's lock until its run has ended.
        self._locks: WeakValueDictionary[UUID, asyncio.Lock] = WeakValueDictionary()
        self._sources: dict[UUID, Source] = {}
        self._crashes: dict[UUID, int] = {}
        self._waiting: list[tuple[UUID | None, RunTrigger]] = []
        self._stale = asyncio.Event()

    @property
    def running(self) -> bool:
        """Whether polls are scheduled."""
        return bool(self._timer.running)

    def add_job(
        self, name: str, work: Callable[[], Awaitable[object]], every: timedelta, *, soon: bool = False
    ) -> None:
        """Upkeep: `work` once per interval while this process leads, `soon`: at the start, too. What it raises is
        logged; it comes again."""

        async def job() -> None:
            # APScheduler cancels it when the term is over, and logs with a trace what it then raises.
            with suppress(asyncio.CancelledError):
                await self._guarded(name, work)

        first = {"next_run_time": utc_now()} if soon else {}
        seconds = every.total_seconds()
        self._timer.add_job(job, "interval", seconds=seconds, id=f"upkeep:{name}", timezone=UTC, **first)

    def changed(self, relations: Collection[str]) -> None:
        """The log has new entries of these tables."""
        for source in self._sources.values():
            if source.logged_as in relations:
                self.wake(source.id, RunTrigger.CHANGE)

    def wake(self, source_id: UUID, trigger: RunTrigger) -> None:
        """Want a run of a source that begins from now on; of one that is paused or unknown nothing comes."""
        self._wake([source_id], trigger)

    def _wake(self, source_ids: Collection[UUID], trigger: RunTrigger) -> None:
        known = [source_id for source_id in source_ids if source_id in self._workers]
        self._polls.hinted([self._sources[source_id] for source_id in known], trigger)
        for source_id in known:
            if trigger is not RunTrigger.SCHEDULE:
                self._clockwork.stirred(source_id)
            self._workers[source_id].wake(trigger)

    def recover(self, wanted: Callable[[Source], bool]) -> None:
        """What these sources failed by may be mended: look now, though they were to be left alone for a while."""
        for source in self._sources.values():
            if source.id in self._workers and wanted(source):
                self._workers[source.id].leave_alone(None)
                self.wake(source.id, RunTrigger.SCHEDULE)

    def reconcile_all(self) -> None:
        """Everything may differ: look at every source."""
        self._later(None, RunTrigger.START)

    async def run(self) -> None:
        """Every source runs at first; then as it is woken. Raises LeadershipLost when the term is over."""
        try:
            async with (
                asyncio.TaskGroup() as group,
                self._listener.subscribe(WAKE) as notifications,
                self._listener.subscribe(LOOK) as looks,
            ):
                self._group = group
                group.create_task(self._hear_looks(looks))
                group.create_task(self._fail_with_jobs())
                group.create_task(self._follow_sources())
                self._timer.add_job(self._refresh_soon, "interval", seconds=_REFRESH_S, id="refresh", timezone=UTC)
                self._timer.start()
                self.reconcile_all()
                async for payload in notifications:
                    self._notified(payload)
        except BaseExceptionGroup as errors:
            lost, others = errors.split(LeadershipLost)
            if lost is not None and others is None:
                raise LeadershipLost(_OVER) from errors
            raise
        finally:
            self._group = None
            if self._timer.running:
                self._timer.shutdown(wait=False)

    # Wakes

    def _notified(self, payload: str | Resynchronise) -> None:
        if isinstance(payload, Resynchronise):
            self.reconcile_all()
            return
        try:
            source_id, trigger = read_wake(payload)
            self._later(source_id, RunTrigger(trigger))
        except ValueError as error:
            # Anybody who may connect may notify.
            log.warning("a wake that says nothing was ignored", error=str(error))

    async def _hear_looks(self, looks: Notifications) -> None:
        """What a group has in common may have changed: look now, and not with the next poll."""
        async for group in looks:
            # Where some may be missing the wakes say so, too, and everything is looked at.
            if not isinstance(group, Resynchronise) and self._clockwork.knows(group):
                assert self._group is not None
                look = partial(self._clockwork.look, group, RunTrigger.HOOK)
                self._group.create_task(self._guarded("look", look))

    def _later(self, source_id: UUID | None, trigger: RunTrigger) -> None:
        """Wake once the sources are read again: it may be new, or resumed by the transaction that wakes it."""
        self._waiting.append((source_id, trigger))
        self._stale.set()

    async def _refresh_soon(self) -> None:
        self._stale.set()

    # Sources

    async def _follow_sources(self) -> None:
        while True:
            await self._stale.wait()
            self._stale.clear()
            waiting, self._waiting = self._waiting, []
            try:
                async with self._pool.connection() as connection:
                    sources = await all_sources(connection)
            except (psycopg.OperationalError, PoolTimeout) as error:
                # Kept for the next look, which the refresh job asks for.
                self._waiting[:0] = waiting
                log.warning("the sources can't be read now", error=str(error).strip())
                continue
            self._follow({source.id: source for source in sources if source.state is not SourceState.PAUSED})
            for source_id, trigger in waiting:
                self._wake(list(self._workers) if source_id is None else [source_id], trigger)

    def _follow(self, sources: dict[UUID, Source]) -> None:
        """Workers and polls for exactly these."""
        assert self._group is not None
        for gone in self._workers.keys() - sources.keys():
            self._workers.pop(gone).stop()
            self._crashes.pop(gone, None)
            if self._timer.get_job(_retry_id(gone)) is not None:
                self._timer.remove_job(_retry_id(gone))
        for source in sources.values():
            if source.id not in self._workers:
                lock = self._locks.setdefault(source.id, asyncio.Lock())
                worker = SourceWorker(source.id, self._run_source, lock, self._line, self._clock)
                self._workers[source.id] = worker
                self._group.create_task(worker.serve(), name=f"source {source.name}")
        self._sources = sources
        self._clockwork.follow(sources)

    # Runs

    async def _run_source(self, source_id: UUID, trigger: RunTrigger) -> None:
        try:
            run = await self._engine.run(source_id, trigger)
        except LeadershipLost:
            raise
        except Exception:
            # One source's fault must not stop the others'. The run recorded it, if the database let it.
            log.exception("a run broke off; it is tried again", source=str(source_id))
            self._crashed(source_id)
        else:
            self._crashes.pop(source_id, None)
            if run is None or run.state is not RunState.UNCHANGED:
                self._clockwork.stirred(source_id)
            await self._look_again(source_id)
        finally:
            if (source := self._sources.get(source_id)) is not None:
                self._polls.ended(source)

    def _crashed(self, source_id: UUID) -> None:
        crashes = self._crashes[source_id] = min(self._crashes.get(source_id, 0) + 1, 10)
        delay = _AFTER_CRASH.delay(crashes, self._rng)
        assert delay is not None
        self._retry(source_id, self._clock() + timedelta(seconds=delay), quiet=True)

    async def _look_again(self, source_id: UUID) -> None:
        """As the run left it: sooner than the next poll to go on, later while the source can't be reached."""
        try:
            async with self._pool.connection() as connection:
                state = await sync_state(connection, source_id)
        except (psycopg.OperationalError, PoolTimeout) as error:
            log.warning("when to run again can't be read; the next poll comes anyway", error=str(error).strip())
            return
        if state is None:
            self._stale.set()
        elif state.retry_at is not None:
            self._retry(source_id, state.retry_at, quiet=state.attempts > 0)
        elif source_id in self._workers:
            self._workers[source_id].leave_alone(None)

    def _retry(self, source_id: UUID, at: datetime, *, quiet: bool) -> None:
        worker = self._workers.get(source_id)
        if worker is None:
            return
        worker.leave_alone(at if quiet else None)
        self._timer.add_job(
            self._retry_now,
            "date",
            args=[source_id],
            run_date=at,
            id=_retry_id(source_id),
            replace_existing=True,
            timezone=UTC,
        )

    async def _retry_now(self, source_id: UUID) -> None:
        if source_id in self._workers:
            self._workers[source_id].leave_alone(None)
            self.wake(source_id, RunTrigger.SCHEDULE)

    def _run_soon(self, source_id: UUID, trigger: RunTrigger) -> None:
        """A poll found that the source may differ."""
        if source_id in self._workers:
            self._workers[source_id].wake(trigger)

    def _service(self, source_id: UUID) -> str | None:
        source = self._sources.get(source_id)
        return None if source is None else service_of(source)

    def _seconds(self) -> float:
        return self._clock().timestamp()

    # Upkeep

    async def _guarded(self, name: str, work: Callable[[], Awaitable[object]]) -> None:
        try:
            await work()
        except LeadershipLost as error:
            self._fail(error)
        except (psycopg.OperationalError, PoolTimeout) as error:
            log.warning("upkeep waits until its next time: Postgres is away", job=name, error=str(error).strip())
        except Exception:
            # It comes again by itself, and nothing else depends on it.
            log.exception("upkeep failed", job=name)

    def _fail(self, error: LeadershipLost) -> None:
        if not self._fatal.done():
            self._fatal.set_exception(error)

    async def _fail_with_jobs(self) -> None:
        await self._fatal


def _retry_id(source_id: UUID) -> str:
    return f"retry:{source_id}"
