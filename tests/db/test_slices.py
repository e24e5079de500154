"""Slices: one table's part of a commit, cut by rows and by bytes; `last` is right."""

from datetime import UTC, datetime
from itertools import zip_longest

from hypothesis import given
from hypothesis import strategies as st

from db.changes import Cause, Change, Operation
from db.position import Position
from db.slices import LogEntry, Slicer

ENTRIES = st.lists(
    st.tuples(st.booleans(), st.sampled_from(["a", "b"]), st.integers(0, 40)),
    max_size=40,
)


def entries(given_: list[tuple[bool, str, int]]) -> list[LogEntry]:
    """Each: whether a new commit begins with it, its table, its bytes."""
    made, lsn, index = [], 1, 0
    for anew, relation, size in given_:
        lsn, index = (lsn + 1, 1) if anew else (lsn, index + 1)
        change = Change(Position(1, lsn, index), relation, Operation.DELETE, "k", None, {}, None)
        made.append(LogEntry(change, lsn, datetime.now(UTC), Cause.SQL, None, size))
    return made


@given(ENTRIES, st.integers(1, 6), st.integers(1, 100))
def test_slices_are_bounded_whole_and_in_order(given_: list[tuple[bool, str, int]], rows: int, bytes_: int) -> None:
    log = entries(given_)
    slicer = Slicer(rows, bytes_)
    slices = [each for entry in log for each in slicer.add(entry)] + list(slicer.end())
    sizes = {entry.change.position: entry.size for entry in log}
    for relation in ("a", "b"):
        own = [each for each in slices if each.changes[0].relation == relation]
        assert [change for each in own for change in each.changes] == [
            entry.change for entry in log if entry.change.relation == relation
        ]
        for each, following in zip_longest(own, own[1:]):
            assert {(change.relation, change.position.lsn) for change in each.changes} == {(relation, each.xid)}
            assert len(each.changes) <= rows
            assert len(each.changes) == 1 or sum(sizes[change.position] for change in each.changes) <= bytes_
            assert each.last == (following is None or following.xid != each.xid)
