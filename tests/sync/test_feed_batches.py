"""Batches whose answers get lost, at a server that takes each idempotency key for one request."""

import json
from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import pytest

from db.errors import LeadershipLost, SourceUnreachable
from db.feeds import FeedBinding, FeedFormat, FeedRequest, FeedWrite
from db.in_doubt import requests_in_doubt
from db.lease import Term
from db.session import Pool, make_pool
from db.sources import Column, insert_source
from db.wire import ColumnType
from sync.daemon_threads import DaemonThreads
from sync.feeds.adapter import FeedConnection, FeedSource
from sync.runs.in_doubt import StoredInDoubt
from sync.source import Edit, WriteOutcome
from tests.grace import GRACE
from tests.sync.feeds import allow, key, make_client, make_source, update
from tests.sync.http_lines import Asked, Lines, answer, lines

COLUMNS = (Column("id", ColumnType.INTEGER, "id"), Column("item", ColumnType.TEXT, "item"))
LOST = b"HTTP/1.1 nothing\r\n\r\n"
ALL_TRIES = 3


@dataclass
class Shop:
    """Takes lists of records; readers get what was there at first, as of a cache."""

    server: Lines
    pool: Pool
    shows: dict[int, str] = field(default_factory=lambda: {1: "a", 2: "b", 3: "c"})
    lost: int = 0
    status: str = "200 OK"
    puts: list[Asked] = field(default_factory=list)
    carried_out: dict[str, bytes] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.server.on("/orders", self.take)
        write = FeedWrite(upsert=FeedRequest("PUT", f"{self.server.url}/orders"), batch_size=10)
        binding = FeedBinding(f"{self.server.url}/orders", FeedFormat.JSON, "@", write=write)
        self.source = make_source(binding, COLUMNS, "id")
        self.connection = FeedConnection(make_client(binding, self.server.url), DaemonThreads(1, "feed"))

    def take(self, asked: Asked) -> bytes:
        if asked.line.startswith("GET"):
            return answer(json.dumps([{"id": id_, "item": item} for id_, item in self.shows.items()]).encode())
        self.puts.append(asked)
        if self.status == "200 OK":
            self.carried_out.setdefault(asked.headers["idempotency-key"], asked.body)
        if self.lost:
            self.lost -= 1
            return LOST
        return answer(b"", self.status)

    async def write(self, *edits: Edit) -> WriteOutcome:
        """By the adapter of a new run."""
        term = Term(7, "leader", "", float("inf"))
        in_doubt = StoredInDoubt(self.pool, term, self.source.id, GRACE)
        return await FeedSource(self.source, self.connection, allow).write(edits, in_doubt=in_doubt)

    async def lose(self, *edits: Edit) -> None:
        self.lost = ALL_TRIES
        with pytest.raises(SourceUnreachable):
            await self.write(*edits)
        assert self.lost == 0
        self.puts.clear()

    async def another_process_leads(self) -> None:
        """It knows what is stored, and nothing else."""
        assert self.source.feed is not None
        old = self.connection
        self.connection = FeedConnection(make_client(self.source.feed, self.server.url), old.threads)
        await old.client.close()

    async def in_doubt(self) -> int:
        async with self.pool.connection() as connection:
            return len(await requests_in_doubt(connection, self.source.id, GRACE))

    def batches(self) -> list[dict[int, str]]:
        """What was carried out, each idempotency key once."""
        return [{one["id"]: one["item"] for one in json.loads(body)} for body in self.carried_out.values()]


@pytest.fixture
async def shop(database: str) -> AsyncIterator[Shop]:
    async with lines() as server, make_pool(database, "leader", max_size=2) as pool:
        made = Shop(server, pool)
        async with pool.connection() as connection:
            await connection.execute("UPDATE rowcast.lease SET term = 7, holder = 'leader', expires_at = 'infinity'")
            await insert_source(connection, made.source)
        yield made
        await made.connection.client.close()
        made.connection.threads.close()


def edit(id_: int, item: str) -> Edit:
    """`before` is what the feed shows at first."""
    return replace(update(id_, {"item": item}, {"item": "abc"[id_ - 1]}), idempotency_key=f"{id_}={item}")


def keys(puts: Sequence[Asked]) -> list[Any]:
    return [put.headers["idempotency-key"] for put in puts]


async def test_a_batch_without_an_answer_is_sent_again_as_it_was_though_there_are_more_writes(shop: Shop) -> None:
    await shop.lose(edit(1, "x"), edit(2, "y"))
    await shop.write(edit(1, "x"), edit(2, "y"), edit(3, "z"))
    assert shop.batches() == [{1: "x", 2: "y"}, {3: "z"}], "none was carried out twice"
    assert len(shop.puts) == 2
    await shop.write(edit(1, "x"), edit(2, "y"), edit(3, "z"))
    assert len(shop.puts) == 2, "all were accepted"


async def test_a_batch_without_an_answer_is_sent_again_as_it_was_though_there_are_fewer_writes(shop: Shop) -> None:
    await shop.lose(edit(1, "x"), edit(2, "y"))
    await shop.write(edit(2, "y"))
    assert shop.batches() == [{1: "x", 2: "y"}]


async def test_a_newer_write_of_a_row_goes_after_the_batch_that_it_was_in(shop: Shop) -> None:
    await shop.lose(edit(1, "x"), edit(2, "y"))
    outcome = await shop.write(edit(1, "newer"), edit(2, "y"))
    assert shop.batches() == [{1: "x", 2: "y"}]
    assert outcome.written == [], "so the next run is at once"
    shop.shows[1], shop.shows[2] = "x", "y"
    await shop.write(replace(edit(1, "newer"), expected={"item": "x"}))
    assert shop.batches() == [{1: "x", 2: "y"}, {1: "newer"}]


