"""One subscriber: applies what it gets by key, as strictly as a client can, and comes back whenever it is cut off."""

import asyncio
import math
import random
import time
from typing import Any, Final

from websockets.exceptions import ConnectionClosed, InvalidHandshake

from bench.soak.places import Places
from bench.soak.things import where
from tests.server import Client, GraphQLFailed, Subscription
from tests.strict_rows import StrictRows
from tests.things import COLUMNS

Json = Any

_CHANGES: Final = """subscription($where: RowFilter, $columns: [String!], $ms: Int, $after: Cursor) {
  changes(source: "things", where: $where, columns: $columns, minIntervalMs: $ms, after: $after, snapshot: true) {
    cursor reset changes { operation key row before }
  }
}"""
_ROWS: Final = """query($where: RowFilter) {
  rows(source: "things", where: $where, first: 1000) { nodes { key data } hasNextPage }
}"""
_AGAIN_S: Final = 0.2
_STAYS_S: Final = 25.0
"""With a server, on average: about as long as those live that are killed."""
_PASSING: Final = frozenset({"UNAVAILABLE"})


class Subscriber(StrictRows):
    """Of a random filter, columns and interval."""

    def __init__(self, number: int, seed: int) -> None:
        self._chance = random.Random(f"{seed} {number}")  # noqa: S311 - what is tried, not a secret
        names = [column.name for column in COLUMNS]
        few = self._chance.random() < 0.3
        super().__init__(self._chance.sample(names, 3) if few else None)
        self.where = where(self._chance)
        self.ms = self._chance.choice((0, 0, 0, 50, 500))
        self.name = f"{number}: {self.where} of {self.columns or 'all'}, every {self.ms} ms"
        self.connections = 0
        self.leaves = True
        """Whether it closes its connection now and then, to come back."""

    async def run(self, places: Places) -> None:
        """Until cancelled."""
        while True:
            variables = {"where": self.where, "columns": self.columns, "ms": self.ms, "after": self.cursor}
            try:
                with places.take(self._chance) as server:
                    async with server.subscribe(_CHANGES, variables) as stream:
                        self.connections += 1
                        await self._stay(stream, self._chance.expovariate(1 / _STAYS_S))
            except (ConnectionClosed, InvalidHandshake, OSError, EOFError):
                pass
            except GraphQLFailed as error:
                if error.code not in _PASSING:
                    self.wrong.append(f"an error: {error}")
            except StopAsyncIteration:
                self.wrong.append("it was completed")
            await asyncio.sleep(_AGAIN_S * (1 + self._chance.random()))

    async def _stay(self, stream: Subscription, seconds: float) -> None:
        until = time.monotonic() + seconds
        while True:
            try:
                self.apply((await stream.next(max(0.0, until - time.monotonic())))["changes"])
            except TimeoutError:
                if self.leaves:
                    return
                until = math.inf

    async def shows_all(self, server: Client) -> dict[int, Json]:
        """What the query has now."""
        found = (await server.graphql(_ROWS, {"where": self.where}))["rows"]
        assert not found["hasNextPage"]
        return self.expected(found["nodes"])
