"""Reading the change log: how far it goes, its entries in order, a row's history, and what retention takes away.

For every reader with a cursor: subscriptions, the sync, history. `db.log_append` and `db.log_append_small` write it.
"""

import asyncio
from collections.abc import AsyncIterator, Collection
from dataclasses import dataclass
from datetime import date, timedelta

from psycopg import sql
from psycopg.rows import TupleRow

from db.changes import Change, Transaction
from db.errors import CursorExpired, Unavailable
from db.log_format import ANEW, CAUSE_OF, OPERATION_OF, layout, rows_of, rows_size
from db.log_names import OF_RELATION
from db.position import Position
from db.session import Connection
from db.slices import LogEntry, Slicer

PAGE = 1000
"""Entries that one query of the log brings at most."""

_AT_A_STRETCH = 50
"""Of a page, that are made entries before everybody else in the process has a turn: a whole one takes 10 ms."""

_COLUMNS = """epoch, lsn, index, (SELECT name FROM rowcast.log_relations r WHERE r.id = relation), operation, key,
    old_key, (SELECT columns::text FROM rowcast.log_layouts l WHERE l.id = layout), image, replaced,
    octet_length(image), octet_length(replaced), xid, committed_at, cause, actor"""

# As the indexes have it: by the key's hash first.
_HAS_KEY = "(hashtextextended({0}, 0) = hashtextextended(%(key)s, 0) AND {0} = %(key)s)"


@dataclass(frozen=True, slots=True)
class LogState:
    """What the log is a log of, and how far it goes: the row of `rowcast.log_state`.

    `decoded_to`: every commit whose LSN is below it is in the log. `floor`: commits whose LSN is below it may be gone.
    """

    epoch: int
    system_id: str
    timeline: int
    slot: str
    term: int
    head: Position
    decoded_to: int
    floor: int
    publications: tuple[str, ...]

    @property
    def frontier(self) -> Position:
        """Behind everything that the log holds, before everything that it will hold."""
        return Position(self.epoch, self.decoded_to, 0)

    def check(self, position: Position) -> None:
        """CursorExpired unless everything behind `position` is still in the log."""
        if position.epoch != self.epoch:
            raise CursorExpired(
                "The change log had to begin anew after this cursor (the database was restored or failed over, or its "
                "replication slot was lost): take a new snapshot."
            )
        if position.lsn < self.floor:
            raise CursorExpired("The change log no longer reaches back to this cursor: take a new snapshot.")


async def log_state(connection: Connection) -> LogState | None:
    """The log's state; None before the first leader opened it."""
    cursor = await connection.execute(
        """SELECT epoch, system_id, timeline, slot, term, head_lsn, head_index, decoded_to, floor_lsn, publications
           FROM rowcast.log_state"""
    )
    row = await cursor.fetchone()
    if row is None:
        return None
    epoch, system_id, timeline, slot, term, head_lsn, head_index, decoded_to, floor, publications = row
    head = Position(epoch, head_lsn, head_index)
    return LogState(epoch, system_id, timeline, slot, term, head, decoded_to, floor, tuple(publications))


async def read_log(
    connection: Connection,
    after: Position,
    relations: Collection[str] | None = None,
    until: Position | None = None,
    page: int = PAGE,
) -> AsyncIterator[Transaction]:
    """The entries behind `after` and before `until` (None: the frontier now), in order, in slices of one table each.

    `relations` None: of all tables. At most `page` entries are in memory. CursorExpired when the log no longer holds
    all of them, also when that happens while reading. `until` must stand between two commits, as a frontier does.
    """
    slicer = Slicer(page)
    while True:
        rows = await read_entries(connection, after, relations, until, page)
        for row in rows:
            for transaction in slicer.add(row):
                yield transaction
        if len(rows) < page:
            break
        after = rows[-1].change.position
    for transaction in slicer.end():
        yield transaction


async def read_entries(
    connection: Connection,
    after: Position,
    relations: Collection[str] | None = None,
    until: Position | None = None,
    limit: int = PAGE,
    head: Position | None = None,
) -> list[LogEntry]:
    """One page of `read_log`, for those who may not keep a connection while they wait for their reader.

    `head`: an entry that the log is known to have had. Unavailable where it ends before that: after a crash of Postgres
    it does, until the leader has appended again what was published and not yet durable.
    """
    rows, end = await _page(connection, after, relations, until, limit)
    # After the page: retention between the two is then seen, though it took nothing from the page.
    state = await log_state(connection)
    if state is None:
        raise CursorExpired("The change log is not open yet: take a new snapshot once it is.")
    state.check(after)
    if head is not None and end < head and (until is None or end < until):
        raise Unavailable("The change log lacks its end since Postgres crashed: try again in a moment.")
    return rows


