"""What the hub gives to those who follow a table: one at a time as events, or many at once as a `LiveTable`."""

from dataclasses import dataclass, replace
from typing import Protocol

from db.changes import Transaction
from db.cursor import Cursor
from db.position import Position


@dataclass(frozen=True, slots=True)
class LogSlice:
    """One commit of the table behind the subscription's cursor, or a slice of it; `cursor` has read it."""

    transaction: Transaction
    cursor: Cursor


@dataclass(frozen=True, slots=True)
class CaughtUp:
    """Nothing older is to come. Again after each quiet minute, with a newer cursor."""

    cursor: Cursor


LogEvent = LogSlice | CaughtUp


class LiveTable(Protocol):
    """Takes a table's part of the log for many subscriptions at once. Slices come in order; some may come again."""

    async def take(self, transaction: Transaction) -> None:
        """The next slice. The log waits for it, so it may give way to others, and never wait for a reader."""

    async def reached(self, position: Position) -> None:
        """Every slice before the position was given to `take`."""

    def expire(self) -> None:
        """The log can't be followed any further from where it is. Never waits."""


def advance(cursor: Cursor, transaction: Transaction) -> tuple[LogSlice | None, Cursor]:
    """What the cursor admits of a slice, and the cursor behind it."""
    whole = cursor.view is None and transaction.changes[0].position > cursor.position
    if whole:
        cursor = cursor.advanced(transaction.position)
        return LogSlice(transaction, cursor), cursor
    changes = tuple(change for change in transaction.changes if cursor.admits(change.position, transaction.xid))
    cursor = cursor.advanced(transaction.position)
    if not changes:
        return None, cursor
    whole = len(changes) == len(transaction.changes)
    return LogSlice(transaction if whole else replace(transaction, changes=changes), cursor), cursor
