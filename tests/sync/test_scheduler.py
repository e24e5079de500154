"""The scheduler on a real Postgres, with an engine that only says what it was asked for."""

import asyncio
import random
from collections.abc import AsyncIterator, Callable, Collection
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from uuid import UUID, uuid4

import psycopg
import pytest
from structlog.testing import capture_logs

from db.embedded import EmbeddedPostgres
from db.errors import LeadershipLost
from db.notify import WAKE, Listener, look, wake
from db.runs import RunTrigger
from db.session import Pool, connect, make_pool
from db.sources import Column, SheetBinding, Source, SourceState, delete_source, insert_source, set_state, update_source
from db.sync_state import postpone
from db.wire import ColumnType
from sync.schedule.poll_clock import Polls
from sync.schedule.scheduler import Scheduler
from sync.schedule.sheet_polls import Due
from tests.sync.sheets import make_source

DEADLINE_S = 30


@dataclass
class Recorder:
    """An engine whose runs are as long and as faulty as a test wants them."""

    runs: list[tuple[UUID, RunTrigger]] = field(default_factory=list)
    ended: int = 0
    at_once: int = 0
    most_at_once: int = 0
    gate: asyncio.Event = field(default_factory=asyncio.Event)
    during: dict[UUID, Callable[[], object]] = field(default_factory=dict)
    changed: asyncio.Condition = field(default_factory=asyncio.Condition)

    def __post_init__(self) -> None:
        self.gate.set()

    async def run(self, source_id: UUID, trigger: RunTrigger) -> None:
        self.runs.append((source_id, trigger))
        self.at_once += 1
        self.most_at_once = max(self.at_once, self.most_at_once)
        await self._tell()
        try:
            await self.gate.wait()
            if source_id in self.during:
                result = self.during[source_id]()
                if asyncio.iscoroutine(result):
                    await result
        finally:
            self.at_once -= 1
            self.ended += 1
        await self._tell()

    async def _tell(self) -> None:
        async with self.changed:
            self.changed.notify_all()

    async def until(self, condition: Callable[[], bool]) -> None:
        async with asyncio.timeout(DEADLINE_S), self.changed:
            await self.changed.wait_for(condition)

    def of(self, source: Source) -> list[RunTrigger]:
        return [trigger for source_id, trigger in self.runs if source_id == source.id]


class Alone:
    """Each source is polled by itself."""

    def group(self, source: Source) -> str | None:  # noqa: ARG002
        return None

    async def look(self, group: str, sources: Collection[Source]) -> Due:  # noqa: ARG002
        raise AssertionError("there is no group")

    async def keep(self, group: str) -> None:  # noqa: ARG002
        raise AssertionError("there is no group")

    def hinted(self, sources: Collection[Source], trigger: RunTrigger) -> None: ...

    def ended(self, source: Source) -> None: ...


@dataclass
class Leader:
    pool: Pool
    engine: Recorder
    scheduler: Scheduler
    task: asyncio.Task[None]

    async def register(self, name: str, **changes: object) -> Source:
        source = a_source(name, **changes)
        async with self.pool.connection() as connection:
            await insert_source(connection, source)
            await wake(connection, source.id, "START")
        return source

    async def wake(self, source: Source, trigger: str) -> None:
        async with self.pool.connection() as connection:
            await wake(connection, source.id, trigger)


def a_source(name: str, **changes: object) -> Source:
    source = make_source("book-" + name, [Column("id", ColumnType.INTEGER, "ID")])
    return replace(
        source,
        id=uuid4(),
        name=name,
        relation=f"public.{name}",
        **{  # type: ignore[arg-type]
            "poll_seconds": 3600,
            "sheet": SheetBinding(f"book-{name}", "Sheet1", 0, 1, None),
            **changes,
        },
    )


