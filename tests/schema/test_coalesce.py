"""Merged batches: a table of cases, the same set whatever is merged, and the time that paces them."""

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator
from contextlib import aclosing, asynccontextmanager
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from db.changes import Operation, WireRow
from db.cursor import Cursor
from db.position import Position
from schema import coalesce
from schema.coalesce import Coalescer
from schema.feed import Batch, Feed, snapshot_batch
from schema.pace import paced
from tests.schema.test_feed import EDITS, SHOWN, D, I, T, U, _apply, _build, adult, change, commit, row

DEADLINE_S = 60.0
Edit = tuple[str, int, int, int | None]
Edited = tuple[Operation, WireRow | None, WireRow | None]


def everything(_: WireRow) -> bool:
    return True


def merged(*edits: Edited, operations: list[Operation] | None = None) -> Batch | None:
    coalescer = Coalescer(operations)
    feed = Feed(SHOWN, everything, None)
    for lsn, (operation, before, after) in enumerate(edits, 100):
        made = replace(commit([change(operation, before, after, lsn=lsn)]), xid=lsn)
        batch = feed.slice(made, Cursor(Position(1, lsn, 1)))
        assert batch is not None
        coalescer.add(batch)
    return coalescer.take()


ONE, TWO, OTHER = row(1, 20), row(1, 30), row(2, 20)
INSERTED, DELETED, UPDATED = (I, None, ONE), (D, ONE, None), (U, ONE, TWO)
TRUNCATED = (T, None, None)

CASES = [
    pytest.param([INSERTED, UPDATED], [(I, "1", None, TWO)], id="insert, update"),
    pytest.param([INSERTED, UPDATED, (D, TWO, None)], [], id="insert, update, delete"),
    pytest.param([INSERTED, DELETED], [], id="insert, delete"),
    pytest.param([INSERTED, DELETED, (I, None, TWO)], [(I, "1", None, TWO)], id="insert, delete, insert"),
    pytest.param([DELETED, (I, None, TWO)], [(U, "1", ONE, TWO)], id="delete, insert"),
    pytest.param([DELETED, INSERTED], [], id="delete, the same insert"),
    pytest.param([DELETED, INSERTED, DELETED], [(D, "1", ONE, None)], id="delete, insert, delete"),
    pytest.param([UPDATED, (U, TWO, row(1, 40))], [(U, "1", ONE, row(1, 40))], id="update, update"),
    pytest.param([UPDATED, (U, TWO, ONE)], [], id="there and back"),
    pytest.param([UPDATED, (D, TWO, None)], [(D, "1", ONE, None)], id="update, delete"),
    pytest.param([(U, ONE, OTHER)], [(D, "1", ONE, None), (I, "2", None, OTHER)], id="key change"),
    pytest.param([(U, ONE, OTHER), (U, OTHER, ONE)], [], id="key change and back"),
    pytest.param([INSERTED, (U, ONE, OTHER)], [(I, "2", None, OTHER)], id="insert, key change"),
    pytest.param([(I, None, OTHER), DELETED], [(D, "1", ONE, None), (I, "2", None, OTHER)], id="deletes first"),
    pytest.param([INSERTED, TRUNCATED], [(T, None, None, None)], id="insert, truncate"),
    pytest.param([DELETED, TRUNCATED, INSERTED], [(T, None, None, None), (I, "1", None, ONE)], id="truncate, insert"),
    pytest.param([TRUNCATED, INSERTED, DELETED, TRUNCATED], [(T, None, None, None)], id="truncate twice"),
]


@pytest.mark.parametrize(("edits", "expected"), CASES)
def test_what_is_left_of_changes(
    edits: list[Edited],
    expected: list[tuple[Operation, str | None, WireRow | None, WireRow | None]],
) -> None:
    batch = merged(*edits)
    if batch is None:
        assert expected == []
        return
    assert [(delta.operation, delta.key, delta.before, delta.row) for delta in batch.deltas] == expected
    assert batch.cursor.position.lsn == 99 + len(edits)
    assert (batch.commit is None) == (len(edits) > 1)
    for delta in batch.deltas:
        assert delta.operation is not U or delta.changed == ("age",)
        assert delta.operation is T or str(delta.identity and delta.identity["id"]) == delta.key


