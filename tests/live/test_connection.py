"""A connection past ASGI: it needs a task only while something happens on it, and says the same as through ASGI."""

import asyncio
import gc
from contextlib import AsyncExitStack

from tests.live.raw_client import raw_client, text
from tests.live.test_delivery import joined
from tests.server import ThreadServer, eventually

CONNECTIONS = 20


def tasks() -> int:
    """Of all of this process, and so of the server."""
    return sum(issubclass(type(each), asyncio.Task) and not each.done() for each in gc.get_objects())


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
