"""When a run finds that nothing can differ, and reads nothing."""

import json
from dataclasses import asdict, replace

import pytest

from db.changes import Operation
from db.runs import RunState, RunTrigger
from db.sources import ConflictPolicy, Direction, SourceState
from db.wire import ColumnType
from sync.source import Mark, Problem
from tests.sync.ground import COLUMNS, Ground, ground, key
from tests.sync.log_by_hand import logged, open_log
from tests.sync.memory_source import MemorySource


async def test_a_quiet_source_is_not_read(database: str) -> None:
    async with ground(database) as at:
        await open_log(at)
        at.fill(1, 2)
        await at.settle()
        reads = at.sheet.reads
        for _ in range(3):
            run = await at.run(RunTrigger.SCHEDULE)
            assert (run.state, run.counts.api_calls) == (RunState.UNCHANGED, 1)
        assert at.sheet.reads == reads
        assert len(at.sql("SELECT id FROM rowcast.runs WHERE state = 'UNCHANGED'")) == 1, "one of them is kept"
        assert (await at.run(RunTrigger.HOOK)).state is RunState.SUCCEEDED, "a hook bypasses the check"
        at.sheet.edit(key(1), name="edited")
        assert (await at.run(RunTrigger.SCHEDULE)).state is RunState.SUCCEEDED
        assert at.table()[1] == ("edited", 1)


async def test_our_own_commits_in_the_log_call_for_no_read(database: str) -> None:
    async with ground(database) as at:
        await open_log(at)
        at.fill(1, 2)
        await at.settle()
        await logged(at, key(1), key(2), operation=Operation.INSERT)
        before = await at.state()
        run = await at.run(RunTrigger.CHANGE)
        assert (run.state, run.counts.api_calls) == (RunState.UNCHANGED, 0)
        after = await at.state()
        assert before.cursor is not None
        assert after.cursor is not None
        assert after.cursor.position > before.cursor.position


async def test_a_commit_of_a_user_is_carried_over(database: str) -> None:
    async with ground(database) as at:
        await open_log(at)
        at.fill(1, 2, 3)
        await at.settle()
        at.sql("UPDATE people SET name = 'db' WHERE id = 1")
        await logged(at, key(1))
        assert (await at.run(RunTrigger.CHANGE)).state is RunState.SUCCEEDED
        assert at.rows()[1] == ("db", 1.0)
        at.sql("DELETE FROM people WHERE id = 2")
        await logged(at, key(2), operation=Operation.DELETE)
        assert (await at.run(RunTrigger.SCHEDULE)).state is RunState.SUCCEEDED
        assert list(at.rows()) == [1, 3]


async def test_many_or_unknown_rows_are_compared_by_a_run(database: str) -> None:
    async with ground(database) as at:
        await open_log(at)
        at.fill(1)
        await at.settle()
        await logged(at, operation=Operation.TRUNCATE)
        assert (await at.run(RunTrigger.CHANGE)).state is RunState.SUCCEEDED
        await logged(at, *map(key, range(600)))
        assert (await at.run(RunTrigger.CHANGE)).state is RunState.SUCCEEDED
        assert (await at.run(RunTrigger.CHANGE)).state is RunState.UNCHANGED


async def test_a_new_epoch_of_the_log_means_that_everything_may_differ(database: str) -> None:
    async with ground(database) as at:
        await open_log(at)
        at.fill(1)
        await at.settle()
        at.sql("UPDATE people SET name = 'db' WHERE id = 1")
        at.sql("UPDATE rowcast.log_state SET epoch = 2")
        assert (await at.run(RunTrigger.SCHEDULE)).state is RunState.SUCCEEDED
        assert at.rows()[1] == ("db", 1.0)


