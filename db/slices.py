"""Cuts the log's entries into transactions: one table's part of a commit, or slices of it where it is large.

Pure, and shared by all who read the log. It holds one slice a table in memory: a slice is handed on only once it is
known whether more of it follows, so that `last` is right.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime

from db.changes import Cause, Change, Transaction

SLICE_BYTES = 1 << 20
"""Bytes of rows that a slice has at most, and so a message to a subscriber, but for what JSON and a client's id add."""


@dataclass(frozen=True, slots=True)
class LogEntry:
    """A change with its commit; `size`: the bytes of its rows."""

    change: Change
    xid: int
    committed_at: datetime
    cause: Cause
    actor: str | None
    size: int = 0


class Slicer:
    """Fed with entries in the order of their positions; gives transactions in that order for each table."""

    def __init__(self, size: int, bytes_: int = SLICE_BYTES) -> None:
        """`size`: changes in a slice at most; `bytes_`: of their rows, unless one change alone has more."""
        self._size = size
        self._bytes = bytes_
        self._open: dict[str, list[LogEntry]] = {}
        self._taken: dict[str, int] = {}
        self._lsn = -1

    def add(self, entry: LogEntry) -> Iterator[Transaction]:
        """What the entry completes: all of the commit before it, or a slice of a large one."""
        if entry.change.position.lsn != self._lsn:
            yield from self.end()
            self._lsn = entry.change.position.lsn
        waiting = self._open.setdefault(entry.change.relation, [])
        taken = self._taken.get(entry.change.relation, 0)
        if len(waiting) == self._size or (waiting and taken + entry.size > self._bytes):
            yield _transaction(waiting, last=False)
            waiting.clear()
            taken = 0
        waiting.append(entry)
        self._taken[entry.change.relation] = taken + entry.size

    def end(self) -> Iterator[Transaction]:
        """What is left once no entry of the last commit follows."""
        for waiting in self._open.values():
            yield _transaction(waiting, last=True)
        self._open.clear()
        self._taken.clear()


def _transaction(entries: list[LogEntry], *, last: bool) -> Transaction:
    first = entries[0]
    changes = tuple(entry.change for entry in entries)
    return Transaction(first.xid, first.committed_at, first.cause, first.actor, changes, last)
