"""What the sync remembers of a source between runs: how far it dealt with the log, what it saw, when to look again."""

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from psycopg.types.json import Jsonb

from db.cursor import Cursor
from db.session import Connection
from db.sources import SourceState


@dataclass(frozen=True, slots=True)
class SyncState:
    """`cursor`: the log is dealt with up to there; None: everything may differ. `seen`: the source's own version marks
    at the last complete read that left nothing to do again; empty: read it whatever the marks say.

    `read_at` is when that read began, `hooked_at` when the last hook came, which says that an edit was made before.
    `rows_sent_at`: since then rows may be inserted or deleted by a call that got no answer; None: by none.
    `held_run` is the run whose deletes wait for a person, `retry_at` when the next run is due before the next poll,
    `attempts` the runs in a row that could not reach the source.
    """

    cursor: Cursor | None
    seen: Mapping[str, str]
    held_run: int | None
    retry_at: datetime | None
    attempts: int
    hooked_at: datetime | None = None
    read_at: datetime | None = None
    rows_sent_at: datetime | None = None


async def sync_state(connection: Connection, source_id: UUID) -> SyncState | None:
    """The state; None where the source is gone."""
    row = await (
        await connection.execute(
            """SELECT cursor, seen, held_run, retry_at, attempts, hooked_at, read_at, rows_sent_at
               FROM rowcast.sync_state WHERE source_id = %s""",
            (source_id,),
        )
    ).fetchone()
    if row is None:
        return None
    cursor, *rest = row
    return SyncState(None if cursor is None else Cursor.decode(cursor), *rest)


async def note_hook(connection: Connection, source_id: UUID, age_s: float = 0.0) -> None:
    """A hook came so many seconds ago. By the database's clock, as the times of commits are."""
    await connection.execute(
        """UPDATE rowcast.sync_state SET hooked_at = clock_timestamp() - make_interval(secs => %s)
           WHERE source_id = %s""",
        (age_s, source_id),
    )


async def advance(
    connection: Connection,
    source_id: UUID,
    cursor: Cursor | None,
    seen: Mapping[str, str],
    read_at: datetime,
    retry_at: datetime | None,
) -> None:
    """A run dealt with the log up to `cursor` (None: it is no further), and read the source from `read_at` on."""
    await connection.execute(
        """UPDATE rowcast.sync_state SET cursor = %s, seen = %s, read_at = %s, retry_at = %s, attempts = 0
           WHERE source_id = %s""",
        (None if cursor is None else cursor.encode(), Jsonb(dict(seen)), read_at, retry_at, source_id),
    )


async def advance_cursor(connection: Connection, source_id: UUID, cursor: Cursor) -> None:
    """The log holds nothing up to `cursor` that the source would have to hear of; a source that was bound anew
    meanwhile hears of everything."""
    await connection.execute(
        "UPDATE rowcast.sync_state SET cursor = %s WHERE source_id = %s AND cursor IS NOT NULL",
        (cursor.encode(), source_id),
    )


async def postpone(connection: Connection, source_id: UUID, retry_at: datetime) -> None:
    """A run could not reach the source."""
    # The source before its state, as whoever deletes it locks them.
    await connection.execute("SELECT FROM rowcast.sources WHERE id = %s FOR KEY SHARE", (source_id,))
    await connection.execute(
        "UPDATE rowcast.sync_state SET retry_at = %s, attempts = attempts + 1, seen = '{}' WHERE source_id = %s",
        (retry_at, source_id),
    )


async def unsynced_headers(connection: Connection, source_id: UUID) -> frozenset[str]:
    """The headers that no column has and that people were told of."""
    cursor = await connection.execute("SELECT unsynced FROM rowcast.sync_state WHERE source_id = %s", (source_id,))
    row = await cursor.fetchone()
    return frozenset() if row is None else frozenset(row[0])


async def keep_unsynced(connection: Connection, source_id: UUID, headers: Collection[str]) -> None:
    """People were told of these headers that no column has."""
    await connection.execute(
        "UPDATE rowcast.sync_state SET unsynced = %s WHERE source_id = %s", (sorted(headers), source_id)
    )


async def note_rows_sent(connection: Connection, source_id: UUID, at: datetime | None) -> None:
    """A call that inserts or deletes rows is about to be made; None: it was answered, or what it did is seen."""
    await connection.execute("UPDATE rowcast.sync_state SET rows_sent_at = %s WHERE source_id = %s", (at, source_id))


async def release(connection: Connection, source_id: UUID) -> None:
    """No run holds deletes any more."""
    await connection.execute("UPDATE rowcast.sync_state SET held_run = NULL WHERE source_id = %s", (source_id,))


@dataclass(frozen=True, slots=True)
class PollState:
    """`seen` as in `SyncState`; `waits`: something waits for a run though neither side changed."""

    seen: Mapping[str, str]
    waits: bool


async def poll_states(
    connection: Connection, source_ids: Collection[UUID], retried: Collection[str]
) -> Mapping[UUID, PollState]:
    """What decides whether these sources are to run. What waits is a write without an answer, a conflict that was
    settled, a request that is open, deletes that were confirmed, a failure of the table with a code in `retried`."""
    cursor = await connection.execute(
        """SELECT s.source_id, s.seen,
               EXISTS (SELECT FROM rowcast.base b WHERE b.source_id = s.source_id AND b.pending IS NOT NULL)
               OR EXISTS (SELECT FROM rowcast.conflicts c
                          WHERE c.source_id = s.source_id AND c.state = 'OPEN' AND c.choice IS NOT NULL)
               OR EXISTS (SELECT FROM rowcast.sync_requests r WHERE r.source_id = s.source_id AND NOT r.done)
               OR EXISTS (SELECT FROM rowcast.failures f WHERE f.source_id = s.source_id
                          AND (f.state = 'RETRYING' OR (f.state = 'OPEN' AND f.code = ANY(%(retried)s))))
               OR EXISTS (SELECT FROM rowcast.held_deletes h WHERE h.run_id = s.held_run AND h.confirmed)
           FROM rowcast.sync_state s WHERE s.source_id = ANY(%(ids)s)""",
        {"ids": list(source_ids), "retried": list(retried)},
    )
    return {source_id: PollState(seen, waits) for source_id, seen, waits in await cursor.fetchall()}


async def set_state_of_run(connection: Connection, source_id: UUID, state: SourceState, reason: str | None) -> bool:
    """What a run found out; a pause that came meanwhile stays. False where nothing changed."""
    cursor = await connection.execute(
        """UPDATE rowcast.sources SET state = %(state)s, state_reason = %(reason)s, updated_at = clock_timestamp()
           WHERE id = %(id)s AND state <> 'PAUSED'
             AND (state, state_reason) IS DISTINCT FROM (%(state)s, %(reason)s)""",
        {"id": source_id, "state": state, "reason": reason},
    )
    return cursor.rowcount == 1
