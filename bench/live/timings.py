"""How long the deliveries of some commits take to the subscribers of `bench.live.timed_subscribers`."""

import json
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from bench.live.pgbench import Commits
from bench.live.processes import Subscribers

TIMED: Final = "bench.live.timed_subscribers"
_QUIET_S: Final = 5
"""Without a message: what has not come by then does not come."""


@dataclass(frozen=True, slots=True)
class Waited:
    """The microseconds that each message took, the bytes of all, and the CPU seconds that the subscribers had used when
    the last had come."""

    took: Sequence[int]
    size: int
    cpu_s: float

    @classmethod
    def of(cls, each: Sequence["Waited"]) -> "Waited":
        """All together."""
        took = [microseconds for one in each for microseconds in one.took]
        return cls(took, sum(one.size for one in each), sum(one.cpu_s for one in each))


async def deliveries(clients: Subscribers, dsn: str, commits: Commits) -> Sequence[int]:
    """The microseconds that each took that came, from just before its commit."""
    await commits.run(dsn)
    return (await waited(clients)).took


async def waited(clients: Subscribers, quiet_s: int = _QUIET_S, most: int = sys.maxsize) -> Waited:
    """For what came since the last time, and comes until each subscription has so many, or nothing does for so long."""
    clients.tell([json.dumps([quiet_s, most * share]) for share in clients.shares])
    return Waited.of([Waited(**json.loads(line)) for line in await clients.lines()])
