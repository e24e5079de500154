"""Reading and writing the log: pages, slices, history, retention, and what the appends refuse."""

from datetime import UTC, date, datetime, timedelta

import pytest

from db.changes import Cause, Change, Operation, Transaction
from db.errors import CursorExpired, LeadershipLost, Unavailable
from db.keys import key_text
from db.lease import Term
from db.log import drop_history, history, log_state, partitions, read_entries, read_log
from db.log_append import advance, appending, begin_epoch, ensure_partitions
from db.log_append_small import append_small
from db.position import Position
from db.session import Connection, connect
from tests.replication.leader import execute

TODAY = date(2026, 3, 10)


async def opened(connection: Connection) -> tuple[Term, int]:
    await connection.execute("UPDATE rowcast.lease SET term = 1, holder = 'h'")
    term = Term(1, "h", "", float("inf"))
    state = await begin_epoch(
        connection, term, system_id="1", timeline=1, slot="s", start=100, publications=["p"], reason="test"
    )
    await ensure_partitions(connection, TODAY)
    await ensure_partitions(connection, TODAY)
    return term, state.epoch


def commit(epoch: int, lsn: int, *relations: str, key: str = "k", last: bool = True, first: int = 1) -> Transaction:
    changes = tuple(
        Change(Position(epoch, lsn, index), relation, Operation.INSERT, key, None, None, {"n": index})
        for index, relation in enumerate(relations, first)
    )
    return Transaction(lsn, datetime.now(UTC), Cause.SQL, None, changes, last)


async def append(connection: Connection, term: Term, *commits: Transaction, day: date = TODAY) -> None:
    async with appending(connection, term, lambda: commits[-1].position.lsn + 1, day) as log:
        for one in commits:
            await log.write(one)


async def test_pages_are_cut_into_slices_by_table_with_a_right_last(database: str) -> None:
    async with await connect(database, "rowcast test") as connection:
        term, epoch = await opened(connection)
        await append(connection, term, commit(epoch, 100, "a", "a", "a", "b"), commit(epoch, 200, "a"))
        start = Position(epoch, 100, 0)
        for page in (1, 2, 3, 1000):
            read = [item async for item in read_log(connection, start, page=page)]
            for relation, sizes in (("a", [3, 1]), ("b", [1])):
                mine = [item for item in read if item.changes[0].relation == relation]
                assert sum(len(item.changes) for item in mine) == sum(sizes)
                assert all(len(item.changes) <= page for item in mine)
                assert sum(item.last for item in mine) == len(sizes)
                assert mine[-1].last
                assert {change.relation for item in mine for change in item.changes} == {relation}
            positions = [c.position for item in read for c in item.changes if c.relation == "a"]
            assert positions == sorted(positions)
        assert await read_entries(connection, start, ("b",))
        assert not await read_entries(connection, Position(epoch, 100, 4), ("b",))
        until = [item async for item in read_log(connection, start, ("a",), Position(epoch, 200, 0))]
        assert [item.position for item in until] == [Position(epoch, 100, 3)]
        assert [item async for item in read_log(connection, start, ("a", "b"), start)] == []


async def test_a_log_that_ends_before_what_is_asked_for_is_not_read_as_if_nothing_followed(database: str) -> None:
    async with await connect(database, "rowcast test") as connection:
        term, epoch = await opened(connection)
        await append(connection, term, commit(epoch, 100, "a"))
        start = Position(epoch, 100, 0)
        lost, until = Position(epoch, 200, 1), Position(epoch, 201, 0)
        for relations in (("a",), ("b",)):
            with pytest.raises(Unavailable, match="crashed"):
                await read_entries(connection, start, relations, until, head=lost)
        # Before its end it is complete, and so is a log that goes on without entries.
        assert await read_entries(connection, start, ("a",), Position(epoch, 100, 1), head=lost) == []
        assert await read_entries(connection, start, ("b",), until, head=Position(epoch, 100, 1)) == []
        await append(connection, term, commit(epoch, 200, "a"))
        assert len(await read_entries(connection, start, ("a",), until, head=lost)) == 2


async def test_a_log_that_went_on_without_what_a_crash_took_is_complete(database: str) -> None:
    """The source may have been deleted meanwhile: then the leader had nothing to append again."""
    async with await connect(database, "rowcast test") as connection:
        term, epoch = await opened(connection)
        await append(connection, term, commit(epoch, 100, "a"))
        start, lost, until = Position(epoch, 100, 0), Position(epoch, 200, 1), Position(epoch, 201, 0)
        with pytest.raises(Unavailable, match="crashed"):
            await read_entries(connection, start, ("a",), until, head=lost)
        await advance(connection, term, 201, beat=False)
        assert len(await read_entries(connection, start, ("a",), until, head=lost)) == 1


