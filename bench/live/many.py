"""A hundred thousand connections on one machine: what each takes, and how long commits take to all whom they concern.

`make bench-many`, or `python -m bench.live.many [connections] [servers] [seconds] [name …]`. Several server processes
on one database, since a process may have 20,000 files here; each connection follows one of 1,000 rows, so ask for a
multiple of that. First 200 commits a second, each of a row that a thousandth of all follow; then one commit of all
rows, and what it costs each side. Then the same connections are made to as many raw Starlette servers, each of which
sends one string of the same size to all of its own: how fast this machine can tell everybody anything. `rowcast` or
`raw` as a name leaves out the other. It needs 8 GB and fifteen minutes, nearly all of them to connect: to as many
servers at a time as there are cores.
"""

import asyncio
import os
import sys
import tempfile
import time
from collections.abc import Awaitable, Callable, Sequence
from contextlib import AsyncExitStack
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Final

import psutil
import psycopg

from bench.live.databases import each_database
from bench.live.ground import QUERY, ROWS, MeasuredServer, serving, serving_raw, settle
from bench.live.pgbench import Commits
from bench.live.processes import Subscribers, cpu_s, family_cpu_s, memory_kb, subscribed
from bench.live.subscribers import Load
from bench.live.timings import TIMED, Waited, waited
from bench.percentiles import Percentiles
from tests.server import free_port

CONNECTIONS: Final = 100_000
SERVERS: Final = 8
SECONDS: Final = 10
OURS: Final = "rowcast"
RAW: Final = "raw"
_RATE: Final = 200
_QUIET_S: Final = 20
_PROCESSES: Final = 1
"""Of subscribers, for each server: with two they took a tenth more of the CPU."""
_OWN_ROW: Final = {"where": {"column": "id", "eq": "{n}"}}
_SIZE: Final = 733
"""Of a frame of ours, where ours are not measured before."""


@dataclass(frozen=True, slots=True)
class Spent:
    """Seconds of CPU, of all processes of each kind."""

    servers: float
    subscribers: float
    postgres: float


class Machine:
    """All that runs at the time."""

    def __init__(self, servers: Sequence[MeasuredServer], postgres: int | None) -> None:
        """`postgres`: the id of its first process, where it takes part."""
        self.servers = servers
        self.clients: list[Subscribers] = []
        self._postgres = postgres

    def memory_mb(self) -> float:
        """Of the servers."""
        return sum(memory_kb(server.pid) for server in self.servers) / 1024

    def spent(self) -> Spent:
        """Until now."""
        return Spent(
            sum(cpu_s(server.pid) for server in self.servers),
            sum(cpu_s(pid) for clients in self.clients for pid in clients.pids),
            0.0 if self._postgres is None else family_cpu_s(self._postgres),
        )

    async def connect(self, stack: AsyncExitStack, connections: int) -> None:
        """Until the stack is closed; prints what they take."""
        await settle(3)
        memory, begun = self.memory_mb(), time.monotonic()
        share = connections // len(self.servers)
        at_once = _cores()
        while (done := len(self.clients)) < len(self.servers):
            for number, server in enumerate(self.servers[done : done + at_once], done):
                load = Load(server.port, number * share + 1, share, QUERY, _OWN_ROW, rows=ROWS)
                self.clients.append(await stack.enter_async_context(subscribed(load, _PROCESSES, TIMED)))
            await asyncio.gather(*(clients.ready() for clients in self.clients[done:]))
            print(f"  {len(self.clients) * share} connected, {time.monotonic() - begun:.0f} s", flush=True)
        await settle(3)
        memory = self.memory_mb() - memory
        each = memory / connections * 1024
        print(f"  {memory:.0f} MB of {len(self.servers)} servers: {each:.1f} kB a connection", flush=True)

    async def took(self, most: int = sys.maxsize) -> Waited:
        """What came, to each subscription at most so many."""
        return Waited.of(await asyncio.gather(*(waited(clients, _QUIET_S, most) for clients in self.clients)))

    async def tell_all(self, name: str, act: Callable[[], Awaitable[None]], connections: int) -> int:
        """Something that gives each connection one message; prints what it took and cost. Returns a frame's bytes."""
        before = self.spent()
        await act()
        found = await self.took(1)
        after = replace(self.spent(), subscribers=found.cpu_s)
        print(_line(name, connections, found), flush=True)
        print(_costs(before, after, len(found.took)), flush=True)
        return found.size // max(len(found.took), 1)


