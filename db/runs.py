"""The sync's runs: what each read, wrote and left undone."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from uuid import UUID

from psycopg.rows import class_row

from db.notify import notify_run
from db.paging import Page, page_of
from db.session import Connection


class RunState(StrEnum):
    """PARTIAL: done, but something is left in failures. HELD: the delete guard waits. UNCHANGED: nothing to do."""

    RUNNING = "RUNNING"
    SUCCEEDED = "SUCCEEDED"
    PARTIAL = "PARTIAL"
    FAILED = "FAILED"
    HELD = "HELD"
    UNCHANGED = "UNCHANGED"


class RunTrigger(StrEnum):
    """What asked for the run. Only SCHEDULE and CHANGE may find that nothing can differ and read nothing."""

    START = "START"
    SCHEDULE = "SCHEDULE"
    HOOK = "HOOK"
    CHANGE = "CHANGE"
    MANUAL = "MANUAL"


@dataclass(frozen=True, slots=True)
class RunCounts:
    """Rows, except `api_calls` (requests to the source)."""

    rows_read: int = 0
    database_upserts: int = 0
    database_deletes: int = 0
    source_upserts: int = 0
    source_deletes: int = 0
    conflicts: int = 0
    failures: int = 0
    api_calls: int = 0


@dataclass(frozen=True, slots=True)
class Run:
    """A run as stored. `source` is the source's name."""

    id: int
    source_id: UUID
    source: str
    state: RunState
    trigger: RunTrigger
    started_at: datetime
    finished_at: datetime | None
    message: str | None
    counts: RunCounts = field(default_factory=RunCounts)


@dataclass(frozen=True, slots=True)
class _Row:
    id: int
    source_id: UUID
    source: str
    state: str
    trigger: str
    started_at: datetime
    finished_at: datetime | None
    message: str | None
    rows_read: int
    database_upserts: int
    database_deletes: int
    source_upserts: int
    source_deletes: int
    conflicts: int
    failures: int
    api_calls: int
    dry: bool


_SELECT = "SELECT r.*, s.name AS source FROM rowcast.runs r JOIN rowcast.sources s ON s.id = r.source_id "


async def get_run(connection: Connection, id_: int) -> Run | None:
    """The run of that id."""
    runs = await _fetch(connection, _SELECT + "WHERE r.id = %(id)s", {"id": id_})
    return runs[0] if runs else None


async def last_run(connection: Connection, source_id: UUID) -> Run | None:
    """The source's newest run."""
    page = await list_runs(connection, source_id, first=1)
    return page.nodes[0] if page.nodes else None


async def list_runs(connection: Connection, source_id: UUID, *, first: int, after: int | None = None) -> Page[Run]:
    """The source's runs, newest first; `after` is the id of the last one seen."""
    parameters = {"source": source_id, "after": after, "limit": first + 1}
    runs = await _fetch(
        connection,
        _SELECT + "WHERE r.source_id = %(source)s AND (%(after)s::bigint IS NULL OR r.id < %(after)s) "
        "ORDER BY r.id DESC LIMIT %(limit)s",
        parameters,
    )
    total = await (
        await connection.execute("SELECT count(*) FROM rowcast.runs WHERE source_id = %(source)s", parameters)
    ).fetchone()
    assert total is not None
    return page_of(runs, first, total[0])


async def start_run(connection: Connection, source_id: UUID, trigger: RunTrigger, *, dry: bool = False) -> Run:
    """Store that a run began now, by the database's clock. `dry`: one that writes nothing."""
    row = await (
        await connection.execute(
            "INSERT INTO rowcast.runs (source_id, state, trigger, dry) VALUES (%s, %s, %s, %s) RETURNING id",
            (source_id, RunState.RUNNING, trigger, dry),
        )
    ).fetchone()
    assert row is not None
    run = await get_run(connection, row[0])
    assert run is not None
    return run


async def finish_run(
    connection: Connection, id_: int, state: RunState, counts: RunCounts, message: str | None
) -> Run | None:
    """Store how a run ended, and tell who waits for it (`rowcast_runs`). None where its source was deleted."""
    # The source before its runs, as whoever deletes it locks them: else the two could wait for each other.
    await connection.execute(
        "SELECT FROM rowcast.sources WHERE id = (SELECT source_id FROM rowcast.runs WHERE id = %s) FOR KEY SHARE",
        (id_,),
    )
    await connection.execute(
        """UPDATE rowcast.runs SET state = %(state)s, message = %(message)s, finished_at = clock_timestamp(),
               rows_read = %(rows_read)s, database_upserts = %(database_upserts)s,
               database_deletes = %(database_deletes)s, source_upserts = %(source_upserts)s,
               source_deletes = %(source_deletes)s, conflicts = %(conflicts)s, failures = %(failures)s,
               api_calls = %(api_calls)s
           WHERE id = %(id)s""",
        {
            "id": id_,
            "state": state,
            "message": message,
            "rows_read": counts.rows_read,
            "database_upserts": counts.database_upserts,
            "database_deletes": counts.database_deletes,
            "source_upserts": counts.source_upserts,
            "source_deletes": counts.source_deletes,
            "conflicts": counts.conflicts,
            "failures": counts.failures,
            "api_calls": counts.api_calls,
        },
    )
    if state is RunState.UNCHANGED:
        await _forget_unchanged(connection, id_)
    await notify_run(connection, id_)
    return await get_run(connection, id_)


async def _forget_unchanged(connection: Connection, id_: int) -> None:
    # A quiet source is polled for ever: of its runs that found nothing one is enough.
    await connection.execute(
        """DELETE FROM rowcast.runs older USING rowcast.runs newest
           WHERE newest.id = %s AND older.source_id = newest.source_id AND older.id < newest.id
             AND older.state = 'UNCHANGED' AND older.trigger IN ('SCHEDULE', 'CHANGE')""",
        (id_,),
    )


async def abandon_runs(connection: Connection) -> int:
    """Mark what an earlier leader left running as failed; the next runs heal it. Returns how many."""
    cursor = await connection.execute(
        """UPDATE rowcast.runs SET state = 'FAILED', finished_at = clock_timestamp(),
               message = 'The process that ran it ended; the next run continues.'
           WHERE state = 'RUNNING'"""
    )
    return cursor.rowcount


async def _fetch(connection: Connection, query: str, parameters: Mapping[str, object]) -> list[Run]:
    async with connection.cursor(row_factory=class_row(_Row)) as cursor:
        await cursor.execute(query.encode(), parameters)
        return [_run(row) for row in await cursor.fetchall()]


def _run(row: _Row) -> Run:
    return Run(
        row.id,
        row.source_id,
        row.source,
        RunState(row.state),
        RunTrigger(row.trigger),
        row.started_at,
        row.finished_at,
        row.message,
        RunCounts(
            row.rows_read,
            row.database_upserts,
            row.database_deletes,
            row.source_upserts,
            row.source_deletes,
            row.conflicts,
            row.failures,
            row.api_calls,
        ),
    )
