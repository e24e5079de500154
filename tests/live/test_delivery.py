"""Delivered together or alone, a subscription gets the same; joining, leaving and resuming lose and repeat nothing."""

import asyncio
import json
from contextlib import AsyncExitStack
from typing import Any

import psycopg
import pytest

from api.lifespan import QUERIES
from tests.live.client import EVERYTHING, TABLE, Json, Live, seen, shared, stock
from tests.live.conftest import bind
from tests.server import Client, ThreadServer, eventually

Sql = psycopg.AsyncConnection
COMMITS = 40


async def groups(server: Client) -> tuple[int, int]:
    """How many groups there are, and how many members they have."""
    found = {
        line.split()[0]: float(line.split()[1])
        for line in (await server.get("/metrics")).text.splitlines()
        if line.startswith("rowcast_live_")
    }
    return int(found["rowcast_live_groups"]), int(found["rowcast_live_members"])


async def joined(server: Client, members: int, groups_: int | None = None) -> None:
    """Wait until so many subscriptions are delivered together."""

    async def so_many() -> bool:
        found = await groups(server)
        return found[1] == members and groups_ in (None, found[0])

    await eventually(so_many)


def comparable(batch: Json) -> Json:
    """Without what says only when the subscription began."""
    return batch if batch["transactionId"] else {**batch, "cursor": None}


SELECTIONS = [
    EVERYTHING,
    'subscription Named { changes(source: "customers") { changes { operation key row } upToDate } }',
    """subscription($where: RowFilter, $with: Boolean = true) { all: changes(source: "customers", where: $where) {
         __typename kind: cause ...B upToDate last @skip(if: $with) committedAt @include(if: $with)
         changes { ... on Change { was: before } ...C changed } } }
       fragment B on ChangeBatch { cursor at: committedAt changes { operation } }
       fragment C on Change { operation row before moved key __typename }""",
]
FILTERS: list[Json] = [
    None,
    {"column": "age", "eq": 3},
    {"column": "age", "in": [2, 4]},
    {"and": [{"column": "age", "gte": 2}, {"not": {"column": "name", "like": "n3%"}}]},
    {"or": [{"column": "total", "eq": "7"}, {"column": "age", "isNull": True}]},
]


@pytest.mark.parametrize("query", SELECTIONS)
async def test_both_ways_give_the_same(live: ThreadServer, sql: Sql, query: str) -> None:
    await sql.execute("INSERT INTO customers SELECT n, 'n' || n, n % 5, n FROM generate_series(1, 10) n")
    async with AsyncExitStack() as stack:
        pairs: list[tuple[Live, Live]] = []
        wheres = FILTERS if "$where" in query else [None]
        for where in wheres:
            one = await stack.enter_async_context(shared(live, query, {"where": where}))
            other = await stack.enter_async_context(stock(live, query, {"where": where}))
            await one.up_to_date()
            await other.up_to_date()
            pairs.append((one, other))
        await joined(live, len(pairs))
        await sql.execute("UPDATE customers SET age = age + 1 WHERE id < 6")
        async with sql.transaction():
            await sql.execute("UPDATE customers SET id = 100 WHERE id = 1")
            await sql.execute("INSERT INTO customers VALUES (11, 'ü ☃ \"', NULL, 9007199254740993)")
            await sql.execute("DELETE FROM customers WHERE age = 2")
        await sql.execute("UPDATE customers SET age = NULL")
        await sql.execute("TRUNCATE customers")
        for one, other in pairs:
            while True:
                expected, got = await other.message(), await one.message()
                assert got["payload"] == expected["payload"]
                [batch] = got["payload"]["data"].values()
                if [change["operation"] for change in batch["changes"]] == ["TRUNCATE"]:
                    break


async def test_everybody_gets_each_commit_as_one_message_in_order(live: ThreadServer, sql: Sql) -> None:
    async with AsyncExitStack() as stack:
        clients = [await stack.enter_async_context(shared(live, id_=f"id {n}")) for n in range(20)]
        for client in clients:
            await client.up_to_date()
        await joined(live, 20, 1)
        for n in range(10):
            await sql.execute("INSERT INTO customers VALUES (%s, 'x'), (%s, 'y')", (2 * n, 2 * n + 1))
        for client in clients:
            batches = [await client.batch() for _ in range(10)]
            assert seen(batches) == [("INSERT", n) for n in range(20)]
            assert [len(batch["changes"]) for batch in batches] == [2] * 10


