"""Runs the sync of one source: reads both sides, merges, writes each, and remembers what they show.

For the leader alone. A run is level-triggered: it looks at the states and never at what woke it, so one that is cut
off anywhere is healed by the next. Nothing in here may decide what a difference means: that is the merge's.
"""

import asyncio
import random
import uuid
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from uuid import UUID

import structlog

from db.base import base_of, save_base
from db.cursor import Cursor
from db.errors import LeadershipLost, SourceUnreachable
from db.events import EventKind, insert_event
from db.held import permitted
from db.lease import Term
from db.runs import Run, RunTrigger, start_run
from db.session import Connection, Pool
from db.source_status import database_now
from db.sources import Side, Source, SourceState, locked_source
from db.sync_requests import take_request
from db.sync_state import note_rows_sent, sync_state
from db.sync_tables import BoundTable, generated_columns
from db.tables import Relation, describe
from db.view import view
from sync.clock import utc_now
from sync.merge.latest import hook_bound, latest_possible
from sync.merge.plan import Rules
from sync.runs.apply import Applied, apply_to_table, same_binding
from sync.runs.bookkeeping import Records, records_of
from sync.runs.compare import SUSPICION, Comparison, Conditions, Rest, compare
from sync.runs.completion import CarriedOut, Completion
from sync.runs.deletes import only_permitted
from sync.runs.drift_apply import Followed, TableBusy, follow_columns
from sync.runs.endings import Endings
from sync.runs.hold import hold_of
from sync.runs.idle import nothing_differs
from sync.runs.in_doubt import StoredInDoubt
from sync.runs.progress import Progress
from sync.runs.rows_in_doubt import KeptRowCalls, let_rows_wait, sure_of_rows
from sync.runs.rules import rules_of
from sync.runs.table_check import TableUnfit, check_table
from sync.runs.table_follow import OF_AN_ALTERED_TABLE, follow_altered, was_altered
from sync.runs.winner import refuse_unsure
from sync.runs.work import Work
from sync.source import Cell, InDoubt, LastShown, Reading, SourceAdapter, WriteOutcome
from sync.urgency import Urgency

log = structlog.get_logger(__name__)

MOST_PLANS = 50_000
"""Plans of rows that a run carries out: a few kilobytes each."""


def _new_id() -> str:
    return uuid.uuid4().hex


@dataclass(frozen=True, slots=True)
class _Began:
    """When the reading began: by the engine's clock and by the database's."""

    at: datetime
    database_at: datetime


@dataclass(frozen=True, slots=True)
class _Compared:
    """What was found, by which rules, at which place in the log. `permitted` are deletes that a person confirmed."""

    found: Comparison
    rules: Rules
    conditions: Conditions
    cursor: Cursor
    permitted: frozenset[tuple[Side, str]]


