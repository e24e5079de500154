"""Calls that insert or delete rows by their place and got no answer: what waits until none can be carried out any more.

Sent twice such a call is done twice: the row is there two times, or a row is deleted that took the place of another. So
until the call shows what it did, or its time is over, no row is inserted into the source or deleted there, and no row
that is missing counts as deleted: the late call may have hit it. Cells go on.
"""

from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from uuid import UUID

from db.lease import Term
from db.session import Pool
from db.sync_state import note_rows_sent
from sync.merge.plan import EditKind, RowPlan
from sync.runs.compare import Comparison, Difference
from sync.runs.work import Work
from sync.source import Reading


@dataclass(frozen=True, slots=True)
class KeptRowCalls:
    """Keeps in the database that a call is under way. Implements `sync.source.RowCalls`."""

    pool: Pool
    term: Term
    source_id: UUID
    clock: Callable[[], datetime]

    async def sent(self) -> None:
        await self._note(self.clock())

    async def over(self) -> None:
        await self._note(None)

    async def _note(self, at: datetime | None) -> None:
        async with self.pool.connection() as connection, connection.transaction():
            await self.term.fence(connection)
            await note_rows_sent(connection, self.source_id, at)


def sure_of_rows(work: Work, reading: Reading, read_at: datetime, grace: timedelta) -> Reading:
    """The reading, unsure where a call that got no answer may still have deleted rows."""
    sent_at = work.state.rows_sent_at
    if sent_at is None or read_at >= sent_at + grace:
        return reading
    work.rows_wait_until = sent_at + grace
    return replace(reading, unsure=True)


def let_rows_wait(work: Work, found: Comparison) -> None:
    """Take the inserts and deletes of the source's rows out of the plans, and their rows wait as they are: unless the
    reading shows what that call did."""
    if work.rows_wait_until is None:
        return
    if not found.rows_in_doubt:
        work.rows_wait_until = None
        return
    found.differences = [
        replace(one, plan=RowPlan(one.state.key, wait=True)) if _moves_rows(one) else one for one in found.differences
    ]


def _moves_rows(difference: Difference) -> bool:
    write = difference.plan.source_write
    return write is not None and write.kind is not EditKind.UPDATE


def why_waiting(until: datetime) -> str:
    """What the run says."""
    return (
        "Google gave no answer to a call that inserts or deletes rows, and may still carry it out: unless it shows"
        f" before, rows are inserted and deleted again from {until:%H:%M:%S} UTC on."
    )
