"""One side overwrites the other because a person asked for it; dry runs, which write nothing."""

import asyncio

import pytest

from db.conflicts import ConflictState
from db.runs import Run, RunCounts, RunState, RunTrigger, last_run, start_run
from db.sources import ConflictPolicy, DeletePolicy, Side
from db.sync_requests import is_withdrawn, request_sync, run_of_request, withdraw, withdraw_all
from sync.runs.compare import SUSPICION
from sync.runs.dry_run import DryRuns
from sync.source import Problem
from tests.grace import GRACE
from tests.sync.ground import TABLE, Ground, ground, key
from tests.sync.memory_source import Broken


async def _apart(at: Ground) -> None:
    """Seven rows that were alike, edited and deleted on either side since; and a new row on each."""
    at.fill(*range(1, 8))
    await at.settle()
    at.sql("UPDATE people SET name = 'db', age = 100 WHERE id = 1")
    at.sheet.edit(key(1), name="sheet")
    at.sql("UPDATE people SET name = 'db' WHERE id = 2")
    at.sheet.edit(key(3), name="sheet")
    at.sql("DELETE FROM people WHERE id >= 4")
    at.sql("INSERT INTO people VALUES (8, 'mine', 8)")
    at.fill(9)


async def _ask(at: Ground, winner: Side, *, lasting: bool = False) -> int:
    async with at.pool.connection() as connection:
        return await request_sync(connection, at.source_id, winner, lasting=lasting)


async def _ended_by(at: Ground, asked: int) -> int | None:
    async with at.pool.connection() as connection:
        return await run_of_request(connection, asked)


async def _dry(at: Ground, winner: Side | None = None) -> Run:
    run = await DryRuns(at.pool, lambda _: at.sheet, lambda: at.now, GRACE).run(await at.source(), winner)
    assert run is not None
    return run


def _everything(at: Ground) -> object:
    kept = ("base", "conflicts", "failures", "sync_state", "sync_requests", "held_deletes")
    return [at.table(), at.rows(), at.sheet.writes, *(at.sql(f"SELECT * FROM rowcast.{name}") for name in kept)]


@pytest.mark.parametrize("policy", [ConflictPolicy.DATABASE_WINS, ConflictPolicy.MANUAL])
async def test_the_source_overwrites_the_database(database: str, policy: ConflictPolicy) -> None:
    async with ground(database, policy=policy) as at:
        await _apart(at)
        asked = await _ask(at, Side.SOURCE)
        run = await at.run()
        assert (run.state, run.message) == (RunState.SUCCEEDED, "The source overwrote the other side.")
        assert (run.counts.database_upserts, run.counts.database_deletes) == (8, 1)
        assert at.table() == at.rows()
        assert at.table()[1] == ("sheet", 1)
        assert set(at.table()) == {1, 2, 3, 4, 5, 6, 7, 9}
        assert at.sheet.writes == []
        assert await _ended_by(at, asked) == run.id
        later = await at.settle()
        assert later.message is None
        assert later.counts.database_upserts == later.counts.source_upserts == 0


async def test_the_database_overwrites_the_source_and_records_what_was_there(database: str) -> None:
    async with ground(database, policy=ConflictPolicy.SOURCE_WINS) as at:
        await _apart(at)
        asked = await _ask(at, Side.DATABASE)
        run = await at.run(RunTrigger.SCHEDULE)
        assert run.state is RunState.SUCCEEDED, "the guard holds nothing that was asked for"
        assert (run.counts.source_upserts, run.counts.source_deletes) == (4, 5)
        assert at.rows() == at.table()
        assert set(at.table()) == {1, 2, 3, 8}
        assert at.table()[1] == ("db", 100)
        lost = [(one.column, one.source_value, one.resolved_by) for one in await at.conflicts()]
        assert ("name", "sheet", "winner") in lost
        assert (None, {"name": "n9", "age": 9}, "winner") in lost
        assert await _ended_by(at, asked) == run.id


async def test_an_open_conflict_is_settled_by_the_winner(database: str) -> None:
    async with ground(database, policy=ConflictPolicy.MANUAL) as at:
        at.fill(1, 2)
        await at.settle()
        at.sheet.edit(key(1), name="sheet")
        at.sql("UPDATE people SET name = 'db' WHERE id = 1")
        await at.settle()
        await _ask(at, Side.SOURCE)
        await at.settle()
        [conflict] = await at.conflicts()
        assert (conflict.state, conflict.resolution, conflict.resolved_by) == (
            ConflictState.RESOLVED,
            "SOURCE",
            "winner",
        )
        assert at.table()[1] == ("sheet", 1)