@asynccontextmanager
async def leading(
    database: str, *sources: Source, max_runs: int = 4, polls: Polls | None = None
) -> AsyncIterator[Leader]:
    async with make_pool(database, "scheduler test") as pool, Listener(database, "scheduler test") as listener:
        # Where listening begins later, all sources run a second time.
        async with listener.subscribe(WAKE) as listening:
            await anext(listening)
        async with pool.connection() as connection:
            for source in sources:
                await insert_source(connection, source)
        engine = Recorder()
        scheduler = Scheduler(pool, engine, listener, polls or Alone(), rng=random.Random(3), max_runs=max_runs)
        task = asyncio.create_task(scheduler.run())
        try:
            yield Leader(pool, engine, scheduler, task)
        finally:
            task.cancel()
            await asyncio.wait({task})


async def test_every_source_runs_at_the_start(database: str) -> None:
    one, two = a_source("one"), a_source("two")
    async with leading(database, one, two) as leader:
        await leader.engine.until(lambda: {source for source, _ in leader.engine.runs} == {one.id, two.id})
        assert {trigger for _, trigger in leader.engine.runs} == {RunTrigger.START}
        assert leader.scheduler.running


async def test_a_source_registered_later_runs_without_a_restart(database: str) -> None:
    async with leading(database) as leader:
        source = await leader.register("late")
        await leader.engine.until(lambda: RunTrigger.START in leader.engine.of(source))


async def test_polls_follow_poll_seconds(database: str) -> None:
    slow = a_source("slow")
    async with leading(database, slow) as leader:
        await leader.engine.until(lambda: bool(leader.engine.of(slow)))
        async with leader.pool.connection() as connection:
            await update_source(connection, replace(slow, poll_seconds=1))
            await wake(connection, slow.id, "MANUAL")
        await leader.engine.until(lambda: leader.engine.of(slow).count(RunTrigger.SCHEDULE) >= 2)


async def test_a_wake_during_a_run_is_one_more_run_for_the_strongest_reason(database: str) -> None:
    source = a_source("busy")
    async with leading(database, source) as leader:
        engine = leader.engine
        await engine.until(lambda: engine.ended >= 1 and engine.at_once == 0)
        engine.gate.clear()
        begun = len(engine.runs)
        leader.scheduler.wake(source.id, RunTrigger.CHANGE)
        await engine.until(lambda: len(engine.runs) == begun + 1)
        for trigger in (RunTrigger.CHANGE, RunTrigger.HOOK, RunTrigger.CHANGE, RunTrigger.SCHEDULE):
            leader.scheduler.wake(source.id, trigger)
        engine.gate.set()
        await engine.until(lambda: engine.ended == begun + 2)
        # The run that was under way may also have been the start's.
        assert engine.of(source)[-1] is RunTrigger.HOOK
        assert engine.most_at_once == 1


async def test_a_poll_during_a_run_is_met_by_it(database: str) -> None:
    source = a_source("polled")
    async with leading(database, source) as leader:
        engine = leader.engine
        await engine.until(lambda: engine.ended >= 1 and engine.at_once == 0)
        engine.gate.clear()
        leader.scheduler.wake(source.id, RunTrigger.HOOK)
        await engine.until(lambda: engine.at_once == 1)
        leader.scheduler.wake(source.id, RunTrigger.SCHEDULE)
        engine.gate.set()
        await engine.until(lambda: engine.at_once == 0)
        other = await leader.register("other")
        await engine.until(lambda: bool(engine.of(other)))
        assert RunTrigger.SCHEDULE not in engine.of(source)


async def test_runs_at_once_are_bounded(database: str) -> None:
    sources = [a_source(f"s{number}") for number in range(6)]
    async with leading(database, *sources, max_runs=2) as leader:
        await leader.engine.until(lambda: leader.engine.ended >= 6)
        assert leader.engine.most_at_once <= 2


async def test_one_credential_does_not_hold_all_places(database: str) -> None:
    sick = [a_source(f"sick{number}") for number in range(6)]
    well = a_source("well", sheet=SheetBinding("book-well", "Sheet1", 0, 1, "other"))
    async with leading(database, *sick, max_runs=6) as leader:
        engine = leader.engine
        await engine.until(lambda: engine.ended >= 6 and engine.at_once == 0)
        engine.gate.clear()
        for source in sick:
            leader.scheduler.wake(source.id, RunTrigger.HOOK)
        await engine.until(lambda: engine.at_once == 4)
        async with leader.pool.connection() as connection:
            await insert_source(connection, well)
            await wake(connection, well.id, "START")
        await engine.until(lambda: bool(engine.of(well)))
        assert engine.at_once == 5
        engine.gate.set()