async def test_a_large_commit_comes_in_slices_of_which_only_the_last_says_so(live: ThreadServer, sql: Sql) -> None:
    async with shared(live) as one, shared(live, variables={"where": {"column": "id", "lt": 1500}}) as other:
        for client in (one, other):
            await client.up_to_date()
        await joined(live, 2, 2)
        await sql.execute("INSERT INTO customers SELECT n, 'n' FROM generate_series(0, 2999) n")
        for client, count in ((one, 3000), (other, 1500)):
            batches = await client.until(lambda batch: bool(batch["last"]))
            assert seen(batches) == [("INSERT", n) for n in range(count)]
            assert len({batch["transactionId"] for batch in batches}) == 1
            assert len(batches) > 1


async def test_a_slice_has_a_mebibyte_of_rows_at_most(live: ThreadServer, sql: Sql) -> None:
    async with shared(live, compression=None) as client:
        await client.up_to_date()
        await joined(live, 1, 1)
        await sql.execute("INSERT INTO customers SELECT n, repeat('x', 100000) FROM generate_series(1, 40) n")
        batches = await client.until(lambda batch: bool(batch["last"]))
        assert seen(batches) == [("INSERT", n) for n in range(1, 41)]
        assert {len(batch["changes"]) for batch in batches} == {10}


async def test_subscriptions_that_are_alike_share_a_group_and_others_do_not(live: ThreadServer, sql: Sql) -> None:
    alike: list[Json] = [
        {"where": {"column": "age", "eq": 1}},
        {"where": {"column": "age", "eq": 1}, "snapshot": True, "operations": None},
    ]
    others: list[Json] = [
        {"where": {"column": "age", "eq": 2}},
        {"where": {"column": "age", "eq": 1}, "operations": ["INSERT"]},
        {"where": {"column": "age", "eq": 1}, "columns": ["name"]},
    ]
    async with AsyncExitStack() as stack:
        for variables in (*alike, *others):
            client = await stack.enter_async_context(shared(live, variables=variables))
            await client.up_to_date()
        await joined(live, 5, 4)
    await joined(live, 0, 0)


async def test_a_storm_of_reconnects_with_different_cursors_ends_in_the_same_group(
    live: ThreadServer, sql: Sql
) -> None:
    cursors = []
    async with shared(live) as first:
        [start] = await first.up_to_date()
        cursors.append(start["cursor"])
        for n in range(COMMITS):
            await sql.execute("INSERT INTO customers VALUES (%s, 'x')", (n,))
            cursors.append((await first.batch())["cursor"])
    async with AsyncExitStack() as stack:

        async def again(n: int, cursor: str) -> Live:
            client = await stack.enter_async_context(shared(live, variables={"after": cursor}))
            assert seen(await client.up_to_date()) == [("INSERT", missed) for missed in range(n, COMMITS)]
            return client

        clients = await asyncio.gather(*(again(n, cursor) for n, cursor in enumerate(cursors)))
        await joined(live, len(clients), 1)
        await sql.execute("INSERT INTO customers VALUES (1000, 'x')")
        for client in clients:
            assert seen([await client.batch()]) == [("INSERT", 1000)]