async def test_what_waits_is_not_left_alone(database: str) -> None:
    async with ground(database, policy=ConflictPolicy.MANUAL) as at:
        await open_log(at)
        at.fill(1)
        await at.settle()
        at.sheet.edit(key(1), name="sheet")
        at.sql("UPDATE people SET name = 'db' WHERE id = 1")
        await at.settle()
        assert (await at.run(RunTrigger.SCHEDULE)).state is RunState.UNCHANGED, "an open conflict waits for a person"
        at.sql("UPDATE rowcast.conflicts SET choice = 'SOURCE', asked = true")
        assert (await at.run(RunTrigger.SCHEDULE)).state is RunState.SUCCEEDED
        assert at.table()[1] == ("sheet", 1)


async def test_a_hold_ends_when_the_rows_are_back_in_the_table(database: str) -> None:
    async with ground(database) as at:
        await open_log(at)
        at.fill(1, 2)
        await at.settle()
        at.sql("DELETE FROM people")
        await logged(at, key(1), key(2), operation=Operation.DELETE)
        assert (await at.run(RunTrigger.CHANGE)).state is RunState.HELD
        at.sql("INSERT INTO people VALUES (1, 'n1', 1), (2, 'n2', 2)")
        await logged(at, key(1), key(2), operation=Operation.INSERT)
        assert (await at.run(RunTrigger.CHANGE)).state is RunState.SUCCEEDED
        assert (await at.source()).state is SourceState.ACTIVE
        assert (await at.state()).held_run is None


async def test_changed_settings_take_hold_at_once(database: str) -> None:
    """The source is bound anew between a run's reading and its writing: nothing of the old plan is carried out."""
    async with ground(database) as at:
        at.fill(1)
        await at.settle()
        at.sheet.edit(key(1), name="sheet")
        at.sheet.after_read = lambda: at.sql("UPDATE rowcast.sources SET direction = 'TO_SOURCE'")
        run = await at.run()
        at.sheet.after_read = None
        assert run.state is RunState.PARTIAL
        assert at.table()[1] == ("n1", 1)
        await at.settle()
        assert at.rows()[1] == ("n1", 1.0)


async def test_a_source_paused_amid_a_run_is_not_written(database: str) -> None:
    async with ground(database) as at:
        at.fill(1, 2)
        await at.settle()
        at.sheet.edit(key(1), name="sheet")
        at.sql("UPDATE people SET name = 'db' WHERE id = 2")
        at.sheet.after_read = lambda: at.sql("UPDATE rowcast.sources SET state = 'PAUSED'")
        assert "paused" in str((await at.run()).message)
        assert (at.table()[1], at.rows()[2]) == (("n1", 1), ("n2", 2.0))
        assert (await at.source()).state is SourceState.PAUSED


def _rebind(at: Ground) -> None:
    """As updateSource does where it is given another worksheet."""
    at.sql("""UPDATE rowcast.sources SET sheet = jsonb_set(sheet, '{spreadsheet}', '"other"')""")
    at.sql("UPDATE rowcast.sync_state SET seen = '{}', cursor = NULL")
    at.fill(77)


async def test_a_source_bound_anew_amid_a_write_has_its_first_run_yet(database: str) -> None:
    async with ground(database, direction=Direction.TO_SOURCE) as at:
        at.sql("INSERT INTO people VALUES (1, 'a', 1), (2, 'b', 2), (3, 'c', 3)")
        await at.settle()
        at.sql("UPDATE people SET name = 'edited' WHERE id = 1")

        def rebinds() -> None:
            at.sheet.after_write = None
            _rebind(at)

        at.sheet.after_write = rebinds
        run = await at.run()
        assert (run.state, (await at.state()).cursor) == (RunState.PARTIAL, None)
        await at.settle()
        assert set(at.rows()) == {1, 2, 3, 77}, "what the other worksheet had of its own was added by nobody since"
        assert at.rows()[1] == ("edited", 1)


