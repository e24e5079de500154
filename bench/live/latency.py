"""How long a commit takes to its subscribers, beside PostGraphile 4 and 5.

`make bench-latency`, or `python -m bench.live.latency [seconds] [server …]`. 1,000 subscribers, and three loads: 200
commits a second of one row each, everybody on a row of their own; 20 a second, all on one row; 5,000 a second for half
of the time, again on rows of their own. `pgbench` commits; a row carries when it was written, just before its commit.
Each server begins anew for each load, on a database of its own. Its CPU and memory are its process' alone; Postgres,
pgbench and the subscribers share the machine's cores with it.
"""

import asyncio
import sys
import tempfile
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Final

from bench.live.databases import each_database
from bench.live.ground import QUERY, MeasuredServer, serving, settle
from bench.live.peers import Missing, postgres_with_wal2json, serving_v4, serving_v5
from bench.live.pgbench import Commits
from bench.live.processes import cpu_s, forget_peak, peak_kb, subscribed
from bench.live.subscribers import Load
from bench.live.timings import TIMED, deliveries
from bench.percentiles import Percentiles

SUBSCRIBERS: Final = 1000
SECONDS: Final = 20
_ROW: Final = "name email city age total since active score note"
_V4: Final = f"subscription($id: Int!) {{ customerById(id: $id) {{ id {_ROW} }} }}"
_V5: Final = f"subscription($id: Int!) {{ customerChanged(id: $id) {{ note customer {{ rowId {_ROW} }} }} }}"


@dataclass(frozen=True, slots=True)
class Peer:
    """A server with how it is asked for a row. `greetings`: messages before the first change."""

    name: str
    serving: Callable[[str], AbstractAsyncContextManager[MeasuredServer]]
    query: str
    by_row: Callable[[str | int], dict[str, object]]
    greetings: int
    wal2json: bool = False


@dataclass(frozen=True, slots=True)
class Found:
    """Of `expected` deliveries `took` came, after so many seconds each."""

    expected: int
    took: Percentiles
    cpu_us: float
    grown_mb: float


@asynccontextmanager
async def _ours(dsn: str) -> AsyncIterator[MeasuredServer]:
    with tempfile.TemporaryDirectory() as folder:
        async with serving(dsn, Path(folder), "api", "serve") as server:
            yield server


PEERS: Final = (
    Peer("PostGraphile 5, NOTIFY", serving_v5, _V5, lambda row: {"id": row}, 0),
    Peer("PostGraphile 4, wal2json", serving_v4, _V4, lambda row: {"id": row}, 1, wal2json=True),
    Peer("rowcast", _ours, QUERY, lambda row: {"where": {"column": "id", "eq": row}}, 1),
)


async def measured(peer: Peer, dsn: str, commits: Commits) -> Found:
    """One server under one load."""
    # All of a load's variables are one text, where `"{n}"` is the subscriber's number.
    load = Load(0, 1, SUBSCRIBERS, peer.query, peer.by_row(1 if commits.rows == 1 else "{n}"), greetings=peer.greetings)
    async with (
        peer.serving(dsn) as server,
        subscribed(replace(load, port=server.port), module=TIMED) as clients,
    ):
        await clients.ready()
        await settle(3)
        # What only the first messages cost; and who subscribes without a greeting has subscribed by then.
        await deliveries(clients, dsn, Commits(100, 2, commits.rows))
        forget_peak(server.pid)
        cpu, memory = cpu_s(server.pid), peak_kb(server.pid)
        took = await deliveries(clients, dsn, commits)
        cpu = cpu_s(server.pid) - cpu
        grown = peak_kb(server.pid) - memory
    expected = commits.count * SUBSCRIBERS // commits.rows
    if not took:
        raise Missing("it delivered nothing")
    return Found(expected, Percentiles.of([each / 1e6 for each in took]), cpu / len(took) * 1e6, grown / 1024)


def line(name: str, found: Found) -> str:
    """What came, and what it took."""
    times = " / ".join(f"{each * 1000:.1f}" for each in (found.took.p50, found.took.p99, found.took.worst))
    share = found.took.count / found.expected
    return f"  {name:<26}{share:>8.2%}{times:>26} ms{found.cpu_us:>9.0f} µs{found.grown_mb:>9.1f} MB"


async def measure(seconds: int, names: list[str]) -> None:
    """Print the table of each load."""
    loads = (
        Commits(200, seconds, rows=SUBSCRIBERS, sessions=2),
        Commits(20, seconds, rows=1),
        Commits(5000, max(seconds // 2, 1), rows=SUBSCRIBERS, sessions=4),
    )
    with each_database() as databases:
        for load in loads:
            whose = "all on one row" if load.rows == 1 else "each on a row of their own"
            print(f"{SUBSCRIBERS} subscribers, {whose}, {load.rate} commits/s for {load.seconds} s", flush=True)
            print(f"  {'':<26}{'came':>8}{'p50 / p99 / worst':>29}{'CPU each':>12}{'grew by':>12}", flush=True)
            for peer in PEERS:
                if names and not any(name in peer.name for name in names):
                    continue
                try:
                    if peer.wal2json:
                        with postgres_with_wal2json() as dsn:
                            found = await measured(peer, dsn, load)
                    else:
                        found = await measured(peer, next(databases), load)
                except Missing as missing:
                    print(f"  {peer.name:<26}not measured: {missing}", flush=True)
                else:
                    print(line(peer.name, found), flush=True)


if __name__ == "__main__":
    given = sys.argv[1:]
    asyncio.run(measure(int(given[0]) if given else SECONDS, given[1:]))
