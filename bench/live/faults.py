"""What a client's faults cost the others: how long commits take to 200 subscribers without each and with it.

`make bench-faults`, or `python -m bench.live.faults [seconds]`. One server, one run: each fault is measured between two
measurements without one, and compared with their mean. Commits of one row, 50 a second, everybody on rows of their own.
"""

import asyncio
import sys
import tempfile
from collections.abc import Callable, Coroutine
from contextlib import AsyncExitStack, suppress
from pathlib import Path
from typing import Final

from bench.live.databases import each_database
from bench.live.ground import QUERY, MeasuredServer, serving, settle
from bench.live.pgbench import Commits
from bench.live.processes import subscribed
from bench.live.subscribers import Load
from bench.live.timings import deliveries
from bench.percentiles import Percentiles
from tests.live.raw_client import PING, TEXT, connected, frame, raw_client, text

SUBSCRIBERS: Final = 200
SECONDS: Final = 20
_RATE: Final = 50
_GONE: Final = (ConnectionError, asyncio.IncompleteReadError, TimeoutError)
_AGAIN_S: Final = 1.0

Fault = Callable[[MeasuredServer], Coroutine[None, None, None]]
"""One client, until cancelled."""


async def flood_frames(server: MeasuredServer) -> None:
    """As many tiny frames as the socket takes, and again a second after it was closed for it."""
    while True:
        with suppress(*_GONE):
            async with raw_client(server) as client:
                while True:
                    await client.send(frame(PING) * 1000)
        await asyncio.sleep(_AGAIN_S)


async def flood_messages(server: MeasuredServer) -> None:
    """Messages of 2 kB as fast as the server reads them; its answers are read."""
    async with raw_client(server) as client:
        reading = asyncio.create_task(client.closed())
        while not reading.done():
            with suppress(*_GONE):
                await client.send(text({"type": "ping", "payload": {"x": "x" * 2000}}))


async def flood_subscriptions(server: MeasuredServer) -> None:
    """Subscriptions of rows of their own until far beyond the limit, and the same again."""
    while True:
        with suppress(*_GONE):
            async with raw_client(server) as client:
                reading = asyncio.create_task(client.closed())
                await client.send(text({"type": "connection_init"}))
                for number in range(2000):
                    variables = {"where": {"column": "id", "eq": 10_000 + number}}
                    payload = {"query": QUERY, "variables": variables}
                    await client.send(text({"id": str(number), "type": "subscribe", "payload": payload}))
                await asyncio.wait({reading}, timeout=5)
                reading.cancel()
        await asyncio.sleep(_AGAIN_S)


async def malformed(server: MeasuredServer) -> None:
    """Ten connections a second, each closed for a frame that is none."""
    while True:
        with suppress(*_GONE):
            async with raw_client(server) as client:
                await client.send(frame(TEXT, b"{}", masked=False))
                await client.closed()
        await asyncio.sleep(0.1)


async def never_read(server: MeasuredServer) -> None:
    """Follows every row, and takes nothing once it has begun."""
    while True:
        with suppress(*_GONE):
            async with raw_client(server, receives=4096) as client:
                await client.subscribe(query=QUERY)
                await asyncio.sleep(60)


async def silent(server: MeasuredServer) -> None:
    """A connection that says nothing."""
    while True:
        with suppress(*_GONE):
            reader, _ = await connected(server)
            await reader.read()


FAULTS: Final[tuple[tuple[str, Fault, int], ...]] = (
    ("a flood of frames", flood_frames, 3),
    ("a flood of messages", flood_messages, 5),
    ("a flood of subscriptions", flood_subscriptions, 1),
    ("malformed frames", malformed, 2),
    ("clients that never read", never_read, 20),
    ("silent connections", silent, 200),
)
"""With how many clients each."""


async def measure(seconds: int) -> None:
    """Print the table."""
    load = Load(0, 1, SUBSCRIBERS, QUERY, {"where": {"column": "id", "eq": "{n}"}})
    commits = Commits(_RATE, seconds, SUBSCRIBERS)
    with each_database() as databases, tempfile.TemporaryDirectory() as folder:
        dsn = next(databases)
        async with serving(dsn, Path(folder), "api", "serve") as server:
            on_it = Load(server.port, load.first, load.count, load.query, load.variables)
            async with subscribed(on_it, module="bench.live.timed_subscribers") as clients:
                await clients.ready()
                await settle(3)

                async def took() -> Percentiles:
                    found = await deliveries(clients, dsn, commits)
                    assert len(found) == commits.count, "a delivery was lost"
                    return Percentiles.of([each / 1e6 for each in found])

                before = await took()
                for name, fault, count in FAULTS:
                    async with AsyncExitStack() as stack:
                        for _ in range(count):
                            task = asyncio.create_task(fault(server))
                            stack.callback(task.cancel)
                        await settle(2)
                        within = await took()
                    await settle(2)
                    after = await took()
                    print(line(name, before, within, after), flush=True)
                    before = after


def line(name: str, before: Percentiles, within: Percentiles, after: Percentiles) -> str:
    """With the ratio of the p99s."""
    without = (before.p99 + after.p99) / 2
    times = f"{without * 1000:>8.1f} ms{within.p99 * 1000:>8.1f} ms  × {within.p99 / without:.2f}"
    return f"{name:<28}{times}   p50 {(before.p50 + after.p50) * 500:.1f} ms{within.p50 * 1000:>8.1f} ms"


if __name__ == "__main__":
    asyncio.run(measure(int(sys.argv[1]) if len(sys.argv) > 1 else SECONDS))
