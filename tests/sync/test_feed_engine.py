"""The engine over a feed whose server caches, forgets, loses answers and has a mind of its own."""

import json
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

import psycopg
import pytest

from db.feeds import FeedBinding, FeedFormat, FeedRequest, FeedWrite
from db.lease import Term
from db.runs import Run, RunState, RunTrigger
from db.session import make_pool
from db.sources import Column, Source, insert_source
from db.tables import Relation, publish
from db.wire import ColumnType
from sync.daemon_threads import DaemonThreads
from sync.feeds.adapter import FeedConnection, FeedSource
from sync.feeds.client import FeedLimits
from sync.runs.engine import Engine
from tests.grace import GRACE
from tests.sync.feeds import allow, make_client, make_source
from tests.sync.http_lines import Asked, Lines, answer, lines
from tests.sync.user import rows_of, user_session

COLUMNS = (Column("id", ColumnType.INTEGER, "id"), Column("item", ColumnType.TEXT, "item"))


@dataclass
class Service:
    """Records by id. `shows` is what a reader gets, for a cache; `take` is what becomes of a written record."""

    server: Lines
    records: dict[str, dict[str, Any]]
    cache: dict[str, dict[str, Any]] | None = None
    take: Callable[[dict[str, Any]], dict[str, Any]] = dict
    status: Callable[[str], str] = lambda _: "200 OK"
    posted: str = "200 OK"
    lose: int = 0
    puts: list[Asked] = field(default_factory=list)

    def get(self, _: Asked) -> bytes:
        shows = self.records if self.cache is None else self.cache
        return answer(json.dumps(list(shows.values())).encode())

    def orders(self, asked: Asked) -> bytes:
        """The list: read, or written as a batch."""
        if asked.line.startswith("GET"):
            return self.get(asked)
        self.puts.append(asked)
        if self.posted != "200 OK":
            return answer(b"", self.posted)
        written = json.loads(asked.body)
        for record in written if isinstance(written, list) else [written]:
            self.records[str(record["id"])] = record
        if self.lose:
            self.lose -= 1
            return b"HTTP/1.1 nothing\r\n\r\n"
        return answer(b"")

    def put(self, asked: Asked) -> bytes:
        self.puts.append(asked)
        id_ = asked.path.rpartition("/")[2]
        status = self.status(id_)
        if status == "200 OK":
            if asked.line.startswith("DELETE"):
                self.records.pop(id_, None)
            else:
                self.records[id_] = self.take(json.loads(asked.body))
        if self.lose:
            self.lose -= 1
            return b"HTTP/1.1 nothing\r\n\r\n"
        return answer(b"", status)

    def keep_showing(self) -> None:
        self.cache = {id_: dict(record) for id_, record in self.records.items()}


@dataclass
class World:
    dsn: str
    user: psycopg.Connection
    service: Service
    source: Source
    engine: Engine
    now: datetime = datetime(2030, 1, 1, tzinfo=UTC)
    waited: float = 0.0

    async def run(self) -> Run:
        self.now += timedelta(seconds=10)
        run = await self.engine.run(self.source.id, RunTrigger.MANUAL)
        assert run is not None
        return run

    def sql(self, statement: str) -> list[tuple[Any, ...]]:
        return rows_of(self.user, statement)

    def table(self) -> dict[int, str]:
        return dict(self.sql("SELECT id, item FROM orders ORDER BY id"))

    def feed(self) -> dict[int, str]:
        return {int(id_): record["item"] for id_, record in sorted(self.service.records.items())}

    def failures(self) -> list[tuple[Any, ...]]:
        return self.sql("SELECT code, column_name FROM rowcast.failures WHERE state = 'OPEN'")

    def conflicts(self) -> int:
        return int(self.sql("SELECT count(*) FROM rowcast.conflicts")[0][0])


@asynccontextmanager
async def world(database: str, batch_size: int = 1) -> AsyncIterator[World]:
    """Three orders, in the feed and the table alike. `batch_size`: above 1 the feed takes lists, and no deletes."""
    async with (
        user_session(database) as user,
        lines() as server,
        make_pool(database, "leader", max_size=4) as pool,
    ):
        user.execute('CREATE TABLE orders (id integer PRIMARY KEY, item text COLLATE "C")')
        user.execute("ALTER TABLE orders REPLICA IDENTITY FULL")
        user.execute("UPDATE rowcast.lease SET term = 7, holder = 'leader', expires_at = 'infinity'")
        service = Service(server, {str(id_): {"id": id_, "item": f"n{id_}", "extra": id_} for id_ in (1, 2, 3)})
        server.on("/orders", service.orders)
        for id_ in (1, 2, 3, 9):
            server.on(f"/orders/{id_}", service.put)
        one = f"{server.url}/orders/{{id}}"
        write = FeedWrite(
            upsert=FeedRequest("PUT", one),
            insert=FeedRequest("POST", f"{server.url}/orders"),
            delete=FeedRequest("DELETE", one),
        )
        if batch_size > 1:
            write = FeedWrite(upsert=FeedRequest("PUT", f"{server.url}/orders"), batch_size=batch_size)
        binding = FeedBinding(f"{server.url}/orders", FeedFormat.JSON, "@", write=write)
        source = make_source(binding, COLUMNS, "id")
        async with pool.connection() as connection:
            await publish(connection, Relation("public", "orders"))
            await insert_source(connection, source)
        made: list[World] = []
        connected = FeedConnection(
            make_client(binding, server.url), DaemonThreads(1, "feed"), clock=lambda: made[0].waited
        )
        engine = Engine(
            pool,
            Term(7, "leader", "", float("inf")),
            b"key",
            lambda asked, _: FeedSource(asked, connected, allow),
            grace=GRACE,
            clock=lambda: made[0].now,
            jitter=lambda: 1.0,
        )
        made.append(World(database, user, service, source, engine))
        await made[0].run()
        assert made[0].table() == made[0].feed()
        yield made[0]
        await connected.client.close()
        connected.threads.close()


