"""From the log to what one subscriber sees: its filter and operations applied to slices of commits. Pure.

What a client builds from a snapshot and the changes after it is after every commit the set of rows that match: an
update that makes a row enter the filter arrives as INSERT, one that makes it leave as DELETE, one that changes the key
as both, the DELETE first. `operations` is applied after that, so who leaves some out keeps no such set.
"""

from collections.abc import Callable, Collection, Hashable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Any

from db.changes import Cause, Change, Operation, Transaction, WireRow
from db.cursor import Cursor
from db.keys import key_values
from db.wire import ColumnType, to_wire

Matcher = Callable[[WireRow], bool]


@dataclass(frozen=True, slots=True)
class Delta:
    """A change as a subscriber sees it; rows have the subscriber's columns.

    `key` is a key text, `identity` the same as an object of the key columns; both None for TRUNCATE.
    """

    operation: Operation
    moved: bool
    key: str | None
    row: WireRow | None
    before: WireRow | None
    changed: tuple[str, ...]
    identity: WireRow | None = None


@dataclass(frozen=True, slots=True)
class Commit:
    """Which commit a batch belongs to."""

    xid: int
    committed_at: datetime
    cause: Cause
    actor: str | None


@dataclass(frozen=True, slots=True)
class Batch:
    """What is sent at once. `commit` is None for snapshots, resets and empty batches that only say how far it is.

    `made`: what was made of it, by how, for those who get the same batch.
    """

    cursor: Cursor
    commit: Commit | None = None
    snapshot: bool = False
    reset: bool = False
    last: bool = True
    up_to_date: bool = False
    deltas: tuple[Delta, ...] = ()
    made: dict[Hashable, Any] = field(init=False, default_factory=dict, compare=False, repr=False)


@dataclass(frozen=True, slots=True)
class Shown:
    """What a subscriber gets of a row: `columns`, and in any case which row it is.

    `chosen`: the subscriber named the columns, so that an update of others alone is none to it. `key_types`: of the
    key, to read it from a key text where a row has it under another name. `hidden`: columns of the table that nobody is
    shown.
    """

    key: tuple[str, ...]
    columns: tuple[str, ...]
    chosen: bool = False
    key_types: tuple[ColumnType, ...] = ()
    hidden: tuple[str, ...] = ()


def deltas(changes: Sequence[Change], shown: Shown, matches: Matcher) -> Iterator[Delta]:
    """What the changes are to a subscriber with that filter, in order. Rows are cut to the columns then."""
    for change in changes:
        if change.operation is Operation.TRUNCATE:
            yield Delta(Operation.TRUNCATE, moved=False, key=None, row=None, before=None, changed=())
            continue
        was, is_ = (row is not None and matches(row) for row in (change.before, change.after))
        if not was and not is_:
            continue
        before = _cut(change.before, shown.columns)
        after = _cut(change.after, shown.columns)
        changed = changed_columns(before, after)
        of_before = _identity(change.before, change.old_key or change.key, shown)
        of_after = _identity(change.after, change.key, shown)
        if change.old_key is not None and change.operation is Operation.UPDATE:
            if was:
                yield Delta(Operation.DELETE, True, change.old_key, None, before, changed, of_before)
            if is_:
                yield Delta(Operation.INSERT, True, change.key, after, None, changed, of_after)
        elif was and is_:
            if changed or not shown.chosen:
                yield Delta(Operation.UPDATE, False, change.key, after, before, changed, of_after)
        elif was:
            yield Delta(Operation.DELETE, after is not None, change.key, None, before, changed, of_before)
        else:
            yield Delta(Operation.INSERT, before is not None, change.key, after, None, changed, of_after)


class Feed:
    """One subscriber's view of the log: what to send for each slice of a commit, if anything."""

    def __init__(self, shown: Shown, matches: Matcher, operations: Collection[Operation] | None) -> None:
        """`operations`: only these are sent; None: all. `shown` may be replaced by more at any time."""
        self.shown = shown
        self._matches = matches
        self._operations = operations
        self._amid: int | None = None
        self.up_to_date = False

    @property
    def within(self) -> bool:
        """Whether a commit of which a part was sent is not yet ended by its `last` batch."""
        return self._amid is not None

    def resume(self, cursor: Cursor) -> None:
        """Go on behind the cursor, up to which everything was sent."""
        self._amid = cursor.position.lsn if cursor.within else None

    def slice(self, transaction: Transaction, cursor: Cursor) -> Batch | None:
        """The batch of a slice; None where nothing of it concerns the subscriber.

        A commit of which a part was sent is always ended by a batch with `last`, an empty one if need be.
        """
        self._leave(transaction.position.lsn)
        wanted = tuple(
            delta
            for delta in deltas(transaction.changes, self.shown, self._matches)
            if self._operations is None or delta.operation in self._operations
        )
        if not wanted and not (self.within and transaction.last):
            return None
        self._amid = None if transaction.last else transaction.position.lsn
        commit = Commit(transaction.xid, transaction.committed_at, transaction.cause, transaction.actor)
        return Batch(self._marked(cursor), commit, last=transaction.last, up_to_date=self.up_to_date, deltas=wanted)

    def unknown(self, names: frozenset[str]) -> frozenset[str]:
        """Which of a commit's columns the subscriber does not get: they may be new ones of the source."""
        return names.difference(self.shown.columns, self.shown.hidden)

    def caught_up(self, cursor: Cursor) -> Batch:
        """Says that nothing older is to come, and how far it is."""
        self.up_to_date = True
        self._leave(cursor.position.lsn)
        return Batch(self._marked(cursor), last=not self.within, up_to_date=True)

    def passed(self, cursor: Cursor) -> Batch | None:
        """How far it is though nothing was sent for long; None within a commit of which a part was sent."""
        return None if self.within else Batch(cursor, up_to_date=self.up_to_date)

    def _leave(self, lsn: int) -> None:
        """What is here is of another commit: one that was resumed amid may have no more of this table."""
        if self._amid != lsn:
            self._amid = None

    def _marked(self, cursor: Cursor) -> Cursor:
        return replace(cursor, within=True) if self.within else cursor


def snapshot_batch(cursor: Cursor, rows: Sequence[tuple[str, WireRow]], shown: Shown, *, last: bool) -> Batch:
    """A chunk of a snapshot: rows by key text, as INSERT. The cursor must not be resumed from before the last one."""
    inserted = tuple(
        Delta(Operation.INSERT, False, key, _cut(row, shown.columns), None, (), _cut(row, shown.key))
        for key, row in rows
    )
    return Batch(cursor, snapshot=True, last=last, deltas=inserted)


def _identity(row: WireRow | None, key: str | None, shown: Shown) -> WireRow | None:
    """The key's columns as an object. A column of the key that was renamed is another one in older rows, or newer."""
    if row is None or key is None or all(name in row for name in shown.key):
        return _cut(row, shown.key)
    found = zip(shown.key, shown.key_types, key_values(key), strict=True)
    return {name: to_wire(type_, text) for name, type_, text in found}


def _cut(row: WireRow | None, columns: Sequence[str]) -> WireRow | None:
    return None if row is None else {name: row[name] for name in columns if name in row}


def changed_columns(before: WireRow | None, after: WireRow | None) -> tuple[str, ...]:
    """The columns that differ; empty for a row that is new or gone."""
    if before is None or after is None:
        return ()
    return tuple(name for name in after if name not in before or not _same(before[name], after[name]))


def _same(one: object, other: object) -> bool:
    """Equal as JSON: true is not 1."""
    return one == other and type(one) is type(other)
