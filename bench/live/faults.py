"""What a fault costs the others: how long commits take to 200 subscribers without each and with it.

`make bench-faults`, or `python -m bench.live.faults [seconds]`. Each fault is measured between two measurements without
one, and compared with their mean. Commits of one row, 50 a second, everybody on rows of their own. What clients do
wrong is done to a server alone; what the broker does, to the second of two servers, which hears of commits by it.
"""

import asyncio
import sys
import tempfile
from collections.abc import AsyncIterator, Callable, Coroutine, Sequence
from contextlib import AsyncExitStack, asynccontextmanager, suppress
from functools import partial
from pathlib import Path
from typing import Final

from bench.live.databases import each_database
from bench.live.ground import QUERY, MeasuredServer, serving, settle
from bench.live.pgbench import Commits
from bench.live.processes import subscribed
from bench.live.subscribers import Load
from bench.live.timings import TIMED, deliveries
from bench.percentiles import Percentiles
from tests.broker import Broker, made_broker
from tests.live.raw_client import PING, TEXT, connected, frame, raw_client, text

SUBSCRIBERS: Final = 200
SECONDS: Final = 20
_RATE: Final = 50
_GONE: Final = (ConnectionError, asyncio.IncompleteReadError, TimeoutError)
_AGAIN_S: Final = 1.0
_STORM: Final = 300
_STORM_S: Final = 10.0

_AWAY_S: Final = 3.0
"""A broker, and then there for as long."""

Fault = Callable[[MeasuredServer], Coroutine[None, None, None]]
"""One client, until cancelled."""

Took = Callable[[], Coroutine[None, None, Percentiles]]
"""Measures deliveries."""


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


async def oversized(server: MeasuredServer) -> None:
    """Ten connections a second, each closed for a message of 4 MiB."""
    while True:
        with suppress(*_GONE):
            async with raw_client(server) as client:
                reading = asyncio.create_task(client.closed())
                await client.send(frame(TEXT, bytes(4 << 20)))
                await reading
        await asyncio.sleep(0.1)


async def storm(server: MeasuredServer) -> None:
    """Three hundred that come back at once, each with the cursor that it had, and again ten seconds later."""
    cursors: list[str | None] = [None] * _STORM
    while True:
        until = asyncio.get_running_loop().time() + _STORM_S
        async with AsyncExitStack() as stack:

            async def come(number: int) -> None:
                client = await stack.enter_async_context(raw_client(server))
                variables = {"where": {"column": "id", "eq": 10_000 + number}, "after": cursors[number]}
                payload = {"query": QUERY, "variables": variables}
                await client.send(
                    text({"type": "connection_init"}), text({"id": "1", "type": "subscribe", "payload": payload})
                )
                [_, begun] = await client.messages(2)
                cursors[number] = begun["payload"]["data"]["changes"]["cursor"]

            await asyncio.gather(*(come(number) for number in range(_STORM)))
            await asyncio.sleep(until - asyncio.get_running_loop().time())


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
    ("messages that are too large", oversized, 2),
    ("a storm of reconnects", storm, 1),
    ("clients that never read", never_read, 20),
    ("silent connections", silent, 200),
)
"""With how many clients each."""


async def broker_gone(broker: Broker) -> None:
    """Killed, and started again."""
    while True:
        broker.kill()
        try:
            await asyncio.sleep(_AWAY_S)
        finally:
            await broker.start()
        await asyncio.sleep(_AWAY_S)


async def broker_silent(broker: Broker) -> None:
    """Hangs, and goes on."""
    while True:
        broker.freeze()
        try:
            await asyncio.sleep(_AWAY_S)
        finally:
            broker.thaw()
        await asyncio.sleep(_AWAY_S)


async def measure(seconds: int) -> None:
    """Print the table."""
    commits = Commits(_RATE, seconds, SUBSCRIBERS)
    await of_clients(commits)
    await of_the_broker(commits)


async def of_clients(commits: Commits) -> None:
    """On one server."""
    with each_database() as databases, tempfile.TemporaryDirectory() as made:
        dsn, folder = next(databases), Path(made)
        async with serving(dsn, folder, "api", "serve") as server, following(server, dsn, commits) as took:
            faults = [(name, [partial(fault, server)] * count) for name, fault, count in FAULTS]
            await compare(took, faults)


async def of_the_broker(commits: Commits) -> None:
    """On the second of two servers."""
    with each_database() as databases, tempfile.TemporaryDirectory() as made, made_broker() as broker:
        dsn = next(databases)
        await broker.start()
        async with AsyncExitStack() as stack:
            servers = []
            for number in range(2):
                folder = Path(made) / str(number)
                folder.mkdir()
                started = serving(dsn, folder, "api", "serve", first=not number, broadcast=broker.url)
                servers.append(await stack.enter_async_context(started))
            took = await stack.enter_async_context(following(servers[1], dsn, commits))
            await compare(
                took,
                [
                    ("a broker gone and back", [partial(broker_gone, broker)]),
                    ("a broker that hangs and goes on", [partial(broker_silent, broker)]),
                ],
            )


@asynccontextmanager
async def following(server: MeasuredServer, dsn: str, commits: Commits) -> AsyncIterator[Took]:
    """The subscribers."""
    load = Load(server.port, 1, SUBSCRIBERS, QUERY, {"where": {"column": "id", "eq": "{n}"}})
    async with subscribed(load, module=TIMED) as clients:
        await clients.ready()
        await settle(3)

        async def took() -> Percentiles:
            found = await deliveries(clients, dsn, commits)
            assert len(found) == commits.count, "a delivery was lost"
            return Percentiles.of([each / 1e6 for each in found])

        yield took


async def compare(
    took: Took, faults: Sequence[tuple[str, Sequence[Callable[[], Coroutine[None, None, None]]]]]
) -> None:
    """Print a line for each."""
    before = await took()
    for name, parts in faults:
        async with AsyncExitStack() as stack:
            for part in parts:
                stack.push_async_callback(_end, asyncio.create_task(part()))
            await settle(2)
            within = await took()
        await settle(2)
        after = await took()
        print(line(name, before, within, after), flush=True)
        before = after


async def _end(task: "asyncio.Task[None]") -> None:
    task.cancel()
    await asyncio.wait({task})
    if not task.cancelled():
        task.result()


def line(name: str, before: Percentiles, within: Percentiles, after: Percentiles) -> str:
    """With the ratio of the p99s."""
    without = (before.p99 + after.p99) / 2
    times = f"{without * 1000:>8.1f} ms{within.p99 * 1000:>8.1f} ms  × {within.p99 / without:.2f}"
    return f"{name:<33}{times}   p50 {(before.p50 + after.p50) * 500:.1f} ms{within.p50 * 1000:>8.1f} ms"


if __name__ == "__main__":
    asyncio.run(measure(int(sys.argv[1]) if len(sys.argv) > 1 else SECONDS))
