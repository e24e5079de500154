"""More rows than a run holds plans for: it carries them out in parts, of one reading."""

import pytest

from db.runs import RunState
from db.sources import DeletePolicy, Direction, SourceState
from tests.sync.ground import Ground, ground, key
from tests.sync.memory_source import Broken


async def test_a_large_import_is_one_run_of_one_reading(database: str) -> None:
    async with ground(database, most_plans=2) as at:
        at.fill(1, 2, 3, 4, 5)
        at.sql("INSERT INTO people VALUES (6, 'n6', 6), (7, 'n7', 7)")
        run = await at.run()
        assert (run.state, run.counts.database_upserts, run.counts.source_upserts) == (RunState.SUCCEEDED, 5, 2)
        assert at.sheet.reads == 1
        assert at.table() == at.rows() == {id_: (f"n{id_}", id_) for id_ in range(1, 8)}
        state = await at.state()
        assert (state.retry_at, state.cursor is not None) == (None, True)


async def test_the_rest_of_a_first_import_is_no_edit_of_the_table(database: str) -> None:
    async with ground(database, direction=Direction.FROM_SOURCE, most_plans=1) as at:
        at.fill(1, 2)
        at.sql("INSERT INTO people VALUES (7, 'only here', 7)")
        await at.settle()
        assert at.table() == {1: ("n1", 1), 2: ("n2", 2), 7: ("only here", 7)}


async def test_the_guard_counts_the_rows_of_all_parts(database: str) -> None:
    async with ground(database, most_plans=2) as at:
        at.fill(*range(1, 9))
        await at.settle()
        at.sheet.delete(*(key(id_) for id_ in range(1, 7)))
        await at.run()
        at.fill(21, 22, 23, 24)
        run = await at.run()
        assert run.state is RunState.HELD
        assert at.table().keys() == set(range(1, 9)), "no part of it was done"
        held = at.sql("SELECT count(*) AS rows FROM rowcast.held_deletes WHERE run_id = %s", run.id)
        assert held == [{"rows": 6}]
        at.sql("UPDATE rowcast.held_deletes SET confirmed = true")
        await at.settle()
        assert (await at.source()).state is SourceState.ACTIVE
        assert at.table().keys() == at.rows().keys() == {7, 8, 21, 22, 23, 24}


async def test_rows_that_fail_again_and_again_hold_up_no_other(database: str) -> None:
    async with ground(database, most_plans=2) as at:
        at.fill(1, 2, 3, 4, 5, 6)
        for id_ in (1, 2, 3):
            at.sheet.edit(key(id_), age="no number")
        await at.settle()
        assert at.table() == {**{i: (f"n{i}", None) for i in (1, 2, 3)}, **{i: (f"n{i}", i) for i in (4, 5, 6)}}
        assert len(await at.failures()) == 3


async def _of_nine(at: Ground) -> None:
    at.fill(*range(1, 10))
    await at.settle()


async def test_what_one_part_wrote_is_no_edit_of_the_source_for_the_rest(database: str) -> None:
    """Rows with open records and deletes are dealt with first, wherever they stand; the reading is from before."""
    async with ground(database, most_plans=2) as at:
        await _of_nine(at)
        at.sheet.refuse.add((key(8), "age"))
        at.sql("UPDATE people SET age = 80 WHERE id = 8")
        await at.settle()
        at.sheet.refuse.clear()
        at.sql("UPDATE rowcast.failures SET state = 'RETRYING'")
        at.sql("DELETE FROM people WHERE id = 9")
        at.sql("UPDATE people SET age = age + 100 WHERE id < 8")
        at.sheet.writes.clear()
        reads = at.sheet.reads
        run = await at.run()
        assert (run.counts.source_upserts, run.counts.source_deletes, at.sheet.reads - reads) == (8, 1, 1)
        assert sorted(edit.key for edit in at.sheet.writes) == [key(id_) for id_ in range(1, 10)]
        await at.settle()
        expected = {**{id_: (f"n{id_}", id_ + 100) for id_ in range(1, 8)}, 8: ("n8", 80)}
        assert at.table() == at.rows() == expected
        assert await at.failures() == []


async def test_a_part_sees_the_table_as_it_is_by_then(database: str) -> None:
    async with ground(database, most_plans=2) as at:
        await _of_nine(at)
        at.sql("UPDATE people SET age = age + 100")
        at.sheet.before_write = lambda: at.sql("UPDATE people SET age = 7 WHERE id = 9")
        run = await at.run()
        assert run.counts.source_upserts == 9
        assert at.rows()[9] == at.table()[9] == ("n9", 7)


async def test_a_row_edited_in_the_source_between_two_parts_is_left_to_the_next_run(database: str) -> None:
    async with ground(database, most_plans=2) as at:
        await _of_nine(at)
        at.sql("UPDATE people SET age = age + 100")
        at.sheet.before_write = lambda: at.sheet.rows[key(9)].update(age=-9.0, name="typed")
        await at.run()
        at.sheet.before_write = None
        assert at.rows()[9] == ("typed", -9)
        await at.settle()
        assert at.table()[9] == at.rows()[9] == ("typed", 109)
        assert [conflict.key for conflict in await at.conflicts()] == [key(9)]


async def test_deletes_that_come_between_two_parts_are_judged_by_the_next_run(database: str) -> None:
    async with ground(database, most_plans=2) as at:
        await _of_nine(at)
        at.sql("UPDATE people SET age = age + 100")
        at.sheet.before_write = lambda: at.sql("TRUNCATE people")
        run = await at.run()
        assert (run.counts.source_upserts, run.counts.source_deletes) == (2, 0)
        at.sheet.before_write = None
        assert len(at.rows()) == 9
        held = await at.run()
        assert (held.state, len(at.rows())) == (RunState.HELD, 9)


async def test_a_run_cut_off_between_two_parts_is_healed_by_the_next(database: str) -> None:
    async with ground(database, most_plans=2) as at:
        await _of_nine(at)
        at.sql("UPDATE people SET age = age + 100")
        parts: list[int] = []

        def second() -> None:
            parts.append(1)
            if len(parts) == 2:
                raise Broken("the second part")

        at.sheet.before_write = second
        with pytest.raises(Broken):
            await at.run()
        await at.settle()
        assert at.table() == at.rows() == {id_: (f"n{id_}", id_ + 100) for id_ in range(1, 10)}
        assert await at.conflicts() == []


async def test_a_source_bound_anew_between_two_parts_gets_no_more_of_the_run(database: str) -> None:
    async with ground(database, most_plans=2) as at:
        await _of_nine(at)
        at.sql("UPDATE people SET age = age + 100")
        at.sheet.before_write = lambda: at.sql("UPDATE rowcast.sources SET delete_policy = 'IGNORE'")
        run = await at.run()
        assert (run.state, len(at.sheet.writes)) == (RunState.PARTIAL, 2)
        at.sheet.before_write = None
        assert (await at.source()).delete_policy is DeletePolicy.IGNORE
        await at.settle()
        assert at.table() == at.rows() == {id_: (f"n{id_}", id_ + 100) for id_ in range(1, 10)}
