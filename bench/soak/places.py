"""To which server a subscriber comes."""

import random
from collections.abc import Iterator, Sequence
from contextlib import contextmanager

from tests.server import Client


class Places:
    """As many as `share` are at the spared server at any time, so that what it holds then and now can be compared; all
    others are at any of those that are killed.
    """

    def __init__(self, spared: Client, share: int, others: Sequence[Client]) -> None:
        self._spared = spared
        self._free = share
        self._others = others

    @contextmanager
    def take(self, chance: random.Random) -> Iterator[Client]:
        """A place, until it is left."""
        if not self._free:
            yield chance.choice(self._others)
            return
        self._free -= 1
        try:
            yield self._spared
        finally:
            self._free += 1
