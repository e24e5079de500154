"""Runs the sync of one source: reads both sides, merges, writes each, and remembers what they show.

For the leader alone. A run is level-triggered: it looks at the states and never at what woke it, so one that is cut
off anywhere is healed by the next. Nothing in here may decide what a difference means: that is the merge's.
"""

import asyncio
import random
import uuid
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from uuid import UUID

import structlog

from db.base import base_of, save_base
from db.cursor import Cursor
from db.errors import LeadershipLost, SourceUnreachable
from db.events import EventKind, insert_event
from db.held import HeldDelete, hold, permitted
from db.lease import Term
from db.runs import Run, RunCounts, RunState, RunTrigger, finish_run, start_run
from db.session import Connection, Pool
from db.source_status import database_now
from db.sources import Side, Source, SourceState, locked_source
from db.sync_requests import SyncRequest, end_request, take_request
from db.sync_state import (
    SyncState,
    advance,
    advance_cursor,
    note_rows_sent,
    postpone,
    release,
    set_state_of_run,
    sync_state,
)
from db.sync_tables import BoundTable, generated_columns
from db.tables import Relation, describe
from db.view import view
from sync.clock import utc_now
from sync.merge.latest import hook_bound, latest_possible
from sync.merge.plan import Rules
from sync.runs.apply import Applied, apply_outcome, apply_to_table, is_bound_anew, same_binding
from sync.runs.bookkeeping import Records, records_of
from sync.runs.compare import SUSPICION, Comparison, Conditions, compare
from sync.runs.delete_guard import holds, why_held
from sync.runs.deletes import held, only_permitted
from sync.runs.drift_apply import Followed, TableBusy, follow_columns
from sync.runs.idle import table_is_settled, waits_for_nothing
from sync.runs.in_doubt import StoredInDoubt
from sync.runs.problems import problem_failures
from sync.runs.progress import Progress
from sync.runs.rows_in_doubt import KeptRowCalls, wait_for_rows, why_waiting
from sync.runs.rules import rules_of
from sync.runs.table_check import TableUnfit, check_table
from sync.runs.torn_rows import torn_rows, why_torn
from sync.source import Cell, InDoubt, LastShown, Reading, SourceAdapter, WriteOutcome
from sync.urgency import Urgency, urgency_of

log = structlog.get_logger(__name__)

_FIRST_PAUSE_S = 2.0
_LONGEST_PAUSE_S = 300.0
_RESTLESS = timedelta(seconds=5)

MOST_PLANS = 50_000
"""Plans of rows that a run carries out: a few kilobytes each."""


def _new_id() -> str:
    return uuid.uuid4().hex


@dataclass(slots=True)
class _Work:
    """One run under way. `rows_wait_until`: a call without an answer may insert or delete rows before that."""

    run: Run
    source: Source
    state: SyncState
    trigger: RunTrigger
    progress: Progress
    request: SyncRequest | None = None
    rows_wait_until: datetime | None = None
    counts: RunCounts = field(default_factory=RunCounts)

    @property
    def urgency(self) -> Urgency:
        return urgency_of(self.trigger, first=self.state.cursor is None)

    @property
    def winner(self) -> Side | None:
        """The side that is to overwrite the other, if somebody asked for that."""
        return None if self.request is None else self.request.winner