async def test_a_source_bound_anew_amid_a_quiet_run_has_its_first_run_yet(database: str) -> None:
    async with ground(database, direction=Direction.TO_SOURCE) as at:
        await open_log(at)
        at.sql("INSERT INTO people VALUES (1, 'a', 1)")
        await at.settle()
        await at.run()
        mark = at.sheet.mark

        async def rebinds() -> Mark:
            before = await mark()
            _rebind(at)
            return before

        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(MemorySource, "mark", lambda _: rebinds())
            run = await at.run(RunTrigger.SCHEDULE)
        assert (run.state, (await at.state()).cursor) == (RunState.UNCHANGED, None)
        await at.settle()
        assert set(at.rows()) == {1, 77}


@pytest.mark.parametrize("when", ["after_read", "before_write", "after_write"])
@pytest.mark.parametrize("held", [True, False])
async def test_a_source_deleted_amid_a_run_leaves_nothing(database: str, when: str, held: bool) -> None:
    async with ground(database) as at:
        at.fill(1, 2)
        await at.settle()
        at.sheet.problems.append(Problem("NEW_HEADER", "It is new.", address="rows!X1"))
        at.sql("DELETE FROM people" if held else "UPDATE people SET age = 5")
        setattr(at.sheet, when, lambda: at.sql("DELETE FROM rowcast.sources"))
        run = await at.engine.run(at.source_id, RunTrigger.MANUAL)
        if not held or when == "after_read":
            assert run is None
            for table in ("base", "failures", "held_deletes", "sync_state", "runs"):
                assert at.sql(f"SELECT FROM rowcast.{table}") == []


@pytest.mark.parametrize(
    ("broken", "mended"),
    [
        ("ALTER TABLE people DROP id", 'ALTER TABLE "public"."people" ADD "id" integer;'),
        ("ALTER TABLE people REPLICA IDENTITY DEFAULT", 'ALTER TABLE "public"."people" REPLICA IDENTITY FULL;'),
        ("ALTER TABLE people DROP CONSTRAINT people_pkey", 'ALTER TABLE "public"."people" ADD UNIQUE ("id");'),
        ("ALTER PUBLICATION rowcast_tables DROP TABLE people", 'rowcast_tables ADD TABLE "public"."people";'),
        ("CREATE TABLE kept AS TABLE people; DROP TABLE people", "There is no table public.people any more"),
    ],
)
@pytest.mark.parametrize("trigger", [RunTrigger.SCHEDULE, RunTrigger.HOOK])
async def test_a_table_that_was_altered_is_a_reason_with_its_remedy(
    database: str, broken: str, mended: str, trigger: RunTrigger
) -> None:
    async with ground(database) as at:
        await open_log(at)
        at.fill(1)
        await at.settle()
        at.sql(broken)
        run = await at.run(trigger)
        source = await at.source()
        assert (run.state, source.state) == (RunState.FAILED, SourceState.FAILING)
        assert mended in str(source.state_reason)
        if "DROP CONSTRAINT" in broken:
            at.sql(mended)
            assert (await at.run(RunTrigger.SCHEDULE)).state is RunState.SUCCEEDED
            assert (await at.source()).state is SourceState.ACTIVE


async def test_a_type_that_is_changed_amid_a_run_is_no_fault(database: str) -> None:
    async with ground(database) as at:
        at.fill(1)
        await at.settle()
        wider = replace(COLUMNS[2], type=ColumnType.BIGINT)
        source = replace(await at.source(), columns=(*COLUMNS[:2], wider))

        def update() -> None:
            columns = json.dumps([asdict(column) for column in source.columns])
            at.sql("UPDATE rowcast.sources SET columns = %s", columns)
            at.sql("ALTER TABLE people ALTER age TYPE bigint")

        at.sheet.after_read = update
        assert (await at.run()).state is RunState.PARTIAL
        at.sheet.after_read = None
        assert (await at.source()).state is SourceState.ACTIVE
        assert (await at.run()).state is RunState.SUCCEEDED
