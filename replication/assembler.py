"""Messages in, the log's transactions out: positions, keys, wire values, TOAST values filled in, where it came from.

Pure and synchronous. It holds one slice in memory, however large the commit is. What it can't know it is given: the
log's epoch, the key that signs origins, and which tables are logged, with their key columns. The last changes
while it runs: it says where with `WantsKeys`.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from db.changes import Cause, Change, Operation, Transaction
from db.logged_tables import ANEW
from db.origin import PREFIX, read_origin
from db.position import Position
from db.snapshot import widen_xid
from replication.decoder import decode
from replication.messages import Begin, Commit, Keepalive, Message, PgOutput, Relation, Truncate
from replication.rows import OPERATIONS, RELATION, Layout, read_change

SLICE_CHANGES = 1000
SLICE_BYTES = 1 << 20
_SOURCES = b"sources"  # what the trigger on rowcast.sources emits


@dataclass(frozen=True, slots=True)
class Committed:
    """The end of a commit, of synced tables or not: every commit below `end_lsn` was given out."""

    end_lsn: int


@dataclass(frozen=True, slots=True)
class Heartbeat:
    """A commit of rowcast's own that is no change, after its end: somebody wants to know how far the log goes."""


@dataclass(frozen=True, slots=True)
class Unreadable:
    """A table with a source, none of whose changes can go into the log as it should; `reason` says what mends it."""

    relation: str
    reason: str


@dataclass(frozen=True, slots=True)
class WantsKeys:
    """The tables' keys may have changed: they are to be given by `know` before what follows is taken."""


@dataclass(frozen=True, slots=True)
class LoggedTable:
    """A table with a source. `log_name`: what it is called in the log. `oid`: pg_class'; None: nothing is logged.

    `since`: commits from this LSN on count. `xid`: the 64-bit one of the transaction that said so. `key_now`: the key
    columns' names where they were renamed.
    """

    log_name: str
    key: tuple[str, ...]
    oid: int | None
    since: int = 0
    xid: int = 0
    key_now: tuple[str, ...] | None = None


Assembled = Transaction | Committed | Heartbeat | Unreadable | WantsKeys


@dataclass(frozen=True, slots=True)
class _Table:
    name: str
    layout: Layout


@dataclass(slots=True)
class _Commit:
    xid: int
    lsn: int
    committed_at: datetime
    cause: Cause = Cause.SQL
    actor: str | None = None
    index: int = 0
    asked: bool = False