class Engine:
    """`run(source id, trigger)` for any number of sources; for one source one run at a time.

    `grace`: how long a write without an answer may still arrive. `clock` gives the time with a zone, `database_clock`
    that of commits and hooks, `jitter` a fraction of 1, `new_id` the idempotency keys of writes; `sleep` waits for
    seconds. A run holds `most_plans` in memory, and leaves more to the next one, which is at once.
    """

    def __init__(
        self,
        pool: Pool,
        term: Term,
        origin_key: bytes,
        adapter_for: Callable[[Source, Urgency], SourceAdapter],
        *,
        grace: timedelta,
        clock: Callable[[], datetime] = utc_now,
        database_clock: Callable[[Connection], Awaitable[datetime]] = database_now,
        jitter: Callable[[], float] = random.random,
        new_id: Callable[[], str] = _new_id,
        sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
        most_plans: int = MOST_PLANS,
    ) -> None:
        self._pool = pool
        self._term = term
        self._origin_key = origin_key
        self._adapter_for = adapter_for
        self._clock = clock
        self._database_clock = database_clock
        self._jitter = jitter
        self._new_id = new_id
        self._sleep = sleep
        self._most_plans = most_plans
        self._grace = grace

    async def run(self, source_id: UUID, trigger: RunTrigger) -> Run | None:
        """Reconcile a source now; None where it is paused or gone. `sync_state.retry_at` says when to come again.

        A source that can't be reached is a run that FAILED. Raises LeadershipLost, and what is a bug or a lost
        database.
        """
        self._term.check()
        async with self._pool.connection() as connection, connection.transaction():
            await self._term.fence(connection)
            source = await locked_source(connection, source_id)
            state = await sync_state(connection, source_id)
            if source is None or state is None or source.state is SourceState.PAUSED:
                return None
            run = await start_run(connection, source_id, trigger)
            request = await take_request(connection, source_id, run.id)
        progress = Progress(self._pool, source.name, run.id, self._clock)
        work = _Work(run, source, state, trigger, progress, request)
        try:
            return await self._reconcile(work)
        except SourceUnreachable as error:
            return await self._unreachable(work, str(error), timedelta(seconds=error.rest_s))
        except TableUnfit as error:
            return await self._unfit(work, str(error))
        except TableBusy as error:
            return await self._busy(work, str(error))
        except LeadershipLost:
            raise
        except Exception as error:
            log.exception("a run broke off", source=source.name, run=run.id)
            async with self._pool.connection() as connection, connection.transaction():
                await self._term.fence(connection)
                message = f"The run broke off by an error of rowcast itself ({type(error).__name__}); the log has more."
                await self._finish(connection, work, RunState.FAILED, message)
            raise

    async def _reconcile(self, work: _Work) -> Run | None:
        adapter = self._adapter_for(work.source, work.urgency)
        if await self._idle(work, adapter):
            async with self._pool.connection() as connection:
                return await finish_run(connection, work.run.id, RunState.UNCHANGED, work.counts, None)
        async with self._pool.connection() as connection:
            message = f"Run {work.run.id} began ({work.trigger})."
            await insert_event(connection, EventKind.RUN_STARTED, work.source.name, message, {"run": str(work.run.id)})
            read_at = await self._database_clock(connection)
        begun_at = self._clock()
        self._term.check()
        reading, shown = await self._read(work, adapter)
        followed = await self._follow(work, reading)
        if followed is None:
            return await self._changed(work)
        if followed.source is not work.source:
            work.source, adapter = followed.source, self._adapter_for(followed.source, work.urgency)
        reading = self._sure_of(work, followed.reading, begun_at)
        source, table = work.source, BoundTable.of(work.source)
        async with view(self._pool) as (connection, cursor):
            check_table(source, await describe(connection, Relation.parse(source.relation)))
            generated, winner = await generated_columns(connection, table), work.winner
            rules = rules_of(source, reading, generated, first=work.state.cursor is None, winner=winner)
            conditions = Conditions(
                now=self._clock(),
                read_at=begun_at,
                grace=self._grace,
                source_at=latest_possible(
                    await self._database_clock(connection),
                    reading.modified_at,
                    hook_bound(work.state.hooked_at, work.state.read_at),
                ),
                shown=shown,
            )
            let_go = await permitted(connection, source.id)
            # What a person confirmed or asked for is one run's, and torn rows show only among all of them: not before
            # the first import is done.
            may_be_torn = source.managed_key and work.state.cursor is not None
            whole = bool(let_go) or work.winner is not None or may_be_torn
            limit = None if whole else self._most_plans
            found = await compare(connection, source, table, rules, reading, conditions, work.progress.compared, limit)
        postponed = False
        if work.winner is not None and reading.unsure and found.suspects:
            raise SourceUnreachable(_why_not_overwritten(work.winner, reading, work.rows_wait_until))
        if work.winner is not None:
            log.info("one side overwrites the other, as it was asked for", source=source.name, winner=work.winner)
        elif not let_go and any(holds(counts, source.max_delete_share) for counts in found.counts()):
            return await self._hold(work, found, held(found, rules), why_held(*found.counts()))
        elif source.managed_key and (torn := torn_rows(found.differences, rules)):
            # Who let deletes go saw no sort: what was confirmed stays so, until the rows are themselves again.
            return await self._hold(work, found, [], why_torn(torn))
        elif let_go:
            postponed = only_permitted(found, let_go)
        self._let_rows_wait(work, found)
        records = records_of(source, found.conflicts, found.failures, winner=work.winner)
        applied = await self._apply(work, table, found, records)
        if applied is None:
            return await self._changed(work)
        applied.again = applied.again or postponed or found.more
        outcome = None
        if applied.begun:
            self._term.check()
            calls = KeptRowCalls(self._pool, self._term, source.id, self._clock)
            outcome = await adapter.write(applied.edits, calls, self._in_doubt(source))
            await work.progress.written(len(applied.edits))
            work.counts = replace(work.counts, api_calls=work.counts.api_calls + outcome.calls)
        return await self._complete(work, reading, read_at, found, applied, outcome, records, rules, cursor)

    def _sure_of(self, work: _Work, reading: Reading, read_at: datetime) -> Reading:
        """The reading, unsure where a call that got no answer may still have deleted rows."""
        sent_at = work.state.rows_sent_at
        if sent_at is None or read_at >= sent_at + self._grace:
            return reading
        work.rows_wait_until = sent_at + self._grace
        return replace(reading, unsure=True)

    def _let_rows_wait(self, work: _Work, found: Comparison) -> None:
        """Unless the reading shows what that call did."""
        if work.rows_wait_until is not None and found.rows_in_doubt:
            wait_for_rows(found)
        else:
            work.rows_wait_until = None

    async def _read(self, work: _Work, adapter: SourceAdapter) -> tuple[Reading, frozenset[str] | None]:
        """The reading to work on; with the keys of one before it, where what both lack is to be deleted at once."""
        shown = None
        if work.winner is Side.SOURCE:
            before = await adapter.read(self._last_shown(work.source), self._in_doubt(work.source))
            shown = frozenset(row.key for row in before.rows)
            work.counts = replace(work.counts, api_calls=work.counts.api_calls + before.calls)
            await self._sleep(SUSPICION.total_seconds())
            self._term.check()
        reading = await adapter.read(self._last_shown(work.source), self._in_doubt(work.source))
        work.counts = replace(work.counts, rows_read=len(reading.rows), api_calls=work.counts.api_calls + reading.calls)
        await work.progress.read(len(reading.rows))
        return reading, shown

    def _in_doubt(self, source: Source) -> InDoubt:
        return StoredInDoubt(self._pool, source.id, self._grace)

    def _last_shown(self, source: Source) -> LastShown:
        async def last_shown(keys: Sequence[str]) -> Mapping[str, Mapping[str, Cell]]:
            async with self._pool.connection() as connection:
                rows = await base_of(connection, source.id, keys)
            return {key: row.source_image for key, row in rows.items() if row.source_image is not None}

        return last_shown

    async def _follow(self, work: _Work, reading: Reading) -> Followed | None:
        """The source with its columns as the reading shows them; None where it was bound anew meanwhile."""
        async with self._pool.connection() as connection, connection.transaction():
            await self._term.fence(connection)
            return await follow_columns(connection, work.source, reading)

    async def _idle(self, work: _Work, adapter: SourceAdapter) -> bool:
        """Whether nothing can differ: no side changed since the last run, and nothing waits."""
        state = work.state
        if work.trigger not in (RunTrigger.SCHEDULE, RunTrigger.CHANGE) or state.cursor is None or not state.seen:
            return False
        if work.request is not None:
            return False
        if work.source.state in (SourceState.FAILING, SourceState.HELD):
            return False
        table = BoundTable.of(work.source)
        async with view(self._pool) as (connection, cursor):
            if not await waits_for_nothing(connection, work.source.id):
                return False
            check_table(work.source, await describe(connection, Relation.parse(work.source.relation)))
            if not await table_is_settled(connection, work.source.id, table, state.cursor):
                return False
        if work.trigger is RunTrigger.SCHEDULE:
            self._term.check()
            mark = await adapter.mark()
            work.counts = replace(work.counts, api_calls=1)
            if dict(mark) != dict(state.seen):
                return False
        async with self._pool.connection() as connection, connection.transaction():
            await self._term.fence(connection)
            await advance_cursor(connection, work.source.id, cursor)
        return True

    async def _apply(self, work: _Work, table: BoundTable, found: Comparison, records: Records) -> Applied | None:
        """The first transaction; None where the source was bound anew meanwhile."""
        source = work.source
        self._term.check()
        async with self._pool.connection() as connection, connection.transaction():
            await self._term.fence(connection)
            if not await same_binding(connection, source):
                return None
            await save_base(connection, source.id, found.noted)
            if work.state.rows_sent_at is not None and work.rows_wait_until is None:
                await note_rows_sent(connection, source.id, None)
            applied = await apply_to_table(
                connection,
                source,
                table,
                found.differences,
                records,
                self._origin_key,
                self._new_id,
                self._clock(),
                work.progress.written,
            )
            await records.tell(connection)
        work.counts = replace(
            work.counts, database_upserts=applied.database_upserts, database_deletes=applied.database_deletes
        )
        return applied

    async def _complete(
        self,
        work: _Work,
        reading: Reading,
        read_at: datetime,
        found: Comparison,
        applied: Applied,
        outcome: WriteOutcome | None,
        records: Records,
        rules: Rules,
        cursor: Cursor,
    ) -> Run | None:
        """The second transaction: what the source shows after the write, and how far the run came."""
        async with self._pool.connection() as connection, connection.transaction():
            await self._term.fence(connection)
            now = await locked_source(connection, work.source.id)
            if now is None:
                return None
            if is_bound_anew(now, work.source):
                # What was written stays pending: what the source shows then tells what became of it.
                return await self._overtaken(connection, work)
            if outcome is not None:
                await apply_outcome(connection, work.source, applied, outcome, records, rules)
            return await self._end(connection, work, reading, read_at, found, applied, records, cursor)

    async def _end(
        self,
        connection: Connection,
        work: _Work,
        reading: Reading,
        read_at: datetime,
        found: Comparison,
        applied: Applied,
        records: Records,
        cursor: Cursor,
    ) -> Run | None:
        for failure in (*problem_failures(reading), *found.unkept):
            await records.failure(connection, failure, tried=False)
        await records.close(connection)
        await records.tell(connection)
        # What was overwritten is compared once more, as the source's settings have it.
        again = applied.again or work.request is not None
        retry_at = self._due(work.state, again=again, suspects=found.suspects and not reading.unsure)
        if found.more:
            moved = applied.database_upserts or applied.database_deletes
            moved = moved or applied.source_upserts or applied.source_deletes
            # What gets nowhere must not use up the source's quota.
            retry_at = self._clock() + (timedelta() if moved else _RESTLESS)
        if work.rows_wait_until is not None:
            retry_at = min(retry_at or work.rows_wait_until, work.rows_wait_until)
        # A row that only one of two readings lacks is overwritten once it is known whether it is there.
        left_over = applied.left or found.suspects or work.rows_wait_until is not None
        if work.request is not None and (work.request.last_try or not left_over):
            await end_request(connection, work.request.id)
        seen = reading.mark if retry_at is None else {}
        # A first run whose rest is still to come leaves the next one to be the first, too.
        dealt_with = work.state.cursor if found.more else cursor
        await advance(connection, work.source.id, dealt_with, seen, read_at, retry_at)
        await release(connection, work.source.id)
        work.counts = replace(
            work.counts,
            source_upserts=applied.source_upserts,
            source_deletes=applied.source_deletes,
            conflicts=records.found_conflicts,
            failures=records.found_failures,
        )
        await self._set_state(connection, work.source, SourceState.ACTIVE, None)
        left = records.open_failures
        what = "1 cell, row or request" if left == 1 else f"{left:,} cells, rows or requests"
        message = f"{what} can't go through: see the failures." if left else None
        if work.rows_wait_until is not None:
            message = f"{why_waiting(work.rows_wait_until)}{f' {message}' if message else ''}"
        elif work.request is not None:
            message = " ".join(filter(None, (_overwrote(work.request, left_over=left_over), message)))
        return await self._finish(connection, work, RunState.PARTIAL if left else RunState.SUCCEEDED, message)

    def _due(self, state: SyncState, *, again: bool, suspects: bool) -> datetime | None:
        """When the next run is due, if before the next poll. One that asks for another at once does so only once:
        rows that never stand still must not use up the source's quota."""
        rested = state.cursor is None or bool(state.seen)
        if again and rested:
            return self._clock()
        return self._clock() + (_RESTLESS if again else SUSPICION) if again or suspects else None

    async def _hold(self, work: _Work, found: Comparison, deletes: Sequence[HeldDelete], reason: str) -> Run | None:
        """The guard: nothing is written either way, what would be deleted is shown."""
        source = work.source
        async with self._pool.connection() as connection, connection.transaction():
            await self._term.fence(connection)
            now = await locked_source(connection, source.id)
            if now is None:
                return None
            if is_bound_anew(now, source):
                return await self._overtaken(connection, work)
            await save_base(connection, source.id, found.noted)
            await hold(connection, source.id, work.run.id, deletes)
            await self._set_state(connection, source, SourceState.HELD, reason)
            return await self._finish(connection, work, RunState.HELD, reason)

    async def _changed(self, work: _Work) -> Run | None:
        """What was planned is not for the source as it is now: nothing was done."""
        async with self._pool.connection() as connection, connection.transaction():
            await self._term.fence(connection)
            await postpone(connection, work.source.id, self._clock())
            message = "The source's settings were changed amid the run, or it was paused: nothing was done."
            return await self._finish(connection, work, RunState.PARTIAL, message)

    async def _overtaken(self, connection: Connection, work: _Work) -> Run | None:
        """The source became another one after the run's edits: what it found is no news of that one."""
        await postpone(connection, work.source.id, self._clock())
        message = "The source's settings were changed amid the run: the next run begins with them."
        return await self._finish(connection, work, RunState.PARTIAL, message)

    async def _busy(self, work: _Work, reason: str) -> Run | None:
        async with self._pool.connection() as connection, connection.transaction():
            await self._term.fence(connection)
            await postpone(connection, work.source.id, self._clock() + _RESTLESS)
            return await self._finish(connection, work, RunState.PARTIAL, reason)

    async def _unfit(self, work: _Work, reason: str) -> Run | None:
        async with self._pool.connection() as connection:
            same = await same_binding(connection, work.source)
        return await self._unreachable(work, reason) if same else await self._changed(work)

    async def _unreachable(self, work: _Work, reason: str, rest: timedelta = timedelta()) -> Run | None:
        attempts = work.state.attempts
        pause = self._jitter() * min(_LONGEST_PAUSE_S, _FIRST_PAUSE_S * 2 ** min(attempts, 10))
        async with self._pool.connection() as connection, connection.transaction():
            await self._term.fence(connection)
            await postpone(connection, work.source.id, self._clock() + rest + timedelta(seconds=pause))
            await self._set_state(connection, work.source, SourceState.FAILING, reason)
            return await self._finish(connection, work, RunState.FAILED, reason)

    async def _set_state(self, connection: Connection, source: Source, state: SourceState, reason: str | None) -> None:
        if await set_state_of_run(connection, source.id, state, reason) and state is not source.state:
            message = f"{source.name} is {state}." if reason is None else f"{source.name} is {state}: {reason}"
            await insert_event(connection, EventKind.STATE, source.name, message, {"state": state, "reason": reason})

    async def _finish(self, connection: Connection, work: _Work, state: RunState, message: str | None) -> Run | None:
        run = await finish_run(connection, work.run.id, state, work.counts, message)
        if state is RunState.FAILED and work.request is not None and not work.request.lasting:
            await end_request(connection, work.request.id)
        if run is not None:
            text = f"Run {run.id} ended: {state}." if message is None else f"Run {run.id} ended: {state}. {message}"
            detail = {"run": str(run.id), "state": str(state)}
            await insert_event(connection, EventKind.RUN_FINISHED, work.source.name, text, detail)
        return run


def _overwrote(request: SyncRequest, *, left_over: bool) -> str:
    side = request.winner.lower()
    if not left_over:
        return f"The {side} overwrote the other side."
    if request.last_try:
        return f"The {side} overwrote the other side, but for rows that changed in each of the runs that tried."
    return f"The {side} overwrites the other side: what moved on meanwhile is left to the next run."


def _why_not_overwritten(winner: Side, reading: Reading, rows_wait_until: datetime | None) -> str:
    if rows_wait_until is not None:
        return f"The {winner.lower()} overwrote nothing, so ask again later. {why_waiting(rows_wait_until)}"
    at = f" ({reading.problems[0].message})" if reading.problems else ""
    return (
        f"The {winner.lower()} overwrote nothing: the source has rows whose keys are missing or copied{at}, so nobody"
        " can tell which rows it lacks. Mend them, then ask again."
    )
