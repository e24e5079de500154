"""What a subscribed connection costs the server: CPU to connect, init and subscribe, and memory while it is open.

`make bench-connections`, or `python -m bench.live.connections [connections]`: raw Starlette, Node's graphql-ws on ws,
ours, and Strawberry's own handler, one after the other. Each client subscribes to a row of its own.
"""

import asyncio
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from bench.live.databases import each_database
from bench.live.ground import QUERY, MeasuredServer, serving, serving_node, serving_raw, settle
from bench.live.processes import cpu_s, memory_kb, subscribed
from bench.live.subscribers import Load
from tests.server import free_port

CONNECTIONS: Final = 2000
_STOCK: Final = "bench.live.stock"
_OWN_ROW: Final = {"where": {"column": "id", "eq": "{n}"}}


@dataclass(frozen=True, slots=True)
class Cost:
    """A connection's: milliseconds of CPU until it is subscribed, kB of memory while it is."""

    name: str
    cpu_ms: float
    memory_kb: float


async def _cost(name: str, server: MeasuredServer, connections: int, *, deflate: bool) -> Cost:
    await _load(server, 100, deflate=deflate)  # what only the first ones cost
    cpu, memory = cpu_s(server.pid), memory_kb(server.pid)
    load = Load(server.port, 1, connections, QUERY, _OWN_ROW, deflate=deflate)
    async with subscribed(load) as clients:
        await clients.ready()
        cpu = cpu_s(server.pid) - cpu
        await settle()
        memory = memory_kb(server.pid) - memory
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


async def measure(connections: int) -> None:
    """Print the table."""
    print(f"{connections} connections", flush=True)
    for deflate in (False, True):
        async with serving_raw(free_port()) as server:
            raw = await _cost(f"raw Starlette{_said(deflate)}", server, connections, deflate=deflate)
        print(line(raw, raw), flush=True)
        if not deflate:
            async with serving_node(free_port()) as server:
                node = await _cost("Node, graphql-ws on ws", server, connections, deflate=False)
            print(line(node, raw), flush=True)
        with each_database() as databases:
            for name, module, arguments in (("rowcast", "api", ("serve",)), ("stock Strawberry", _STOCK, ())):
                with tempfile.TemporaryDirectory() as folder:
                    async with serving(next(databases), Path(folder), module, *arguments) as server:
                        cost = await _cost(name + _said(deflate), server, connections, deflate=deflate)
                print(line(cost, raw), flush=True)


def _said(deflate: bool) -> str:
    return ", deflate" if deflate else ""


if __name__ == "__main__":
    asyncio.run(measure(int(sys.argv[1]) if len(sys.argv) > 1 else CONNECTIONS))
