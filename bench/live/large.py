"""One transaction of a million updated rows: what it costs in memory, and what it does to everybody else's deliveries.

`make bench-large`, or `python -m bench.live.large [rows]`. A thousand subscribers follow rows of another table, which
20 commits a second change: for ten seconds before, and while the large one is written, decoded and appended. Beside it,
in the same way, how late Postgres hands on those commits to who does nothing with them.
"""

import asyncio
import sys
import tempfile
import time
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Final

from psycopg import AsyncConnection

from bench.live.databases import each_database
from bench.live.ground import QUERY, ROWS, bind, serving, settle
from bench.live.pgbench import Commits
from bench.live.processes import forget_peak, peak_kb, subscribed
from bench.live.streamed import streamed
from bench.live.subscribers import Load
from bench.live.timings import TIMED, deliveries, waited
from bench.percentiles import Percentiles
from db.session import connect
from db.sources import SourceState, insert_source
from tests.replication.leader import source_of

LARGE: Final = 1_000_000
_QUIET_S: Final = 60
"""The others may wait as long as the large commit is appended."""
_BEFORE: Final = Commits(20, 10, ROWS)
_WARM: Final = Commits(100, 2, ROWS)


async def measure(rows: int) -> None:
    """Print the table."""
    with each_database() as databases, tempfile.TemporaryDirectory() as folder:
        await _floor(next(databases), rows)
        dsn = next(databases)
        async with serving(dsn, Path(folder), "api", "serve") as server:
            await _fill(dsn, rows)
            load = Load(server.port, 1, ROWS, QUERY, {"where": {"column": "id", "eq": "{n}"}})
            async with subscribed(load, module=TIMED) as clients:
                await clients.ready()
                await settle(3)
                await deliveries(clients, dsn, _WARM)
                before = await deliveries(clients, dsn, _BEFORE)
                print(_line("before", _BEFORE.count, _seconds(before)), flush=True)
                forget_peak(server.pid)
                memory, begun = peak_kb(server.pid), time.monotonic()
                during = _during(rows)
                large = asyncio.create_task(_update(dsn, rows))
                await during.run(dsn)
                await large
                took = (await waited(clients, _QUIET_S)).took
                print(_line(f"during one commit of {rows} rows", during.count, _seconds(took)), flush=True)
                print(f"  memory: {(peak_kb(server.pid) - memory) / 1024:.0f} MB more, at its most", flush=True)
                print(f"  all was delivered after {time.monotonic() - begun - _QUIET_S:.0f} s at most", flush=True)


async def _floor(dsn: str, rows: int) -> None:
    """What `bench.live.streamed` takes."""
    await bind(dsn)
    await _fill(dsn, rows)
    with streamed(dsn) as floor:
        await _BEFORE.run(dsn)
        await settle(1)
        print(_line("Postgres alone, before", _BEFORE.count, floor.taken()), flush=True)
        during = _during(rows)
        large = asyncio.create_task(_update(dsn, rows))
        await during.run(dsn)
        await large
        await settle(_QUIET_S / 4)
        print(_line("Postgres alone, during", during.count, floor.taken()), flush=True)


def _during(rows: int) -> Commits:
    return Commits(20, max(10, rows // 15_000), ROWS)


async def _fill(dsn: str, rows: int) -> None:
    """The large table, filled before it is a source's."""
    async with await connect(dsn, "rowcast bench", autocommit=False) as connection:
        await connection.execute(
            b"CREATE TABLE large AS SELECT n AS id, 'name ' || n AS name, n AS qty FROM generate_series(1, %s) n",
            (rows,),
        )
        await connection.execute(b"ALTER TABLE large ADD PRIMARY KEY (id)")
        await connection.execute(b"ALTER TABLE large REPLICA IDENTITY FULL")
        await connection.execute(b"ALTER PUBLICATION rowcast_tables ADD TABLE large")
        await insert_source(connection, replace(source_of("public.large"), state=SourceState.PAUSED))


async def _update(dsn: str, rows: int) -> None:
    async with await AsyncConnection.connect(dsn, autocommit=True) as connection:
        await connection.execute(b"UPDATE large SET qty = qty + 1 WHERE id <= %s", (rows,))


def _seconds(microseconds: Sequence[int]) -> list[float]:
    return [each / 1e6 for each in microseconds]


def _line(name: str, expected: int, took: list[float]) -> str:
    return f"  {name:<40}{len(took) / expected:>8.2%} came, {Percentiles.of(took)}"


if __name__ == "__main__":
    asyncio.run(measure(int(sys.argv[1]) if len(sys.argv) > 1 else LARGE))