async def test_the_delete_policy_holds_for_what_the_source_overwrites(database: str) -> None:
    async with ground(database, ddl=TABLE + "ALTER TABLE people ADD deleted_at timestamptz") as at:
        at.fill(1, 2)
        await at.settle()
        at.sql("INSERT INTO people VALUES (8, 'mine', 8)")
        await at.change(delete_policy=DeletePolicy.IGNORE)
        await _ask(at, Side.SOURCE)
        await at.settle()
        assert (set(at.table()), set(at.rows())) == ({1, 2, 8}, {1, 2})
        await at.change(delete_policy=DeletePolicy.SOFT, hides_deleted=True)
        await _ask(at, Side.SOURCE)
        await at.settle()
        assert [row["id"] for row in at.sql("SELECT id FROM people WHERE deleted_at IS NOT NULL")] == [8]


async def test_what_is_absent_in_the_source_is_written_back_where_the_database_overwrites_it(database: str) -> None:
    async with ground(database) as at:
        await at.change(delete_policy=DeletePolicy.IGNORE)
        at.fill(1, 2)
        await at.settle()
        at.sheet.delete(key(1))
        await at.run()
        await at.settle()
        await _ask(at, Side.DATABASE)
        await at.settle()
        assert set(at.rows()) == {1, 2}


async def test_a_row_that_only_one_of_two_readings_shows_is_not_deleted(database: str) -> None:
    async with ground(database) as at:
        at.fill(1, 2, 3)
        await at.settle()
        cells = at.sheet.rows.pop(key(1))

        def cut_and_paste() -> None:
            at.sheet.after_read = None
            at.sheet.rows[key(1)] = cells
            del at.sheet.rows[key(2)]

        at.sheet.after_read = cut_and_paste
        asked = await _ask(at, Side.SOURCE)
        begun = at.now
        await at.run(RunTrigger.SCHEDULE)
        assert at.now - begun == SUSPICION, "rows that are cut and pasted are missing for a moment"
        assert set(at.table()) == {1, 2, 3}
        await at.settle()
        assert set(at.table()) == {1, 3}
        assert await _ended_by(at, asked) is not None


@pytest.mark.parametrize("lasting", [False, True])
async def test_nothing_is_overwritten_while_a_key_is_unreadable(database: str, lasting: bool) -> None:
    async with ground(database) as at:
        at.fill(1, 2, 3)
        await at.settle()
        at.sql("INSERT INTO people VALUES (8, 'mine', 8)")
        at.sql("UPDATE people SET name = 'db' WHERE id = 2")
        at.sheet.delete(key(1))
        at.sheet.unsure = True
        at.sheet.problems = [Problem("NO_KEY", "rows!A7 is empty: fill it in.")]
        before = at.table(), at.rows()
        asked = await _ask(at, Side.SOURCE, lasting=lasting)
        run = await at.run()
        assert run.state is RunState.FAILED
        assert run.message is not None
        assert "overwrote nothing" in run.message
        assert "rows!A7 is empty" in run.message
        assert (at.table(), at.rows()) == before
        assert await _ended_by(at, asked) == (None if lasting else run.id), "what is asked for is told, not forgotten"
        at.sheet.unsure, at.sheet.problems = False, []
        if not lasting:
            asked = await _ask(at, Side.SOURCE)
        await at.settle()
        assert at.table() == at.rows() == {2: ("n2", 2), 3: ("n3", 3)}
        assert await _ended_by(at, asked) is not None


async def test_the_database_wins_over_a_deletion_that_no_run_saw_yet(database: str) -> None:
    async with ground(database) as at:
        at.fill(1, 2, 3)
        await at.settle()
        at.sheet.delete(key(1))
        asked = await _ask(at, Side.DATABASE)
        await at.settle()
        assert set(at.table()) == set(at.rows()) == {1, 2, 3}
        assert await _ended_by(at, asked) is not None


@pytest.mark.parametrize("step", ["before read", "after read", "before write", "amid write", "after write"])
async def test_a_crash_leaves_the_request_to_the_next_run(database: str, step: str) -> None:
    async with ground(database, policy=ConflictPolicy.SOURCE_WINS) as at:
        await _apart(at)
        asked = await _ask(at, Side.DATABASE)
        at.sheet.fail_at = step
        crashed = asyncio.create_task(at.run())
        await asyncio.wait({crashed})
        assert isinstance(crashed.exception(), Broken)
        # The process that ended has ended nothing.
        at.sql("UPDATE rowcast.sync_requests SET done = false")
        await at.settle()
        assert at.rows() == at.table()
        assert set(at.table()) == {1, 2, 3, 8}
        assert await _ended_by(at, asked) is not None
        at.sheet.edit(key(1), name="later")
        await at.settle()
        assert at.table()[1] == ("later", 100), "it is carried out once"