async def test_who_joins_under_writers_misses_and_repeats_nothing(live: ThreadServer, sql: Sql) -> None:
    """Many begin while commits come as fast as they can: each has the table in the end."""

    async def write() -> None:
        assert live.settings.database_url is not None
        async with await psycopg.AsyncConnection.connect(live.settings.database_url, autocommit=True) as connection:
            for n in range(300):
                await connection.execute("INSERT INTO customers VALUES (%s, 'x', %s)", (n, n % 7))
                if n % 3 == 0:
                    await connection.execute("UPDATE customers SET age = age + 1 WHERE id %% 11 = %s", (n % 11,))
                if n % 5 == 0:
                    await connection.execute("DELETE FROM customers WHERE id = %s", (n // 2,))
            await connection.execute("INSERT INTO customers VALUES (100000, 'end', 3)")

    where = {"column": "age", "in": [1, 2, 3]}

    async def client(delay: int) -> dict[int, Json]:
        for _ in range(delay):
            await asyncio.sleep(0)
        rows: dict[int, Json] = {}
        async with shared(live, variables={"where": where, "snapshot": True}) as stream:
            while 100000 not in rows:
                for change in (await stream.batch())["changes"]:
                    apply(rows, change)
        return rows

    writing = asyncio.create_task(write())
    found = await asyncio.gather(*(client(n * 40) for n in range(20)))
    await writing
    answer = await sql.execute("SELECT id, age FROM customers WHERE age IN (1, 2, 3)")
    expected: dict[int, int] = dict(await answer.fetchall())
    for rows in found:
        assert {id_: row["age"] for id_, row in rows.items()} == expected


def apply(rows: dict[int, Json], change: Json) -> None:
    id_ = change["key"]["id"]
    if change["operation"] == "DELETE":
        assert rows.pop(id_) == change["before"]
    else:
        assert rows.get(id_) == (change["before"] if change["operation"] == "UPDATE" else None)
        rows[id_] = change["row"]


async def test_a_completed_subscription_gets_nothing_more_and_its_id_is_free(live: ThreadServer, sql: Sql) -> None:
    async with shared(live) as client, shared(live, id_="other") as other:
        for each in (client, other):
            await each.up_to_date()
        await joined(live, 2, 1)
        await client.complete()
        await joined(live, 1, 1)
        await sql.execute("INSERT INTO customers VALUES (1, 'x')")
        assert seen([await other.batch()]) == [("INSERT", 1)]
        payload = {"query": EVERYTHING, "variables": {}}
        await client.connection.send(json.dumps({"id": "1", "type": "subscribe", "payload": payload}))
        [first] = await client.up_to_date()
        assert first["changes"] == []
        await joined(live, 2, 1)
    await joined(live, 0, 0)


@pytest.mark.parametrize(
    "variables",
    [
        {"where": {"column": "nowhere", "eq": 1}},
        {"where": {"column": "age", "eq": "x"}},
        {"where": 1},
        {"after": "nonsense"},
        {"columns": ["nowhere"]},
        {"operations": ["NOTHING"]},
    ],
)
async def test_what_is_wrong_is_said_the_same_way(live: ThreadServer, sql: Sql, variables: Json) -> None:
    async with shared(live, variables=variables) as one, stock(live, variables=variables) as other:
        got, expected = await one.message(), await other.message()
        assert got["type"] in ("error", "next")
        assert codes(got) == codes(expected) != []


def codes(message: Json) -> list[Any]:
    payload = message["payload"]
    errors = payload.get("errors", [payload]) if isinstance(payload, dict) else payload
    return [(error["message"], error.get("extensions", {}).get("code")) for error in errors]


async def test_a_delivery_does_not_wait_for_queries_that_have_all_connections(live: ThreadServer, sql: Sql) -> None:
    dsn = live.settings.database_url
    assert dsn is not None
    await bind(dsn, "locked")
    query = 'query { rows(source: "locked", first: 1) { nodes { key } } }'
    waiting = """SELECT count(*) FROM pg_stat_activity
                 WHERE datname = current_database() AND wait_event_type = 'Lock' AND application_name = 'rowcast'"""
    async with (
        shared(live, EVERYTHING) as client,
        await psycopg.AsyncConnection.connect(dsn) as locking,
    ):
        await client.up_to_date()
        await joined(live, 1)
        await locking.execute("LOCK TABLE locked IN ACCESS EXCLUSIVE MODE")
        queries = [asyncio.create_task(live.graphql(query)) for _ in range(30)]

        async def all_wait() -> bool:
            row = await (await sql.execute(waiting)).fetchone()
            return row == (QUERIES,)

        await eventually(all_wait)
        await sql.execute(f"INSERT INTO {TABLE} (id, name) VALUES (1, 'Ada')".encode())
        assert seen([await client.batch()]) == [("INSERT", 1)]
        await locking.rollback()
        for answer in await asyncio.gather(*queries):
            assert answer["rows"]["nodes"] == []
