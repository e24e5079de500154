"""The snapshot handoff: rows and a cursor that belong together, so that the log goes on just where the rows end.

Commits become visible in another order than they stand in the WAL, and the log may already hold commits that a
query made at once does not see. So the rows' snapshot S decides what they contain, not a position: the cursor
begins before the first entry that S can't see, and skips, up to an LSN read after S, the entries that S sees.
"""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress

import psycopg
from psycopg import sql

from db.cursor import Cursor, View
from db.position import Position
from db.session import Connection, Pool
from db.snapshot import Snapshot
from db.tables import Relation

BEFORE_THE_LOG = Position(0, 0, 0)
"""Of rows that were read before the first leader opened the log: such a cursor is expired from the start."""

# One statement: its snapshot is taken before the function in it reads the LSN.
_VIEW = """SELECT pg_current_snapshot()::text, (pg_current_wal_insert_lsn() - '0/0')::bigint,
        (SELECT epoch FROM rowcast.log_state), (SELECT decoded_to FROM rowcast.log_state)"""

# MATERIALIZED: without it the planner may look for the first entry by walking the whole log in order.
_FIRST_UNSEEN = """WITH recent AS MATERIALIZED (
        SELECT lsn, xid FROM rowcast.log_entries WHERE xid >= %s AND epoch = %s)
    SELECT min(lsn) FROM recent WHERE NOT pg_visible_in_snapshot(xid::text::xid8, pg_current_snapshot())"""

# A transaction that wrote to the WAL flushes all of it by its commit, though it may change nothing.
_FLUSH = """SELECT set_config('synchronous_commit', 'local', true), pg_logical_emit_message(true, 'rowcast.flush', '')
    WHERE (pg_current_wal_flush_lsn() - '0/0')::bigint < %s"""


@asynccontextmanager
async def view(pool: Pool, table: Relation | None = None) -> AsyncIterator[tuple[Connection, Cursor]]:
    """A REPEATABLE READ, READ ONLY transaction, and the cursor of everything that its queries don't see.

    Rows read by the connection followed by the log's entries that the cursor admits are each change exactly once.
    `table`, if there is one of that name, is locked against rewriting first: to a snapshot from before a TRUNCATE or an
    ALTER that rewrites it, it would be empty.
    """
    async with pool.connection() as connection, connection.transaction():
        await connection.execute("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ READ ONLY")
        if table is not None:
            # A LOCK takes no snapshot yet.
            with suppress(psycopg.errors.UndefinedTable):
                async with connection.transaction():
                    name = sql.Identifier(table.schema, table.table)
                    await connection.execute(sql.SQL("LOCK TABLE {} IN ACCESS SHARE MODE").format(name))
        yield connection, await _cursor(connection)


async def flush_by_commit(connection: Connection, lsn: int) -> None:
    """Has the WAL flushed up to the LSN once the connection's transaction, which may be READ ONLY, has committed.

    Without `synchronous_commit` a commit is seen before it is flushed, and a crash of Postgres takes it back: whoever
    was shown it would keep it, and take the commit that then gets its xid and its place in the WAL for it.
    """
    await connection.execute(_FLUSH, (lsn,))


async def flush_seen(connection: Connection, seen: Cursor) -> None:
    """The same for all that a view sees, with its cursor."""
    assert seen.view is not None
    await flush_by_commit(connection, seen.view.until)


async def sees_all(connection: Connection, seen: Cursor, position: Position) -> bool:
    """Whether a view with the cursor `seen` sees every commit up to the position, which the log must have."""
    if seen.position >= position:
        return True
    # What is stored of how far the log goes may be some seconds old, so that alone is no answer.
    assert seen.view is not None
    row = await (await connection.execute(_FIRST_UNSEEN, (seen.view.snapshot.xmin, position.epoch))).fetchone()
    assert row is not None
    return row[0] is None or Position(position.epoch, row[0], 1) > position


async def _cursor(connection: Connection) -> Cursor:
    row = await (await connection.execute(_VIEW)).fetchone()
    assert row is not None
    text, until, epoch, decoded_to = row
    snapshot = Snapshot.parse(text)
    if epoch is None:
        return Cursor(BEFORE_THE_LOG, View(snapshot, until))
    row = await (await connection.execute(_FIRST_UNSEEN, (snapshot.xmin, epoch))).fetchone()
    assert row is not None
    # The frontier and not the head: retention may have taken the head's entries, and then the head is expired.
    start = decoded_to if row[0] is None else min(decoded_to, row[0])
    return Cursor(Position(epoch, start, 0), View(snapshot, until))
