"""What a delivery costs the server: 2,000 subscribers of one document, each with its own id.

`make bench-delivery`, or `python -m bench.live.delivery [subscribers] [commits]`. In one run, one after the other:
ours, a raw Starlette application that sends one string of the same size, ours compressed, Node's graphql-ws on ws,
and ours with Strawberry's own handler; of commits of one row, and of twenty. Only the CPU time of the server's process
counts, its part in Postgres' log included. It takes about five minutes; no part may take longer than two.
"""

import asyncio
import json
import sys
import tempfile
from collections.abc import Awaitable, Callable, Coroutine
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from bench.live.databases import each_database
from bench.live.ground import QUERY, MeasuredServer, serving, serving_raw, settle, writing
from bench.live.peers import serving_graphql_ws
from bench.live.processes import Subscribers, cpu_s, subscribed
from bench.live.subscribers import Load
from bench.live.unmeasured import Unmeasured, unmeasured_line, within
from tests.server import free_port

Peer = Callable[[int], AbstractAsyncContextManager[MeasuredServer]]
Act = Callable[[int], Awaitable[None]]
"""Causes so many messages to everybody."""

SUBSCRIBERS: Final = 2000
COMMITS: Final = 100
_PART_S: Final = 120.0
_FEWER: Final = 20
"""Of so many commits the stock handler gets one: each takes it seconds."""


@dataclass(frozen=True, slots=True)
class Cost:
    """Of one server: microseconds of CPU and bytes on the wire a delivery."""

    cpu_us: float
    bytes_: float


def load(server: MeasuredServer, subscribers: int, *, deflate: bool = False) -> Load:
    """Everybody follows the whole table."""
    return Load(server.port, 1, subscribers, QUERY, {}, deflate=deflate)


async def published_cost(peer: Peer, subscribers: int, commits: int, body: str) -> Cost:
    """Of a peer that sends what is posted to it."""
    async with peer(free_port()) as server, subscribed(load(server, subscribers)) as clients:
        await clients.ready()
        await settle()

        async def publish(times: int) -> None:
            for _ in range(times):
                await server.post("/publish?times=1", content=body)

        await _measured(server, clients, publish, 1)
        return await _cost(server, clients, publish, subscribers, commits)


async def our_cost(dsn: str, module: str, subscribers: int, commits: int, rows: int, *, deflate: bool = False) -> Cost:
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
            return await _cost(server, clients, commit, subscribers, commits)


async def _cost(server: MeasuredServer, clients: Subscribers, act: Act, subscribers: int, commits: int) -> Cost:
    cpu, size = await _measured(server, clients, act, commits)
    deliveries = subscribers * commits
    return Cost(cpu / deliveries * 1e6, size / deliveries)


async def _measured(server: MeasuredServer, clients: Subscribers, act: Act, times: int) -> tuple[float, int]:
    """The CPU seconds of the server, and the bytes that all got."""
    before = cpu_s(server.pid)
    clients.expect(times)
    await act(times)
    received = await clients.received()
    return cpu_s(server.pid) - before, received


def line(name: str, cost: Cost, floor: Cost) -> str:
    """With the ratio to the floor."""
    ratio = cost.cpu_us / floor.cpu_us
    return f"  {name:<28}{cost.cpu_us:>9.1f} µs a delivery  × {ratio:<6.2f}{cost.bytes_:>8.0f} bytes"


def saved(compressed: Cost, plain: Cost) -> str:
    """What compression spares of the wire, and costs of the server."""
    fewer, ratio = 1 - compressed.bytes_ / plain.bytes_, compressed.cpu_us / plain.cpu_us
    return f"  {fewer:.0%} fewer, × {ratio:.2f} uncompressed"


def batch_of(rows: int) -> str:
    """A batch as ours is, for a peer to send."""
    row = {"id": 1, "name": "Customer 1", "email": "customer1@example.com", "city": "City 1", "age": 1, "total": "1000"}
    row |= {"since": "2024-01-02", "active": False, "score": 0.14285714285714285, "note": "changed 1 1"}
    change = {"operation": "UPDATE", "moved": False, "key": {"id": 1}, "row": row, "before": row}
    batch = {"cursor": "MXxjfDF8MTUwZmQ2ZTh8MQ", "transactionId": "1000", "committedAt": "2026-01-02T03:04:05.678901Z"}
    said = {"cause": "SQL", "actor": "postgres", "snapshot": False, "reset": False, "last": True, "upToDate": True}
    return json.dumps({**batch, **said, "changes": [{**change, "changed": ["age", "note"]}] * rows})


async def measure(subscribers: int, commits: int) -> bool:
    """Print the tables: of one row a commit, and of twenty. False where ours or raw could not be measured."""
    with each_database() as databases:
        for rows in (1, 20):

            async def cost(module: str, times: int, rows: int = rows, *, deflate: bool = False) -> Cost:
                return await our_cost(next(databases), module, subscribers, times, rows, deflate=deflate)

            print(f"{subscribers} subscribers, {commits} commits of {rows} rows", flush=True)
            ours = await _attempted("rowcast", cost("api", commits))
            if ours is None:
                return False
            text = "x" * (round(ours.bytes_) - 4)
            name = "raw Starlette, send_text"
            raw = await _attempted(name, published_cost(serving_raw, subscribers, commits, text))
            if raw is None:
                return False
            print(line(name, raw, raw), line("rowcast", ours, raw), sep="\n", flush=True)
            compressed = await _attempted("rowcast, compressed", cost("api", commits, deflate=True))
            if compressed is not None:
                print(line("rowcast, compressed", compressed, raw), saved(compressed, ours), flush=True)
            peer = published_cost(serving_graphql_ws, subscribers, commits, batch_of(rows))
            stock = cost("bench.live.stock", max(commits // _FEWER, 1))
            for name, other in (("Node, graphql-ws on ws", peer), ("stock Strawberry", stock)):
                found = await _attempted(name, other)
                if found is not None:
                    print(line(name, found, raw), flush=True)
    return True


async def _attempted(name: str, cost: Coroutine[None, None, Cost]) -> Cost | None:
    """Or a line that says why there is none."""
    try:
        async with within(_PART_S):
            return await cost
    except Unmeasured as why:
        print(unmeasured_line(name, why), flush=True)
        return None


if __name__ == "__main__":
    numbers = [int(argument) for argument in sys.argv[1:]]
    sys.exit(not asyncio.run(measure(*(numbers + [SUBSCRIBERS, COMMITS][len(numbers) :]))))
