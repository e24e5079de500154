"""A connection past ASGI: it needs a task only while something happens on it, and says the same as through ASGI."""

import asyncio
from contextlib import AsyncExitStack
from pathlib import Path

import psycopg
from strawberry.subscriptions.protocols.graphql_transport_ws.handlers import Operation

from tests.live.client import EVERYTHING, LARGE, TABLE
from tests.live.conftest import bind
from tests.live.objects import objects_of
from tests.live.raw_client import CLOSE, frame, raw_client, text
from tests.live.test_delivery import joined
from tests.server import ThreadServer, eventually, server_settings

CONNECTIONS = 20


def tasks() -> int:
    """Of all of this process, and so of the server."""
    return sum(not each.done() for each in objects_of(asyncio.Task))


async def test_connections_on_which_nothing_happens_have_no_task(live: ThreadServer) -> None:
    async with AsyncExitStack() as stack:
        first = await stack.enter_async_context(raw_client(live))
        await first.subscribe()
        await joined(live, 1)
        before = tasks()
        clients = [await stack.enter_async_context(raw_client(live)) for _ in range(CONNECTIONS)]
        for client in clients:
            await client.subscribe()
        await joined(live, 1 + CONNECTIONS)

        async def no_more() -> bool:
            # Of the server's own some come and go.
            return tasks() < before + CONNECTIONS // 2

        await eventually(no_more)
        await clients[0].send(text({"type": "ping"}), text({"type": "complete", "id": "1"}))
        assert [each["type"] for each in await clients[0].messages(1)] == ["pong"]
        await joined(live, CONNECTIONS)
    await joined(live, 0)


async def test_a_member_of_a_group_keeps_nothing_of_its_operation(live: ThreadServer) -> None:
    marked = f"# {'x' * 1000}\n{EVERYTHING}"
    async with raw_client(live) as client:
        await client.subscribe(query=marked)
        await joined(live, 1)
        assert not any(each.query.startswith("# x") for each in objects_of(Operation))


async def test_a_server_stops_though_a_client_is_just_leaving(database: str, tmp_path: Path) -> None:
    """Its close is answered behind what it has not taken yet."""
    server = ThreadServer(server_settings(database, tmp_path))
    await server.start()
    try:
        await bind(database)
        async with AsyncExitStack() as stack:
            leaving = await stack.enter_async_context(raw_client(server, receives=4096))
            others = [await stack.enter_async_context(raw_client(server)) for _ in range(5)]
            await leaving.subscribe()
            for other in others:
                await other.send(text({"type": "connection_init"}))
                await other.messages(1)
            async with await psycopg.AsyncConnection.connect(database, autocommit=True) as sql:
                for number in range(60):
                    await sql.execute(f"INSERT INTO {TABLE} SELECT {number}, {LARGE}".encode())

            async def full() -> bool:
                return any(each.transport.get_write_buffer_size() for each in server.connections)

            await eventually(full)
            await leaving.send(frame(CLOSE, (1000).to_bytes(2)))

            async def closing() -> bool:
                left = server.connections
                return len(left) <= len(others) or any(each.transport.is_closing() for each in left)

            await eventually(closing)
            await server.stop()
            assert [await other.closed() for other in others] == [1012] * len(others)
    finally:
        await server.stop()
