"""A client that doesn't read hurts nobody but itself, and gets everything once it reads."""

import asyncio
from typing import Any

import psycopg

from tests.live.client import seen, shared
from tests.live.test_delivery import joined
from tests.server import ThreadServer, eventually

COMMITS = 120
# With a queue of one message the client stops reading its socket as soon as nobody takes them.
NOT_READING: dict[str, Any] = {"compression": None, "max_queue": 1, "ping_interval": None}
_LARGE = "(SELECT string_agg(md5(random()::text), '') FROM generate_series(1, 4000))"  # 128 kB that don't compress


async def slow_readers(server: ThreadServer) -> int:
    lines = (await server.get("/metrics")).text.splitlines()
    [line] = [line for line in lines if line.startswith("rowcast_slow_readers_total")]
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
            await sql.execute(f"INSERT INTO customers SELECT {n}, {_LARGE}".encode())
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
            await sql.execute(f"INSERT INTO customers SELECT {n}, {_LARGE}".encode())
        async with asyncio.timeout(60):
            assert seen([await other.batch() for _ in range(COMMITS)]) == [("INSERT", n) for n in range(COMMITS)]
        never.connection.transport.abort()
        await joined(live, 1, 1)
