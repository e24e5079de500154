"""A hundred thousand connections on one machine: commits that concern a few of them, and one that concerns all.

`make bench-many`, or `python -m bench.live.many [connections] [servers] [seconds]`. Several server processes on one
database, since a process may have 20,000 files here; each connection follows one of 1,000 rows, so ask for a multiple
of that. First 200 commits a second, each of a row that a thousandth of all follow; then one commit of all rows. It
needs 8 GB and ten minutes, nearly all of them to connect: one server's after the other's.
"""

import asyncio
import sys
import tempfile
import time
from contextlib import AsyncExitStack
from pathlib import Path
from typing import Final

from bench.live.databases import each_database
from bench.live.ground import QUERY, ROWS, MeasuredServer, serving, settle
from bench.live.pgbench import Commits
from bench.live.processes import Subscribers, memory_kb, subscribed
from bench.live.subscribers import Load
from bench.live.timings import TIMED, waited
from bench.percentiles import Percentiles

CONNECTIONS: Final = 100_000
SERVERS: Final = 8
SECONDS: Final = 10
_RATE: Final = 200
_QUIET_S: Final = 20
_PROCESSES: Final = 2
"""Of subscribers, for each server."""
_OWN_ROW: Final = {"where": {"column": "id", "eq": "{n}"}}


async def measure(connections: int, servers: int, seconds: int) -> None:
    """Print what came, and how long it took."""
    with each_database() as databases, tempfile.TemporaryDirectory() as folder:
        dsn = next(databases)
        async with AsyncExitStack() as stack:
            started = []
            for number in range(servers):
                own = Path(folder) / str(number)
                own.mkdir()
                started.append(await stack.enter_async_context(serving(dsn, own, "api", "serve", first=not number)))
            await settle(3)
            memory, begun = _memory_mb(started), time.monotonic()
            clients = []
            for number, server in enumerate(started):
                share = connections // servers
                load = Load(server.port, number * share + 1, share, QUERY, _OWN_ROW, rows=ROWS)
                clients.append(await stack.enter_async_context(subscribed(load, _PROCESSES, TIMED)))
                await clients[-1].ready()
                print(f"  {(number + 1) * share} connected, {time.monotonic() - begun:.0f} s", flush=True)
            await settle(3)
            memory = _memory_mb(started) - memory
            print(
                f"  {memory:.0f} MB of {servers} servers: {memory / connections * 1024:.1f} kB a connection", flush=True
            )
            for name, commits in (
                (f"{_RATE} commits/s, each to {connections // ROWS}", Commits(_RATE, seconds, ROWS, sessions=2)),
                ("one commit to all", Commits(1, 1, 0)),
            ):
                await commits.run(dsn)
                print(_line(name, commits.count * connections // (commits.rows or 1), await _took(clients)), flush=True)


def _memory_mb(servers: list[MeasuredServer]) -> float:
    return sum(memory_kb(server.pid) for server in servers) / 1024


async def _took(clients: list[Subscribers]) -> list[int]:
    return [each for took in await asyncio.gather(*(waited(one, _QUIET_S) for one in clients)) for each in took]


def _line(name: str, expected: int, took: list[int]) -> str:
    times = Percentiles.of([each / 1e6 for each in took]) if took else "none came"
    return f"  {name:<32}{len(took) / expected:>8.2%} came, {times}"


if __name__ == "__main__":
    numbers = [int(argument) for argument in sys.argv[1:]]
    asyncio.run(measure(*(numbers + [CONNECTIONS, SERVERS, SECONDS][len(numbers) :])))
