"""More rows than a run holds plans for: it carries out a part, and the next one, at once, goes on."""

from db.runs import RunState
from db.sources import Direction, SourceState
from tests.sync.ground import ground, key


async def test_a_large_import_takes_several_runs_that_follow_each_other_at_once(database: str) -> None:
    async with ground(database, most_plans=2) as at:
        at.fill(1, 2, 3, 4, 5)
        at.sql("INSERT INTO people VALUES (6, 'n6', 6), (7, 'n7', 7)")
        run = await at.run()
        assert (run.counts.database_upserts, run.counts.source_upserts) == (2, 0)
        state = await at.state()
        assert state.retry_at == at.now
        assert state.cursor is None, "it is still the first import"
        await at.settle()
        assert at.table() == at.rows() == {id_: (f"n{id_}", id_) for id_ in range(1, 8)}
        assert (await at.state()).cursor is not None


async def test_the_rest_of_a_first_import_is_no_edit_of_the_table(database: str) -> None:
    async with ground(database, direction=Direction.FROM_SOURCE, most_plans=1) as at:
        at.fill(1, 2)
        at.sql("INSERT INTO people VALUES (7, 'only here', 7)")
        await at.settle()
        assert at.table() == {1: ("n1", 1), 2: ("n2", 2), 7: ("only here", 7)}


async def test_the_guard_counts_what_a_run_would_leave_to_the_next(database: str) -> None:
    async with ground(database, most_plans=2) as at:
        at.fill(*range(1, 9))
        await at.settle()
        at.sheet.delete(*(key(id_) for id_ in range(1, 7)))
        at.fill(21, 22, 23, 24)
        await at.run()
        run = await at.run()
        assert run.state is RunState.HELD
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