async def test_a_mended_source_is_looked_at_before_its_pause_ends(database: str) -> None:
    source, other = a_source("mended"), a_source("other")
    async with leading(database, source, other) as leader:
        engine = leader.engine
        await engine.until(lambda: engine.ended >= 2 and engine.at_once == 0)

        async def fail() -> None:
            async with await connect(database, "test") as connection:
                await postpone(connection, source.id, datetime.now(UTC) + timedelta(hours=1))

        engine.during[source.id] = fail
        leader.scheduler.wake(source.id, RunTrigger.HOOK)
        await engine.until(lambda: RunTrigger.HOOK in engine.of(source) and engine.at_once == 0)
        await leader.wake(other, "MANUAL")
        await engine.until(lambda: RunTrigger.MANUAL in engine.of(other))
        del engine.during[source.id]
        begun = len(engine.of(source))
        leader.scheduler.recover(lambda one: one.name == "mended")
        await engine.until(lambda: len(engine.of(source)) > begun)
        assert engine.of(source)[-1] is RunTrigger.SCHEDULE


async def test_hooks_and_manual_runs_come_by_notify(database: str) -> None:
    source = a_source("hooked")
    async with leading(database, source) as leader:
        await leader.engine.until(lambda: bool(leader.engine.of(source)))
        await leader.wake(source, "HOOK")
        await leader.engine.until(lambda: RunTrigger.HOOK in leader.engine.of(source))
        await leader.wake(source, "MANUAL")
        await leader.engine.until(lambda: RunTrigger.MANUAL in leader.engine.of(source))


async def test_what_anybody_notifies_does_no_harm(database: str) -> None:
    source = a_source("calm")
    async with leading(database, source) as leader:
        async with leader.pool.connection() as connection:
            for payload in ("nonsense", "{}", f'{{"source": "{source.id}", "trigger": "BOGUS"}}', "[1]"):
                await connection.execute("SELECT pg_notify(%s, %s)", (WAKE, payload))
            await wake(connection, uuid4(), "HOOK")
            await wake(connection, source.id, "HOOK")
        await leader.engine.until(lambda: RunTrigger.HOOK in leader.engine.of(source))
        assert not leader.task.done()


async def test_a_changed_table_wakes_its_sources(database: str) -> None:
    source, other = a_source("changed"), a_source("other")
    async with leading(database, source, other) as leader:
        engine = leader.engine
        await engine.until(lambda: bool(engine.of(source)) and bool(engine.of(other)))
        while RunTrigger.CHANGE not in engine.of(source):
            # A wake that meets one of the start's is one run with it, for the stronger reason.
            begun = len(engine.of(source))

            def began(before: int = begun) -> bool:
                return len(engine.of(source)) > before

            leader.scheduler.changed(frozenset({"public.changed", "public.unknown"}))
            await engine.until(began)
        assert RunTrigger.CHANGE not in engine.of(other)


async def test_a_paused_source_rests_until_it_is_resumed(database: str) -> None:
    source, other = a_source("paused"), a_source("other")
    async with leading(database, source, other) as leader:
        engine = leader.engine
        await engine.until(lambda: bool(engine.of(source)) and bool(engine.of(other)))
        async with leader.pool.connection() as connection:
            await set_state(connection, source.id, SourceState.PAUSED, None)
            await wake(connection, source.id, "MANUAL")
        await leader.wake(other, "HOOK")
        await engine.until(lambda: RunTrigger.HOOK in engine.of(other))
        leader.scheduler.wake(source.id, RunTrigger.HOOK)
        assert RunTrigger.MANUAL not in engine.of(source)
        async with leader.pool.connection() as connection:
            await set_state(connection, source.id, SourceState.ACTIVE, None)
            await wake(connection, source.id, "MANUAL")
        await engine.until(lambda: RunTrigger.MANUAL in engine.of(source))


