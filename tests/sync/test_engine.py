"""The engine over a real table and a source in memory: what a run does in each of the situations that it meets."""

import asyncio

import psycopg
import pytest

from db.changes import WireValue
from db.conflicts import ConflictChoice, ConflictKind, ConflictState, choose
from db.errors import LeadershipLost
from db.failures import FailureState
from db.runs import RunState, RunTrigger
from db.sources import Column, ConflictPolicy, Direction, Side, SourceState, set_state
from db.wire import ColumnType
from sync.source import Problem
from tests.sync.ground import COLUMNS, TABLE, Ground, ground, key

TOTAL = (*COLUMNS, Column("total", ColumnType.FLOAT, "Total", read_only=True))


async def _synced(at: Ground, *ids: int) -> None:
    at.fill(*ids)
    await at.settle()
    assert at.table() == at.rows() == {id_: (f"n{id_}", id_) for id_ in ids}


async def test_an_empty_table_is_filled_from_the_source(database: str) -> None:
    async with ground(database) as at:
        at.fill(1, 2, 10)
        run = await at.settle()
        assert (run.state, run.trigger) == (RunState.SUCCEEDED, RunTrigger.MANUAL)
        assert (run.counts.rows_read, run.counts.database_upserts, run.counts.api_calls) == (3, 3, 1)
        assert at.table() == at.rows() == {1: ("n1", 1), 2: ("n2", 2), 10: ("n10", 10)}
        assert at.sheet.writes == []


async def test_an_empty_source_is_filled_from_the_table(database: str) -> None:
    async with ground(database) as at:
        at.sql("INSERT INTO people VALUES (1, 'a', 5), (2, NULL, NULL), (3, '', 0)")
        run = await at.settle()
        assert (run.counts.source_upserts, run.counts.database_upserts) == (3, 0)
        assert at.rows() == {1: ("a", 5.0), 2: (None, None), 3: (None, None)}
        again = await at.run()
        assert (again.counts.source_upserts, again.counts.database_upserts) == (0, 0)


async def test_two_filled_sides_are_merged_by_key(database: str) -> None:
    async with ground(database) as at:
        at.sql("INSERT INTO people VALUES (1, 'same', 1), (2, 'table', 2), (3, 'only table', 3)")
        at.sheet.edit(key(1), id=1.0, name="same", age=1.0)
        at.sheet.edit(key(2), id=2.0, name="sheet", age=None)
        at.sheet.edit(key(4), id=4.0, name="only sheet", age=4.0)
        await at.settle()
        assert at.table() == {1: ("same", 1), 2: ("table", 2), 3: ("only table", 3), 4: ("only sheet", 4)}
        assert at.rows() == at.table()
        [conflict] = await at.conflicts()
        assert (conflict.kind, conflict.column, conflict.key) == (ConflictKind.INSERT_INSERT, None, key(2))
        assert (conflict.state, conflict.resolution) == (ConflictState.RESOLVED, ConflictChoice.DATABASE)
        assert conflict.source_value == {"name": "sheet", "age": None}
        assert at.sheet.writes[0].expected is not None


async def test_edits_go_both_ways_once(database: str) -> None:
    async with ground(database) as at:
        await _synced(at, 1, 2, 3)
        at.sheet.edit(key(1), name="edited in the sheet")
        at.sql("UPDATE people SET age = 99 WHERE id = 2")
        at.sql("INSERT INTO people VALUES (4, 'new', 4)")
        at.sheet.edit(key(5), id=5.0, name="typed", age=5.0)
        run = await at.settle()
        assert at.table() == at.rows()
        assert at.table()[1] == ("edited in the sheet", 1)
        assert at.rows()[2] == ("n2", 99.0)
        assert at.rows()[4] == ("new", 4.0)
        assert (run.counts.database_upserts, run.counts.source_upserts) == (2, 2)
        writes = len(at.sheet.writes)
        again = await at.run()
        assert (again.counts.database_upserts, again.counts.source_upserts) == (0, 0)
        assert len(at.sheet.writes) == writes


