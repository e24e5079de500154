"""The assembler alone: slices by count and by size, tables without a source, order of what it gives out."""

from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from db.changes import Change, Transaction
from db.position import Position
from replication.assembler import Assembler, Committed, Heartbeat, LoggedTable
from replication.live_queue import LiveQueue
from replication.messages import Begin, Commit, Insert, Message, Relation, RelationColumn, Type

NOW = datetime(2026, 1, 31, tzinfo=UTC)
TABLE = Relation(1, "public", "t", "f", (RelationColumn("id", 23, True),))
OTHER = Relation(2, "public", "other", "f", (RelationColumn("id", 23, True),))


def assembler(**sizes: int) -> Assembler:
    made = Assembler(5, b"key", 2**32 + 10, **sizes)
    assert made.know([LoggedTable("public.t", "public.t", ("id",))]) == []
    assert [item for relation in (TABLE, OTHER) for item in made.feed(relation)] == []
    return made


@given(st.lists(st.integers(1, 50), max_size=40), st.integers(1, 10), st.integers(1, 200))
def test_slices_are_bounded_whole_and_in_order(sizes: list[int], count: int, size: int) -> None:
    made = assembler(slice_changes=count, slice_bytes=size)
    given_out = list(made.feed(Begin(100, NOW, 7)))
    for id_, bytes_ in enumerate(sizes):
        given_out += made.feed(Insert(1, (str(id_),)), bytes_)
        given_out += made.feed(Insert(2, (str(id_),)), bytes_)
    given_out += made.feed(Commit(100, 120, NOW))
    *slices, end = given_out
    assert end == Committed(120)
    changes: list[Change] = []
    for slice_ in slices:
        assert isinstance(slice_, Transaction)
        assert slice_.xid == 2**32 + 7
        assert slice_.last == (slice_ is slices[-1])
        assert len(slice_.changes) <= count
        held = [sizes[change.position.index - 1] for change in slice_.changes]
        assert len(held) == 1 or sum(held) <= size
        changes += slice_.changes
    assert [change.position for change in changes] == [Position(5, 100, n + 1) for n in range(len(sizes))]
    assert [change.after for change in changes] == [{"id": n} for n in range(len(sizes))]


def test_what_says_that_sources_changed() -> None:
    made = assembler()
    assert made.wants_keys(TABLE)
    assert made.wants_keys(Message(True, 1, "rowcast", b"sources"))
    assert not made.wants_keys(Message(True, 1, "other", b"sources"))
    assert not made.wants_keys(Message(True, 1, "rowcast", b""))


def test_heartbeats_and_types() -> None:
    made = assembler()
    assert list(made.feed(Message(False, 1, "rowcast", b""))) == [Heartbeat()]
    assert list(made.feed(Type(9, "public", "mood"))) == []
    assert made.transaction is None


@pytest.mark.parametrize("size", [1, 3])
async def test_a_full_queue_is_emptied_and_stays_closed(size: int) -> None:
    queue = LiveQueue("public.t", Position(1, 1, 0), size)
    transactions = [item for item in _commits(size + 2) if isinstance(item, Transaction)]
    for transaction in transactions:
        queue.put(transaction)
    assert queue.overflowed
    assert queue.changed.is_set()
    assert queue.take() is None


def _commits(count: int) -> list[object]:
    made = assembler()
    return [
        item
        for lsn in range(count)
        for message in (Begin(lsn, NOW, lsn + 3), Insert(1, ("1",)), Commit(lsn, lsn + 1, NOW))
        for item in made.feed(message)
    ]
