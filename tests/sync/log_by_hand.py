"""The change log without replication: what it would append, appended by the test."""

from datetime import UTC, date, datetime

from db.changes import Cause, Change, Operation, Transaction, WireRow
from db.log_append import appending, ensure_partitions
from db.position import Position
from tests.sync.ground import Ground

TODAY = date(2030, 1, 1)


async def open_log(at: Ground) -> None:
    """What replication keeps, and follows here by hand."""
    at.sql(
        """INSERT INTO rowcast.log_state (epoch, system_id, timeline, slot, term, head_lsn, head_index, decoded_to,
               floor_lsn, publications) VALUES (1, 's', 1, 'slot', 7, 0, 0, 1, 0, '{}')"""
    )
    async with at.pool.connection() as connection:
        await ensure_partitions(connection, TODAY)


async def logged(
    at: Ground,
    *keys: str,
    operation: Operation = Operation.UPDATE,
    when: datetime | None = None,
    before: WireRow | None = None,
    after: WireRow | None = None,
) -> None:
    """Append the commit that changed these rows, as replication does a moment after it."""
    [row] = at.sql("SELECT (pg_current_wal_insert_lsn() - '0/0')::bigint AS lsn, pg_current_xact_id()::text AS xid")
    lsn = int(row["lsn"])
    changes = tuple(
        Change(Position(1, lsn, index), "public.people", operation, one, None, before, after)
        for index, one in enumerate(keys or (None,), 1)
    )
    transaction = Transaction(int(row["xid"]), when or datetime.now(UTC), Cause.SQL, None, changes, last=True)
    async with at.pool.connection() as connection, appending(connection, at.term, lambda: lsn + 1, TODAY) as append:
        await append.write(transaction)
