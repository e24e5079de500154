"""A client that doesn't read hurts nobody but itself, and gets everything once it reads."""

import asyncio
from typing import Any

import psycopg

from tests.live.client import EVERYTHING, LARGE, seen, shared
from tests.live.raw_client import raw_client, text
from tests.live.test_delivery import joined
from tests.server import ThreadServer, eventually

COMMITS = 120
# With a queue of one message the client stops reading its socket as soon as nobody takes them.
NOT_READING: dict[str, Any] = {"compression": None, "max_queue": 1, "ping_interval": None}


async def slow_readers(server: ThreadServer) -> int:
    return await _metric(server, "rowcast_slow_readers_total")


async def subscriptions(server: ThreadServer) -> int:
    return await _metric(server, "rowcast_subscriptions")


async def _metric(server: ThreadServer, name: str) -> int:
    lines = (await server.get("/metrics")).text.splitlines()
    [line] = [line for line in lines if line.startswith(f"{name} ")]
    return int(float(line.split()[1]))


async def test_a_slow_reader_leaves_to_the_log_and_comes_back(live: ThreadServer, sql: psycopg.AsyncConnection) -> None:
    before = await slow_readers(live)
    async with (
        shared(live, id_="slow", **NOT_READING) as slow,
        shared(live, id_="fast", compression=None) as fast,
    ):
        for client in (slow, fast):
            await client.up_to_date()
        await joined(live, 2, 1)
        for n in range(COMMITS):
            await sql.execute(f"INSERT INTO customers SELECT {n}, {LARGE}".encode())
            assert seen([await fast.batch()]) == [("INSERT", n)]

        async def left() -> bool:
            return await slow_readers(live) > before

        await eventually(left)
        await joined(live, 1, 1)
        batches = await slow.until(lambda batch: ("INSERT", COMMITS - 1) in seen([batch]))
        assert seen(batches) == [("INSERT", n) for n in range(COMMITS)]
        assert all(len(batch["changes"]) <= 1 for batch in batches)
        await joined(live, 2, 1)
        await sql.execute("INSERT INTO customers VALUES (1000, 'after')")
        for client in (slow, fast):
            batches = await client.until(lambda batch: bool(batch["changes"]))
            assert seen(batches) == [("INSERT", 1000)]


async def test_who_leaves_amid_a_large_commit_gets_its_end(live: ThreadServer, sql: psycopg.AsyncConnection) -> None:
    before = await slow_readers(live)
    where = {"column": "id", "lt": 5000}
    variables = {"where": where, "columns": ["name"]}
    async with shared(live, variables=variables, **NOT_READING) as slow:
        await slow.up_to_date()
        await joined(live, 1, 1)
        # Only the first slices concern it; the last says that the commit is over.
        await sql.execute(
            "INSERT INTO customers SELECT n, CASE WHEN n < 5000 THEN repeat(md5(n::text), 100) ELSE 'x' END "
            "FROM generate_series(1, 8000) n"
        )

        async def left() -> bool:
            return await slow_readers(live) > before

        await eventually(left)
        batches = await slow.until(lambda batch: bool(batch["last"] and batch["transactionId"]))
        assert seen(batches) == [("INSERT", n) for n in range(1, 5000)]
        assert len({batch["transactionId"] for batch in batches if batch["changes"]}) == 1


async def test_a_client_that_never_reads_does_not_keep_the_others_waiting(
    live: ThreadServer, sql: psycopg.AsyncConnection
) -> None:
    async with (
        shared(live, **NOT_READING) as never,
        shared(live, compression=None) as other,
    ):
        for client in (never, other):
            await client.up_to_date()
        await joined(live, 2, 1)
        for n in range(COMMITS):
            await sql.execute(f"INSERT INTO customers SELECT {n}, {LARGE}".encode())
        async with asyncio.timeout(60):
            assert seen([await other.batch() for _ in range(COMMITS)]) == [("INSERT", n) for n in range(COMMITS)]
        never.connection.transport.abort()
        await joined(live, 1, 1)


ROOM = 64 * 1024 + 200_000
"""What asyncio takes of what is written before it says that it is full, and a message of these."""


def waiting(server: ThreadServer) -> int:
    """Bytes that wait to be written to the client that has most of them."""
    return max(int(each.transport.get_write_buffer_size()) for each in server.connections)


async def test_of_many_that_catch_up_one_at_a_time_writes_what_a_slow_client_takes(
    live: ThreadServer, sql: psycopg.AsyncConnection
) -> None:
    async with shared(live) as first:
        [start] = await first.up_to_date()
    await sql.execute(f"INSERT INTO customers SELECT 1, {LARGE}".encode())
    payload = {"query": EVERYTHING, "variables": {"after": start["cursor"]}}
    async with raw_client(live, receives=4096) as slow:
        await slow.send(text({"type": "connection_init"}))
        for n in range(40):
            await slow.send(text({"id": str(n), "type": "subscribe", "payload": payload}))

        async def all_wait() -> bool:
            return await subscriptions(live) == 40 and waiting(live) > 0

        await eventually(all_wait)
        ended = 0
        while ended < 40:
            assert waiting(live) < ROOM
            [message] = await slow.messages(1)
            ended += message["type"] == "next" and message["payload"]["data"]["changes"]["changes"] == []
    await joined(live, 0)


async def test_who_begins_while_its_client_does_not_read_waits(
    live: ThreadServer, sql: psycopg.AsyncConnection
) -> None:
    many = " ".join(f"a{n}: cursor" for n in range(300))
    query = f'subscription {{ changes(source: "customers", where: {{column: "id", lt: 0}}) {{ {many} }} }}'
    async with raw_client(live, receives=4096) as never:
        await never.subscribe()
        await joined(live, 1)
        before = await slow_readers(live)
        for n in range(COMMITS):
            await sql.execute(f"INSERT INTO customers SELECT {n}, {LARGE}".encode())

        async def left() -> bool:
            return await slow_readers(live) > before

        await eventually(left)
        for n in range(2, 102):
            await never.send(text({"id": str(n), "type": "subscribe", "payload": {"query": query}}))

        async def begun() -> bool:
            return await subscriptions(live) >= 100

        await eventually(begun)
        async with shared(live) as other:
            await other.up_to_date()  # and so has everybody before it
        # Each begins with ten kilobytes.
        assert waiting(live) < ROOM
    await joined(live, 0)