async def test_a_source_resumed_amid_its_run_waits_for_its_end(database: str) -> None:
    source, other, third = a_source("resumed"), a_source("other"), a_source("third")
    async with leading(database, source, other, third) as leader:
        engine = leader.engine
        await engine.until(lambda: len(engine.runs) == 3 and engine.at_once == 0)
        engine.gate.clear()
        await leader.wake(source, "HOOK")
        await engine.until(lambda: RunTrigger.HOOK in engine.of(source))
        # The wake of another source shows that the one before it was dealt with.
        for state, next_ in ((SourceState.PAUSED, other), (SourceState.ACTIVE, third)):
            async with leader.pool.connection() as connection:
                await set_state(connection, source.id, state, None)
                await wake(connection, source.id, "MANUAL")
            await leader.wake(next_, "HOOK")
            await engine.until(lambda next_=next_: RunTrigger.HOOK in engine.of(next_))  # type: ignore[misc]
        assert RunTrigger.MANUAL not in engine.of(source)
        engine.gate.set()
        await engine.until(lambda: RunTrigger.MANUAL in engine.of(source))


async def test_a_source_deleted_during_its_run_ends_with_it(database: str) -> None:
    source, other = a_source("deleted"), a_source("other")
    async with leading(database, source, other) as leader:
        engine = leader.engine
        await engine.until(lambda: bool(engine.of(source)) and bool(engine.of(other)) and engine.at_once == 0)

        async def deleted() -> None:
            async with await connect(database, "test") as connection:
                await delete_source(connection, source.id)

        engine.during[source.id] = deleted
        leader.scheduler.wake(source.id, RunTrigger.HOOK)
        await engine.until(lambda: RunTrigger.HOOK in engine.of(source) and engine.at_once == 0)
        await leader.wake(source, "MANUAL")
        await leader.wake(other, "MANUAL")
        await engine.until(lambda: RunTrigger.MANUAL in engine.of(other))
        assert RunTrigger.MANUAL not in engine.of(source)
        assert not leader.task.done()


async def test_a_run_that_breaks_off_is_tried_again_and_stops_nobody(database: str) -> None:
    source, other = a_source("broken"), a_source("other")
    async with leading(database, source, other) as leader:
        engine = leader.engine
        await engine.until(lambda: bool(engine.of(source)) and bool(engine.of(other)) and engine.at_once == 0)
        begun = len(engine.of(source))
        faults = iter([psycopg.OperationalError("gone"), ValueError("a bug")])

        def fail() -> None:
            for fault in faults:
                raise fault

        engine.during[source.id] = fail
        leader.scheduler.wake(source.id, RunTrigger.HOOK)
        await engine.until(lambda: len(engine.of(source)) >= begun + 3)
        await leader.wake(other, "HOOK")
        await engine.until(lambda: RunTrigger.HOOK in engine.of(other))


async def test_a_source_out_of_reach_is_left_alone_until_its_time(database: str) -> None:
    source, other = a_source("far"), a_source("other")
    async with leading(database, source, other) as leader:
        engine = leader.engine
        await engine.until(lambda: bool(engine.of(source)) and bool(engine.of(other)) and engine.at_once == 0)
        at = datetime.now(UTC) + timedelta(hours=1)

        async def fail() -> None:
            async with await connect(database, "test") as connection:
                await postpone(connection, source.id, at)

        engine.during[source.id] = fail
        leader.scheduler.wake(source.id, RunTrigger.HOOK)
        await engine.until(lambda: RunTrigger.HOOK in engine.of(source) and engine.at_once == 0)
        # The run of `other` begins after the failed one was dealt with.
        await leader.wake(other, "MANUAL")
        await engine.until(lambda: RunTrigger.MANUAL in engine.of(other))
        leader.scheduler.wake(source.id, RunTrigger.CHANGE)
        leader.scheduler.wake(source.id, RunTrigger.SCHEDULE)
        at = datetime.now(UTC)
        await leader.wake(source, "MANUAL")
        # A person doesn't wait; and the retry is due at once then.
        await engine.until(lambda: engine.of(source)[-2:] == [RunTrigger.MANUAL, RunTrigger.SCHEDULE])


