"""What this process, as leader, appended to the log just now: its own hub needs not ask the database for it.

The entries are those that the log has, once they are committed there. All other processes read them from the log.
"""

from collections import deque
from collections.abc import Sequence
from itertools import takewhile

from db.position import Position
from db.slices import LogEntry

_KEPT = 1000
"""Entries; the hub that they are for is seldom behind by more than one append."""
_KEPT_BYTES = 4 << 20


class Recent:
    """The end of the log, without a gap: all that it has behind one position and before another."""

    def __init__(self) -> None:
        self._entries: deque[LogEntry] = deque()
        self._after: Position | None = None
        self._until = Position(0, 0, 0)
        self._bytes = 0

    def add(self, after: Position, entries: Sequence[LogEntry], until: Position) -> None:
        """An append: the entries are all that the log has behind `after` and before `until`. Between what was added
        before and `after` it has none.
        """
        if self._after is None:
            self._after = after
        self._entries.extend(entries)
        self._bytes += sum(entry.size for entry in entries)
        self._until = until
        while len(self._entries) > _KEPT or self._bytes > _KEPT_BYTES:
            oldest = self._entries.popleft()
            self._bytes -= oldest.size
            self._after = oldest.change.position

    def forget(self) -> None:
        """The next append is no continuation."""
        self._entries.clear()
        self._after = None
        self._bytes = 0

    def between(self, after: Position, until: Position) -> list[LogEntry] | None:
        """All entries behind `after` and before `until`; None where the log has to be asked."""
        if self._after is None or not self._after <= after <= until <= self._until:
            return None
        # From its end: who asks wants the last few.
        behind = takewhile(lambda entry: entry.change.position > after, reversed(self._entries))
        return [entry for entry in behind if entry.change.position < until][::-1]