class Engine:
    """`run(source id, trigger)` for any number of sources; for one source one run at a time.

    `grace`: how long a write without an answer may still arrive. `clock` gives the time with a zone, `database_clock`
    that of commits and hooks, `jitter` a fraction of 1, `new_id` the idempotency keys of writes; `sleep` waits for
    seconds. A run holds `most_plans` in memory: where there are more it carries them out in parts.
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
        self._new_id = new_id
        self._sleep = sleep
        self._most_plans = most_plans
        self._grace = grace
        self._endings = Endings(pool, term, clock, jitter)
        self._completion = Completion(pool, term, clock, self._endings)

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
        work = Work(run, source, state, trigger, progress, request)
        try:
            return await self._reconcile(work)
        except SourceUnreachable as error:
            return await self._endings.unreachable(work, str(error), timedelta(seconds=error.rest_s))
        except TableUnfit as error:
            return await self._endings.unfit(work, str(error))
        except TableBusy as error:
            return await self._endings.busy(work, str(error))
        except LeadershipLost:
            raise
        except Exception as error:
            if isinstance(error, OF_AN_ALTERED_TABLE) and await was_altered(self._pool, work):
                return await self._endings.altered(work)
            log.exception("a run broke off", source=source.name, run=run.id)
            await self._endings.broken_off(work, error)
            raise

    async def _reconcile(self, work: Work) -> Run | None:
        altered = await follow_altered(self._pool, self._term, work)
        if altered is None:
            return await self._endings.changed(work)
        adapter = self._adapter_for(work.source, work.urgency)
        if not altered and await nothing_differs(self._pool, self._term, work, adapter):
            return await self._endings.unchanged(work)
        began = await self._begin(work)
        reading, shown = await self._read(work, adapter)
        followed = await self._follow(work, reading)
        if followed is None:
            return await self._endings.changed(work)
        if followed.source is not work.source:
            work.source, adapter = followed.source, self._adapter_for(followed.source, work.urgency)
        reading = sure_of_rows(work, followed.reading, began.at, self._grace)
        compared = await self._compare(work, reading, began, shown)
        found, postponed = compared.found, False
        if work.winner is not None:
            refuse_unsure(work, reading, found)
        elif (hold := hold_of(work.source, found, compared.rules, compared.permitted)) is not None:
            return await self._endings.held(work, found, hold)
        elif compared.permitted:
            postponed = only_permitted(found, compared.permitted)
        let_rows_wait(work, found)
        records = records_of(work.source, found.conflicts, found.failures, winner=work.winner)
        applied, part, rest = Applied(again=postponed), found, Rest("", frozenset())
        while True:
            if not await self._apply(work, part, records, applied):
                return await self._endings.changed(work)
            outcome = await self._write(work, adapter, applied) if applied.begun else None
            found.more = part.more
            done = CarriedOut(
                reading, began.database_at, compared.cursor, compared.rules, found, applied, records, outcome
            )
            if not part.more or work.rows_wait_until is not None:
                return await self._completion.complete(work, done)
            if not await self._completion.store(work, done):
                return await self._endings.changed(work)
            # Rows with open records and deletes are dealt with first, wherever they stand.
            done_with = {difference.state.key for difference in part.differences} | rest.done
            rest = Rest(part.last, {key for key in done_with if key > part.last})
            # Before the next part is made, this one has to go.
            part.differences.clear()
            part = await self._compare_rest(work, reading, compared, rest)
            # Nobody counted these among the others: the next run judges them anew.
            applied.again = only_permitted(part, frozenset()) or applied.again

    async def _begin(self, work: Work) -> _Began:
        async with self._pool.connection() as connection:
            message = f"Run {work.run.id} began ({work.trigger})."
            await insert_event(connection, EventKind.RUN_STARTED, work.source.name, message, {"run": str(work.run.id)})
            database_at = await self._database_clock(connection)
        self._term.check()
        return _Began(self._clock(), database_at)

    async def _read(self, work: Work, adapter: SourceAdapter) -> tuple[Reading, frozenset[str] | None]:
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
        return StoredInDoubt(self._pool, self._term, source.id, self._grace)

    def _last_shown(self, source: Source) -> LastShown:
        async def last_shown(keys: Sequence[str]) -> Mapping[str, Mapping[str, Cell]]:
            async with self._pool.connection() as connection:
                rows = await base_of(connection, source.id, keys)
            return {key: row.source_image for key, row in rows.items() if row.source_image is not None}

        return last_shown

    async def _follow(self, work: Work, reading: Reading) -> Followed | None:
        """The source with its columns as the reading shows them; None where it was bound anew meanwhile."""
        async with self._pool.connection() as connection, connection.transaction():
            await self._term.fence(connection)
            return await follow_columns(connection, work.source, reading)

    async def _compare(self, work: Work, reading: Reading, began: _Began, shown: frozenset[str] | None) -> _Compared:
        """Both sides and the base, in one snapshot of the database."""
        source, table = work.source, BoundTable.of(work.source, work.table)
        relation, first = Relation.parse(source.relation), work.state.cursor is None
        async with view(self._pool, relation) as (connection, cursor):
            check_table(source, await describe(connection, relation))
            generated = await generated_columns(connection, table)
            rules = rules_of(source, reading, generated, first=first, winner=work.winner)
            conditions = Conditions(
                now=self._clock(),
                read_at=began.at,
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
            whole = bool(let_go) or work.winner is not None or (source.managed_key and not first)
            limit = None if whole else self._most_plans
            found = await compare(connection, source, table, rules, reading, conditions, work.progress.compared, limit)
        return _Compared(found, rules, conditions, cursor, let_go)

    async def _compare_rest(self, work: Work, reading: Reading, compared: _Compared, rest: Rest) -> Comparison:
        """The next part, with the database as it is by now."""
        source, table = work.source, BoundTable.of(work.source, work.table)
        relation = Relation.parse(source.relation)
        async with view(self._pool, relation) as (connection, _):
            check_table(source, await describe(connection, relation))
            rules, conditions = compared.rules, compared.conditions
            return await compare(
                connection, source, table, rules, reading, conditions, limit=self._most_plans, rest=rest
            )

    async def _apply(self, work: Work, found: Comparison, records: Records, applied: Applied) -> bool:
        """The first transaction; False where the source was bound anew meanwhile."""
        source = work.source
        self._term.check()
        async with self._pool.connection() as connection, connection.transaction():
            await self._term.fence(connection)
            if not await same_binding(connection, source):
                return False
            await save_base(connection, source.id, found.noted)
            if work.state.rows_sent_at is not None and work.rows_wait_until is None:
                await note_rows_sent(connection, source.id, None)
            await apply_to_table(
                connection,
                source,
                BoundTable.of(source, work.table),
                found.differences,
                records,
                applied,
                self._origin_key,
                self._new_id,
                self._clock(),
                work.progress.written,
            )
            await records.tell(connection)
        work.counts = replace(
            work.counts, database_upserts=applied.database_upserts, database_deletes=applied.database_deletes
        )
        return True

    async def _write(self, work: Work, adapter: SourceAdapter, applied: Applied) -> WriteOutcome:
        self._term.check()
        calls = KeptRowCalls(self._pool, self._term, work.source.id, self._clock)
        outcome = await adapter.write(applied.edits, calls, self._in_doubt(work.source))
        await work.progress.written(len(applied.edits))
        work.counts = replace(work.counts, api_calls=work.counts.api_calls + outcome.calls)
        return outcome
