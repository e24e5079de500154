"""Pages of a feed that changes while they are read, over HTTP."""

import asyncio
import itertools
import json
from collections.abc import AsyncIterator, Callable
from dataclasses import replace
from typing import Any
from urllib.parse import parse_qsl, urlsplit

import pytest

from db.errors import SourceUnreachable
from db.feeds import FeedBinding, FeedFormat, FeedPagination, FeedPaginationKind
from db.sources import Column
from db.wire import ColumnType
from sync.daemon_threads import DaemonThreads
from sync.feeds.adapter import FeedConnection, FeedSource
from sync.feeds.input import WantedFeed
from sync.feeds.look import inspect_feed, unfound
from sync.source import Reading
from tests.sync.feeds import allow, key, make_client, make_source
from tests.sync.http_lines import Asked, Lines, answer, lines

COLUMNS = (Column("id", ColumnType.INTEGER, "id"),)
KINDS = [
    FeedPagination(FeedPaginationKind.LINK_HEADER),
    FeedPagination(FeedPaginationKind.NEXT_URL, next="next"),
    FeedPagination(FeedPaginationKind.CURSOR, next="cursor", parameter="offset"),
    FeedPagination(FeedPaginationKind.OFFSET, parameter="offset", size=2),
]


class Paged:
    """Ids, two a page. `between` is called after each answer, with its count, and may change them."""

    def __init__(self, server: Lines) -> None:
        self.server = server
        self.ids = [1, 2, 3, 4, 5]
        self.between: Callable[[int], object] = lambda _: None
        self.extra: Callable[[], dict[str, Any]] = dict
        self.counts = itertools.count(1)
        server.on("/feed", self.page)

    def page(self, asked: Asked) -> bytes:
        start = int(dict(parse_qsl(urlsplit(asked.path).query)).get("offset", 0))
        document: dict[str, Any] = {"items": [{"id": id_} for id_ in self.ids[start : start + 2]], **self.extra()}
        headers = {}
        if start + 2 < len(self.ids):
            following = f"/feed?offset={start + 2}"
            document |= {"next": following, "cursor": start + 2}
            headers["Link"] = f'<{following}>; rel="next"'
        self.between(next(self.counts))
        return answer(json.dumps(document).encode(), **headers)

    async def read(self, pagination: FeedPagination) -> Reading:
        binding = FeedBinding(f"{self.server.url}/feed", FeedFormat.JSON, "items", pagination=pagination)
        connection = FeedConnection(make_client(binding, self.server.url), DaemonThreads(1, "feed"))
        try:
            return await FeedSource(make_source(binding, COLUMNS, "id"), connection, allow).read()
        finally:
            await connection.client.close()
            connection.threads.close()


@pytest.fixture
async def paged() -> AsyncIterator[Paged]:
    async with lines() as server:
        yield Paged(server)


def keys(reading: Reading) -> list[str]:
    return [row.key for row in reading.rows]


@pytest.mark.parametrize("pagination", KINDS, ids=lambda pagination: pagination.kind)
async def test_a_row_that_slips_onto_a_page_that_was_read_is_not_missed(
    paged: Paged, pagination: FeedPagination
) -> None:
    paged.between = lambda count: paged.ids.remove(1) if count == 1 else None
    reading = await paged.read(pagination)
    assert keys(reading) == [key(id_) for id_ in (2, 3, 4, 5)]
    assert not reading.unsure
    assert reading.mark


@pytest.mark.parametrize("pagination", KINDS, ids=lambda pagination: pagination.kind)
async def test_a_row_that_is_pushed_onto_the_next_page_is_not_there_twice(
    paged: Paged, pagination: FeedPagination
) -> None:
    paged.between = lambda count: paged.ids.insert(0, 9) if count == 1 else None
    reading = await paged.read(pagination)
    assert keys(reading) == [key(id_) for id_ in (1, 2, 3, 4, 5, 9)]
    assert not reading.problems
    assert not reading.unsure


async def test_pages_that_never_stand_still_make_the_reading_unsure(paged: Paged) -> None:
    new = itertools.count(100)
    paged.between = lambda _: paged.ids.insert(0, next(new))
    reading = await paged.read(KINDS[3])
    assert reading.unsure
    assert reading.mark == {}, "so the next poll reads again"


async def test_pages_that_tell_the_time_are_the_same_all_the_same(paged: Paged) -> None:
    times = itertools.count()
    paged.extra = lambda: {"now": next(times)}
    reading = await paged.read(KINDS[1])
    assert len(reading.rows) == 5
    assert not reading.unsure


async def test_a_feed_that_takes_no_heed_of_the_page_is_refused_at_once(paged: Paged) -> None:
    with pytest.raises(SourceUnreachable, match="the same records again and again"):
        await paged.read(FeedPagination(FeedPaginationKind.PAGE, parameter="page"))
    assert len(paged.server.asked) == 2


@pytest.mark.parametrize("size", [2, None])
async def test_a_page_that_is_not_found_ends_counted_ones_and_deletes_nothing(paged: Paged, size: int | None) -> None:
    page = paged.page

    def or_none(asked: Asked) -> bytes:
        return answer(b"", "404 Not Found") if "offset=4" in asked.path else page(asked)

    pagination = replace(KINDS[3], size=size)
    paged.server.on("/feed", or_none)
    reading = await paged.read(pagination)
    assert (len(reading.rows), reading.unsure) == (4, True), "the fifth is there, on a page that has a bad moment"
    assert reading.mark == {}, "so the next poll asks for that page again"
    assert [problem.code for problem in reading.problems] == ([] if size else ["END_UNKNOWN"])
    paged.server.on("/feed", page)
    reading = await paged.read(pagination)
    assert (len(reading.rows), reading.unsure, reading.problems) == (5, False, [])
    paged.server.on("/feed", answer(b"", "404 Not Found"))
    with pytest.raises(SourceUnreachable, match="there is nothing"):
        await paged.read(pagination)


async def test_a_look_ends_with_the_page_that_is_not_found(paged: Paged) -> None:
    page = paged.page
    paged.server.on("/feed", lambda asked: answer(b"", "404 Not Found") if "offset=4" in asked.path else page(asked))
    wanted = WantedFeed(url=f"{paged.server.url}/feed", pagination=replace(KINDS[3], size=None))
    client = make_client(unfound(wanted), paged.server.url)
    inspected = await inspect_feed(client, wanted, (), ("id",), asyncio.to_thread)
    assert inspected.count == 4
    await client.close()


@pytest.mark.parametrize("pagination", [KINDS[2], KINDS[3]], ids=lambda pagination: pagination.kind)
async def test_pages_go_on_from_the_address_that_was_asked(paged: Paged, pagination: FeedPagination) -> None:
    """A redirect, to where only this one page is."""
    page = paged.page

    def moved(asked: Asked) -> bytes:
        _, _, query = asked.path.partition("?")
        paged.server.on("/elsewhere", lambda _: page(asked))
        return answer(b"", "302 Found", Location=f"/elsewhere?signed={query.replace('=', '-')}")

    paged.server.on("/feed", moved)
    reading = await paged.read(pagination)
    assert keys(reading) == [key(id_) for id_ in (1, 2, 3, 4, 5)]
    assert not reading.unsure


async def test_an_address_says_the_page(paged: Paged) -> None:
    reading = await paged.read(KINDS[0])
    assert [row.address for row in reading.rows][:3] == ["$.items[0]", "$.items[1]", "page 2: $.items[0]"]