async def test_different_cells_of_one_row_both_win(database: str) -> None:
    async with ground(database) as at:
        await _synced(at, 1)
        at.sheet.edit(key(1), name="sheet")
        at.sql("UPDATE people SET age = 50 WHERE id = 1")
        await at.settle()
        assert at.table() == at.rows() == {1: ("sheet", 50)}
        assert await at.conflicts() == []


@pytest.mark.parametrize(
    ("policy", "winner", "choice"),
    [
        (ConflictPolicy.DATABASE_WINS, "db", ConflictChoice.DATABASE),
        (ConflictPolicy.SOURCE_WINS, "sheet", ConflictChoice.SOURCE),
    ],
)
async def test_one_cell_edited_on_both_sides_is_settled_by_policy_and_recorded(
    database: str, policy: ConflictPolicy, winner: str, choice: ConflictChoice
) -> None:
    async with ground(database, policy=policy) as at:
        await _synced(at, 1)
        at.sheet.edit(key(1), name="sheet")
        at.sql("UPDATE people SET name = 'db' WHERE id = 1")
        run = await at.settle()
        assert at.table() == at.rows() == {1: (winner, 1)}
        assert run.counts.conflicts == 1
        [conflict] = await at.conflicts()
        assert (conflict.kind, conflict.column) == (ConflictKind.CELL, "name")
        assert (conflict.base, conflict.database, conflict.source_value) == ("n1", "db", "sheet")
        assert (conflict.state, conflict.resolution, conflict.resolved_by) == (ConflictState.RESOLVED, choice, policy)
        assert len(at.events("CONFLICT")) == 1


async def test_a_conflict_that_waits_for_a_person_leaves_both_sides(database: str) -> None:
    async with ground(database, policy=ConflictPolicy.MANUAL) as at:
        await _synced(at, 1)
        at.sheet.edit(key(1), name="sheet", age=7.0)
        at.sql("UPDATE people SET name = 'db' WHERE id = 1")
        await at.settle()
        assert (at.table(), at.rows()) == ({1: ("db", 7)}, {1: ("sheet", 7.0)})
        [conflict] = await at.conflicts()
        assert (conflict.state, conflict.choice) == (ConflictState.OPEN, None)
        await at.settle()
        assert len(await at.conflicts()) == 1
        async with at.pool.connection() as connection:
            await choose(connection, conflict.id, ConflictChoice.VALUE, "both", has_value=True, actor="local")
        await at.settle()
        assert at.table() == at.rows() == {1: ("both", 7)}
        [conflict] = await at.conflicts()
        assert (conflict.state, conflict.resolution, conflict.resolved_by) == (
            ConflictState.RESOLVED,
            ConflictChoice.VALUE,
            "local",
        )


@pytest.mark.parametrize("of_row", [True, False])
async def test_a_choice_that_no_longer_fits_its_column_waits_for_another(database: str, of_row: bool) -> None:
    async with ground(database, policy=ConflictPolicy.MANUAL) as at:
        await _synced(at, 1, 2)
        at.sheet.edit(key(1), name="sheet")
        at.sql("DELETE FROM people WHERE id = 1" if of_row else "UPDATE people SET name = 'db' WHERE id = 1")
        await at.settle()
        chosen = '{"name": 5}' if of_row else "5"
        at.sql("UPDATE rowcast.conflicts SET choice = 'VALUE', choice_value = %s, asked = true", chosen)
        assert (await at.settle()).state is RunState.SUCCEEDED
        [conflict] = await at.conflicts()
        assert conflict.state is ConflictState.OPEN
        value: WireValue = {"name": "both"} if of_row else "both"
        async with at.pool.connection() as connection:
            await choose(connection, conflict.id, ConflictChoice.VALUE, value, has_value=True, actor="local")
        await at.settle()
        assert at.table() == at.rows() == {1: ("both", 1), 2: ("n2", 2)}


