"""What a subscribed connection costs the server: CPU to connect, init and subscribe, and memory while it is open.

`make bench-connections`, or `python -m bench.live.connections [connections] [name …]`: raw Starlette, Node's graphql-ws
on ws, ours, and Strawberry's own handler, or raw and those named (`rowcast`). They take turns, since what a
microsecond is changes with what else a machine does. Each client subscribes to a row of its own.
"""

import asyncio
import sys
import tempfile
from collections.abc import AsyncIterator, Collection, Mapping
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from bench.live.databases import each_database
from bench.live.ground import QUERY, MeasuredServer, serving, serving_node, serving_raw, settle
from bench.live.processes import cpu_s, memory_kb, subscribed
from bench.live.subscribers import Load
from tests.server import free_port

CONNECTIONS: Final = 2000
TURNS: Final = 5
_RAW: Final = "raw Starlette"
_OWN_ROW: Final = {"where": {"column": "id", "eq": "{n}"}}


@dataclass(frozen=True, slots=True)
class Cost:
    """A connection's: milliseconds of CPU until it is subscribed, of all turns, and kB of memory while it is, of the
    first: those that come later find memory that others left."""

    name: str
    cpu_ms: float
    memory_kb: float


async def _cost(name: str, server: MeasuredServer, connections: int, *, deflate: bool) -> Cost:
    cpu, memory = cpu_s(server.pid), memory_kb(server.pid)
    load = Load(server.port, 1, connections, QUERY, _OWN_ROW, deflate=deflate)
    async with subscribed(load) as clients:
        await clients.ready()
        cpu = cpu_s(server.pid) - cpu
        await settle()
        memory = memory_kb(server.pid) - memory
    await settle()
    return Cost(name, cpu / connections * 1000, memory / connections)


async def _load(server: MeasuredServer, connections: int, *, deflate: bool) -> None:
    load = Load(server.port, 1, connections, QUERY, _OWN_ROW, deflate=deflate)
    async with subscribed(load) as clients:
        await clients.ready()
    await settle()


def line(cost: Cost, floor: Cost) -> str:
    """With the ratios to the floor."""
    cpu, memory = cost.cpu_ms / floor.cpu_ms, cost.memory_kb / floor.memory_kb
    return f"{cost.name:<28}{cost.cpu_ms:>8.2f} ms  × {cpu:<6.2f}{cost.memory_kb:>8.1f} kB  × {memory:.2f}"


async def measure(connections: int, names: Collection[str]) -> None:
    """Print the table."""
    print(f"{connections} connections, in {TURNS} turns", flush=True)
    for deflate in (False, True):
        async with _servers(names, deflate=deflate) as servers:
            for server in servers.values():
                await _load(server, 100, deflate=deflate)  # what only the first ones cost
            turns: dict[str, list[Cost]] = {name: [] for name in servers}
            for _ in range(TURNS):
                for name, server in servers.items():
                    turns[name].append(await _cost(name, server, connections // TURNS, deflate=deflate))
        costs = [Cost(name, sum(c.cpu_ms for c in each) / TURNS, each[0].memory_kb) for name, each in turns.items()]
        print("with deflate" if deflate else "without deflate")
        for cost in costs:
            print(line(cost, costs[0]), flush=True)


@asynccontextmanager
async def _servers(names: Collection[str], *, deflate: bool) -> AsyncIterator[Mapping[str, MeasuredServer]]:
    """All of them, or the floor and those named. The floor is first."""
    async with AsyncExitStack() as stack:
        servers = {_RAW: await stack.enter_async_context(serving_raw(free_port()))}
        databases = stack.enter_context(each_database())
        if not deflate:
            node = "Node, graphql-ws on ws"
            if node in names or not names:
                servers[node] = await stack.enter_async_context(serving_node(free_port()))
        for name, module, arguments in (("rowcast", "api", ("serve",)), ("stock Strawberry", "bench.live.stock", ())):
            if name in names or not names:
                folder = Path(stack.enter_context(tempfile.TemporaryDirectory()))
                servers[name] = await stack.enter_async_context(serving(next(databases), folder, module, *arguments))
        yield servers


if __name__ == "__main__":
    asyncio.run(measure(int(sys.argv[1]) if len(sys.argv) > 1 else CONNECTIONS, sys.argv[2:]))
