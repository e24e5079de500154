"""Cuts the log's entries into transactions: one table's part of a commit, or slices of it where it is large.

Pure, and shared by all who read the log. It holds one slice a table in memory: a slice is handed on only once it is
known whether more of it follows, so that `last` is right.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime

from db.changes import Cause, Change, Transaction


@dataclass(frozen=True, slots=True)
class LogEntry:
    """A change with its commit."""

    change: Change
    xid: int
    committed_at: datetime
    cause: Cause
    actor: str | None


class Slicer:
    """Fed with entries in the order of their positions; gives transactions in that order for each table."""

    def __init__(self, size: int) -> None:
        """`size`: changes in a slice at most."""
        self._size = size
        self._open: dict[str, list[LogEntry]] = {}
        self._lsn = -1

    def add(self, entry: LogEntry) -> Iterator[Transaction]:
        """What the entry completes: all of the commit before it, or a slice of a large one."""
        if entry.change.position.lsn != self._lsn:
            yield from self.end()
            self._lsn = entry.change.position.lsn
        waiting = self._open.setdefault(entry.change.relation, [])
        if len(waiting) == self._size:
            yield _transaction(waiting, last=False)
            waiting.clear()
        waiting.append(entry)

    def end(self) -> Iterator[Transaction]:
        """What is left once no entry of the last commit follows."""
        for waiting in self._open.values():
            yield _transaction(waiting, last=True)
        self._open.clear()


def _transaction(entries: list[LogEntry], *, last: bool) -> Transaction:
    first = entries[0]
    changes = tuple(entry.change for entry in entries)
    return Transaction(first.xid, first.committed_at, first.cause, first.actor, changes, last)
