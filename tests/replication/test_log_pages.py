"""Readers with cursors of their own share pages: each gets its part of the log, and the queries are few."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import aclosing
from datetime import UTC, datetime
from itertools import pairwise

import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from db.changes import Cause, Change, Transaction
from db.cursor import Cursor
from db.errors import CursorExpired
from db.position import Position
from db.session import make_pool
from db.slices import LogEntry
from replication import log_pages
from replication.log_events import LogSlice, Progress
from replication.log_pages import LogPages
from replication.log_reader import LogReader
from tests.examples import many
from tests.replication.leader import bind, execute, hub_of, leading
from tests.replication.reading import logged_changes, settled, state_of

PAGE = 20


@pytest.fixture
async def reader(database: str, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[LogReader]:
    """Of a log of 200 commits of a row, and among them larger ones that pages and slices cut."""
    monkeypatch.setattr(log_pages, "PAGE", PAGE)
    await bind(database, "t", "id integer PRIMARY KEY")
    await bind(database, "other", "id integer PRIMARY KEY")
    async with leading(database) as leader, hub_of(database, leader.bus) as hub:
        await execute(
            database,
            """DO $$ BEGIN FOR n IN 1..200 LOOP
                 INSERT INTO t SELECT 1000 * n + m FROM generate_series(1,
                     CASE WHEN n % 50 = 0 THEN 45 WHEN n % 20 = 0 THEN 20 WHEN n % 21 = 0 THEN 21 ELSE 1 END) m;
                 INSERT INTO other VALUES (n);
                 COMMIT;
               END LOOP; END $$""",
        )
        await settled(database, hub)
    async with make_pool(database, "rowcast test pages") as pool:
        yield LogReader(pool)


async def part(pages: LogPages, after: Position, until: Position) -> list[Transaction]:
    return [transaction async for transaction in pages.read("public.t", after, until)]


def behind(changes: list[Change], after: Position) -> list[Position]:
    return [change.position for change in changes if change.position > after]


def positions(slices: list[Transaction], after: Position) -> list[Position]:
    """Of the changes that a reader with that cursor takes of the slices."""
    progress = Progress(Cursor(after), None)
    found: list[Position] = []
    for each in slices:
        for event in progress.take(each):
            assert isinstance(event, LogSlice)
            found.extend(change.position for change in event.transaction.changes)
    return found


async def test_a_storm_of_readers_costs_as_many_queries_as_there_are_pages(database: str, reader: LogReader) -> None:
    changes = await logged_changes(database)
    until = (await state_of(database)).frontier
    pages = LogPages(reader)
    starts = [change.position for change in changes]
    found = await asyncio.gather(*(part(pages, after, until) for after in reversed(starts)))
    for after, slices in zip(reversed(starts), found, strict=True):
        assert positions(slices, after) == behind(changes, after)
    assert len(starts) > 300
    # A page has a slice at least, and few slices are much shorter than one.
    assert pages.asked <= 2 * len(changes) / PAGE


async def test_each_commit_has_one_end_wherever_a_reader_begins(database: str, reader: LogReader) -> None:
    changes = await logged_changes(database)
    until = (await state_of(database)).frontier
    pages = LogPages(reader)
    loop = asyncio.get_running_loop()

    async def same(starts: list[int], ends: list[int]) -> None:
        befores = [Position(p.epoch, p.lsn, p.index - 1) for p in (changes[n].position for n in starts)]
        whole = [each.lsn for each in (*(change.position for change in changes), until)]
        untils = [Position(until.epoch, whole[n], 0) for n in ends]
        found = await asyncio.gather(
            *(part(pages, before, end) for before, end in zip(befores, untils, strict=False)),
        )
        for before, end, slices in zip(befores, untils, found, strict=False):
            expected = [place for place in behind(changes, before) if place < end]
            assert positions(slices, before) == expected
            ended = [each.xid for each in slices if each.last]
            assert ended == list(dict.fromkeys(each.xid for each in slices))
            assert all(
                each.last == (each is slices[-1] or each.xid != later.xid)
                for each, later in zip(slices, [*slices[1:], slices[-1]] if slices else [], strict=True)
            )

    @settings(
        max_examples=many(30), phases=[Phase.explicit, Phase.generate], suppress_health_check=[HealthCheck.too_slow]
    )
    @given(
        st.lists(st.integers(0, len(changes) - 1), min_size=1, max_size=8),
        st.lists(st.integers(0, len(changes)), min_size=8, max_size=8),
    )
    def check(starts: list[int], ends: list[int]) -> None:
        asyncio.run_coroutine_threadsafe(same(starts, ends), loop).result()

    await asyncio.to_thread(check)


async def test_what_is_handed_on_beside_readers_is_forgotten_by_its_size(database: str, reader: LogReader) -> None:
    changes = [change for change in await logged_changes(database) if change.position.index == 1][:15]
    ends = [Position(each.position.epoch, each.position.lsn, 0) for each in changes]
    pages, at = LogPages(reader), datetime.now(UTC)
    async with aclosing(pages.read("public.t", ends[0], ends[1])) as reading:
        await anext(reading)
        for change, (after, end) in zip(changes[1:], pairwise(ends[1:]), strict=False):
            row = LogEntry(change, 1, at, Cause.SQL, None, size=1 << 20)
            pages.add({"public.t"}, after, end, [row], [Transaction(1, at, Cause.SQL, None, (change,), last=True)])
        asked = pages.asked
        await part(pages, ends[-2], ends[-1])
        assert pages.asked == asked
        await part(pages, ends[1], ends[2])
        assert pages.asked == asked + 1


async def test_pages_with_nothing_in_them_are_forgotten_too(database: str, reader: LogReader) -> None:
    changes = [change for change in await logged_changes(database) if change.position.index == 1][:6]
    ends = [Position(each.position.epoch, each.position.lsn, 0) for each in changes]
    pages = LogPages(reader)
    async with aclosing(pages.read("public.t", ends[0], ends[1])) as reading:
        await anext(reading)
        pages.add({"public.t"}, ends[2], ends[3], [], [])
        await part(pages, ends[2], ends[3])
        asked = pages.asked
        # None goes on where the one before ended.
        for _ in range(log_pages._KEPT_PAGES):
            pages.add({"public.t"}, ends[4], ends[5], [], [])
        assert pages.asked == asked
        await part(pages, ends[2], ends[3])
        assert pages.asked == asked + 1


async def test_all_whose_cursors_are_too_old_hear_of_it_by_one_query(database: str, reader: LogReader) -> None:
    changes = await logged_changes(database)
    until = (await state_of(database)).frontier
    floor = changes[len(changes) // 2].position
    await execute(database, f"UPDATE rowcast.log_state SET floor_lsn = {floor.lsn}")
    pages = LogPages(reader)
    starts = [change.position for change in changes]
    found = await asyncio.gather(*(part(pages, after, until) for after in starts), return_exceptions=True)
    for after, slices in zip(starts, found, strict=True):
        if after.lsn < floor.lsn:
            assert isinstance(slices, CursorExpired)
        else:
            assert isinstance(slices, list)
            assert positions(slices, after) == behind(changes, after)
    assert pages.asked <= len(changes) / PAGE
    other_epoch = Position(until.epoch - 1, starts[-1].lsn, 0)
    with pytest.raises(CursorExpired):
        await part(pages, other_epoch, until)


async def test_who_gives_up_while_its_cursor_is_found_too_old_costs_the_others_nothing(
    database: str, reader: LogReader
) -> None:
    changes = await logged_changes(database)
    until = (await state_of(database)).frontier
    good = changes[-PAGE].position
    await execute(database, f"UPDATE rowcast.log_state SET floor_lsn = {good.lsn}")
    asked = asyncio.Event()

    def head() -> Position:
        asked.set()
        return Position(0, 0, 0)

    pages = LogPages(LogReader(reader._pool, head=head))
    too_old = asyncio.create_task(part(pages, changes[0].position, until))
    other = asyncio.create_task(part(pages, good, until))
    await asked.wait()
    too_old.cancel()
    assert positions(await other, good) == behind(changes, good)
    assert too_old.cancelled()