async def test_what_the_feed_shows_by_now_is_not_sent_again(shop: Shop) -> None:
    await shop.lose(edit(1, "x"), edit(2, "y"))
    shop.shows[1], shop.shows[2] = "x", "y"
    await shop.write(edit(3, "z"))
    assert shop.batches() == [{1: "x", 2: "y"}, {3: "z"}]
    assert len(shop.puts) == 1


async def test_a_batch_does_not_overwrite_what_somebody_changed_since(shop: Shop) -> None:
    await shop.lose(edit(1, "x"), edit(2, "y"))
    shop.shows[1] = "theirs"
    outcome = await shop.write(edit(1, "x"), edit(2, "y"), edit(3, "z"))
    assert [json.loads(put.body) for put in shop.puts] == [[{"id": 2, "item": "y"}], [{"id": 3, "item": "z"}]]
    assert keys(shop.puts) == ["2=y", "3=z"], "a write that may have arrived goes by its own key"
    assert [one.key for one in outcome.written if one.moved_on] == [key(1)]


async def test_a_write_that_goes_alone_stays_alone_until_it_is_answered(shop: Shop) -> None:
    await shop.lose(edit(1, "x"), edit(2, "y"))
    shop.shows[1] = "theirs"
    await shop.lose(edit(2, "y"))
    await shop.write(edit(2, "y"), edit(3, "z"))
    assert keys(shop.puts) == ["2=y", "3=z"]


async def test_a_batch_that_the_feed_fails_at_does_not_hold_up_what_would_mend_it(shop: Shop) -> None:
    shop.status = "500 Bug"
    with pytest.raises(SourceUnreachable):
        await shop.write(edit(1, "bad"), edit(2, "y"))
    shop.puts.clear()

    def mended(asked: Asked) -> bytes:
        shop.status = "500 Bug" if b"bad" in asked.body else "200 OK"
        return shop.take(asked)

    shop.server.on("/orders", mended)
    await shop.write(edit(1, "good"), edit(2, "y"))
    assert shop.batches() == [{1: "good", 2: "y"}]


async def test_a_batch_that_is_refused_is_no_longer_in_doubt(shop: Shop) -> None:
    await shop.lose(edit(1, "x"), edit(2, "y"))
    shop.status = "422 Unprocessable"
    outcome = await shop.write(edit(1, "x"), edit(2, "y"))
    assert [problem.code for one in outcome.written for problem in one.problems] == ["REFUSED", "REFUSED"]
    assert await shop.in_doubt() == 0


async def test_a_process_that_takes_over_sends_a_batch_without_an_answer_again_as_it_was(shop: Shop) -> None:
    await shop.lose(edit(1, "x"), edit(2, "y"))
    await shop.another_process_leads()
    await shop.write(edit(1, "x"), edit(2, "y"), edit(3, "z"))
    assert shop.batches() == [{1: "x", 2: "y"}, {3: "z"}], "none was carried out twice"
    assert len(shop.puts) == 2
    shop.shows.update({1: "x", 2: "y", 3: "z"})
    await shop.write(edit(1, "newer"))
    assert await shop.in_doubt() == 0, "the feed shows all of it"


async def test_a_batch_that_was_answered_and_is_not_shown_yet_is_the_same_for_who_takes_over(shop: Shop) -> None:
    await shop.write(edit(1, "x"), edit(2, "y"))
    await shop.another_process_leads()
    await shop.write(edit(1, "x"), edit(2, "y"), edit(3, "z"))
    assert shop.batches() == [{1: "x", 2: "y"}, {3: "z"}], "none was carried out twice"


async def test_who_takes_over_sees_whether_somebody_changed_a_record_of_a_batch(shop: Shop) -> None:
    await shop.lose(edit(1, "x"), edit(2, "y"))
    shop.shows[1] = "theirs"
    await shop.another_process_leads()
    await shop.write(edit(1, "x"), edit(2, "y"), edit(3, "z"))
    assert keys(shop.puts) == ["2=y", "3=z"], "a write that may have arrived goes by its own key"


async def test_a_batch_goes_to_no_address_that_the_source_writes_to_no_more(shop: Shop) -> None:
    await shop.lose(edit(1, "x"), edit(2, "y"))
    assert shop.source.feed is not None
    elsewhere = FeedWrite(upsert=FeedRequest("PUT", f"{shop.server.url}/elsewhere"), batch_size=10)
    shop.server.on("/elsewhere", shop.take)
    shop.source = replace(shop.source, feed=replace(shop.source.feed, write=elsewhere))
    await shop.write(edit(1, "x"), edit(2, "y"), edit(3, "z"))
    assert keys(shop.puts) == ["1=x", "2=y", "3=z"]
    assert {put.path for put in shop.puts} == {"/elsewhere"}


async def test_a_batch_that_can_not_be_read_any_more_keeps_no_other_write_waiting(shop: Shop) -> None:
    await shop.lose(edit(1, "x"), edit(2, "y"))
    async with shop.pool.connection() as connection:
        await connection.execute("UPDATE rowcast.in_doubt SET request = 'of another version'")
    await shop.another_process_leads()
    await shop.write(edit(1, "x"), edit(3, "z"))
    assert shop.batches()[-1] == {1: "x", 3: "z"}
    assert await shop.in_doubt() == 1, "the new batch alone"


async def test_who_leads_no_more_makes_nobody_forget(shop: Shop) -> None:
    await shop.lose(edit(1, "new"))
    async with shop.pool.connection() as connection:
        await connection.execute("UPDATE rowcast.lease SET term = 8, holder = 'another'")
    for edits in ((), (edit(2, "new"),)):
        with pytest.raises(LeadershipLost):
            await shop.write(*edits)
    assert shop.puts == []
    assert await shop.in_doubt() == 1