async def test_a_conflict_closes_by_itself_when_the_sides_agree(database: str) -> None:
    async with ground(database, policy=ConflictPolicy.MANUAL) as at:
        await _synced(at, 1)
        at.sheet.edit(key(1), name="sheet")
        at.sql("UPDATE people SET name = 'db' WHERE id = 1")
        await at.settle()
        at.sheet.edit(key(1), name="db")
        await at.settle()
        [conflict] = await at.conflicts()
        assert (conflict.state, conflict.resolution) == (ConflictState.RESOLVED, None)


async def test_a_row_deleted_in_the_table_is_deleted_in_the_source(database: str) -> None:
    async with ground(database) as at:
        await _synced(at, 1, 2, 3)
        at.sql("DELETE FROM people WHERE id = 2")
        run = await at.settle()
        assert run.counts.source_deletes == 1
        assert list(at.rows()) == [1, 3]


async def test_a_row_deleted_in_the_source_goes_after_two_complete_reads(database: str) -> None:
    async with ground(database) as at:
        await _synced(at, 1, 2, 3)
        at.sheet.delete(key(2))
        await at.run(RunTrigger.SCHEDULE)
        assert list(at.table()) == [1, 2, 3]
        retry_at = (await at.state()).retry_at
        assert retry_at is not None
        assert retry_at > at.now
        await at.run(RunTrigger.HOOK)
        # So do updateSource, retryFailure, resolveConflict and resumeSource.
        await at.engine.run(at.source_id, RunTrigger.MANUAL)
        assert list(at.table()) == [1, 2, 3], "reads at once are one look, whoever wants them"
        at.later(4)
        run = await at.run(RunTrigger.SCHEDULE)
        assert (run.state, run.counts.database_deletes) == (RunState.SUCCEEDED, 1)
        assert list(at.table()) == [1, 3]


async def test_a_row_that_comes_back_was_never_deleted(database: str) -> None:
    async with ground(database) as at:
        await _synced(at, 1, 2, 3)
        row = dict(at.sheet.rows[key(2)])
        at.sheet.delete(key(2))
        await at.run()
        at.sheet.edit(key(2), **row)
        await at.run()
        at.sheet.delete(key(2))
        await at.run()
        assert list(at.table()) == [1, 2, 3]


async def test_nothing_vanishes_while_a_key_is_unreadable(database: str) -> None:
    async with ground(database) as at:
        await _synced(at, 1, 2, 3)
        at.sheet.delete(key(2))
        at.sheet.unsure = True
        at.sheet.problems = [Problem("KEY_EMPTY", "rows!A4 has no key.", address="rows!A4")]
        for _ in range(4):
            at.later(60)
            await at.run()
        assert list(at.table()) == [1, 2, 3]
        run = await at.run()
        assert run.state is RunState.PARTIAL
        [failure] = await at.failures()
        assert (failure.code, failure.address, failure.attempts) == ("KEY_EMPTY", "rows!A4", 1)
        at.sheet.unsure = False
        at.sheet.problems = []
        await at.settle()
        assert list(at.table()) == [1, 3]
        assert await at.failures() == []


async def test_a_row_edited_here_and_deleted_there_is_a_conflict_of_the_row(database: str) -> None:
    async with ground(database) as at:
        await _synced(at, 1, 2, 3)
        at.sheet.edit(key(1), name="sheet")
        at.sql("DELETE FROM people WHERE id = 1")
        at.sheet.delete(key(2))
        at.sql("UPDATE people SET name = 'db' WHERE id = 2")
        await at.settle()
        assert at.table() == at.rows() == {2: ("db", 2), 3: ("n3", 3)}
        first, second = await at.conflicts()
        assert {first.kind, second.kind} == {ConflictKind.EDIT_DELETE}
        assert (first.source_value, first.database) == ({"name": "sheet", "age": 1}, None)
        assert (second.source_value, second.database) == (None, {"name": "db", "age": 2})
        assert first.resolution is second.resolution is ConflictChoice.DATABASE