async def test_a_lost_leadership_ends_the_scheduler(database: str) -> None:
    source = a_source("led")

    def lost() -> None:
        raise LeadershipLost("over")

    async with leading(database, source) as leader:
        leader.engine.during[source.id] = lost
        leader.scheduler.wake(source.id, RunTrigger.HOOK)
        async with asyncio.timeout(DEADLINE_S):
            await asyncio.wait({leader.task})
        with pytest.raises(LeadershipLost, match="no longer leads"):
            leader.task.result()


async def test_upkeep_comes_again_after_a_fault_and_ends_with_the_leadership(database: str) -> None:
    async with leading(database) as leader:
        done = asyncio.Event()
        faults = iter([psycopg.OperationalError("gone"), ValueError("a bug"), None, LeadershipLost("over")])

        async def work() -> None:
            fault = next(faults)
            if fault is not None:
                raise fault
            done.set()

        with capture_logs() as logs:
            leader.scheduler.add_job("tidy", work, timedelta(seconds=0.05))
            async with asyncio.timeout(DEADLINE_S):
                await done.wait()
                await asyncio.wait({leader.task})
        with pytest.raises(LeadershipLost):
            leader.task.result()
        # A trace is for bugs alone.
        levels = [each["log_level"] for each in logs if each.get("job") == "tidy"]
        assert levels == ["warning", "error"]


async def test_upkeep_under_way_ends_with_the_leadership_and_is_no_error(
    database: str, caplog: pytest.LogCaptureFixture
) -> None:
    begun, ended = asyncio.Event(), asyncio.Event()

    async def work() -> None:
        begun.set()
        try:
            await asyncio.Event().wait()
        finally:
            ended.set()

    async with leading(database) as leader, asyncio.timeout(DEADLINE_S):
        leader.scheduler.add_job("tidy", work, timedelta(days=1), soon=True)
        await begun.wait()
    async with asyncio.timeout(DEADLINE_S):
        await ended.wait()
    assert [each.message for each in caplog.records if each.levelname == "ERROR"] == []


async def test_it_goes_on_after_postgres_was_killed(own_postgres: EmbeddedPostgres) -> None:
    source = a_source("killed")
    async with leading(own_postgres.dsn, source) as leader:
        engine = leader.engine
        await engine.until(lambda: bool(engine.of(source)) and engine.at_once == 0)
        own_postgres.kill()
        leader.scheduler.wake(source.id, RunTrigger.HOOK)
        leader.scheduler.reconcile_all()
        await engine.until(lambda: RunTrigger.HOOK in engine.of(source) and engine.at_once == 0)
        begun = len(engine.runs)
        own_postgres.start()
        await engine.until(lambda: len(engine.runs) > begun)
        late = await leader.register("late")
        await engine.until(lambda: bool(engine.of(late)))
        assert not leader.task.done()


class Together(Alone):
    """All sheets are one group; a look finds what the test says."""

    def __init__(self) -> None:
        self.looks: list[str] = []
        self.changed: frozenset[UUID] = frozenset()

    def group(self, source: Source) -> str | None:
        return "default" if source.sheet is not None else None

    async def look(self, group: str, sources: Collection[Source]) -> Due:
        self.looks.append(group)
        return Due(self.changed & {source.id for source in sources}, frozenset())


async def test_a_hint_of_a_group_looks_now_and_runs_what_changed(database: str) -> None:
    polls = Together()
    async with leading(database, a_source("a"), polls=polls) as leader:
        first = await leader.register("first")
        second = await leader.register("second")
        await leader.engine.until(lambda: leader.engine.ended >= 3)
        polls.changed = frozenset({first.id})
        async with leader.pool.connection() as connection:
            await look(connection, "default")
            await look(connection, "another")
        await leader.engine.until(lambda: RunTrigger.HOOK in leader.engine.of(first))
        assert RunTrigger.HOOK not in leader.engine.of(second)
        assert polls.looks == ["default"]