def test_operations_are_applied_to_what_is_left() -> None:
    assert merged(INSERTED, UPDATED, operations=[U]) is None
    batch = merged(DELETED, (I, None, TWO), (I, None, OTHER), operations=[U])
    assert batch is not None
    assert [delta.key for delta in batch.deltas] == ["1"]


def test_a_commit_keeps_its_name_and_its_end() -> None:
    coalescer = Coalescer(None)
    feed = Feed(SHOWN, everything, None)

    def add(id_: int, *, last: bool) -> bool:
        batch = feed.slice(commit([change(I, None, row(id_, 1), id_)], last=last), Cursor(Position(1, 100, id_)))
        assert batch is not None
        coalescer.add(batch)
        return coalescer.whole

    assert not add(1, last=False)
    first = coalescer.take()
    assert not add(2, last=False)
    assert add(3, last=True)
    second = coalescer.take()
    assert first is not None
    assert second is not None
    assert (first.last, second.last) == (False, True)
    assert first.commit == second.commit
    assert second.commit is not None


def test_a_part_that_was_sent_is_ended() -> None:
    coalescer = Coalescer([D])
    feed = Feed(SHOWN, everything, None)
    begun = feed.slice(commit([change(D, ONE, None)], last=False), Cursor(Position(1, 100, 1)))
    ended = feed.slice(commit([change(I, None, OTHER, 2)]), Cursor(Position(1, 100, 2)))
    assert begun is not None
    assert ended is not None
    coalescer.add(begun)
    assert coalescer.take() is not None
    coalescer.add(ended)
    batch = coalescer.take()
    assert batch is not None
    assert (batch.last, batch.deltas) == (True, ())

    # By another, too, where the subscriber resumed amid the commit.
    resumed = Coalescer([D], begun.cursor)
    resumed.add(ended)
    batch = resumed.take()
    assert batch is not None
    assert (batch.last, batch.deltas) == (True, ())


@given(EDITS, EDITS, st.lists(st.integers(1, 6), min_size=30, max_size=30))
def test_what_a_client_builds_is_the_same_however_much_is_merged(
    early: list[Edit], late: list[Edit], sizes: list[int]
) -> None:
    table: dict[int, WireRow] = {}
    for edit in early:
        _apply(table, edit, 0)
    client = {str(id_): each for id_, each in table.items() if adult(each)}
    feed, coalescer = Feed(SHOWN, adult, None), Coalescer(None)
    wanted = iter(sizes)
    left = next(wanted)
    for index, edit in enumerate(late, 1):
        made = _apply(table, edit, index)
        if made is None:
            continue
        batch = feed.slice(commit([made]), Cursor(Position(1, 100 + index, 1)))
        if batch is not None:
            coalescer.add(batch)
        left -= 1
        if coalescer.whole and left <= 0:
            left = next(wanted)
            _take(coalescer, client)
            assert client == {str(id_): each for id_, each in table.items() if adult(each)}
    if coalescer.whole:
        _take(coalescer, client)
    assert client == {str(id_): each for id_, each in table.items() if adult(each)}


def _take(coalescer: Coalescer, client: dict[str, WireRow]) -> None:
    batch = coalescer.take()
    keys = [delta.key for delta in batch.deltas] if batch is not None else []
    assert len(keys) == len(set(keys)), "a row is told of once"
    for delta in batch.deltas if batch is not None else ():
        _build(client, delta)


# ---- in time


class Source:
    """Batches of a subscription, put in by the test. `taken` waits until each was dealt with."""

    def __init__(self) -> None:
        self._queue: asyncio.Queue[Batch] = asyncio.Queue()
        self._feed = Feed(SHOWN, everything, None)
        self._lsn = 100

    async def batches(self) -> AsyncGenerator[Batch, None]:
        while True:
            yield await self._queue.get()
            self._queue.task_done()

    async def taken(self) -> None:
        await asyncio.wait_for(self._queue.join(), DEADLINE_S)

    def put(self, batch: Batch) -> None:
        self._queue.put_nowait(batch)

    def commit(self, *edits: Edited) -> None:
        self._lsn += 1
        changes = [change(*edit, index=index, lsn=self._lsn) for index, edit in enumerate(edits, 1)]
        batch = self._feed.slice(replace(commit(changes), xid=self._lsn), Cursor(changes[-1].position))
        assert batch is not None
        self.put(batch)

    def caught_up(self) -> None:
        self.put(self._feed.caught_up(Cursor(Position(1, self._lsn, 9))))


