"""The second transaction of a run: what the source shows after the write, how far the run came, when the next is."""

from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from db.cursor import Cursor
from db.lease import Term
from db.runs import Run, RunState
from db.session import Connection, Pool
from db.sources import SourceState, locked_source
from db.sync_requests import end_request
from db.sync_state import SyncState, advance, release
from sync.merge.plan import Rules
from sync.runs.apply import Applied, apply_outcome, is_bound_anew
from sync.runs.bookkeeping import Records
from sync.runs.compare import SUSPICION, Comparison
from sync.runs.endings import RESTLESS, Endings, finish, set_state
from sync.runs.problems import problem_failures
from sync.runs.rows_in_doubt import why_waiting
from sync.runs.winner import overwrote
from sync.runs.work import Work
from sync.source import Reading, WriteOutcome


@dataclass(frozen=True, slots=True)
class CarriedOut:
    """What a run found and did. `read_at`: when its reading began, by the database's clock. `cursor`: the log is dealt
    with up to there. `outcome` is of the write to the source; None where there was none."""

    reading: Reading
    read_at: datetime
    cursor: Cursor
    rules: Rules
    found: Comparison
    applied: Applied
    records: Records
    outcome: WriteOutcome | None


@dataclass(frozen=True, slots=True)
class Completion:
    """`store(work, done)` after a part of a run, `complete(work, done)` after the last one."""

    pool: Pool
    term: Term
    clock: Callable[[], datetime]
    endings: Endings

    async def store(self, work: Work, done: CarriedOut) -> bool:
        """What the source shows after the write of a part; False where it was bound anew or deleted meanwhile."""
        async with self.pool.connection() as connection, connection.transaction():
            await self.term.fence(connection)
            now = await locked_source(connection, work.source.id)
            if now is None or is_bound_anew(now, work.source):
                return False
            if done.outcome is not None:
                await apply_outcome(connection, work.source, done.applied, done.outcome, done.records, done.rules)
            await done.records.tell(connection)
        done.applied.begun.clear()
        return True

    async def complete(self, work: Work, done: CarriedOut) -> Run | None:
        """The finished run; None where the source was deleted meanwhile."""
        async with self.pool.connection() as connection, connection.transaction():
            await self.term.fence(connection)
            now = await locked_source(connection, work.source.id)
            if now is None:
                return None
            if is_bound_anew(now, work.source):
                # What was written stays pending: what the source shows then tells what became of it.
                return await self.endings.overtaken(connection, work)
            if done.outcome is not None:
                await apply_outcome(connection, work.source, done.applied, done.outcome, done.records, done.rules)
            return await self._end(connection, work, done)

    async def _end(self, connection: Connection, work: Work, done: CarriedOut) -> Run | None:
        found, applied, records = done.found, done.applied, done.records
        for failure in (*problem_failures(done.reading), *found.unkept):
            await records.failure(connection, failure, tried=False)
        await records.close(connection)
        await records.tell(connection)
        retry_at = self._retry_at(work, done)
        # A row that only one of two readings lacks is overwritten once it is known whether it is there.
        left_over = applied.left or found.suspects or work.rows_wait_until is not None
        if work.request is not None and (work.request.last_try or not left_over):
            await end_request(connection, work.request.id)
        seen = done.reading.mark if retry_at is None else {}
        # A first run whose rest is still to come leaves the next one to be the first, too.
        dealt_with = work.state.cursor if found.more else done.cursor
        await advance(connection, work.source.id, dealt_with, seen, done.read_at, retry_at)
        await release(connection, work.source.id)
        work.counts = replace(
            work.counts,
            source_upserts=applied.source_upserts,
            source_deletes=applied.source_deletes,
            conflicts=records.found_conflicts,
            failures=records.found_failures,
        )
        await set_state(connection, work.source, SourceState.ACTIVE, None)
        state = RunState.PARTIAL if records.open_failures else RunState.SUCCEEDED
        return await finish(connection, work, state, _message(work, records.open_failures, left_over=left_over))

    def _retry_at(self, work: Work, done: CarriedOut) -> datetime | None:
        """When the next run is due, if before the next poll."""
        found, applied = done.found, done.applied
        # What was overwritten is compared once more, as the source's settings have it.
        again = applied.again or work.request is not None
        retry_at = self._due(work.state, again=again, suspects=found.suspects and not done.reading.unsure)
        if found.more:
            moved = applied.database_upserts or applied.database_deletes
            moved = moved or applied.source_upserts or applied.source_deletes
            # What gets nowhere must not use up the source's quota.
            retry_at = self.clock() + (timedelta() if moved else RESTLESS)
        if work.rows_wait_until is not None:
            retry_at = min(retry_at or work.rows_wait_until, work.rows_wait_until)
        return retry_at

    def _due(self, state: SyncState, *, again: bool, suspects: bool) -> datetime | None:
        """One that asks for another at once does so only once: rows that never stand still must not use up the source's
        quota."""
        rested = state.cursor is None or bool(state.seen)
        if again and rested:
            return self.clock()
        return self.clock() + (RESTLESS if again else SUSPICION) if again or suspects else None


def _message(work: Work, open_failures: int, *, left_over: bool) -> str | None:
    what = "1 cell, row or request" if open_failures == 1 else f"{open_failures:,} cells, rows or requests"
    message = f"{what} can't go through: see the failures." if open_failures else None
    if work.rows_wait_until is not None:
        return f"{why_waiting(work.rows_wait_until)}{f' {message}' if message else ''}"
    if work.request is not None:
        return " ".join(filter(None, (overwrote(work.request, left_over=left_over), message)))
    return message