async def test_a_stale_answer_of_a_cache_is_no_edit(database: str) -> None:
    async with world(database) as at:
        at.service.keep_showing()
        at.sql("UPDATE orders SET item = 'new' WHERE id = 1; DELETE FROM orders WHERE id = 3")
        for _ in range(3):
            await at.run()
            assert at.table() == {1: "new", 2: "n2"}, "what the cache shows is no edit"
        assert [put.line.split()[0] for put in at.service.puts] == ["PUT", "DELETE"], "each was sent once"
        at.service.cache = None
        await at.run()
        run = await at.run()
        assert run.state is RunState.SUCCEEDED
        assert at.table() == at.feed() == {1: "new", 2: "n2"}
        assert len(at.service.puts) == 2
        assert at.conflicts() == 0
        assert not at.failures()
        assert at.service.records["1"]["extra"] == 1


async def test_a_later_edit_while_a_cache_is_stale_goes_after_the_first(database: str) -> None:
    async with world(database) as at:
        at.service.keep_showing()
        for item in ("one", "two", "one"):
            at.sql(f"UPDATE orders SET item = '{item}' WHERE id = 1")
            await at.run()
        keys = [put.headers["idempotency-key"] for put in at.service.puts]
        assert len(set(keys)) == 3, "the same value again is another write, or its server would take it for done"
        at.service.cache = None
        await at.run()
        await at.run()
        assert at.table()[1] == at.feed()[1] == "one"
        assert at.conflicts() == 0


async def test_every_try_of_a_write_has_the_same_key_over_runs(database: str) -> None:
    async with world(database) as at:
        at.service.lose = 6
        at.service.status = lambda _: "500 Not now"
        at.sql("UPDATE orders SET item = 'new' WHERE id = 1")
        for _ in range(2):
            assert (await at.run()).state is RunState.FAILED
        at.service.status = lambda _: "200 OK"
        await at.run()
        assert len(at.service.puts) > 3
        assert len({put.headers["idempotency-key"] for put in at.service.puts}) == 1
        assert at.table() == at.feed()
        assert (await at.run()).state is RunState.SUCCEEDED


async def test_no_write_of_a_batch_without_an_answer_goes_under_another_key(database: str) -> None:
    """Its readers are shown an old state, so that the next run can't see that it arrived."""
    async with world(database, batch_size=10) as at:
        at.service.keep_showing()
        at.service.lose = 3
        at.sql("UPDATE orders SET item = 'new' WHERE id < 3")
        assert (await at.run()).state is RunState.FAILED
        at.sql("UPDATE orders SET item = 'newer' WHERE id = 2; UPDATE orders SET item = 'other' WHERE id = 3")
        await at.run()
        at.service.cache = None
        for _ in range(2):
            await at.run()
        batches = {put.headers["idempotency-key"]: put.body for put in at.service.puts}
        written = [{one["id"]: one["item"] for one in json.loads(body)} for body in batches.values()]
        assert written == [{1: "new", 2: "new"}, {3: "other"}, {2: "newer"}]
        assert at.table() == at.feed() == {1: "new", 2: "newer", 3: "other"}
        assert at.conflicts() == 0
        assert not at.failures()


async def test_a_lost_answer_of_a_write_that_arrived_is_no_conflict_with_the_next_edit(database: str) -> None:
    async with world(database) as at:
        at.service.lose = 3
        at.sql("UPDATE orders SET item = 'first' WHERE id = 1")
        assert (await at.run()).state is RunState.FAILED
        assert at.feed()[1] == "first"
        at.sql("UPDATE orders SET item = 'second' WHERE id = 1")
        await at.run()
        await at.run()
        assert at.table()[1] == at.feed()[1] == "second"
        assert at.conflicts() == 0