async def test_a_held_conflict_of_the_row_is_settled_by_a_row_or_by_none(database: str) -> None:
    async with ground(database, policy=ConflictPolicy.MANUAL) as at:
        await _synced(at, 1, 2, 3, 4, 5)
        for id_ in (1, 2):
            at.sheet.edit(key(id_), name="sheet")
            at.sql("DELETE FROM people WHERE id = %s", id_)
        for id_ in (3, 4):
            at.sheet.delete(key(id_))
            at.sql("UPDATE people SET name = 'db' WHERE id = %s", id_)
        await at.settle()
        assert (list(at.table()), list(at.rows())) == ([3, 4, 5], [1, 2, 5])
        one, two, three, four = await at.conflicts()
        async with at.pool.connection() as connection:
            values: tuple[WireValue, ...] = ({"name": "x"}, None, {"age": 33}, None)
            for conflict, value in zip((one, two, three, four), values, strict=True):
                await choose(connection, conflict.id, ConflictChoice.VALUE, value, has_value=True, actor="local")
        await at.settle()
        assert at.table() == at.rows() == {1: ("x", 1), 3: ("db", 33), 5: ("n5", 5)}
        assert {conflict.state for conflict in await at.conflicts()} == {ConflictState.RESOLVED}


async def test_a_cell_that_does_not_fit_is_a_failure_and_the_rest_goes_on(database: str) -> None:
    async with ground(database) as at:
        await _synced(at, 1)
        at.sheet.edit(key(1), name="new", age="many")
        at.sheet.edit(key(2), id=2.0, name="other", age="none")
        run = await at.settle()
        assert run.state is RunState.PARTIAL
        assert at.table() == {1: ("new", 1), 2: ("other", None)}
        failures = await at.failures()
        assert [(f.side, f.code, f.column, f.value) for f in failures] == [
            (Side.DATABASE, "VALUE", "age", "many"),
            (Side.DATABASE, "VALUE", "age", "none"),
        ]
        assert failures[0].address == f"rows!age:{key(1)}"
        await at.settle()
        assert [failure.attempts for failure in await at.failures()] == [1, 1]
        at.sheet.edit(key(1), age=8.0)
        at.sheet.edit(key(2), age=9.0)
        run = await at.settle()
        assert run.state is RunState.SUCCEEDED
        assert at.table() == {1: ("new", 8), 2: ("other", 9)}
        assert await at.failures() == []
        assert len(await at.failures(FailureState.RESOLVED)) == 2


async def test_a_row_that_the_table_refuses_stops_no_other(database: str) -> None:
    async with ground(database, ddl=TABLE + "ALTER TABLE people ADD CHECK (age < 100)") as at:
        at.fill(1, 2, 3)
        at.sheet.edit(key(2), age=200.0)
        await at.settle()
        assert list(at.table()) == [1, 3]
        [failure] = await at.failures()
        assert (failure.side, failure.code, failure.column) == (Side.DATABASE, "CHECK", None)
        assert failure.value == {"name": "n2", "age": 200}
        at.sheet.edit(key(3), name="other")
        await at.settle()
        assert [failure.attempts for failure in await at.failures()] == [1], "it sleeps until its value changes"
        at.sheet.edit(key(2), age=20.0)
        await at.settle()
        assert at.table()[2] == ("n2", 20)
        assert await at.failures() == []


async def test_a_refusal_that_others_may_mend_is_tried_again(database: str) -> None:
    ddl = TABLE + "ALTER TABLE people ADD UNIQUE (name)"
    async with ground(database, ddl=ddl) as at:
        await _synced(at, 1, 2)
        at.sheet.edit(key(2), name="n1")
        await at.settle()
        [failure] = await at.failures()
        assert failure.code == "UNIQUE"
        at.sheet.edit(key(1), name="free")
        await at.settle()
        assert at.table() == at.rows() == {1: ("free", 1), 2: ("n1", 2)}
        assert await at.failures() == []


