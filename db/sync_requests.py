"""Requests that one side of a source overwrites the other: made by any process, carried out by the leader's next run.

A request outlives whoever made it and whoever carries it out: a run takes it up when it begins, and ends it in the
transaction that ends the run. A run that was cut off leaves it to the next, so it is carried out, and not twice.
"""

from dataclasses import dataclass
from uuid import UUID

from db.session import Connection
from db.sources import Side

_MOST_RUNS = 5
"""Rows that never stand still must not be overwritten for ever."""


@dataclass(frozen=True, slots=True)
class SyncRequest:
    """`winner` overwrites the other side. `lasting`: a run that fails leaves it to the next. `last_try`: no other run
    takes it up, whatever this one leaves undone."""

    id: int
    winner: Side
    lasting: bool
    last_try: bool


async def request_sync(connection: Connection, source_id: UUID, winner: Side, *, lasting: bool = False) -> int:
    """Store a request; returns its id. Wake the source in the same transaction."""
    row = await (
        await connection.execute(
            "INSERT INTO rowcast.sync_requests (source_id, winner, lasting) VALUES (%s, %s, %s) RETURNING id",
            (source_id, winner, lasting),
        )
    ).fetchone()
    assert row is not None
    return int(row[0])


async def take_request(connection: Connection, source_id: UUID, run_id: int) -> SyncRequest | None:
    """The oldest request of the source that is not carried out yet, taken up by this run."""
    row = await (
        await connection.execute(
            """UPDATE rowcast.sync_requests SET run_id = %s, taken = taken + 1
               WHERE id = (SELECT min(id) FROM rowcast.sync_requests WHERE source_id = %s AND NOT done)
               RETURNING id, winner, lasting, taken >= %s""",
            (run_id, source_id, _MOST_RUNS),
        )
    ).fetchone()
    return None if row is None else SyncRequest(row[0], Side(row[1]), row[2], row[3])


async def end_request(connection: Connection, id_: int) -> None:
    """Its run ended; nobody takes it up again."""
    await connection.execute("UPDATE rowcast.sync_requests SET done = true WHERE id = %s", (id_,))


async def run_of_request(connection: Connection, id_: int) -> int | None:
    """The run that ended the request; None while it is not ended, or where it was withdrawn."""
    row = await (
        await connection.execute("SELECT run_id FROM rowcast.sync_requests WHERE id = %s AND done", (id_,))
    ).fetchone()
    return None if row is None else row[0]


async def is_withdrawn(connection: Connection, id_: int) -> bool:
    """Whether the request is gone, with its source or because that was paused."""
    cursor = await connection.execute("SELECT FROM rowcast.sync_requests WHERE id = %s", (id_,))
    return await cursor.fetchone() is None


async def withdraw(connection: Connection, id_: int) -> bool:
    """Take a request back that no run has taken up; whether it could be."""
    cursor = await connection.execute("DELETE FROM rowcast.sync_requests WHERE id = %s AND run_id IS NULL", (id_,))
    return cursor.rowcount == 1


async def withdraw_all(connection: Connection, source_id: UUID) -> None:
    """Take back what people asked of a source and is not carried out: nothing may begin by itself much later."""
    await connection.execute(
        "DELETE FROM rowcast.sync_requests WHERE source_id = %s AND NOT done AND NOT lasting", (source_id,)
    )
