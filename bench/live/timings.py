"""How long the deliveries of some commits take to the subscribers of `bench.live.timed_subscribers`."""

import json
from typing import Final

from bench.live.pgbench import Commits
from bench.live.processes import Subscribers

TIMED: Final = "bench.live.timed_subscribers"
_QUIET_S: Final = 5
"""Without a message: what has not come by then does not come."""


async def deliveries(clients: Subscribers, dsn: str, commits: Commits) -> list[int]:
    """The microseconds that each took that came, from just before its commit."""
    await commits.run(dsn)
    return await waited(clients)


async def waited(clients: Subscribers, quiet_s: int = _QUIET_S) -> list[int]:
    """Of what came since the last time, and comes until so long nothing does."""
    clients.tell_all(str(quiet_s))
    return [each for line in await clients.lines() for each in json.loads(line)]
