"""What a subscribed connection costs the server: CPU to connect, init and subscribe, and memory while it is open.

`make bench-connections`, or `python -m bench.live.connections [connections] [name …]`: raw Starlette, Node's graphql-ws
on ws, ours, and Strawberry's own handler, or raw and those named (`rowcast`). They take turns, since what a
microsecond is changes with what else a machine does. Each client subscribes to a row of its own. It takes about four
minutes; no turn may take longer than two, and whose turn did has no line.
"""

import asyncio
import sys
import tempfile
from collections.abc import AsyncIterator, Collection, Mapping
from contextlib import AbstractAsyncContextManager, AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from bench.live.databases import each_database
from bench.live.ground import QUERY, MeasuredServer, serving, serving_raw, settle
from bench.live.peers import serving_graphql_ws
from bench.live.processes import cpu_s, memory_kb, subscribed
from bench.live.subscribers import Load
from bench.live.unmeasured import Unmeasured, unmeasured_line, within
from tests.server import free_port

CONNECTIONS: Final = 2000
TURNS: Final = 5
_TURN_S: Final = 120.0
_RAW: Final = "raw Starlette"
_NODE: Final = "Node, graphql-ws on ws"
_MODULES: Final = {"rowcast": ("api", "serve"), "stock Strawberry": ("bench.live.stock",)}
_OWN_ROW: Final = {"where": {"column": "id", "eq": "{n}"}}


@dataclass(frozen=True, slots=True)
class Cost:
    """A connection's: milliseconds of CPU until it is subscribed, of all turns, and kB of memory while it is, of the
    first: those that come later find memory that others left."""

    cpu_ms: float
    memory_kb: float


async def _cost(server: MeasuredServer, connections: int, *, deflate: bool) -> Cost:
    cpu, memory = cpu_s(server.pid), memory_kb(server.pid)
    load = Load(server.port, 1, connections, QUERY, _OWN_ROW, deflate=deflate)
    async with subscribed(load) as clients:
        await clients.ready()
        cpu = cpu_s(server.pid) - cpu
        await settle()
        memory = memory_kb(server.pid) - memory
    await settle()
    return Cost(cpu / connections * 1000, memory / connections)


def line(name: str, cost: Cost, floor: Cost) -> str:
    """With the ratios to the floor."""
    cpu, memory = cost.cpu_ms / floor.cpu_ms, cost.memory_kb / floor.memory_kb
    return f"  {name:<28}{cost.cpu_ms:>8.2f} ms  × {cpu:<6.2f}{cost.memory_kb:>8.1f} kB  × {memory:.2f}"


async def measure(connections: int, names: Collection[str]) -> bool:
    """Print the tables: without deflate, and with it. False where the floor or ours could not be measured."""
    print(f"{connections} connections, in {TURNS} turns", flush=True)
    complete = True
    for deflate in (False, True):
        print("with deflate" if deflate else "without deflate", flush=True)
        async with _servers(names, deflate=deflate) as servers:
            turns: dict[str, list[Cost]] = {name: [] for name in servers}
            for turn in range(-1, TURNS):
                for name in list(turns):
                    try:
                        async with within(_TURN_S):
                            # What only the first ones cost is no turn's.
                            count = 100 if turn < 0 else connections // TURNS
                            cost = await _cost(servers[name], count, deflate=deflate)
                    except Unmeasured as why:
                        del turns[name]
                        print(unmeasured_line(name, why), flush=True)
                    else:
                        turns[name] += [cost] if turn >= 0 else []
        costs = {name: Cost(sum(c.cpu_ms for c in each) / TURNS, each[0].memory_kb) for name, each in turns.items()}
        complete = complete and _RAW in costs and (bool(names) or "rowcast" in costs)
        for name, cost in costs.items():
            if _RAW in costs:
                print(line(name, cost, costs[_RAW]), flush=True)
    return complete


@asynccontextmanager
async def _servers(names: Collection[str], *, deflate: bool) -> AsyncIterator[Mapping[str, MeasuredServer]]:
    """All that can be had, or the floor and those named. The floor is first."""
    async with AsyncExitStack() as stack:
        databases = stack.enter_context(each_database())

        def begun(name: str) -> AbstractAsyncContextManager[MeasuredServer]:
            if name == _RAW:
                return serving_raw(free_port())
            if name == _NODE:
                return serving_graphql_ws(free_port())
            folder = Path(stack.enter_context(tempfile.TemporaryDirectory()))
            return serving(next(databases), folder, *_MODULES[name])

        servers = {}
        for name in (_RAW, *(() if deflate else (_NODE,)), *_MODULES):
            if name == _RAW or name in names or not names:
                try:
                    servers[name] = await stack.enter_async_context(begun(name))
                except Unmeasured as why:
                    print(unmeasured_line(name, why), flush=True)
        yield servers


if __name__ == "__main__":
    sys.exit(not asyncio.run(measure(int(sys.argv[1]) if len(sys.argv) > 1 else CONNECTIONS, sys.argv[2:])))
