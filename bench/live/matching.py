"""What a commit costs that matches one of many subscriptions, each `eq` on another key.

`make bench-matching`, or `python -m bench.live.matching [few] [many] [commits]`. A hundred connections hold them all.
"""

import asyncio
import sys
import tempfile
from pathlib import Path
from typing import Final

from bench.live.databases import each_database
from bench.live.ground import QUERY, serving, settle, writing
from bench.live.processes import cpu_s, subscribed
from bench.live.subscribers import Load

FEW: Final = 1_000
MANY: Final = 100_000
COMMITS: Final = 200
_CONNECTIONS: Final = 100


async def cost_us(dsn: str, subscriptions: int, commits: int) -> float:
    """Microseconds of the server's CPU a commit."""
    with tempfile.TemporaryDirectory() as folder:
        async with serving(dsn, Path(folder), "api", "serve") as server, writing(dsn) as writer:
            each = subscriptions // _CONNECTIONS
            load = Load(server.port, 1, subscriptions, QUERY, {"where": {"column": "id", "eq": "{n}"}}, each=each)
            async with subscribed(load) as clients:
                await clients.ready()
                await settle(3)
                clients.expect_of_one(10)
                for _ in range(10):
                    await writer.commit()
                await clients.received()
                before = cpu_s(server.pid)
                clients.expect_of_one(commits)
                for _ in range(commits):
                    await writer.commit()
                await clients.received()
                return (cpu_s(server.pid) - before) / commits * 1e6


async def measure(few: int, many: int, commits: int) -> None:
    """Print the table."""
    with each_database() as databases:
        costs = {count: await cost_us(next(databases), count, commits) for count in (few, many)}
    for count, cost in costs.items():
        print(f"{count:>8} subscriptions {cost:>9.0f} µs a commit  × {cost / costs[few]:.2f}", flush=True)


if __name__ == "__main__":
    numbers = [int(argument) for argument in sys.argv[1:]]
    asyncio.run(measure(*(numbers + [FEW, MANY, COMMITS][len(numbers) :])))
