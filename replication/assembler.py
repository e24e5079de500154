"""Messages in, the log's transactions out: positions, keys, wire values, TOAST values filled in, where it came from.

Pure and synchronous. It holds one slice in memory, however large the commit is. What it can't know it is given: the
log's epoch, the key that signs origins, and which tables have a source, with their key columns. The last changes
while it runs: whoever feeds it looks at `wants_keys` first.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from db.changes import Cause, Change, Operation, Transaction, WireRow, WireValue
from db.keys import key_text
from db.origin import PREFIX, read_origin
from db.position import Position
from db.snapshot import widen_xid
from db.wire import column_type, wire_reader
from replication.messages import (
    UNCHANGED,
    Begin,
    Commit,
    Delete,
    Insert,
    Message,
    PgOutput,
    Relation,
    Truncate,
    Tuple,
    Update,
)

SLICE_CHANGES = 1000
SLICE_BYTES = 1 << 20
_SOURCES = b"sources"  # what the trigger on rowcast.sources emits


@dataclass(frozen=True, slots=True)
class Committed:
    """The end of a commit, of synced tables or not: every commit below `end_lsn` was given out."""

    end_lsn: int


@dataclass(frozen=True, slots=True)
class Heartbeat:
    """A commit of rowcast's own that is no change: somebody wants to know how far the log goes."""


@dataclass(frozen=True, slots=True)
class Unreadable:
    """A table with a source, none of whose changes can go into the log as it should; `reason` says what mends it."""

    relation: str
    reason: str


@dataclass(frozen=True, slots=True)
class LoggedTable:
    """A table with a source. `log_name`: what it is called in the log, `relation`: `schema.table` as last known.

    `oid`: of the table where none is called `relation` now, since that one was renamed. `key_now`: the key columns'
    names where they were renamed.
    """

    log_name: str
    relation: str
    key: tuple[str, ...]
    oid: int | None = None
    key_now: tuple[str, ...] | None = None


Assembled = Transaction | Committed | Heartbeat | Unreadable


@dataclass(frozen=True, slots=True)
class _Table:
    """`readers`: by place, for the columns whose wire value isn't just their text."""

    name: str
    columns: tuple[str, ...]
    readers: tuple[tuple[int, Callable[[str], WireValue]], ...]
    key: tuple[int, ...]


@dataclass(slots=True)
class _Commit:
    xid: int
    lsn: int
    committed_at: datetime
    cause: Cause = Cause.SQL
    actor: str | None = None
    index: int = 0
    size: int = 0