@asynccontextmanager
async def pacing(interval_s: float, now: list[float]) -> AsyncIterator[tuple[Source, AsyncGenerator[Batch, None]]]:
    """The source, and what is sent of it; the time is `now`."""
    source = Source()
    async with (
        aclosing(source.batches()) as batches,
        aclosing(paced(batches, Coalescer(None), interval_s, 60.0, lambda: now[0])) as sent,
    ):
        yield source, sent


def shown_in(batch: Batch) -> list[tuple[Operation, str | None, WireRow | None]]:
    return [(delta.operation, delta.key, delta.row) for delta in batch.deltas]


async def following(batches: AsyncGenerator[Batch, None]) -> Batch:
    return await asyncio.wait_for(anext(batches), DEADLINE_S)


async def test_what_comes_in_between_is_sent_together_when_it_is_time() -> None:
    now = [0.0]
    async with pacing(0.05, now) as (source, sent):
        source.put(snapshot_batch(Cursor(Position(1, 1, 0)), [("1", ONE)], SHOWN, last=True))
        assert (await following(sent)).snapshot
        source.caught_up()
        assert (await following(sent)).up_to_date
        waiting = asyncio.create_task(following(sent))
        source.commit(UPDATED)
        source.commit((I, None, OTHER))
        source.commit((D, TWO, None))
        await source.taken()
        assert not waiting.done(), "it is not time yet"
        now[0] = 0.05
        batch = await waiting
        assert shown_in(batch) == [(D, "1", None), (I, "2", OTHER)]
        assert (batch.commit, batch.up_to_date) == (None, True)
        now[0] = 10.0
        source.commit((D, OTHER, None))
        batch = await following(sent)
        assert shown_in(batch) == [(D, "2", None)]
        assert batch.commit is not None, "a commit by itself keeps its name"


async def test_catching_up_is_merged_and_not_held_up() -> None:
    async with pacing(3600.0, [0.0]) as (source, sent):
        source.commit(INSERTED)
        source.commit(UPDATED)
        source.caught_up()
        batch = await following(sent)
    assert shown_in(batch) == [(I, "1", TWO)]
    assert (batch.up_to_date, batch.commit) == (True, None)
    assert batch.cursor.position == Position(1, 102, 9)


async def test_too_many_rows_are_sent_before_their_time(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(coalesce, "FULL", 3)
    async with pacing(3600.0, [0.0]) as (source, sent):
        for id_ in range(1, 5):
            source.commit((I, None, row(id_, 20)))
        batch = await following(sent)
    assert [delta.key for delta in batch.deltas] == ["1", "2", "3"]


async def test_where_nothing_is_left_a_newer_cursor_comes_now_and_then() -> None:
    now = [0.0]
    async with pacing(0.01, now) as (source, sent):
        source.caught_up()
        first = await following(sent)
        waiting = asyncio.create_task(following(sent))
        for now[0] in (1.0, 59.0):
            source.commit(INSERTED, DELETED)
            await source.taken()
            assert not waiting.done()
        now[0] = 60.0
        source.commit(INSERTED, DELETED)
        batch = await waiting
    assert (batch.deltas, batch.up_to_date, batch.commit) == ((), True, None)
    assert batch.cursor.position > first.cursor.position


async def test_a_reset_forgets_what_waits() -> None:
    async with pacing(3600.0, [0.0]) as (source, sent):
        source.caught_up()
        await following(sent)
        source.commit(INSERTED)
        source.put(Batch(Cursor(Position(2, 1, 0)), reset=True, last=False))
        assert (await following(sent)).reset
        source.put(snapshot_batch(Cursor(Position(2, 1, 0)), [], SHOWN, last=True))
        assert (await following(sent)).snapshot
        source.caught_up()
        assert (await following(sent)).deltas == ()