async def test_reading_before_the_log_begins_or_in_another_epoch_is_expired(database: str) -> None:
    async with await connect(database, "rowcast test") as connection:
        assert await log_state(connection) is None
        with pytest.raises(CursorExpired, match="not open"):
            await read_entries(connection, Position(0, 0, 0), ("a",))
        _, epoch = await opened(connection)
        with pytest.raises(CursorExpired, match="begin anew"):
            await read_entries(connection, Position(epoch - 1, 500, 0), ("a",))
        with pytest.raises(CursorExpired, match="reaches back"):
            await read_entries(connection, Position(epoch, 99, 0), ("a",))


async def test_history_is_newest_first_under_old_keys_too(database: str) -> None:
    async with await connect(database, "rowcast test") as connection:
        term, epoch = await opened(connection)
        moved = Change(Position(epoch, 300, 1), "a", Operation.UPDATE, "new", "k", {"n": 1}, {"n": 2})
        await append(
            connection,
            term,
            commit(epoch, 100, "a"),
            commit(epoch, 200, "a", key="other"),
            Transaction(300, datetime.now(UTC), Cause.API, "me", (moved,), last=True),
        )
        assert [entry.change.position.lsn for entry in await history(connection, "a", None, None, 10)] == [
            300,
            200,
            100,
        ]
        of_row = await history(connection, "a", "k", None, 10)
        assert [entry.change.position.lsn for entry in of_row] == [300, 100]
        assert (of_row[0].cause, of_row[0].actor, of_row[0].change) == (Cause.API, "me", moved)
        older = await history(connection, "a", None, of_row[0].change.position, 1)
        assert [entry.change.position.lsn for entry in older] == [200]


async def test_history_goes_on_through_a_new_epoch_and_reading_does_not(database: str) -> None:
    async with await connect(database, "rowcast test") as connection:
        term, first = await opened(connection)
        await append(connection, term, commit(first, 300, "a"), commit(first, 400, "b"))
        # LSNs may begin again, and names are as known as they were.
        term, second = await opened(connection)
        assert await append_small(connection, term, [commit(second, 200, "a"), commit(second, 300, "b")], 301, TODAY)
        found = [entry.change.position for entry in await history(connection, "a", None, None, 10)]
        assert found == [Position(second, 200, 1), Position(first, 300, 1)]
        older = await history(connection, "a", "k", found[0], 10)
        assert [entry.change.position for entry in older] == found[1:]
        read = [each.position async for each in read_log(connection, Position(second, 100, 0))]
        assert read == [Position(second, 200, 1), Position(second, 300, 1)]
        with pytest.raises(CursorExpired, match="begin anew"):
            await read_entries(connection, Position(first, 300, 0), ("a",))


async def test_a_table_that_an_open_append_has_not_seen_yet_is_appended_with_it(database: str) -> None:
    async with await connect(database, "rowcast test") as connection:
        term, epoch = await opened(connection)
        commits = [commit(epoch, 100, "a"), commit(epoch, 200, "b"), commit(epoch, 300, "a", "c")]
        await append(connection, term, *commits)
        read = [change async for each in read_log(connection, Position(epoch, 100, 0)) for change in each.changes]
        assert read == [change for each in commits for change in each.changes]


async def test_retention_drops_days_and_raises_the_floor(database: str) -> None:
    async with await connect(database, "rowcast test") as connection:
        term, epoch = await opened(connection)
        await append(connection, term, commit(epoch, 100, "a"))
        later = TODAY + timedelta(days=5)
        await ensure_partitions(connection, later)
        await append(connection, term, commit(epoch, 200, "a"), day=later)
        async with connection.transaction():
            assert await drop_history(connection, 5, later) == 0
        async with connection.transaction():
            assert await drop_history(connection, 3, later) == 2
        assert [day for _, day in await partitions(connection)] == [later, later + timedelta(days=1)]
        with pytest.raises(CursorExpired):
            await read_entries(connection, Position(epoch, 100, 0), ("a",))
        assert await read_entries(connection, Position(epoch, 101, 0), ("a",))
        # All of it gone: who is at the frontier still holds a good cursor.
        async with connection.transaction():
            await drop_history(connection, 1, later + timedelta(days=9))
        state = await log_state(connection)
        assert state is not None
        state.check(state.frontier)


