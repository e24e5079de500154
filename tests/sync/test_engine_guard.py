"""The delete guard over real runs: nothing is written either way until a person looked."""

import pytest

from db.errors import Conflict, NotFound
from db.held import HeldDelete, confirm_deletes, held_deletes, hold
from db.runs import Run, RunState, RunTrigger, get_run, list_runs, start_run
from db.sources import Side, SourceState
from tests.sync.ground import Ground, ground, key


async def _confirm(at: Ground, run: Run) -> Run:
    async with at.pool.connection() as connection:
        return await confirm_deletes(connection, run.id)


async def _held(at: Ground, run: Run) -> list[tuple[Side, str]]:
    async with at.pool.connection() as connection:
        page = await held_deletes(connection, run.id, first=100)
    assert page.total == len(page.nodes)
    return [(held.side, held.key) for held in page.nodes]


@pytest.mark.parametrize("side", Side)
async def test_deleting_most_of_a_side_is_held_until_confirmed(database: str, side: Side) -> None:
    async with ground(database) as at:
        at.fill(*range(10))
        await at.settle()
        if side is Side.SOURCE:
            at.sql("DELETE FROM people WHERE id < 6")
        else:
            at.sheet.delete(*map(key, range(6)))
            await at.run()
        at.sheet.edit(key(9), name="edited")
        at.sql("UPDATE people SET age = 80 WHERE id = 8")
        run = await at.run()
        assert run.state is RunState.HELD
        assert run.message is not None
        assert "confirmDeletes" in run.message
        kept = set(range(10))
        assert (set(at.table()) == kept) is (side is Side.DATABASE)
        assert (set(at.rows()) == kept) is (side is Side.SOURCE)
        assert (at.table()[9], at.rows()[8]) == (("n9", 9), ("n8", 8.0)), "nothing is written either way"
        assert await _held(at, run) == [(side, key(id_)) for id_ in range(6)]
        source = await at.source()
        assert (source.state, (await at.state()).held_run) == (SourceState.HELD, run.id)
        assert (await at.state()).retry_at is None, "what waits for a person is looked at by polls alone"

        again = await at.run()
        assert again.state is RunState.HELD
        assert (await at.state()).held_run == run.id, "the same deletes stay with the run that showed them"

        assert (await _confirm(at, run)).id == run.id
        done = await at.settle()
        assert done.state is RunState.SUCCEEDED
        assert done.counts.database_deletes + done.counts.source_deletes == 6
        assert at.table() == at.rows()
        assert set(at.table()) == {6, 7, 8, 9}
        assert (at.table()[9], at.rows()[8]) == (("edited", 9), ("n8", 80.0))
        assert (await at.source()).state is SourceState.ACTIVE
        with pytest.raises(Conflict, match="holds no deletes any more"):
            await _confirm(at, run)


async def test_rows_that_come_back_end_the_hold(database: str) -> None:
    async with ground(database) as at:
        at.fill(1, 2, 3)
        await at.settle()
        rows = {one: dict(cells) for one, cells in at.sheet.rows.items()}
        at.sheet.delete(*rows)
        await at.run()
        assert (await at.run()).state is RunState.HELD, "an emptied side is held however small it was"
        for one, cells in rows.items():
            at.sheet.edit(one, **cells)
        assert (await at.run()).state is RunState.SUCCEEDED
        assert len(at.table()) == 3
        assert (await at.state()).held_run is None
        assert at.events("STATE")[-1] == "people is ACTIVE."


async def test_only_what_was_confirmed_goes(database: str) -> None:
    async with ground(database) as at:
        at.fill(*range(20))
        await at.settle()
        at.sql("DELETE FROM people WHERE id < 12")
        run = await at.run()
        await _confirm(at, run)
        at.sql("DELETE FROM people WHERE id = 19")
        first = await at.run()
        assert (first.state, first.counts.source_deletes) == (RunState.SUCCEEDED, 12)
        assert 19 in at.rows()
        await at.settle()
        assert set(at.rows()) == set(range(12, 19))


async def test_other_deletes_are_held_anew(database: str) -> None:
    async with ground(database) as at:
        at.fill(*range(20))
        await at.settle()
        at.sql("DELETE FROM people WHERE id < 12")
        first = await at.run()
        at.sql("DELETE FROM people WHERE id = 12")
        second = await at.run()
        assert (await at.state()).held_run == second.id
        assert len(await _held(at, second)) == 13
        with pytest.raises(Conflict):
            await _confirm(at, first)
        with pytest.raises(NotFound):
            async with at.pool.connection() as connection:
                await confirm_deletes(connection, 10**9)


async def test_a_confirmation_amid_a_run_is_carried_out_by_the_next(database: str) -> None:
    async with ground(database) as at:
        at.fill(*range(10))
        await at.settle()
        at.sql("DELETE FROM people WHERE id < 6")
        held = await at.run()
        await _confirm(at, held)
        # A run that looked for confirmed deletes before there were any comes to its end.
        async with at.pool.connection() as connection:
            late = await start_run(connection, at.source_id, RunTrigger.SCHEDULE)
            await hold(connection, at.source_id, late.id, [HeldDelete(Side.SOURCE, key(6), {})])
        assert (await at.state()).held_run == held.id
        done = await at.run()
        assert (done.state, done.counts.source_deletes) == (RunState.SUCCEEDED, 6)


async def test_held_deletes_are_paged(database: str) -> None:
    async with ground(database) as at:
        at.fill(*range(14))
        await at.settle()
        at.sql("DELETE FROM people WHERE id < 12")
        run = await at.run()
        async with at.pool.connection() as connection:
            one = await held_deletes(connection, run.id, first=7)
            last = one.nodes[-1]
            two = await held_deletes(connection, run.id, first=7, after=(last.side, last.key))
        assert (one.has_next_page, two.has_next_page, one.total) == (True, False, 12)
        assert [held.key for held in (*one.nodes, *two.nodes)] == [key(id_) for id_ in range(12)]
        assert one.nodes[0].row == {"id": 0, "name": "n0", "age": 0}


async def test_runs_are_listed_newest_first(database: str) -> None:
    async with ground(database) as at:
        for trigger in (RunTrigger.START, RunTrigger.HOOK, RunTrigger.MANUAL):
            await at.run(trigger)
        async with at.pool.connection() as connection:
            page = await list_runs(connection, at.source_id, first=2)
            rest = await list_runs(connection, at.source_id, first=2, after=page.nodes[-1].id)
            assert [run.trigger for run in (*page.nodes, *rest.nodes)] == ["MANUAL", "HOOK", "START"]
            assert (page.has_next_page, rest.has_next_page, page.total) == (True, False, 3)
            assert await get_run(connection, 10**9) is None
