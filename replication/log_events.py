"""What the hub gives to those who follow a table: one at a time as events, or many at once as a `LiveTable`."""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Protocol

from db.changes import Transaction
from db.cursor import Cursor
from db.errors import CursorExpired
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


class Progress:
    """How far a subscription is. Pure."""

    def __init__(self, cursor: Cursor, goal: Position | None) -> None:
        """`goal`: where it has caught up; None: it has."""
        self.cursor = cursor
        self.goal = goal

    def take(self, transaction: Transaction) -> Iterator[LogEvent]:
        """The events of the next slice of its table: what the cursor admits of it. That it has caught up comes before
        what is later, however much more waits: who reads more slowly than others write would never hear of it.
        CursorExpired where the table is logged anew.
        """
        if self.goal is not None and transaction.changes[0].position > self.goal:
            yield self.caught_up(self.goal)
        admitted = self._admitted(transaction)
        self.cursor = self.cursor.advanced(transaction.position)
        if admitted is not None:
            yield LogSlice(admitted, self.cursor)

    def passed(self, position: Position) -> None:
        """There is nothing of its table before the position that it was not given."""
        self.cursor = self.cursor.advanced(position)

    def caught_up(self, position: Position) -> CaughtUp:
        """It has all before the position."""
        self.passed(position)
        self.goal = None
        return CaughtUp(self.cursor)

    def _admitted(self, transaction: Transaction) -> Transaction | None:
        if transaction.anew and self.cursor.admits(transaction.position, transaction.xid):
            raise CursorExpired(
                "After this cursor the table was dropped or replaced, or was out of its publication: what happened "
                "then is in no log, take a new snapshot."
            )
        if self.cursor.view is None and transaction.changes[0].position > self.cursor.position:
            return transaction
        changes = tuple(
            change for change in transaction.changes if self.cursor.admits(change.position, transaction.xid)
        )
        if len(changes) == len(transaction.changes):
            return transaction
        return replace(transaction, changes=changes) if changes else None