def _skip(at: Ground, kind: str, row: str) -> None:
    """A trigger of somebody's lets no edit of row 2 pass, and says nothing."""
    at.sql("CREATE FUNCTION skip() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN RETURN NULL; END $$")
    at.sql(f"CREATE TRIGGER skip BEFORE {kind} ON people FOR EACH ROW WHEN ({row}.id = 2) EXECUTE FUNCTION skip()")


async def test_a_row_that_a_trigger_skips_is_a_failure_until_it_lets_it_pass(database: str) -> None:
    async with ground(database) as at:
        _skip(at, "INSERT", "NEW")
        at.fill(1, 2, 3)
        await at.settle()
        assert set(at.table()) == {1, 3}
        [failure] = await at.failures()
        assert (failure.side, failure.code, failure.key) == (Side.DATABASE, "REFUSED", key(2))
        assert "trigger of public.people skips the row" in failure.message
        at.sql("DROP TRIGGER skip ON people")
        await at.settle()
        assert set(at.table()) == {1, 2, 3}
        assert await at.failures() == []


@pytest.mark.parametrize("kind", ["UPDATE", "DELETE"])
async def test_an_edit_that_a_trigger_skips_is_a_failure_of_its_row(database: str, kind: str) -> None:
    async with ground(database) as at:
        await _synced(at, 1, 2, 3, 4)
        _skip(at, kind, "OLD")
        at.sheet.edit(key(1), name="edited")
        if kind == "UPDATE":
            at.sheet.edit(key(2), name="edited")
        else:
            at.sheet.delete(key(2))
        await at.settle()
        assert at.table()[1] == ("edited", 1)
        assert at.table()[2] == ("n2", 2)
        assert [(failure.code, failure.key) for failure in await at.failures()] == [("REFUSED", key(2))]
        at.sql("DROP TRIGGER skip ON people")
        await at.settle()
        assert at.table() == at.rows()


async def test_a_cell_that_the_source_refuses_sleeps_until_its_value_changes(database: str) -> None:
    async with ground(database) as at:
        await _synced(at, 1)
        at.sheet.refuse = {(key(1), "name")}
        at.sql("UPDATE people SET name = 'db', age = 9 WHERE id = 1")
        await at.settle()
        assert at.rows() == {1: ("n1", 9.0)}
        [failure] = await at.failures()
        assert (failure.side, failure.code, failure.column, failure.value) == (
            Side.SOURCE,
            "PROTECTED",
            "name",
            "db",
        )
        writes = len(at.sheet.writes)
        await at.settle()
        assert len(at.sheet.writes) == writes
        at.sheet.refuse = set()
        at.sql("UPDATE people SET name = 'db2' WHERE id = 1")
        await at.settle()
        assert at.rows() == {1: ("db2", 9.0)}
        assert await at.failures() == []


async def test_a_row_that_the_source_refuses_sleeps(database: str) -> None:
    async with ground(database) as at:
        at.sheet.refuse = {(key(1), None), (key(2), None)}
        at.sql("INSERT INTO people VALUES (1, 'a', 1)")
        await at.settle()
        await at.settle()
        assert len(at.sheet.writes) == 1
        assert [failure.value for failure in await at.failures()] == [{"name": "a", "age": 1}]
        at.sql("DELETE FROM people WHERE id = 1")
        await at.settle()
        assert await at.failures() == []
        await _synced(at, 2, 3)
        at.sql("DELETE FROM people WHERE id = 2")
        await at.settle()
        await at.settle()
        assert len(at.sheet.writes) == 2
        assert [failure.code for failure in await at.failures()] == ["PROTECTED"]


