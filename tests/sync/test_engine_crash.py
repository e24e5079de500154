"""A run that is cut off at any step is healed by the next: both sides agree, and no edit is lost or doubled."""

import pytest

from db.runs import RunState, RunTrigger, abandon_runs
from db.sources import ConflictPolicy, SourceState
from tests.sync.ground import Ground, ground, key
from tests.sync.memory_source import Broken

STEPS = ["before read", "after read", "before write", "amid write", "after write"]


async def _edit_both_sides(at: Ground) -> None:
    at.fill(*range(1, 9))
    await at.settle()
    at.sheet.edit(key(1), name="sheet")
    at.sql("UPDATE people SET name = 'db' WHERE id = 2")
    at.sheet.edit(key(3), name="sheet")
    at.sql("UPDATE people SET age = 33 WHERE id = 3")
    at.sheet.edit(key(4), name="lost to the table")
    at.sql("UPDATE people SET name = 'won' WHERE id = 4")
    at.sql("INSERT INTO people VALUES (10, 'db', 10)")
    at.fill(11)
    at.sql("DELETE FROM people WHERE id = 5")
    at.sheet.delete(key(6))


EXPECTED = {
    1: ("sheet", 1),
    2: ("db", 2),
    3: ("sheet", 33),
    4: ("won", 4),
    7: ("n7", 7),
    8: ("n8", 8),
    10: ("db", 10),
    11: ("n11", 11),
}


async def _assert_healed(at: Ground) -> None:
    await at.settle()
    assert at.table() == at.rows() == EXPECTED
    [conflict] = await at.conflicts()
    assert (conflict.key, conflict.source_value, conflict.state) == (key(4), "lost to the table", "RESOLVED")
    assert await at.failures() == []
    at.later(1000)
    await at.settle()
    at.sheet.writes.clear()
    quiet = await at.run()
    assert at.sheet.writes == []
    assert quiet.counts.database_upserts == quiet.counts.database_deletes == 0
    pending = at.sql("SELECT key FROM rowcast.base WHERE pending IS NOT NULL")
    assert pending == []


@pytest.mark.parametrize("step", STEPS)
async def test_a_crash_at_a_step_of_the_source(database: str, step: str) -> None:
    async with ground(database) as at:
        await _edit_both_sides(at)
        at.sheet.fail_at = step
        with pytest.raises(Broken):
            await at.run()
        await _assert_healed(at)


@pytest.mark.parametrize(
    "statement", ["INSERT ON rowcast.base", "UPDATE ON rowcast.sync_state", "INSERT ON rowcast.conflicts"]
)
async def test_a_crash_in_a_transaction(database: str, statement: str) -> None:
    """The database refuses a step's statement once: the transaction it is in is undone whole."""
    async with ground(database) as at:
        await _edit_both_sides(at)
        at.sql(
            "CREATE FUNCTION broken() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN RAISE 'broken here'; END $$; "
            f"CREATE TRIGGER broken BEFORE {statement} EXECUTE FUNCTION broken()"
        )
        with pytest.raises(Exception, match="broken here"):
            await at.run()
        at.sql("DROP FUNCTION broken CASCADE")
        await _assert_healed(at)


async def test_a_run_that_breaks_off_is_recorded(database: str) -> None:
    async with ground(database) as at:
        at.sheet.fail_at = "after read"
        with pytest.raises(Broken):
            await at.run()
        rows = at.sql("SELECT state, message FROM rowcast.runs")
        assert [row["state"] for row in rows] == ["FAILED"]
        assert "error of rowcast itself" in rows[0]["message"]


async def test_a_lost_answer_followed_by_an_edit_is_no_conflict(database: str) -> None:
    async with ground(database) as at:
        at.fill(1)
        await at.settle()
        at.sql("UPDATE people SET name = 'first' WHERE id = 1")
        at.sheet.lose_answer = True
        run = await at.run(RunTrigger.CHANGE)
        assert (run.state, (await at.source()).state) == (RunState.FAILED, SourceState.FAILING)
        assert at.rows() == {1: ("first", 1.0)}, "it had arrived"
        at.sql("UPDATE people SET name = 'second' WHERE id = 1")
        await at.settle()
        assert at.table() == at.rows() == {1: ("second", 1)}
        assert await at.conflicts() == []
        assert (await at.source()).state is SourceState.ACTIVE