async def test_what_the_feed_makes_of_a_write_comes_back(database: str) -> None:
    async with world(database) as at:
        at.service.take = lambda record: {**record, "item": str(record["item"]).strip()}
        at.sql("UPDATE orders SET item = '  spaced ' WHERE id = 1")
        await at.run()
        await at.run()
        assert at.table()[1] == at.feed()[1] == "spaced"
        assert at.conflicts() == 0


async def test_a_field_that_the_feed_does_not_take_is_a_failure_in_the_end(database: str) -> None:
    async with world(database) as at:
        at.service.take = lambda record: {**record, "item": "n1"}
        at.sql("UPDATE orders SET item = 'never' WHERE id = 1")
        await at.run()
        assert not at.failures()
        at.waited += FeedLimits().shown_within_s
        await at.run()
        await at.run()
        assert at.failures() == [("NOT_SHOWN", "item")]
        assert at.table()[1] == "never", "nothing was lost"
        assert len(at.service.puts) == 1


@pytest.mark.parametrize("status", ["403 Forbidden", "404 Not Found", "409 Conflict", "422 Unprocessable"])
async def test_a_row_that_is_refused_is_its_own_failure(database: str, status: str) -> None:
    async with world(database) as at:
        at.service.status = lambda id_: status if id_ == "2" else "200 OK"
        at.sql("UPDATE orders SET item = 'new'")
        await at.run()
        assert at.feed() == {1: "new", 2: "n2", 3: "new"}
        assert at.failures() == [("REFUSED", None)]
        puts = len(at.service.puts)
        await at.run()
        assert len(at.service.puts) == puts, "it sleeps until its value changes"
        at.service.status = lambda _: "200 OK"
        at.sql("UPDATE orders SET item = 'better' WHERE id = 2")
        await at.run()
        assert at.feed()[2] == "better"
        assert not at.failures()


async def test_a_row_that_the_feed_always_fails_at_holds_up_no_other(database: str) -> None:
    async with world(database) as at:
        at.service.status = lambda id_: "200 OK" if id_ == "3" else "500 Bug"
        at.sql("UPDATE orders SET item = 'new'")
        run = await at.run()
        assert run.state is RunState.PARTIAL
        assert at.feed() == {1: "n1", 2: "n2", 3: "new"}
        assert at.failures() == [("FAILING", None)] * 2
        at.service.status = lambda _: "503 Down"
        at.sql("UPDATE orders SET item = 'newer'")
        assert (await at.run()).state is RunState.FAILED, "where nothing goes through, the feed is down"
        assert at.failures() == [("FAILING", None)] * 2
        at.service.status = lambda _: "200 OK"
        await at.run()
        assert at.table() == at.feed() == dict.fromkeys((1, 2, 3), "newer")
        assert not at.failures()


async def test_a_row_that_the_feed_failed_at_is_tried_again_as_it_is(database: str) -> None:
    async with world(database) as at:
        at.service.status = lambda id_: "500 Bug" if id_ == "2" else "200 OK"
        at.sql("UPDATE orders SET item = 'new'")
        await at.run()
        assert at.failures() == [("FAILING", None)]
        at.service.status = lambda _: "200 OK"
        await at.run()
        assert at.feed()[2] == "new"
        assert not at.failures()


async def test_a_credential_that_is_refused_is_the_feed_s_state_and_no_row_s(database: str) -> None:
    async with world(database) as at:
        at.service.status = lambda _: "401 Unauthorized"
        at.sql("UPDATE orders SET item = 'new'")
        run = await at.run()
        assert run.state is RunState.FAILED
        assert "correct `feed.auth`" in (run.message or "")
        assert len(at.service.puts) == 1
        assert not at.failures()


@pytest.mark.parametrize("lost", [0, 3])
async def test_a_record_that_was_posted_and_does_not_show_yet_is_not_posted_anew(database: str, lost: int) -> None:
    """Its server gives the same idempotency key one record, and another one another."""
    async with world(database) as at:
        at.service.keep_showing()
        at.service.lose = lost
        at.sql("INSERT INTO orders VALUES (9, 'one')")
        await at.run()
        at.sql("UPDATE orders SET item = 'two' WHERE id = 9")
        await at.run()
        at.service.cache = None
        await at.run()
        await at.run()
        posts = [put for put in at.service.puts if put.line.startswith("POST")]
        assert len({post.headers["idempotency-key"] for post in posts}) == 1
        assert at.table()[9] == at.feed()[9] == "two"
        assert at.conflicts() == 0


async def test_a_record_that_the_feed_refused_is_posted_as_it_is_by_now(database: str) -> None:
    async with world(database) as at:
        at.service.posted = "422 Unprocessable"
        at.sql("INSERT INTO orders VALUES (9, 'one')")
        await at.run()
        at.service.posted = "200 OK"
        at.sql("UPDATE orders SET item = 'two' WHERE id = 9")
        await at.run()
        await at.run()
        assert at.table()[9] == at.feed()[9] == "two"
        assert not at.failures()
