"""What a delivery costs the server: 2,000 subscribers of one document, each with its own id.

`make bench-delivery`, or `python -m bench.live.delivery [subscribers] [commits]`. In one run, one after the other: a
raw Starlette application that sends one string of the same size, ours, and our server with Strawberry's own handler.
Only the CPU time of the server's process counts, its part in Postgres' log included.
"""

import asyncio
import sys
import tempfile
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from bench.live.databases import each_database
from bench.live.ground import QUERY, MeasuredServer, serving, serving_raw, settle, writing
from bench.live.processes import Subscribers, cpu_s, subscribed
from bench.live.subscribers import Load
from tests.server import free_port

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


async def raw_cost(subscribers: int, commits: int, text: str) -> Cost:
    """Of `send_text` of that text."""
    async with serving_raw(free_port()) as server, subscribed(load(server, subscribers)) as clients:
        await clients.ready()
        await settle()

        async def publish(times: int) -> None:
            await server.post(f"/publish?times={times}", content=text)

        await _measured(server, clients, publish, 1)
        return await _cost("raw Starlette, send_text", server, clients, publish, subscribers, commits)


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


def table(costs: list[Cost]) -> str:
    """With the ratio to the first."""
    lines = [f"{'':<34}{'CPU a delivery':>16}{'bytes':>9}{'× raw':>8}"]
    floor = costs[0].cpu_us
    lines += [f"{cost.name:<34}{cost.cpu_us:>13.1f} µs{cost.bytes_:>9.0f}{cost.cpu_us / floor:>8.2f}" for cost in costs]
    return "\n".join(lines)


async def measure(subscribers: int, commits: int) -> None:
    """Print the tables: of one row a commit, and of twenty, plain and compressed."""
    with each_database() as databases:
        for rows in (1, 20):

            async def cost(name: str, module: str, commits: int, rows: int = rows, *, deflate: bool = False) -> Cost:
                return await our_cost(name, next(databases), module, subscribers, commits, rows, deflate=deflate)

            plain = await cost("rowcast", "api", commits)
            costs = [
                await raw_cost(subscribers, commits, "x" * (round(plain.bytes_) - 4)),
                plain,
                await cost("rowcast, compressed", "api", commits, deflate=True),
                await cost("stock Strawberry", "bench.live.stock", max(commits // 10, 1)),
            ]
            print(f"{subscribers} subscribers, {commits} commits of {rows} rows")
            print(table(costs), flush=True)


if __name__ == "__main__":
    numbers = [int(argument) for argument in sys.argv[1:]]
    asyncio.run(measure(*(numbers + [SUBSCRIBERS, COMMITS][len(numbers) :])))
