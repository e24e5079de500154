"""What a delivery costs the server: 2,000 subscribers of one document, each with its own id.

`make bench-delivery`, or `python -m bench.live.delivery [subscribers] [commits]`. In one run, one after the other: a
raw Starlette application that sends one string of the same size, ours, and our server with Strawberry's own handler.
Only the CPU time of the server's process counts, its part in Postgres' log included.
"""

import asyncio
import json
import sys
import tempfile
from collections.abc import Awaitable, Callable
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from bench.live.databases import each_database
from bench.live.ground import QUERY, MeasuredServer, serving, serving_node, serving_raw, settle, writing
from bench.live.processes import Subscribers, cpu_s, subscribed
from bench.live.subscribers import Load
from tests.server import free_port

Peer = Callable[[int], AbstractAsyncContextManager[MeasuredServer]]
Act = Callable[[int], Awaitable[None]]
"""Causes so many messages to everybody."""

SUBSCRIBERS: Final = 2000
COMMITS: Final = 100


@dataclass(frozen=True, slots=True)
class Cost:
    """Of one server: microseconds of CPU and bytes on the wire a delivery."""

    name: str
    cpu_us: float
    bytes_: float


def load(server: MeasuredServer, subscribers: int, *, deflate: bool = False) -> Load:
    """Everybody follows the whole table."""
    return Load(server.port, 1, subscribers, QUERY, {}, deflate=deflate)


async def published_cost(name: str, peer: Peer, subscribers: int, commits: int, body: str) -> Cost:
    """Of a peer that sends what is posted to it."""
    async with peer(free_port()) as server, subscribed(load(server, subscribers)) as clients:
        await clients.ready()
        await settle()

        async def publish(times: int) -> None:
            for _ in range(times):
                await server.post("/publish?times=1", content=body)

        await _measured(server, clients, publish, 1)
        return await _cost(name, server, clients, publish, subscribers, commits)


async def our_cost(
    name: str, dsn: str, module: str, subscribers: int, commits: int, rows: int = 1, *, deflate: bool = False
) -> Cost:
    """Of commits of `rows` rows through the whole server."""
    arguments = ("serve",) if module == "api" else ()
    with tempfile.TemporaryDirectory() as folder:
        async with (
            serving(dsn, Path(folder), module, *arguments) as server,
            subscribed(load(server, subscribers, deflate=deflate)) as clients,
            writing(dsn) as writer,
        ):
            await clients.ready()
            await settle()

            async def commit(times: int) -> None:
                for _ in range(times):
                    await writer.commit(rows)

            await _measured(server, clients, commit, 1)
            return await _cost(name, server, clients, commit, subscribers, commits)


async def _cost(
    name: str, server: MeasuredServer, clients: Subscribers, act: Act, subscribers: int, commits: int
) -> Cost:
    cpu, size = await _measured(server, clients, act, commits)
    deliveries = subscribers * commits
    return Cost(name, cpu / deliveries * 1e6, size / deliveries)


async def _measured(server: MeasuredServer, clients: Subscribers, act: Act, times: int) -> tuple[float, int]:
    """The CPU seconds of the server, and the bytes that all got."""
    before = cpu_s(server.pid)
    clients.expect(times)
    await act(times)
    received = await clients.received()
    return cpu_s(server.pid) - before, received


def line(cost: Cost, floor: Cost) -> str:
    """With the ratio to the floor."""
    ratio = cost.cpu_us / floor.cpu_us
    return f"  {cost.name:<28}{cost.cpu_us:>9.1f} µs a delivery  × {ratio:<6.2f}{cost.bytes_:>8.0f} bytes"


def batch_of(rows: int) -> str:
    """A batch as ours is, for a peer to send."""
    row = {"id": 1, "name": "Customer 1", "email": "customer1@example.com", "city": "City 1", "age": 1, "total": "1000"}
    row |= {"since": "2024-01-02", "active": False, "score": 0.14285714285714285, "note": "changed 1 1"}
    change = {"operation": "UPDATE", "moved": False, "key": {"id": 1}, "row": row, "before": row}
    batch = {"cursor": "MXxjfDF8MTUwZmQ2ZTh8MQ", "transactionId": "1000", "committedAt": "2026-01-02T03:04:05.678901Z"}
    said = {"cause": "SQL", "actor": "postgres", "snapshot": False, "reset": False, "last": True, "upToDate": True}
    return json.dumps({**batch, **said, "changes": [{**change, "changed": ["age", "note"]}] * rows})


async def measure(subscribers: int, commits: int) -> None:
    """Print the tables: of one row a commit, and of twenty, plain and compressed."""
    with each_database() as databases:
        for rows in (1, 20):
            print(f"{subscribers} subscribers, {commits} commits of {rows} rows", flush=True)

            async def cost(name: str, module: str, times: int, rows: int = rows, *, deflate: bool = False) -> Cost:
                return await our_cost(name, next(databases), module, subscribers, times, rows, deflate=deflate)

            ours = await cost("rowcast", "api", commits)
            text = "x" * (round(ours.bytes_) - 4)
            raw = await published_cost("raw Starlette, send_text", serving_raw, subscribers, commits, text)
            for each in (raw, ours):
                print(line(each, raw), flush=True)
            print(line(await cost("rowcast, compressed", "api", commits, deflate=True), raw), flush=True)
            fewer = max(commits // 5, 1)
            peer = await published_cost("Node, graphql-ws on ws", serving_node, subscribers, commits, batch_of(rows))
            print(line(peer, raw), flush=True)
            print(line(await cost("stock Strawberry", "bench.live.stock", fewer), raw), flush=True)


if __name__ == "__main__":
    numbers = [int(argument) for argument in sys.argv[1:]]
    asyncio.run(measure(*(numbers + [SUBSCRIBERS, COMMITS][len(numbers) :])))
