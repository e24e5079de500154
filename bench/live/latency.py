"""How long a commit takes to its subscribers, beside PostGraphile 4 and 5.

`make bench-latency`, or `python -m bench.live.latency [seconds] [server …]`. 1,000 subscribers, and three loads: 200
commits a second of one row each, everybody on a row of their own; 20 a second, all on one row; 5,000 a second for half
of the time, again on rows of their own. `pgbench` commits; a row carries when it was written, just before its commit.
Each server begins anew for each load, on a database of its own. Its CPU and memory are its process' alone; Postgres,
pgbench and the subscribers share the machine's cores with it.
"""

import asyncio
import json
import subprocess
import sys
import tempfile
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Final

from bench.live.databases import each_database
from bench.live.ground import QUERY, TABLE, MeasuredServer, serving, settle
from bench.live.peers import Missing, postgres_with_wal2json, serving_v4, serving_v5
from bench.live.processes import Subscribers, cpu_s, forget_peak, peak_kb, subscribed
from bench.live.subscribers import Load
from bench.percentiles import Percentiles
from db.embedded_home import packaged_binaries

SUBSCRIBERS: Final = 1000
SECONDS: Final = 20
_QUIET_S: Final = 5
"""Without a message: what has not come by then does not come."""

_ROW: Final = "name email city age total since active score note"
_V4: Final = f"subscription($id: Int!) {{ customerById(id: $id) {{ id {_ROW} }} }}"
_V5: Final = f"subscription($id: Int!) {{ customerChanged(id: $id) {{ note customer {{ rowId {_ROW} }} }} }}"


@dataclass(frozen=True, slots=True)
class Commits:
    """A load: commits a second, by so many sessions; of one row that all follow, or of one among everybody's own."""

    name: str
    rate: int
    seconds: int
    sessions: int
    one_row: bool

    @property
    def count(self) -> int:
        """Of all sessions."""
        return self.rate * self.seconds


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
    load = Load(0, 1, SUBSCRIBERS, peer.query, peer.by_row(1 if commits.one_row else "{n}"), greetings=peer.greetings)
    async with (
        peer.serving(dsn) as server,
        subscribed(replace(load, port=server.port), module="bench.live.timed_subscribers") as clients,
    ):
        await clients.ready()
        await settle(3)
        # What only the first messages cost; and who subscribes without a greeting has subscribed by then.
        await _deliveries(clients, dsn, Commits("", 100, 2, 1, commits.one_row))
        forget_peak(server.pid)
        cpu, memory = cpu_s(server.pid), peak_kb(server.pid)
        took = await _deliveries(clients, dsn, commits)
        cpu = cpu_s(server.pid) - cpu
        grown = peak_kb(server.pid) - memory
    expected = commits.count * (SUBSCRIBERS if commits.one_row else 1)
    if not took:
        raise Missing("it delivered nothing")
    return Found(expected, Percentiles.of([each / 1e6 for each in took]), cpu / len(took) * 1e6, grown / 1024)


async def _deliveries(clients: Subscribers, dsn: str, commits: Commits) -> list[int]:
    await asyncio.to_thread(_commit, dsn, commits)
    clients.tell([str(_QUIET_S)] * 2)
    return [each for line in await clients.lines() for each in json.loads(line)]


def _commit(dsn: str, commits: Commits) -> None:
    """At the rate, by pgbench: each transaction one statement, which stamps its row."""
    row = "1" if commits.one_row else f"random(1, {SUBSCRIBERS})"
    script = (
        f"\\set row {row}\n"
        f"UPDATE {TABLE} SET note = extract(epoch FROM clock_timestamp())::text, age = age + 1 WHERE id = :row;\n"
    )
    with tempfile.NamedTemporaryFile("w", suffix=".sql") as file:
        file.write(script)
        file.flush()
        numbers = {"rate": commits.rate, "client": commits.sessions, "transactions": commits.count // commits.sessions}
        options = ["--no-vacuum", "--protocol=prepared", *(f"--{name}={value}" for name, value in numbers.items())]
        command = [str(packaged_binaries() / "pgbench"), *options, "--file", file.name, dsn]
        subprocess.run(command, check=True, capture_output=True)  # noqa: S603 - a command of ours


def line(name: str, found: Found) -> str:
    """What came, and what it took."""
    times = " / ".join(f"{each * 1000:.1f}" for each in (found.took.p50, found.took.p99, found.took.worst))
    share = found.took.count / found.expected
    return f"  {name:<26}{share:>8.2%}{times:>26} ms{found.cpu_us:>9.0f} µs{found.grown_mb:>9.1f} MB"


async def measure(seconds: int, names: list[str]) -> None:
    """Print the table of each load."""
    loads = (
        Commits("200 commits/s, each on a row of their own", 200, seconds, 2, one_row=False),
        Commits("20 commits/s, all on one row", 20, seconds, 1, one_row=True),
        Commits("5,000 commits/s, each on a row of their own", 5000, max(seconds // 2, 1), 4, one_row=False),
    )
    with each_database() as databases:
        for load in loads:
            print(f"{SUBSCRIBERS} subscribers, {load.name}, {load.seconds} s", flush=True)
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
