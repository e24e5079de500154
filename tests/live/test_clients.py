"""Clients that others wrote take what is delivered together, compressed and not."""

import asyncio
import json

import psycopg
import pytest

from tests.live.client import TABLE, line, node_client, seen, shared
from tests.live.test_delivery import joined
from tests.server import ThreadServer


@pytest.mark.parametrize("compress", ["true", "false"])
async def test_graphql_ws_of_node(live: ThreadServer, sql: psycopg.AsyncConnection, compress: str) -> None:
    async with node_client(live, count=4, compress=compress, retries=0) as client:
        assert (await line(client))["data"]["changes"]["upToDate"]
        await joined(live, 1, 1)
        await sql.execute(f"INSERT INTO {TABLE} SELECT n, 'name ' || n FROM generate_series(1, 30) n".encode())
        await sql.execute(f"UPDATE {TABLE} SET name = 'ü' WHERE id = 1".encode())
        await sql.execute(f"DELETE FROM {TABLE} WHERE id < 3".encode())
        batches = [(await line(client))["data"]["changes"] for _ in range(3)]
        assert seen(batches) == [
            *(("INSERT", n) for n in range(1, 31)),
            ("UPDATE", 1),
            ("DELETE", 1),
            ("DELETE", 2),
        ]
        # It completes the subscription, and goes on with a query on the same connection.
        assert (await line(client))["data"]["sources"]["nodes"] == [{"name": TABLE}]
        assert await asyncio.wait_for(client.wait(), 60) == 0
    await joined(live, 0, 0)


@pytest.mark.parametrize("compression", [None, "deflate"])
async def test_websockets_of_python(live: ThreadServer, sql: psycopg.AsyncConnection, compression: str | None) -> None:
    async with shared(live, compression=compression) as one, shared(live, id_="ü" * 50, compression=compression) as two:
        for client in (one, two):
            await client.up_to_date()
        await joined(live, 2, 1)
        for rows in (1, 2, 30, 800):
            await sql.execute(
                f"INSERT INTO {TABLE} SELECT {rows} * 1000 + n, 'n' FROM generate_series(1, {rows}) n".encode()
            )
            for client in (one, two):
                assert seen([await client.batch()]) == [("INSERT", rows * 1000 + n) for n in range(1, rows + 1)]
            # Stock messages in between are compressed on their own, too.
            await one.connection.send('{"type":"ping"}')
            assert json.loads(await one.connection.recv())["type"] == "pong"