async def test_a_row_that_moves_on_meanwhile_is_overwritten_by_the_next_run(database: str) -> None:
    async with ground(database, policy=ConflictPolicy.SOURCE_WINS) as at:
        at.fill(1, 2)
        await at.settle()
        at.sql("UPDATE people SET name = 'db'")

        def type_into() -> None:
            at.sheet.before_write = None
            at.sheet.edit(key(1), name="sheet")

        at.sheet.before_write = type_into
        asked = await _ask(at, Side.DATABASE)
        await at.run()
        assert await _ended_by(at, asked) is None
        await at.settle()
        assert at.rows() == at.table() == {1: ("db", 1), 2: ("db", 2)}
        assert await _ended_by(at, asked) is not None


async def test_a_run_that_fails_ends_the_request_unless_it_lasts(database: str) -> None:
    async with ground(database) as at:
        at.fill(1)
        at.sheet.unreachable = "Gone."
        asked, lasting = await _ask(at, Side.SOURCE), None
        run = await at.run()
        assert (run.state, await _ended_by(at, asked)) == (RunState.FAILED, run.id)
        lasting = await _ask(at, Side.SOURCE, lasting=True)
        await at.run()
        assert await _ended_by(at, lasting) is None
        at.sheet.unreachable = None
        await at.settle()
        assert await _ended_by(at, lasting) is not None


async def test_requests_are_carried_out_in_turn_and_can_be_taken_back(database: str) -> None:
    async with ground(database) as at:
        at.fill(1)
        await at.settle()
        at.sql("UPDATE people SET name = 'db'")
        first, second, third = await _ask(at, Side.DATABASE), await _ask(at, Side.SOURCE), await _ask(at, Side.SOURCE)
        async with at.pool.connection() as connection:
            assert await withdraw(connection, third)
            assert await is_withdrawn(connection, third)
        one, two = await at.run(RunTrigger.SCHEDULE), await at.run(RunTrigger.SCHEDULE)
        assert (await _ended_by(at, first), await _ended_by(at, second)) == (one.id, two.id)
        assert at.rows() == {1: ("db", 1.0)}
        pending, lasting = await _ask(at, Side.SOURCE), await _ask(at, Side.SOURCE, lasting=True)
        async with at.pool.connection() as connection:
            await withdraw_all(connection, at.source_id)
            assert await is_withdrawn(connection, pending)
            assert not await is_withdrawn(connection, lasting)
            assert not await withdraw(connection, second), "it is carried out"


@pytest.mark.parametrize("winner", [None, Side.SOURCE, Side.DATABASE])
async def test_a_dry_run_counts_and_writes_nothing(database: str, winner: Side | None) -> None:
    async with ground(database) as at:
        await _apart(at)
        before = _everything(at)
        run = await _dry(at, winner)
        assert _everything(at) == before
        assert run.message is not None
        assert "nothing was written" in run.message
        counts = run.counts
        found = (counts.database_upserts, counts.database_deletes, counts.source_upserts, counts.source_deletes)
        assert (counts.rows_read, counts.api_calls) == (8, 1)
        expected = {None: (2, 0, 3, 4), Side.SOURCE: (8, 1, 0, 0), Side.DATABASE: (0, 0, 4, 5)}
        assert found == expected[winner]
        assert counts.conflicts == {None: 1, Side.SOURCE: 0, Side.DATABASE: 3}[winner]
        if winner is not None:
            await _ask(at, winner)
            real = (await at.run()).counts
            assert found == (
                real.database_upserts,
                real.database_deletes,
                real.source_upserts,
                real.source_deletes,
            ), "a run does what the dry run said"


async def test_a_dry_run_says_what_the_guard_would_hold_and_what_is_in_its_way(database: str) -> None:
    async with ground(database) as at:
        at.fill(*range(10))
        await at.settle()
        at.sql("TRUNCATE people")
        run = await _dry(at)
        assert (run.state, run.counts.source_deletes) == (RunState.HELD, 10)
        assert run.message is not None
        assert "guard would hold it" in run.message
        assert (await at.state()).held_run is None
        at.sheet.unreachable = "Share the sheet."
        failed = await _dry(at)
        assert (failed.state, failed.message, failed.counts) == (RunState.FAILED, "Share the sheet.", RunCounts())
        async with at.pool.connection() as connection:
            real = await last_run(connection, at.source_id)
            assert real is not None
            assert real.id == failed.id, "it is listed among the runs"
            tried = await start_run(connection, at.source_id, RunTrigger.MANUAL, dry=True)
        assert at.sql("SELECT dry FROM rowcast.runs WHERE id = %s", tried.id) == [{"dry": True}]
