"""What a subscriber sees of the log: a table of cases, and the property that all of it rests on."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from db.changes import Cause, Change, Operation, Transaction, WireRow
from db.cursor import Cursor
from db.position import Position
from schema.feed import Batch, Delta, Feed, Shown, deltas, snapshot_batch

COLUMNS = ("id", "age")
SHOWN = Shown(("id",), COLUMNS)


def adult(row: WireRow) -> bool:
    age = row["age"]
    return isinstance(age, int) and age >= 18


def row(id_: int, age: int | None, **others: int) -> WireRow:
    return {"id": id_, "age": age, **others}


def change(
    operation: Operation, before: WireRow | None, after: WireRow | None, index: int = 1, lsn: int = 100
) -> Change:
    key = None if after is None and before is None else str((before if after is None else after)["id"])  # type: ignore[index]
    moved = before is not None and after is not None and before["id"] != after["id"]
    old_key = str(before["id"]) if moved and before is not None else None
    return Change(Position(1, lsn, index), "public.t", operation, key, old_key, before, after)


def commit(changes: Sequence[Change], *, last: bool = True) -> Transaction:
    return Transaction(7, datetime(2026, 1, 31, tzinfo=UTC), Cause.SQL, "psql", tuple(changes), last)


I, U, D, T = Operation.INSERT, Operation.UPDATE, Operation.DELETE, Operation.TRUNCATE  # noqa: E741

CASES = [
    pytest.param(I, None, row(1, 20), [(I, False, "1", ())], id="insert that matches"),
    pytest.param(I, None, row(1, 10), [], id="insert that does not"),
    pytest.param(D, row(1, 20), None, [(D, False, "1", ())], id="delete that matched"),
    pytest.param(D, row(1, 10), None, [], id="delete that did not"),
    pytest.param(U, row(1, 20), row(1, 30), [(U, False, "1", ("age",))], id="update within"),
    pytest.param(U, row(1, 20), row(1, 20), [(U, False, "1", ())], id="update of nothing"),
    pytest.param(U, row(1, 10), row(1, 11), [], id="update outside"),
    pytest.param(U, row(1, 10), row(1, 20), [(I, True, "1", ("age",))], id="enter"),
    pytest.param(U, row(1, 20), row(1, None), [(D, True, "1", ("age",))], id="leave"),
    pytest.param(U, row(1, 20), row(2, 20), [(D, True, "1", ("id",)), (I, True, "2", ("id",))], id="key change within"),
    pytest.param(U, row(1, 10), row(2, 20), [(I, True, "2", ("id", "age"))], id="key change that enters"),
    pytest.param(U, row(1, 20), row(2, 10), [(D, True, "1", ("id", "age"))], id="key change that leaves"),
    pytest.param(U, row(1, 10), row(2, 10), [], id="key change outside"),
    pytest.param(T, None, None, [(T, False, None, ())], id="truncate"),
    pytest.param(U, row(1, 20, extra=1), row(1, 20, extra=2), [(U, False, "1", ())], id="a column that isn't shown"),
]


@pytest.mark.parametrize(("operation", "before", "after", "expected"), CASES)
def test_what_a_change_is_to_a_filter(
    operation: Operation,
    before: WireRow | None,
    after: WireRow | None,
    expected: list[tuple[Operation, bool, str | None, tuple[str, ...]]],
) -> None:
    seen = list(deltas([change(operation, before, after)], SHOWN, adult))
    assert [(each.operation, each.moved, each.key, each.changed) for each in seen] == expected
    for each in seen:
        assert (each.row is None) == (each.operation in (D, T))
        assert (each.before is None) == (each.operation in (I, T))
        assert set(each.row or ()) <= set(COLUMNS)


def test_true_is_not_one() -> None:
    [delta] = deltas([change(U, {"id": 1, "age": 1}, {"id": 1, "age": True})], SHOWN, lambda _: True)
    assert delta.changed == ("age",)


def test_operations_are_applied_last() -> None:
    feed = Feed(SHOWN, adult, [Operation.DELETE])
    cursor = Cursor(Position(1, 100, 1))
    assert feed.slice(commit([change(U, row(1, 10), row(1, 20))]), cursor) is None
    batch = feed.slice(commit([change(U, row(1, 20), row(1, 10))]), cursor)
    assert batch is not None
    assert [delta.operation for delta in batch.deltas] == [D]


def test_a_commit_that_was_begun_is_ended() -> None:
    feed = Feed(SHOWN, adult, None)
    cursor = Cursor(Position(1, 100, 1))
    assert feed.slice(commit([change(I, None, row(1, 10))], last=False), cursor) is None
    first = feed.slice(commit([change(I, None, row(2, 20))], last=False), cursor)
    assert first is not None
    assert not first.last
    assert feed.slice(commit([change(I, None, row(3, 10))], last=False), cursor) is None
    assert feed.passed(cursor) is None
    final = feed.slice(commit([change(I, None, row(4, 10))]), cursor)
    assert final is not None
    assert (final.last, final.deltas) == (True, ())
    assert final.commit == first.commit
    passed = feed.passed(cursor)
    assert passed is not None
    assert passed.commit is None


def test_up_to_date_stays() -> None:
    feed = Feed(SHOWN, adult, None)
    cursor = Cursor(Position(1, 100, 1))
    before = feed.slice(commit([change(I, None, row(1, 20))]), cursor)
    assert before is not None
    assert not before.up_to_date
    assert feed.caught_up(cursor) == Batch(cursor, up_to_date=True)
    after = feed.slice(commit([change(I, None, row(2, 20))]), cursor)
    assert after is not None
    assert after.up_to_date


def test_being_up_to_date_ends_no_commit() -> None:
    feed = Feed(SHOWN, adult, None)
    cursor = Cursor(Position(1, 100, 1))
    feed.slice(commit([change(I, None, row(1, 20))], last=False), cursor)
    assert feed.caught_up(cursor) == Batch(replace(cursor, within=True), last=False, up_to_date=True)
    final = feed.slice(commit([change(I, None, row(2, 10))]), cursor)
    assert final is not None
    assert final.last


def test_a_commit_that_was_resumed_is_ended_if_more_of_it_comes() -> None:
    cut = Feed(SHOWN, adult, None).slice(commit([change(I, None, row(1, 20))], last=False), Cursor(Position(1, 100, 1)))
    assert cut is not None
    feed = Feed(SHOWN, adult, None)
    feed.resume(cut.cursor)
    final = feed.slice(commit([change(I, None, row(2, 10), index=2)]), Cursor(Position(1, 100, 2)))
    assert final is not None
    assert (final.last, final.deltas, final.cursor.within) == (True, (), False)

    # The cursor may be another table's, of which the commit has nothing more.
    for _ in range(2):
        feed.resume(cut.cursor)
        assert feed.slice(commit([change(I, None, row(2, 10), lsn=200)]), Cursor(Position(1, 200, 1))) is None
    feed.resume(cut.cursor)
    assert feed.caught_up(Cursor(Position(1, 200, 0))).last


def test_a_snapshot_is_inserts() -> None:
    cursor = replace(Cursor(Position(1, 1, 0)), partial=True)
    batch = snapshot_batch(cursor, [("1", row(1, 20, extra=1))], SHOWN, last=False)
    assert batch.snapshot
    assert batch.deltas == (Delta(I, False, "1", row(1, 20), None, (), {"id": 1}),)


EDITS = st.lists(
    st.tuples(st.sampled_from("iukdt"), st.integers(1, 4), st.integers(1, 4), st.sampled_from([None, 5, 17, 18, 40])),
    max_size=30,
)


def _apply(table: dict[int, WireRow], edit: tuple[str, int, int, int | None], index: int) -> Change | None:
    """One edit of the table as the log has it; None where it does nothing."""
    kind, id_, other, age = edit
    before = table.get(id_)
    if kind == "t":
        table.clear()
        return change(T, None, None, index)
    if kind == "i" and before is None:
        table[id_] = row(id_, age)
        return change(I, None, table[id_], index)
    if before is None:
        return None
    if kind == "d":
        return change(D, table.pop(id_), None, index)
    if kind == "u":
        table[id_] = row(id_, age)
        return change(U, before, table[id_], index)
    if kind == "k" and other not in table:
        table[other] = row(other, age)
        return change(U, table.pop(id_), table[other], index)
    return None


@given(EDITS, EDITS, st.integers(1, 5))
def test_what_a_client_builds_is_the_query_s_result(
    early: list[tuple[str, int, int, int | None]], late: list[tuple[str, int, int, int | None]], size: int
) -> None:
    table: dict[int, WireRow] = {}
    for edit in early:
        _apply(table, edit, 0)
    client = {str(id_): each for id_, each in table.items() if adult(each)}
    changes = [made for index, edit in enumerate(late, 1) if (made := _apply(table, edit, index)) is not None]
    feed = Feed(SHOWN, adult, None)
    ended = True
    for start in range(0, len(changes), size):
        piece = changes[start : start + size]
        batch = feed.slice(commit(piece, last=start + size >= len(changes)), Cursor(piece[-1].position))
        if batch is None:
            continue
        ended = batch.last
        for delta in batch.deltas:
            _build(client, delta)
    assert ended
    assert client == {str(id_): each for id_, each in table.items() if adult(each)}


def _build(client: dict[str, WireRow], delta: Delta) -> None:
    """As strict as a client can be: nothing is inserted twice, and what changes or goes was as said."""
    if delta.operation is T:
        client.clear()
        return
    assert delta.key is not None
    if delta.operation is not I:
        assert client.pop(delta.key) == delta.before
    if delta.row is not None:
        assert delta.key not in client
        client[delta.key] = delta.row
