"""A run that writes nothing, to either side or to what the sync remembers: what a real one would do, in counts.

It needs no leader. A missing row counts as deleted at once, where a real run looks twice; the rows of a sheet that have
no id yet, and columns that would be added, are in no count.
"""

from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from db.errors import SourceUnreachable
from db.events import EventKind, insert_event
from db.runs import Run, RunCounts, RunState, RunTrigger, finish_run, start_run
from db.session import Pool
from db.sources import Side, Source, SourceState
from db.sync_state import sync_state
from db.sync_tables import BoundTable, generated_columns
from db.tables import Relation, describe
from db.view import view
from sync.merge.plan import EditKind
from sync.runs.compare import Comparison, Conditions, compare
from sync.runs.delete_guard import holds
from sync.runs.drift import plan_drift
from sync.runs.drift_apply import seen_columns
from sync.runs.rules import rules_of
from sync.runs.table_check import TableUnfit, check_table
from sync.source import Reading, SourceReader


@dataclass(frozen=True, slots=True)
class DryRuns:
    """`run(source, winner)`: the finished run, which is stored. `clock` gives the time with a zone; `grace` as a
    run's."""

    pool: Pool
    reader_of: Callable[[Source], SourceReader]
    clock: Callable[[], datetime]
    grace: timedelta

    async def run(self, source: Source, winner: Side | None) -> Run | None:
        """None where the source was deleted meanwhile."""
        async with self.pool.connection() as connection:
            run = await start_run(connection, source.id, RunTrigger.MANUAL, dry=True)
        counts = RunCounts()
        try:
            # A source that is held is read without the ids and marks that a reading may leave there.
            reading = await self.reader_of(replace(source, state=SourceState.HELD)).read()
            counts = RunCounts(rows_read=len(reading.rows), api_calls=reading.calls)
            state, counts, message = await self._compare(source, winner, reading, counts)
        except (SourceUnreachable, TableUnfit) as error:
            state, message = RunState.FAILED, str(error)
        except BaseException:
            async with self.pool.connection() as connection:
                await finish_run(connection, run.id, RunState.FAILED, counts, "The dry run broke off.")
            raise
        async with self.pool.connection() as connection:
            finished = await finish_run(connection, run.id, state, counts, message)
            if finished is not None:
                text = f"Run {run.id} ended: {state}. {message}"
                detail = {"run": str(run.id), "state": str(state)}
                await insert_event(connection, EventKind.RUN_FINISHED, source.name, text, detail)
        return finished

    async def _compare(
        self, source: Source, winner: Side | None, reading: Reading, counts: RunCounts
    ) -> tuple[RunState, RunCounts, str]:
        now = self.clock()
        relation = Relation.parse(source.relation)
        async with view(self.pool, relation) as (connection, _):
            table = await describe(connection, relation)
            check_table(source, table)
            assert table is not None
            seen = await seen_columns(connection, source, reading)
            if seen is not None:
                columns = plan_drift(source, seen, table, ()).columns
                known = tuple(column for column in columns if table.column(column.name) is not None)
                source = replace(source, columns=known)
            bound = BoundTable.of(source)
            state = await sync_state(connection, source.id)
            first = state is None or state.cursor is None
            rules = rules_of(source, reading, await generated_columns(connection, bound), first=first, winner=winner)
            conditions = Conditions(now=now, read_at=now, grace=self.grace, source_at=now, shown=frozenset())
            found = await compare(connection, source, bound, rules, reading, conditions)
        held = winner is None and any(holds(side, source.max_delete_share) for side in found.counts())
        return RunState.HELD if held else RunState.SUCCEEDED, planned_counts(found, counts), _message(winner, held=held)


def planned_counts(found: Comparison, counts: RunCounts) -> RunCounts:
    """The counts of a run that would carry all of it out."""
    table = [d.plan.table_edit.kind for d in found.differences if d.plan.table_edit is not None]
    source = [d.plan.source_write.kind for d in found.differences if d.plan.source_write is not None]
    conflicts = {(conflict.key, conflict.column) for conflict in found.conflicts}
    failures = {failure.place for failure in found.failures}
    return replace(
        counts,
        database_upserts=len(table) - table.count(EditKind.DELETE),
        database_deletes=table.count(EditKind.DELETE),
        source_upserts=len(source) - source.count(EditKind.DELETE),
        source_deletes=source.count(EditKind.DELETE),
        conflicts=sum((c.key, c.column) not in conflicts for d in found.differences for c in d.plan.conflicts),
        failures=sum(f.place not in failures for d in found.differences for f in d.plan.failures),
    )


def _message(winner: Side | None, *, held: bool) -> str:
    what = "" if winner is None else f", in which the {winner.lower()} overwrites the other side"
    guard = " The delete guard would hold it." if held else ""
    return f"A dry run{what}: nothing was written. The counts say what would be.{guard}"
