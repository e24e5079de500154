"""retry and discard of every kind of failure, by runs of the real engine: what is tried, left, and comes back."""

import pytest

from db.errors import Conflict, NotFound
from db.failures import Failure, FailureState, discard, get_failure, retry
from db.runs import RunState
from db.sources import ConflictPolicy
from sync.source import Problem
from tests.sync.ground import COLUMNS, Ground, ground, key
from tests.sync.memory_source import Broken

STRICT = """CREATE TABLE people (id integer PRIMARY KEY, name text COLLATE "C", age integer CHECK (age < 100),
    total double precision);
"""


async def _retry(at: Ground, failure: Failure) -> Failure:
    """Ask for it, run, and say what became of it."""
    async with at.pool.connection() as connection:
        assert (await retry(connection, failure.id)).state is FailureState.RETRYING
    await at.settle()
    return await _now(at, failure)


async def _discard(at: Ground, failure: Failure) -> None:
    async with at.pool.connection() as connection:
        assert (await discard(connection, failure.id)).state is FailureState.DISCARDED


async def _now(at: Ground, failure: Failure) -> Failure:
    async with at.pool.connection() as connection:
        found = await get_failure(connection, failure.id)
    assert found is not None
    return found


async def _only(at: Ground) -> Failure:
    [failure] = await at.failures()
    return failure


async def _quiet(at: Ground, failure: Failure) -> None:
    """It stays given up: run after run nothing is tried, shown or counted."""
    writes = len(at.sheet.writes)
    for _ in range(3):
        run = await at.settle()
        assert (run.state, run.counts.failures, await at.failures()) == (RunState.SUCCEEDED, 0, [])
    assert len(at.sheet.writes) == writes
    assert (await _now(at, failure)).state is FailureState.DISCARDED


async def test_a_write_that_slept_is_tried_once_more(database: str) -> None:
    async with ground(database) as at:
        at.fill(1, 2)
        await at.settle()
        at.sheet.refuse.add((key(1), "age"))
        at.sql("UPDATE people SET age = 9 WHERE id = 1")
        await at.settle()
        failure = await _only(at)
        writes = len(at.sheet.writes)
        await at.settle()
        assert len(at.sheet.writes) == writes
        again = await _retry(at, failure)
        assert (len(at.sheet.writes), again.state, again.attempts) == (writes + 1, FailureState.OPEN, 2)
        await at.settle()
        assert len(at.sheet.writes) == writes + 1
        at.sheet.refuse.clear()
        done = await _retry(at, again)
        assert done.state is FailureState.RESOLVED
        assert at.rows()[1] == at.table()[1] == ("n1", 9)
        async with at.pool.connection() as connection:
            for ask in (retry, discard):
                with pytest.raises(Conflict, match="RESOLVED already"):
                    await ask(connection, failure.id)
                with pytest.raises(NotFound):
                    await ask(connection, 10**9)


async def test_a_row_that_the_table_refused_is_tried_once_more(database: str) -> None:
    async with ground(database, ddl=STRICT) as at:
        at.fill(1, 2)
        await at.settle()
        at.sheet.edit(key(1), age=200.0)
        await at.settle()
        failure = await _only(at)
        assert (await _retry(at, failure)).attempts == 2
        at.sql("ALTER TABLE people DROP CONSTRAINT people_age_check")
        assert (await _retry(at, failure)).state is FailureState.RESOLVED
        assert at.table()[1] == ("n1", 200)


async def test_a_cell_is_looked_at_once_more(database: str) -> None:
    async with ground(database) as at:
        at.fill(1, 2)
        await at.settle()
        at.sheet.edit(key(1), age="old")
        await at.settle()
        failure = await _only(at)
        again = await _retry(at, failure)
        assert (again.state, again.attempts) == (FailureState.OPEN, 2)
        at.sheet.edit(key(1), age=3.0)
        assert (await _retry(at, failure)).state is FailureState.RESOLVED


async def test_it_is_being_retried_until_a_run_has_tried_it(database: str) -> None:
    async with ground(database) as at:
        at.fill(1, 2)
        await at.settle()
        at.sheet.refuse.add((key(1), "age"))
        at.sql("UPDATE people SET age = 9 WHERE id = 1")
        await at.settle()
        failure = await _only(at)
        async with at.pool.connection() as connection:
            await retry(connection, failure.id)
        at.sheet.unreachable = "Away."
        await at.run()
        assert (await _now(at, failure)).state is FailureState.RETRYING
        at.sheet.unreachable = None
        at.sheet.fail_at = "before write"
        with pytest.raises(Broken):
            await at.run()
        assert (await _now(at, failure)).state is FailureState.RETRYING
        at.later(300)
        await at.settle()
        assert (await _now(at, failure)).state is FailureState.OPEN