async def history(
    connection: Connection, relation: str, key: str | None, before: Position | None, limit: int
) -> list[LogEntry]:
    """A table's entries, newest first, from all epochs; of one row with `key`, under its old keys where it was moved.

    `before`: entries older than it. What retention took away is not there, nor is where readers begin anew.
    """
    conditions = [sql.SQL(OF_RELATION), sql.SQL("operation <> {}").format(ANEW)]
    if key is not None:
        conditions.append(sql.SQL(f"({_HAS_KEY.format('key')} OR {_HAS_KEY.format('old_key')})"))
    if before is not None:
        conditions.append(sql.SQL("(epoch, lsn, index) < (%(epoch)s, %(lsn)s, %(index)s)"))
    query = sql.SQL(
        "SELECT {} FROM rowcast.log_entries WHERE {} ORDER BY epoch DESC, lsn DESC, index DESC LIMIT %(limit)s"
    )
    cursor = await connection.execute(
        query.format(sql.SQL(_COLUMNS), sql.SQL(" AND ").join(conditions)),
        {"relation": relation, "key": key, "limit": limit, **_parts(before)},
    )
    return [_entry(row) for row in await cursor.fetchall()]


async def drop_history(connection: Connection, days: int, today: date) -> int:
    """Drop the entries that were appended more than `days` days before `today`; returns how many days went.

    In the caller's transaction. Cursors that would need them are expired by the floor that this raises.
    """
    await connection.execute("SET LOCAL lock_timeout = '5s'")
    oldest = today - timedelta(days=days)
    dropped = 0
    for name, day in await partitions(connection):
        if day >= oldest:
            continue
        table = sql.Identifier("rowcast", name)
        await connection.execute(
            sql.SQL(
                """UPDATE rowcast.log_state SET floor_lsn = greatest(floor_lsn, (
                       SELECT max(lsn) + 1 FROM {} c WHERE c.epoch = log_state.epoch))"""
            ).format(table)
        )
        await connection.execute(sql.SQL("DROP TABLE {}").format(table))
        dropped += 1
    return dropped


async def partitions(connection: Connection) -> list[tuple[str, date]]:
    """The log's partitions: name and day, oldest first."""
    cursor = await connection.execute(
        """SELECT c.relname FROM pg_inherits i JOIN pg_class c ON c.oid = i.inhrelid
           WHERE i.inhparent = 'rowcast.log_entries'::regclass ORDER BY c.relname"""
    )
    return [(name, date.fromisoformat(name.removeprefix("log_entries_"))) for (name,) in await cursor.fetchall()]


async def _page(
    connection: Connection, after: Position, relations: Collection[str] | None, until: Position | None, limit: int
) -> tuple[list[LogEntry], Position]:
    """And how far the log went then: it has every entry up to there."""
    conditions = [sql.SQL("epoch = %(epoch)s AND (lsn, index) > (%(lsn)s, %(index)s)")]
    if relations is not None:
        conditions.append(
            sql.SQL(OF_RELATION)
            if len(relations) == 1
            else sql.SQL("relation = ANY(ARRAY(SELECT id FROM rowcast.log_relations WHERE name = ANY(%(relations)s)))")
        )
    if until is not None:
        conditions.append(sql.SQL("lsn < %(until)s"))
    # One statement, so that they are of one moment.
    query = sql.SQL(
        """SELECT log.epoch, log.head_lsn, log.head_index, log.decoded_to, entry.*
           FROM rowcast.log_state log LEFT JOIN (
               SELECT {} FROM rowcast.log_entries WHERE {} ORDER BY epoch, lsn, index LIMIT %(limit)s) entry ON true
           ORDER BY entry.epoch, entry.lsn, entry.index"""
    )
    parameters = {
        **_parts(after),
        "limit": limit,
        "relations": list(relations or ()),
        "relation": next(iter(relations or ()), None),
        "until": None if until is None else until.lsn,
    }
    cursor = await connection.execute(query.format(sql.SQL(_COLUMNS), sql.SQL(" AND ").join(conditions)), parameters)
    rows = await cursor.fetchmany(_AT_A_STRETCH)
    if not rows:
        return [], Position(0, 0, 0)
    epoch, head_lsn, head_index, decoded_to, *_ = rows[0]
    entries: list[LogEntry] = []
    while rows:
        entries.extend(_entry(row[4:]) for row in rows if row[4] is not None)
        if len(rows) == _AT_A_STRETCH:
            await asyncio.sleep(0)
        rows = await cursor.fetchmany(_AT_A_STRETCH)
    # Either may be ahead: an idle log is decoded on, and the newest entry's commit may not yet be to its end.
    end = max(Position(epoch, head_lsn, head_index), Position(epoch, decoded_to, 0))
    return entries, end


def _parts(position: Position | None) -> dict[str, int]:
    return {} if position is None else {"epoch": position.epoch, "lsn": position.lsn, "index": position.index}


def _entry(row: TupleRow) -> LogEntry:
    epoch, lsn, index, relation, code, key, old_key, names, image, replaced, size, more, xid, at, cause, actor = row
    operation, (columns, named) = OPERATION_OF[code], layout(names)
    before, after = rows_of(operation, columns, image, replaced)
    change = Change(Position(epoch, lsn, index), relation, operation, key, old_key or None, before, after, code == ANEW)
    size = rows_size(named, size, more, twice=replaced.startswith("["))
    return LogEntry(change, xid, at, CAUSE_OF[cause], actor or None, size)