async def test_formula_cells_are_never_written(database: str) -> None:
    async with ground(database, columns=TOTAL) as at:
        at.sheet.formulas = {"total": lambda cells: float(cells.get("age") or 0) * 2}
        at.fill(1)
        await at.settle()
        assert at.table("total") == {1: (2.0,)}
        at.sql("INSERT INTO people VALUES (2, 'b', 5)")
        at.sql("UPDATE people SET age = 4 WHERE id = 1")
        await at.settle()
        assert at.rows("age", "total") == {1: (4.0, 8.0), 2: (5.0, 10.0)}
        assert at.table("total") == {1: (8.0,), 2: (10.0,)}
        at.sql("UPDATE people SET total = 77 WHERE id = 1")
        await at.settle()
        assert at.rows("total")[1] == (8.0,)
        [failure] = await at.failures()
        assert (failure.code, failure.side, failure.value) == ("FORMULA_CELL", Side.SOURCE, 77)
        assert "once total is 8.0 there" in failure.message
        at.sql("UPDATE people SET total = 8 WHERE id = 1")
        await at.settle()
        assert await at.failures() == []
        at.sql("UPDATE people SET total = 77 WHERE id = 1")
        await at.settle()
        at.sheet.edit(key(1), age=6.0)
        await at.settle()
        assert at.table("total")[1] == (12.0,)
        assert await at.failures() == []
        assert [conflict.database for conflict in await at.conflicts()] == [77]


async def test_a_generated_column_is_the_tables_alone(database: str) -> None:
    ddl = """CREATE TABLE people (id integer GENERATED ALWAYS AS IDENTITY PRIMARY KEY, name text, age integer,
        total double precision GENERATED ALWAYS AS (age * 2) STORED)"""
    columns = (*COLUMNS, Column("total", ColumnType.FLOAT, "Total"))
    async with ground(database, ddl=ddl, columns=columns) as at:
        at.fill(1)
        await at.settle()
        assert at.rows("total") == at.table("total") == {1: (2.0,)}
        at.sheet.edit(key(1), total=5.0)
        await at.settle()
        [failure] = await at.failures()
        assert failure.code == "GENERATED_COLUMN"
        at.sql("UPDATE people SET age = 7")
        await at.settle()
        assert at.rows("age", "total") == at.table("age, total") == {1: (7, 14.0)}
        assert [conflict.source_value for conflict in await at.conflicts()] == [5]


async def test_a_default_of_the_table_goes_to_the_source(database: str) -> None:
    async with ground(database, ddl=TABLE + "ALTER TABLE people ALTER age SET DEFAULT 18") as at:
        at.sheet.edit(key(1), id=1.0, name="a")
        await at.settle()
        assert at.table() == at.rows() == {1: ("a", 18)}


async def test_a_trigger_that_changes_the_row_is_no_edit(database: str) -> None:
    ddl = (
        TABLE
        + """CREATE FUNCTION loud() RETURNS trigger LANGUAGE plpgsql AS
        $$ BEGIN NEW.name = upper(NEW.name); RETURN NEW; END $$;
        CREATE TRIGGER loud BEFORE INSERT OR UPDATE ON people FOR EACH ROW EXECUTE FUNCTION loud()"""
    )
    async with ground(database, ddl=ddl) as at:
        at.fill(1)
        await at.settle()
        again = await at.run()
        assert (at.table(), at.rows()) == ({1: ("N1", 1)}, {1: ("n1", 1.0)})
        assert (again.counts.database_upserts, again.counts.source_upserts) == (0, 0)


async def test_from_source_undoes_what_the_database_changed(database: str) -> None:
    async with ground(database, direction=Direction.FROM_SOURCE) as at:
        at.sql("INSERT INTO people VALUES (50, 'was there', 1)")
        at.fill(1, 2, 3)
        await at.settle()
        assert list(at.table()) == [1, 2, 3, 50], "a row that was there before the first run is no edit"
        at.sql("UPDATE people SET name = 'db' WHERE id = 1")
        at.sql("DELETE FROM people WHERE id = 2")
        at.sql("INSERT INTO people VALUES (60, 'new', 1)")
        at.sheet.edit(key(3), name="sheet")
        await at.settle()
        assert at.table() == {1: ("n1", 1), 2: ("n2", 2), 3: ("sheet", 3), 50: ("was there", 1)}
        assert at.sheet.writes == []
        assert await at.conflicts() == []


