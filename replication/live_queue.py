"""What a live subscription has not yet taken: bounded, shared with nobody, without I/O.

When it is full it is emptied and closed: its subscription then reads the log from its own cursor, so nothing is
dropped, memory stays bounded, and the others don't wait.
"""

import asyncio
from collections import deque

from db.changes import Transaction
from db.errors import CursorExpired
from db.position import Position


class LiveQueue:
    """Slices of one table's commits behind `start`, in order."""

    def __init__(self, relation: str, start: Position, size: int) -> None:
        """`size`: slices that it holds at most. Everything at or before `start` has to be read from the log."""
        self.relation = relation
        self.start = start
        self.overflowed = False
        self.goal: Position | None = None
        self.changed = asyncio.Event()
        self._size = size
        self._waiting: deque[Transaction] = deque()
        self._expired: CursorExpired | None = None

    def put(self, transaction: Transaction) -> None:
        """Called by the hub for each slice of its table."""
        if self.overflowed:
            return
        if len(self._waiting) >= self._size:
            self._waiting.clear()
            self.overflowed = True
        else:
            self._waiting.append(transaction)
        self.changed.set()

    def expire(self, error: CursorExpired) -> None:
        """The log was begun anew: whoever takes from the queue gets the error."""
        self._expired = error
        self.changed.set()

    def take(self) -> Transaction | None:
        """The next slice; None where there is none now. Clears `changed`."""
        self.changed.clear()
        if self._expired is not None:
            raise self._expired
        return self._waiting.popleft() if self._waiting else None
