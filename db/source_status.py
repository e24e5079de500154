"""How sources are doing, counted from what the sync and the log keep; one query for any number of sources."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from psycopg import sql

from db.cursor import Cursor
from db.log_names import OF_RELATION
from db.session import Connection
from db.sources import DELETED_AT, Source


@dataclass(frozen=True, slots=True)
class SourceStatus:
    """`cursor`: up to where the log is dealt with, None before the first run. `held_run`, `last_run`: run ids."""

    cursor: Cursor | None
    open_conflicts: int
    open_failures: int
    unsettled: int
    held_run: int | None
    last_run: int | None
    has_secret: bool


async def source_statuses(connection: Connection, ids: Sequence[UUID]) -> dict[UUID, SourceStatus]:
    """The statuses of the sources that exist. `unsettled`: rows with a write to the source that is under way."""
    rows = await connection.execute(
        """SELECT s.source_id, s.cursor,
               (SELECT count(*) FROM rowcast.conflicts c WHERE c.source_id = s.source_id AND c.state = 'OPEN'),
               (SELECT count(*) FROM rowcast.failures f
                WHERE f.source_id = s.source_id AND f.state IN ('OPEN', 'RETRYING')),
               (SELECT count(*) FROM rowcast.base b WHERE b.source_id = s.source_id AND b.pending IS NOT NULL),
               s.held_run,
               (SELECT max(id) FROM rowcast.runs r WHERE r.source_id = s.source_id AND NOT r.dry),
               EXISTS (SELECT FROM rowcast.secrets x WHERE x.name IN ('hook:' || s.source_id, 'feed:' || s.source_id)
                       AND (x.expires_at IS NULL OR x.expires_at > clock_timestamp()))
           FROM rowcast.sync_state s WHERE s.source_id = ANY(%s)""",
        (list(ids),),
    )
    return {
        id_: SourceStatus(None if cursor is None else Cursor.decode(cursor), *rest)
        for id_, cursor, *rest in await rows.fetchall()
    }


async def changed_since(connection: Connection, source: Source, cursor: Cursor) -> int:
    """How many rows without a write under way were changed behind the cursor by anything but the source's own runs."""
    position, view = cursor.position, cursor.view
    rows = await connection.execute(
        f"""SELECT count(DISTINCT key) FROM rowcast.log_entries c
           WHERE {OF_RELATION} AND epoch = %(epoch)s AND (lsn, index) > (%(lsn)s, %(index)s)
             AND (cause, actor) <> ('S', %(name)s)
             AND (lsn > %(until)s OR NOT pg_visible_in_snapshot(xid::text::xid8, %(snapshot)s::pg_snapshot))
             AND NOT EXISTS (SELECT FROM rowcast.base b
                             WHERE b.source_id = %(id)s AND b.key = c.key AND b.pending IS NOT NULL)""",  # noqa: S608 - ours
        {
            "relation": source.logged_as,
            "epoch": position.epoch,
            "lsn": position.lsn,
            "index": position.index,
            "name": source.name,
            "until": -1 if view is None else view.until,
            "snapshot": None if view is None else str(view.snapshot),
            "id": source.id,
        },
    )
    row = await rows.fetchone()
    assert row is not None
    return int(row[0])


@dataclass(frozen=True, slots=True)
class SlotLag:
    """WAL that the log's slot has not confirmed, and since when the log was last known to be complete."""

    bytes: int
    seconds: float


async def slot_lag(connection: Connection) -> SlotLag:
    """As any process sees it; both 0 before the log was opened."""
    rows = await connection.execute(
        """SELECT greatest(0, pg_wal_lsn_diff(pg_current_wal_lsn(), s.confirmed_flush_lsn))::int8,
               greatest(0, extract(epoch FROM clock_timestamp() - l.updated_at))::float8
           FROM rowcast.log_state l JOIN pg_replication_slots s ON s.slot_name = l.slot
           WHERE s.confirmed_flush_lsn IS NOT NULL"""
    )
    row = await rows.fetchone()
    return SlotLag(0, 0.0) if row is None else SlotLag(*row)


async def row_count(connection: Connection, source: Source) -> int:
    """How many rows a source's table has now, without those that are marked as deleted."""
    query = sql.SQL("SELECT count(*) FROM {}").format(sql.Identifier(*source.relation.split(".")))
    if source.hides_deleted:
        query += sql.SQL(" WHERE {} IS NULL").format(sql.Identifier(DELETED_AT))
    row = await (await connection.execute(query)).fetchone()
    assert row is not None
    return int(row[0])


async def finished_run_since(
    connection: Connection, source_id: UUID, since: datetime, *, deleting: bool = False
) -> int | None:
    """The id of the first run of a source that began at `since` or later, once it has ended.

    `deleting`: also one that was under way at `since`, if it deleted something after it.
    """
    rows = await connection.execute(
        """SELECT id FROM rowcast.runs WHERE source_id = %(source)s AND finished_at >= %(since)s
             AND NOT dry AND (started_at >= %(since)s OR (%(deleting)s AND database_deletes + source_deletes > 0))
           ORDER BY id LIMIT 1""",
        {"source": source_id, "since": since, "deleting": deleting},
    )
    row = await rows.fetchone()
    return None if row is None else int(row[0])


async def database_now(connection: Connection) -> datetime:
    """The database's clock, which dates runs."""
    row = await (await connection.execute("SELECT clock_timestamp()")).fetchone()
    assert row is not None
    now: datetime = row[0]
    return now