async def test_to_source_undoes_what_the_source_changed_and_records_it(database: str) -> None:
    async with ground(database, direction=Direction.TO_SOURCE) as at:
        at.sql("INSERT INTO people VALUES (1, 'a', 1), (2, 'b', 2), (3, 'c', 3)")
        at.fill(50)
        await at.settle()
        assert list(at.rows()) == [1, 2, 3, 50]
        at.sheet.edit(key(1), name="sheet")
        at.sheet.delete(key(2))
        at.fill(60)
        at.sql("UPDATE people SET name = 'db' WHERE id = 3")
        await at.settle()
        assert at.rows() == {1: ("a", 1.0), 2: ("b", 2.0), 3: ("db", 3.0), 50: ("n50", 50.0)}
        assert list(at.table()) == [1, 2, 3]
        lost = [(conflict.column, conflict.source_value) for conflict in await at.conflicts()]
        assert lost == [("name", "sheet"), (None, {"name": "n60", "age": 60})]


async def test_a_row_that_moved_on_waits_for_the_next_run(database: str) -> None:
    async with ground(database) as at:
        await _synced(at, 1)
        at.sql("UPDATE people SET name = 'db' WHERE id = 1")
        at.sheet.before_write = lambda: at.sheet.edit(key(1), name="just typed")
        await at.run()
        at.sheet.before_write = None
        assert (await at.state()).retry_at is not None
        await at.settle()
        assert at.table() == at.rows() == {1: ("db", 1)}
        assert [conflict.source_value for conflict in await at.conflicts()] == ["just typed"]


async def test_rows_that_somebody_holds_are_not_waited_for_one_by_one(database: str) -> None:
    """Each wait ends after five seconds: a hundred of them would outlast the test."""
    ids = range(1, 201)
    async with ground(database) as at:
        at.fill(*ids, 500)
        await at.settle()
        for id_ in ids:
            at.sheet.edit(key(id_), name="sheet")
        at.sheet.edit(key(500), age=5.0)
        with psycopg.connect(at.dsn) as holder:
            holder.execute("SELECT FROM people WHERE id < 500 FOR UPDATE")
            async with asyncio.timeout(120):
                run = await at.run()
            assert (run.counts.database_upserts, at.table()[500]) == (1, ("n500", 5))
        await at.settle()
        assert {name for id_, (name, _) in at.table().items() if id_ < 500} == {"sheet"}


async def test_an_edit_just_after_our_write_is_not_lost(database: str) -> None:
    async with ground(database) as at:
        await _synced(at, 1)
        at.sql("UPDATE people SET name = 'db' WHERE id = 1")
        at.sheet.after_write = lambda: at.sheet.edit(key(1), name="quick", age=77.0)
        await at.run()
        at.sheet.after_write = None
        await at.settle()
        assert at.table() == at.rows() == {1: ("quick", 77)}
        assert await at.conflicts() == []


async def test_a_paused_source_does_not_run(database: str) -> None:
    async with ground(database) as at:
        at.fill(1)
        async with at.pool.connection() as connection:
            await set_state(connection, at.source_id, SourceState.PAUSED, None)
        assert await at.engine.run(at.source_id, RunTrigger.MANUAL) is None
        assert at.sheet.reads == 0