class Assembler:
    """One stream's. Feed each message in order."""

    def __init__(
        self,
        epoch: int,
        origin_key: bytes,
        xid: int,
        *,
        slice_changes: int = SLICE_CHANGES,
        slice_bytes: int = SLICE_BYTES,
    ) -> None:
        """`xid`: a 64-bit one of now, by which those of the WAL are widened."""
        self._epoch = epoch
        self._origin_key = origin_key
        self._xid = xid
        self._slice_changes = slice_changes
        self._slice_bytes = slice_bytes
        self._by_name: Mapping[str, LoggedTable] = {}
        self._by_oid: Mapping[int, LoggedTable] = {}
        self._relations: dict[int, Relation] = {}
        self._tables: dict[int, _Table] = {}
        self._commit: _Commit | None = None
        self._changes: list[Change] = []

    @property
    def transaction(self) -> int | None:
        """The 64-bit xid of the commit that is being read; None between commits."""
        return None if self._commit is None else self._commit.xid

    def wants_keys(self, message: PgOutput) -> bool:
        """Whether the tables' keys may have changed with the message: give them by `know` before feeding it."""
        return isinstance(message, Relation) or (
            isinstance(message, Message) and message.prefix == PREFIX and message.content == _SOURCES
        )

    def know(self, tables: Sequence[LoggedTable]) -> list[Unreadable]:
        """The tables that have a source from here on."""
        self._by_name = {table.relation: table for table in tables}
        self._by_oid = {table.oid: table for table in tables if table.oid is not None}
        self._tables.clear()
        return [problem for relation in self._relations.values() for problem in self._place(relation)]

    def feed(self, message: PgOutput, size: int = 0) -> Sequence[Assembled]:
        """What the message completes. `size`: its bytes."""
        match message:
            case Insert():
                return self._insert(message, size)
            case Update():
                return self._update(message, size)
            case Delete():
                return self._delete(message, size)
            case Truncate():
                return self._truncate(message)
            case Begin():
                self._xid = widen_xid(message.xid, self._xid)
                self._commit = _Commit(self._xid, message.commit_lsn, message.committed_at)
            case Commit():
                ended = self._end(last=True)
                self._commit = None
                return [*ended, Committed(message.end_lsn)]
            case Message():
                return self._said(message)
            case Relation():
                self._relations[message.oid] = message
                return list(self._place(message))
            case _:
                # Types are known by their OIDs; where a replicated commit came from, nobody asks.
                pass
        return ()

    def _place(self, relation: Relation) -> Iterator[Unreadable]:
        """Prepare for a table's changes, or forget it."""
        self._tables.pop(relation.oid, None)
        logged = self._by_name.get(relation.name) or self._by_oid.get(relation.oid)
        if logged is None:
            return
        columns = tuple(column.name for column in relation.columns)
        # The source may be about to learn of a rename, or the message be from before one.
        known = (key for key in (logged.key, logged.key_now or ()) if key and set(key) <= set(columns))
        key = next(known, logged.key)
        missing = [name for name in key if name not in columns]
        if missing:
            yield Unreadable(
                relation.name,
                f"{relation.name} no longer has the key column {', '.join(missing)}: its changes are not in the log. "
                "Give the column its name back, or register the source again.",
            )
            return
        if relation.replica_identity != "f":
            yield Unreadable(
                relation.name,
                f"The old rows of {relation.name} are not in the WAL. Run: "
                f"ALTER TABLE {relation.name} REPLICA IDENTITY FULL",
            )
        found = [wire_reader(column_type(column.type_oid)) for column in relation.columns]
        readers = tuple((place, read) for place, read in enumerate(found) if read is not None)
        self._tables[relation.oid] = _Table(
            logged.log_name, columns, readers, tuple(columns.index(name) for name in key)
        )

    def _insert(self, message: Insert, size: int) -> Sequence[Transaction]:
        table = self._tables.get(message.relation)
        if table is None:
            return ()
        key = _key(table, message.new)
        return self._add(table, Operation.INSERT, key, None, None, _row(table, message.new), size)

    def _update(self, message: Update, size: int) -> Sequence[Transaction]:
        table = self._tables.get(message.relation)
        if table is None:
            return ()
        old, new = message.old, message.new
        if old is not None and not message.old_is_key and UNCHANGED in new:
            new = tuple(was if now is UNCHANGED else now for was, now in zip(old, new, strict=True))
        key = _key(table, new)
        moved = old is not None and any(old[place] != new[place] for place in table.key)
        if old is None:
            before = _row(table, new, table.key)
        else:
            before = _row(table, old, table.key if message.old_is_key else None)
        return self._add(
            table, Operation.UPDATE, key, _key(table, old) if moved and old else None, before, _row(table, new), size
        )

    def _delete(self, message: Delete, size: int) -> Sequence[Transaction]:
        table = self._tables.get(message.relation)
        if table is None:
            return ()
        before = _row(table, message.old, table.key if message.old_is_key else None)
        return self._add(table, Operation.DELETE, _key(table, message.old), None, before, None, size)

    def _truncate(self, message: Truncate) -> Sequence[Transaction]:
        tables = [table for oid in message.relations if (table := self._tables.get(oid)) is not None]
        return [ended for table in tables for ended in self._add(table, Operation.TRUNCATE, None, None, None, None, 0)]

    def _said(self, message: Message) -> Sequence[Heartbeat]:
        if message.prefix != PREFIX:
            return ()
        if not message.content:
            return (Heartbeat(),)
        commit = self._commit
        if message.transactional and commit is not None:
            origin = read_origin(self._origin_key, commit.xid, message.content)
            if origin is not None:
                commit.cause, commit.actor = origin
        return ()

    def _add(
        self,
        table: _Table,
        operation: Operation,
        key: str | None,
        old_key: str | None,
        before: WireRow | None,
        after: WireRow | None,
        size: int,
    ) -> Sequence[Transaction]:
        """Returns the slice that was full before it."""
        commit = self._commit
        assert commit is not None
        ended: Sequence[Transaction] = ()
        if len(self._changes) >= self._slice_changes or (self._changes and commit.size + size > self._slice_bytes):
            ended = self._end(last=False)
        commit.index += 1
        commit.size += size
        position = Position(self._epoch, commit.lsn, commit.index)
        self._changes.append(Change(position, table.name, operation, key, old_key, before, after))
        return ended

    def _end(self, *, last: bool) -> Sequence[Transaction]:
        commit = self._commit
        assert commit is not None
        commit.size = 0
        if not self._changes:
            return ()
        changes = tuple(self._changes)
        self._changes.clear()
        return (Transaction(commit.xid, commit.committed_at, commit.cause, commit.actor, changes, last),)


def _key(table: _Table, row: Tuple) -> str:
    return key_text([str(row[index]) for index in table.key])


def _row(table: _Table, row: Tuple, only: tuple[int, ...] | None = None) -> WireRow:
    """The wire row, of the columns `only`; a TOAST value that nobody sent is left out."""
    values: list[Any] = list(row)
    for place, read in table.readers:
        value = values[place]
        if value is not None and value is not UNCHANGED:
            values[place] = read(value)
    if only is not None:
        return {table.columns[place]: values[place] for place in only if values[place] is not UNCHANGED}
    found = dict(zip(table.columns, values, strict=True))
    return found if UNCHANGED not in row else {name: one for name, one in found.items() if one is not UNCHANGED}
