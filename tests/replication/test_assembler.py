"""The assembler alone: slices by count and by size, tables without a source, order of what it gives out."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from db.changes import Change, Transaction
from db.position import Position
from replication.assembler import Assembler, Committed, Heartbeat, LoggedTable, Unreadable, WantsKeys
from replication.live_queue import LiveQueue
from replication.messages import Keepalive
from tests.replication.pgoutput import MOMENT, begin, commit, insert, message, relation

TABLE = relation(1, "t", ("id", 23), ("name", 25))
OTHER = relation(2, "other", ("id", 23), ("name", 25))
KNOWN = LoggedTable("public.t", ("id",), 1)


def assembler(**sizes: int) -> Assembler:
    made = Assembler(5, b"key", 2**32 + 10, **sizes)
    assert made.know([KNOWN]) == []
    assert list(made.feed([TABLE, OTHER])) == [WantsKeys(), WantsKeys()]
    return made


@given(st.lists(st.integers(1, 50), max_size=40), st.integers(1, 10), st.integers(1, 200))
def test_slices_are_bounded_whole_and_in_order(sizes: list[int], count: int, size: int) -> None:
    made = assembler(slice_changes=count, slice_bytes=size)
    messages = [insert(1, (str(id_), "x" * bytes_)) for id_, bytes_ in enumerate(sizes)]
    others = [insert(2, (str(id_), "")) for id_ in range(len(sizes))]
    rows = [one for pair in zip(messages, others, strict=True) for one in pair]
    given_out = list(made.feed([begin(100, 7), *rows, commit(100, 120)]))
    *slices, end = given_out
    assert end == Committed(120)
    changes: list[Change] = []
    for slice_ in slices:
        assert isinstance(slice_, Transaction)
        assert slice_.xid == 2**32 + 7
        assert slice_.last == (slice_ is slices[-1])
        assert len(slice_.changes) <= count
        held = [len(messages[change.position.index - 1]) for change in slice_.changes]
        assert len(held) == 1 or sum(held) <= size
        changes += slice_.changes
    assert [change.position for change in changes] == [Position(5, 100, n + 1) for n in range(len(sizes))]
    assert [change.after for change in changes] == [{"id": n, "name": "x" * bytes_} for n, bytes_ in enumerate(sizes)]


@pytest.mark.parametrize(
    ("data", "wanted"),
    [
        (TABLE, True),
        (message("rowcast", b"sources"), True),
        (message("other", b"sources"), False),
        (message("rowcast"), False),
    ],
)
def test_what_says_that_sources_changed(data: bytes, wanted: bool) -> None:
    assert (WantsKeys() in list(assembler().feed([data]))) is wanted


def test_keys_count_from_where_they_were_wanted() -> None:
    made = assembler()
    given_out = made.feed([begin(100, 7), insert(1, ("1", "a")), message("rowcast", b"sources"), insert(1, ("1", "a"))])
    assert next(given_out) == WantsKeys()
    made.know([LoggedTable("public.t", ("name",), 1)])
    assert list(given_out) == []
    [slice_, _] = made.feed([commit(100, 120)])
    assert isinstance(slice_, Transaction)
    assert slice_.committed_at == MOMENT
    assert [change.key for change in slice_.changes] == ['["1"]', '["a"]']


def test_a_table_without_its_key_is_not_logged() -> None:
    made = assembler()
    [wants, problem] = made.feed([relation(1, "t", ("number", 23))])
    assert wants == WantsKeys()
    assert isinstance(problem, Unreadable)
    assert "key column id" in problem.reason
    assert list(made.feed([begin(100, 7), insert(1, ("1",)), commit(100, 120)])) == [Committed(120)]


def test_heartbeats_and_types() -> None:
    made = assembler()
    type_ = b"Y" + bytes(4) + b"public\0mood\0"
    assert list(made.feed([message("rowcast", transactional=False), type_])) == [Heartbeat()]
    assert made.transaction is None


def test_who_asks_in_a_commit_is_answered_behind_it() -> None:
    given_out = assembler().feed([begin(100, 7), message("rowcast"), commit(100, 120), begin(130, 8), commit(130, 150)])
    assert list(given_out) == [Committed(120), Heartbeat(), Committed(150)]


def test_a_keepalive_says_how_far_the_log_goes_between_commits() -> None:
    alive = Keepalive(130, False)
    assert list(assembler().feed([alive, begin(100, 7), alive])) == [Committed(130)]


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
    frames = [one for lsn in range(count) for one in (begin(lsn, lsn + 3), insert(1, ("1", "")), commit(lsn, lsn + 1))]
    return list(made.feed(frames))


def test_what_counts_is_told_by_where_a_commit_stands() -> None:
    made = Assembler(5, b"key", 2**32 + 10)
    known = [
        LoggedTable("public.t", ("id",), 1),
        LoggedTable("public.other", ("id",), 2, since=110),
        LoggedTable("public.t", ("id",), None, since=210),
    ]
    assert made.know(known) == []
    list(made.feed([TABLE, OTHER]))
    both = [insert(1, ("1", "a")), insert(2, ("2", "b"))]
    names = []
    for lsn in (100, 120, 220):
        given_out = made.feed([begin(lsn, 7), *both, commit(lsn, lsn + 5)])
        names.append(
            [change.relation for each in given_out if isinstance(each, Transaction) for change in each.changes]
        )
    assert names == [["public.t"], ["public.t", "public.other"], ["public.other"]]