async def test_an_unreachable_source_fails_with_the_reason_and_recovers(database: str) -> None:
    async with ground(database) as at:
        await _synced(at, 1)
        at.sheet.unreachable = "Share the spreadsheet with robot@example.com."
        pauses = []
        for _ in range(3):
            run = await at.run(RunTrigger.SCHEDULE)
            assert (run.state, run.message) == (RunState.FAILED, at.sheet.unreachable)
            retry_at = (await at.state()).retry_at
            assert retry_at is not None
            pauses.append((retry_at - at.now).total_seconds())
        assert pauses == [2, 4, 8]
        at.sheet.rest_s = 120
        await at.run(RunTrigger.SCHEDULE)
        retry_at = (await at.state()).retry_at
        assert retry_at is not None
        assert (retry_at - at.now).total_seconds() == 120 + 16, "nor sooner than the source asks"
        source = await at.source()
        assert (source.state, source.state_reason) == (SourceState.FAILING, at.sheet.unreachable)
        at.sheet.unreachable = None
        assert (await at.run(RunTrigger.SCHEDULE)).state is RunState.SUCCEEDED
        source = await at.source()
        assert (source.state, source.state_reason, (await at.state()).attempts) == (SourceState.ACTIVE, None, 0)
        assert at.events("STATE") == [
            "people is FAILING: Share the spreadsheet with robot@example.com.",
            "people is ACTIVE.",
        ]


async def test_a_leader_whose_term_is_over_writes_nothing(database: str) -> None:
    async with ground(database) as at:
        await _synced(at, 1)
        at.sql("UPDATE people SET name = 'db' WHERE id = 1")
        at.sheet.edit(key(1), age=9.0)
        at.sql("UPDATE rowcast.lease SET term = 8, holder = 'other'")
        with pytest.raises(LeadershipLost):
            await at.run()
        assert (at.table(), at.rows()) == ({1: ("db", 1)}, {1: ("n1", 9.0)})
        reads, runs = at.sheet.reads, at.sql("SELECT count(*) FROM rowcast.runs")
        with pytest.raises(LeadershipLost):
            await at.run()
        assert (at.sheet.reads, at.sql("SELECT count(*) FROM rowcast.runs")) == (reads, runs)


async def test_keys_that_the_source_has_twice_are_let_be(database: str) -> None:
    async with ground(database) as at:
        at.sql("INSERT INTO people VALUES (1, 'table', 1)")
        at.fill(2)
        at.sheet.unsure = True
        at.sheet.problems = [
            Problem("DUPLICATE_KEY", "Rows 2, 3 have the same ID.", address=address, key=key(1))
            for address in ("rows!A2", "rows!A3")
        ]
        await at.settle()
        assert (list(at.table()), list(at.rows())) == ([1, 2], [2])
        assert len(await at.failures()) == 1


async def test_a_row_of_a_key_that_the_source_has_twice_is_not_inserted_there(database: str) -> None:
    """More keys may be copied than problems are told of."""
    async with ground(database) as at:
        await _synced(at, 1, 2)
        at.sql("INSERT INTO people VALUES (8, 'mine', 8)")
        at.sheet.unsure, at.sheet.copied = True, {key(8)}
        await at.settle()
        assert set(at.rows()) == {1, 2}
        at.sheet.unsure, at.sheet.copied = False, set()
        await at.settle()
        assert set(at.rows()) == {1, 2, 8}


async def test_a_row_that_never_stands_still_is_tried_with_pauses(database: str) -> None:
    async with ground(database) as at:
        await _synced(at, 1)
        names = iter("abcdefgh")
        at.sql("UPDATE people SET name = 'db' WHERE id = 1")
        at.sheet.before_write = lambda: at.sheet.edit(key(1), name=next(names))
        pauses = []
        for _ in range(3):
            await at.run()
            retry_at = (await at.state()).retry_at
            assert retry_at is not None
            pauses.append((retry_at - at.now).total_seconds())
        assert pauses == [0, 5, 5]


async def test_what_arrived_of_a_write_that_was_overtaken_counts(database: str) -> None:
    async with ground(database) as at:
        await _synced(at, 1)
        at.sql("UPDATE people SET name = 'db', age = 50 WHERE id = 1")
        at.sheet.overtake = (key(1), "name", "quick")
        await at.run()
        at.sql("UPDATE people SET age = 60 WHERE id = 1")
        await at.settle()
        assert at.table() == at.rows() == {1: ("db", 60)}
        assert [conflict.column for conflict in await at.conflicts()] == ["name"]