async def test_a_cell_given_up_is_settled_as_the_two_sides_have_it(database: str) -> None:
    async with ground(database) as at:
        at.fill(1, 2)
        await at.settle()
        at.sheet.refuse.add((key(1), "age"))
        at.sql("UPDATE people SET age = 9 WHERE id = 1")
        await at.settle()
        failure = await _only(at)
        await _discard(at, failure)
        await _quiet(at, failure)
        assert (at.rows()[1], at.table()[1]) == (("n1", 1), ("n1", 9))
        # Other cells of the row go on.
        at.sheet.edit(key(1), name="sheet")
        await at.settle()
        assert (at.rows()[1], at.table()[1]) == (("sheet", 1), ("sheet", 9))
        # A later edit of the source is one, and no conflict with what was given up.
        at.sheet.edit(key(1), age=5.0)
        await at.settle()
        assert at.rows()[1] == at.table()[1] == ("sheet", 5)
        assert await at.conflicts() == []
        # The same value once more is another edit, and another failure.
        at.sql("UPDATE people SET age = 9 WHERE id = 1")
        await at.settle()
        assert (await _only(at)).id != failure.id


async def test_a_formula_cell_given_up(database: str) -> None:
    async with ground(database, columns=(*COLUMNS,)) as at:
        at.sheet.formulas = {"age": lambda cells: len(str(cells["name"])) * 1.0}
        at.sheet.edit(key(1), id=1.0, name="Ada")
        await at.settle()
        at.sql("UPDATE people SET age = 99 WHERE id = 1")
        await at.settle()
        failure = await _only(at)
        assert failure.code == "FORMULA_CELL"
        await _discard(at, failure)
        await _quiet(at, failure)
        assert (at.rows()[1], at.table()[1]) == (("Ada", 3), ("Ada", 99))
        at.sheet.edit(key(1), name="Adam")
        await at.settle()
        assert at.rows()[1] == at.table()[1] == ("Adam", 4)
        assert await at.conflicts() == []


async def test_a_cell_that_the_column_can_t_take_given_up(database: str) -> None:
    async with ground(database) as at:
        at.fill(1, 2)
        await at.settle()
        at.sheet.edit(key(1), age="old")
        await at.settle()
        failure = await _only(at)
        await _discard(at, failure)
        await _quiet(at, failure)
        at.sheet.edit(key(1), age="older")
        await at.settle()
        second = await _only(at)
        assert second.value == "older"
        # What was given up before its value changed speaks for nothing any more.
        at.sheet.edit(key(1), age="old")
        await at.settle()
        assert (await _only(at)).value == "old"
        at.sheet.edit(key(1), age=7.0)
        await at.settle()
        assert (await at.failures(), at.table()[1]) == ([], ("n1", 7))


async def test_rows_given_up(database: str) -> None:
    async with ground(database, ddl=STRICT) as at:
        at.fill(1, 2, 3)
        await at.settle()
        at.sheet.edit(key(1), age=200.0)
        at.sheet.edit(key(4), id=4.0, name="n4", age=400.0)
        at.sheet.refuse |= {(key(5), None), (key(2), None)}
        at.sql("INSERT INTO people VALUES (5, 'n5', 5)")
        at.sql("DELETE FROM people WHERE id = 2")
        await at.settle()
        failures = await at.failures()
        assert len(failures) == 4
        for failure in failures:
            await _discard(at, failure)
        for failure in failures:
            await _quiet(at, failure)
        assert at.table() == {1: ("n1", 1), 3: ("n3", 3), 5: ("n5", 5)}
        assert set(at.rows()) == {1, 2, 3, 4}
        at.sheet.refuse.clear()
        at.sheet.edit(key(1), age=20.0)
        at.sheet.edit(key(4), age=40.0)
        at.sql("UPDATE people SET name = 'new' WHERE id = 5")
        await at.settle()
        assert at.rows()[1] == at.table()[1] == ("n1", 20)
        assert at.rows()[4] == at.table()[4] == ("n4", 40)
        assert at.rows()[5] == at.table()[5] == ("new", 5)
        assert await at.failures() == []


async def test_what_was_given_up_in_the_table_is_never_overwritten_unseen(database: str) -> None:
    async with ground(database, ddl=STRICT, policy=ConflictPolicy.DATABASE_WINS) as at:
        at.fill(1)
        await at.settle()
        at.sheet.edit(key(1), age=200.0)
        await at.settle()
        await _discard(at, await _only(at))
        await at.settle()
        at.sql("UPDATE people SET age = 7 WHERE id = 1")
        await at.settle()
        assert at.rows()[1] == at.table()[1] == ("n1", 7)
        [conflict] = await at.conflicts()
        assert (conflict.column, conflict.source_value) == ("age", 200)


async def test_a_place_without_a_key_given_up(database: str) -> None:
    async with ground(database) as at:
        at.fill(1, 2)
        at.sheet.problems = [Problem("EMPTY_KEY", "Row 4 has no key.", address="rows!A4")]
        await at.settle()
        failure = await _only(at)
        await _discard(at, failure)
        await _quiet(at, failure)
        at.sheet.problems = []
        await at.settle()
        at.sheet.problems = [Problem("EMPTY_KEY", "Row 4 has no key.", address="rows!A4")]
        await at.settle()
        assert (await _only(at)).id != failure.id