async def ours(connections: int, servers: int, seconds: int) -> int:
    """Print what came, and how long it took. Returns the bytes of a frame."""
    with each_database() as databases, tempfile.TemporaryDirectory() as folder:
        dsn = next(databases)
        async with AsyncExitStack() as stack:
            started = []
            for number in range(servers):
                own = Path(folder) / str(number)
                own.mkdir()
                started.append(await stack.enter_async_context(serving(dsn, own, "api", "serve", first=not number)))
            machine = Machine(started, await _postgres(dsn))
            await machine.connect(stack, connections)
            commits = Commits(_RATE, seconds, ROWS, sessions=2)
            await commits.run(dsn)
            name = f"{_RATE} commits/s, each to {connections // ROWS}"
            print(_line(name, commits.count * connections // ROWS, await machine.took()), flush=True)
            return await machine.tell_all("one commit to all", lambda: Commits(1, 1, 0).run(dsn), connections)


async def raw(connections: int, servers: int, size: int) -> None:
    """Print how long it takes the machine to send everybody so many bytes."""
    async with AsyncExitStack() as stack:
        started = [await stack.enter_async_context(serving_raw(free_port())) for _ in range(servers)]
        machine = Machine(started, None)
        await machine.connect(stack, connections)

        async def publish() -> None:
            text = f'"note":"{time.time():.6f}"'
            await asyncio.gather(*(server.post("/publish", content=text.ljust(size - 4, " ")) for server in started))

        await machine.tell_all("one string to all", publish, connections)


async def _postgres(dsn: str) -> int:
    async with await psycopg.AsyncConnection.connect(dsn) as connection:
        return psutil.Process(connection.info.backend_pid).ppid()


def _line(name: str, expected: int, found: Waited) -> str:
    times = Percentiles.of([each / 1e6 for each in found.took]) if found.took else "none came"
    return f"  {name:<32}{len(found.took) / expected:>8.2%} came, {times}"


def _costs(before: Spent, after: Spent, deliveries: int) -> str:
    """Of each side, and the least that all of it takes the cores that there are."""
    spent = [getattr(after, name) - getattr(before, name) for name in Spent.__slots__]
    each = ", ".join(
        f"{name} {seconds / max(deliveries, 1) * 1e6:.1f}" for name, seconds in zip(Spent.__slots__, spent, strict=True)
    )
    least = sum(spent) / _cores()
    return f"    µs of CPU a delivery: {each}; in all {sum(spent):.1f} s, {least:.1f} s of {_cores()} cores at best"


def _cores() -> int:
    return len(os.sched_getaffinity(0))


async def measure(connections: int, servers: int, seconds: int, names: Sequence[str]) -> None:
    """Print both, or those named."""
    size = _SIZE
    if OURS in names:
        print(f"rowcast, {servers} servers", flush=True)
        size = await ours(connections, servers, seconds)
    if RAW in names:
        print(f"raw Starlette, {servers} servers, {size} bytes", flush=True)
        await raw(connections, servers, size)


if __name__ == "__main__":
    numbers = [int(argument) for argument in sys.argv[1:] if argument.isdecimal()]
    named = [argument for argument in sys.argv[1:] if not argument.isdecimal()]
    given = numbers + [CONNECTIONS, SERVERS, SECONDS][len(numbers) :]
    asyncio.run(measure(given[0], given[1], given[2], named or [OURS, RAW]))