async def test_a_write_that_arrives_late_is_known_as_ours(database: str) -> None:
    async with ground(database) as at:
        at.fill(1)
        await at.settle()
        at.sql("UPDATE people SET name = 'first' WHERE id = 1")
        at.sheet.fail_at = "before write"
        with pytest.raises(Broken):
            await at.run()
        at.sql("UPDATE people SET name = 'second' WHERE id = 1")
        await at.settle()
        assert at.rows() == {1: ("second", 1.0)}
        at.sheet.edit(key(1), name="first")  # the first request's answer was lost, and now it lands
        await at.settle()
        assert at.table() == at.rows() == {1: ("second", 1)}
        assert await at.conflicts() == []
        at.later(1000)
        at.sheet.edit(key(1), name="first")  # long after, it can only be a person
        await at.settle()
        assert at.table() == at.rows() == {1: ("first", 1)}


@pytest.mark.parametrize("lands", [True, False])
async def test_a_lost_delete_is_repeated_or_known(database: str, lands: bool) -> None:
    async with ground(database) as at:
        at.fill(1, 2, 3)
        await at.settle()
        at.sql("DELETE FROM people WHERE id = 1")
        at.sheet.fail_at = "after write" if lands else "before write"
        with pytest.raises(Broken):
            await at.run()
        at.sql("INSERT INTO people VALUES (1, 'again', 5)")
        await at.settle()
        assert at.table() == at.rows() == {1: ("again", 5), 2: ("n2", 2), 3: ("n3", 3)}


async def test_a_lost_insert_is_not_doubled_nor_raised_from_the_dead(database: str) -> None:
    async with ground(database) as at:
        at.fill(2, 3)
        await at.settle()
        at.sql("INSERT INTO people VALUES (1, 'new', 1)")
        at.sheet.fail_at = "after write"
        with pytest.raises(Broken):
            await at.run()
        assert 1 in at.rows()
        at.sql("DELETE FROM people WHERE id = 1")
        await at.settle()
        assert set(at.table()) == set(at.rows()) == {2, 3}


async def test_a_new_leader_marks_what_was_running_as_failed(database: str) -> None:
    async with ground(database) as at:
        at.sql("INSERT INTO rowcast.runs (source_id, state, trigger) VALUES (%s, 'RUNNING', 'HOOK')", at.source_id)
        async with at.pool.connection() as connection:
            assert await abandon_runs(connection) == 1
            assert await abandon_runs(connection) == 0


async def test_an_insert_whose_answer_was_lost_long_ago_is_ours_still(database: str) -> None:
    """The leader was down, or Google out of reach, for longer than the write could take."""
    async with ground(database) as at:
        at.fill(1, 2, 3)
        await at.settle()
        at.sql("INSERT INTO people VALUES (4, 'new', 4)")
        at.sheet.lose_answer = True
        await at.run()
        assert 4 in at.rows(), "it arrived"
        at.later(300)
        at.sql("DELETE FROM people WHERE id = 4")
        await at.settle()
        assert 4 not in at.table(), "a row that was deleted by SQL is back"
        assert 4 not in at.rows()


async def test_an_update_whose_answer_was_lost_long_ago_is_no_edit_of_the_source(database: str) -> None:
    async with ground(database, policy=ConflictPolicy.SOURCE_WINS) as at:
        at.fill(1)
        await at.settle()
        at.sql("UPDATE people SET name = 'first' WHERE id = 1")
        at.sheet.lose_answer = True
        await at.run()
        assert at.rows()[1][0] == "first"
        at.later(300)
        at.sql("UPDATE people SET name = 'second' WHERE id = 1")
        await at.settle()
        assert at.table()[1][0] == "second"
        assert await at.conflicts() == []