class Assembler:
    """One stream's. Feed it in order, and take all of what that gives before more is fed."""

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
        self._known: Sequence[LoggedTable] = ()
        self._by_oid: Mapping[int, LoggedTable] = {}
        self._lsn = 0
        self._altered_at: int | None = None
        self._relations: dict[int, Relation] = {}
        # By OID, as messages have it.
        self._tables: dict[bytes, _Table] = {}
        self._commit: _Commit | None = None
        self._changes: list[Change] = []
        self._size = 0

    @property
    def transaction(self) -> int | None:
        """The 64-bit xid of the commit that is being read; None between commits."""
        return None if self._commit is None else self._commit.xid

    def know(self, tables: Sequence[LoggedTable]) -> list[Unreadable]:
        """The tables that have a source, with all that their names stand for from some LSN on."""
        self._known = sorted(tables, key=lambda table: table.since)
        return self._settle()

    def feed(self, frames: Iterable[bytes | Keepalive]) -> Iterator[Assembled]:
        """What pgoutput messages, and keepalives between them, complete."""
        tables, changes = self._tables, self._changes
        for frame in frames:
            if isinstance(frame, Keepalive):
                if self._commit is None:
                    # Nothing is in flight: the log goes as far as the server has read.
                    yield Committed(frame.wal_end)
            elif (operation := OPERATIONS.get(frame[0])) is None:
                yield from self._feed(decode(frame))
            elif (table := tables.get(frame[RELATION])) is not None:
                key, old_key, before, after = read_change(table.layout, frame)
                size = len(frame)
                if len(changes) >= self._slice_changes or (changes and self._size + size > self._slice_bytes):
                    yield self._slice(last=False)
                self._size += size
                changes.append(Change(self._next(), table.name, operation, key, old_key, before, after))

    def _feed(self, message: PgOutput) -> Iterator[Assembled]:
        match message:
            case Begin():
                self._xid = widen_xid(message.xid, self._xid)
                self._lsn = message.commit_lsn
                self._commit = _Commit(self._xid, message.commit_lsn, message.committed_at)
                if self._altered_at is not None and self._altered_at <= self._lsn:
                    yield from self._settle()
            case Commit():
                if self._changes:
                    yield self._slice(last=True)
                asked = self._commit is not None and self._commit.asked
                self._commit = None
                yield Committed(message.end_lsn)
                if asked:
                    yield Heartbeat()
            case Truncate():
                yield from self._truncate(message)
            case Message():
                if message.prefix == PREFIX:
                    yield from self._said(message)
            case Relation():
                yield WantsKeys()
                self._relations[message.oid] = message
                yield from self._place(message)
            case _:
                # Types are known by their OIDs; where a replicated commit came from, nobody asks.
                pass

    def _settle(self) -> list[Unreadable]:
        """Log what counts as of the commit that is being read: what is known may be ahead of the stream."""
        counts = {table.log_name: table for table in self._known if table.since <= self._lsn}
        self._by_oid = {
            table.oid: table
            for table in sorted(counts.values(), key=lambda table: table.since)
            if table.oid is not None
        }
        self._altered_at = next((table.since for table in self._known if table.since > self._lsn), None)
        self._tables.clear()
        return [problem for relation in self._relations.values() for problem in self._place(relation)]

    def _place(self, relation: Relation) -> Iterator[Unreadable]:
        """Prepare for a table's changes, or forget it."""
        oid = relation.oid.to_bytes(4)
        self._tables.pop(oid, None)
        logged = self._by_oid.get(relation.oid)
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
        self._tables[oid] = _Table(logged.log_name, Layout.of(relation, key))

    def _truncate(self, message: Truncate) -> Iterator[Transaction]:
        for oid in message.relations:
            if (table := self._tables.get(oid.to_bytes(4))) is not None:
                yield from self._emptied(table.name)

    def _emptied(self, log_name: str, *, anew: bool = False) -> Iterator[Transaction]:
        if len(self._changes) >= self._slice_changes:
            yield self._slice(last=False)
        self._changes.append(Change(self._next(), log_name, Operation.TRUNCATE, None, None, None, None, anew))

    def _said(self, message: Message) -> Iterator[Transaction | Heartbeat | WantsKeys]:
        """What a message of rowcast's own says."""
        commit = self._commit if message.transactional else None
        if message.content == _SOURCES:
            yield WantsKeys()
        elif message.content == ANEW:
            yield WantsKeys()
            if commit is not None:
                # Anybody may say it: what the transaction gave is asked for.
                for log_name in sorted({table.log_name for table in self._known if table.xid == commit.xid}):
                    yield from self._emptied(log_name, anew=True)
        elif not message.content:
            if commit is None:
                yield Heartbeat()
            else:
                commit.asked = True
        elif commit is not None:
            origin = read_origin(self._origin_key, commit.xid, message.content)
            if origin is not None:
                commit.cause, commit.actor = origin

    def _next(self) -> Position:
        """Of the commit's next entry."""
        commit = self._commit
        assert commit is not None
        commit.index += 1
        return Position(self._epoch, commit.lsn, commit.index)

    def _slice(self, *, last: bool) -> Transaction:
        """What there is of the commit's changes."""
        commit = self._commit
        assert commit is not None
        changes = tuple(self._changes)
        self._changes.clear()
        self._size = 0
        return Transaction(commit.xid, commit.committed_at, commit.cause, commit.actor, changes, last)