async def test_a_commit_given_twice_is_refused_whole(database: str) -> None:
    async with await connect(database, "rowcast test") as connection:
        term, epoch = await opened(connection)
        await append(connection, term, commit(epoch, 300, "a"))
        with pytest.raises(RuntimeError, match="head"):
            await append(connection, term, commit(epoch, 200, "a"))
        assert len(await history(connection, "a", None, None, 10)) == 1


async def test_integers_beyond_64_bits_in_json_are_kept(database: str) -> None:
    async with await connect(database, "rowcast test") as connection:
        term, epoch = await opened(connection)
        row = {"doc": {"n": 10**30}}
        change = Change(Position(epoch, 100, 1), "a", Operation.INSERT, "k", None, None, row)  # type: ignore[arg-type]
        await append(connection, term, Transaction(1, datetime.now(UTC), Cause.SQL, None, (change,), last=True))
        [entry] = await history(connection, "a", None, None, 1)
        assert entry.change.after == row


ODD = (
    "\\",
    "\\N",
    "\\.",
    "\\n",
    "a\tb",
    "a\nb",
    "a\r\nb",
    "",
    "NULL",
    '"',
    "'",
    "\x01\x1f\x7f\x85\u2028",
    "ä€😀",
)


@pytest.mark.parametrize("odd", ODD)
async def test_every_text_comes_out_of_the_log_as_it_went_in(database: str, odd: str) -> None:
    async with await connect(database, "rowcast test") as connection:
        term, epoch = await opened(connection)
        relation, key, row = f"public.{odd}", key_text([odd, "\t"]), {odd: odd, "none": None, "deep": [odd]}
        at = Position(epoch, 100, 1)
        change = Change(at, relation, Operation.UPDATE, key, key_text([odd]), row, row)  # type: ignore[arg-type]
        given = Transaction(1, datetime.now(UTC), Cause.API, odd or None, (change,), last=True)
        await append(connection, term, given)
        [entry] = await history(connection, relation, key, None, 1)
        assert entry.change == change
        assert [item async for item in read_log(connection, Position(epoch, 100, 0), (relation,))] == [given]


async def test_a_restored_log_never_begins_an_epoch_of_before(database: str) -> None:
    async with await connect(database, "rowcast test") as connection:
        _, first = await opened(connection)
        _, second = await opened(connection)
        assert second > first
    await execute(database, "SELECT 1")


async def test_one_statement_appends_nothing_once_the_term_is_over_or_behind_the_head(database: str) -> None:
    async with await connect(database, "rowcast test") as connection:
        term, epoch = await opened(connection)
        await append(connection, term, commit(epoch, 100, "a"))
        with pytest.raises(RuntimeError, match="two writers"):
            await append_small(connection, term, [commit(epoch, 100, "a")], 101, TODAY)
        assert await append_small(connection, term, [commit(epoch, 200, "a")], 201, TODAY)
        # Nor where only the first is there already, under another day.
        twice = commit(epoch, 200, "a"), commit(epoch, 300, "a")
        tomorrow = TODAY + timedelta(days=1)
        with pytest.raises(RuntimeError, match="two writers"):
            await append_small(connection, term, twice, 301, tomorrow)
        with pytest.raises(RuntimeError, match="two writers"):
            await append(connection, term, *twice, day=tomorrow)
        await append(connection, term, commit(epoch, 250, "a"))
        before = await log_state(connection)
        await connection.execute("UPDATE rowcast.lease SET term = 2, holder = 'another'")
        with pytest.raises(LeadershipLost, match="term 1"):
            await append_small(connection, term, [commit(epoch, 300, "a")], 301, TODAY)
        assert await log_state(connection) == before
        assert await read_entries(connection, Position(epoch, 250, 1)) == []
        with pytest.raises(LeadershipLost, match="term 1"):
            term.check()


async def test_one_statement_takes_no_more_than_a_mebibyte(database: str) -> None:
    async with await connect(database, "rowcast test") as connection:
        term, epoch = await opened(connection)
        await append(connection, term, commit(epoch, 100, "a"))
        change = Change(Position(epoch, 200, 1), "a", Operation.INSERT, "k", None, None, {"n": "x" * (1 << 20)})
        large = Transaction(200, datetime.now(UTC), Cause.SQL, None, (change,), last=True)
        assert await append_small(connection, term, [large], 201, TODAY) is None
        assert await append_small(connection, term, [commit(epoch, 200, "a")], 201, TODAY)
