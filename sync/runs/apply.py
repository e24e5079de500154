"""The two transactions of a run around its write to the source.

The first carries out the table's edits, and stores what is about to be written before it is; the second stores what
the source shows afterwards. Whatever ends a run between two steps leaves a state from which the next run goes on.
"""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from itertools import islice

from db.base import BaseRow, save_base
from db.changes import Cause
from db.failures import NewFailure
from db.origin import emit_origin
from db.session import Connection
from db.sources import Side, Source, SourceState, locked_source
from db.sync_tables import BoundTable
from sync.merge.plan import EditKind, RowPlan, Rules, SourceWrite
from sync.runs.advance import after_source_write, after_table_edit, begin_write, begun_insert
from sync.runs.bookkeeping import Records
from sync.runs.compare import Difference
from sync.runs.progress import Tell
from sync.runs.table_edits import Done, MovedOn, Refused, TableOutcome
from sync.runs.table_rounds import edit_table
from sync.source import Edit, WriteOutcome

_CHUNK = 500


@dataclass(frozen=True, slots=True)
class Begun:
    """A write that the first transaction stored as pending: the row it is of, its base, and the write itself."""

    difference: Difference
    base: BaseRow
    write: SourceWrite


@dataclass(slots=True)
class Applied:
    """What a run did so far. `again`: a row moved on, or something new was seen, so the next run is due at once.

    `left`: a row was not dealt with.
    """

    database_upserts: int = 0
    database_deletes: int = 0
    source_upserts: int = 0
    source_deletes: int = 0
    again: bool = False
    left: bool = False
    begun: list[Begun] = field(default_factory=list)

    @property
    def edits(self) -> Sequence[Edit]:
        return [replace(one.write.edit, idempotency_key=one.base.pending[-1].id) for one in self.begun]


async def same_binding(connection: Connection, source: Source) -> bool:
    """Whether the source still is what the run planned for, and stays so until the connection's transaction ends."""
    now = await locked_source(connection, source.id)
    return now is not None and is_same_binding(now, source)


def is_same_binding(now: Source, source: Source) -> bool:
    """Whether a source still is what it was, and not paused."""
    return now.state is not SourceState.PAUSED and not is_bound_anew(now, source)


def is_bound_anew(now: Source, source: Source) -> bool:
    """Whether what was planned for a source, or read back from it, is nothing to it as it is now."""
    return _planned_for(now) != _planned_for(source)


def _planned_for(source: Source) -> tuple[object, ...]:
    return (source.columns, source.direction, source.key, source.sheet, source.feed, source.delete_policy)


async def apply_to_table(
    connection: Connection,
    source: Source,
    table: BoundTable,
    differences: Sequence[Difference],
    records: Records,
    applied: Applied,
    origin_key: bytes,
    new_id: Callable[[], str],
    now: datetime,
    tell: Tell,
) -> None:
    """The first transaction, open and fenced: the table's edits, the base, the writes to come, the records.

    `applied` is added to; `tell` hears of each batch of rows that was edited.
    """
    edited = {d.state.key: d for d in differences if d.plan.table_edit is not None}
    edits = [(key, d.plan.table_edit) for key, d in edited.items() if d.plan.table_edit is not None]
    step = _Step(connection, source, records, applied, new_id, now)
    if edits:
        # A deferred constraint would refuse the whole commit, and not the row.
        await connection.execute("SET CONSTRAINTS ALL IMMEDIATE")
        await emit_origin(connection, origin_key, Cause.SOURCE, source.name)
        async for outcomes in edit_table(connection, table, edits, tell):
            await step.take([(edited[key], outcome) for key, outcome in outcomes.items()])
    others = (difference for difference in differences if difference.plan.table_edit is None)
    while some := list(islice(others, _CHUNK)):
        await step.take([(difference, None) for difference in some])


@dataclass(frozen=True, slots=True)
class _Step:
    """Stores what became of some rows."""

    connection: Connection
    source: Source
    records: Records
    applied: Applied
    new_id: Callable[[], str]
    now: datetime

    async def take(self, rows: Iterable[tuple[Difference, TableOutcome | None]]) -> None:
        """The rows with what the table made of their edits."""
        bases = []
        for difference, outcome in rows:
            if difference.plan.wait or isinstance(outcome, MovedOn):
                self.applied.again = self.applied.again or isinstance(outcome, MovedOn)
                self.applied.left = self.applied.left or isinstance(outcome, MovedOn)
                self.records.keep(difference.state.conflicts, difference.state.failures)
                continue
            base = await _apply_row(self.connection, difference, outcome, self.records, self.applied)
            write = _write(difference.plan, outcome)
            if write is not None:
                begun = begun_insert(base, write, self.source.columns)
                if begun is None:
                    base = begin_write(base, write, self.new_id(), self.now)
                else:
                    # The row's values by now are an edit of it, for the next run. Its time goes on from the first try,
                    # so that one that always fails holds them up no longer than it may arrive.
                    write = begun
                    self.applied.again = self.applied.left = True
                self.applied.begun.append(Begun(difference, base, write))
            bases.append(base)
        await save_base(self.connection, self.source.id, bases)


async def _apply_row(
    connection: Connection, difference: Difference, outcome: TableOutcome | None, records: Records, applied: Applied
) -> BaseRow:
    plan, base = difference.plan, difference.base
    for conflict in plan.conflicts:
        await records.conflict(connection, conflict)
    for failure in plan.failures:
        await records.failure(connection, failure, tried=False)
    edit = plan.table_edit
    if edit is None:
        return base
    if isinstance(outcome, Refused):
        value = dict(edit.value)
        refused = NewFailure(Side.DATABASE, outcome.code, outcome.message, plan.key, None, _address(difference), value)
        await records.failure(connection, refused, tried=True)
        # What the source shows of its own is as old as it was: nobody dealt with it.
        stored = difference.state.base
        return base if stored is None else replace(base, first_seen=stored.first_seen)
    assert isinstance(outcome, Done)
    if edit.kind is EditKind.DELETE:
        applied.database_deletes += 1
    else:
        applied.database_upserts += 1
    after = after_table_edit(base, edit, outcome.row, keep=plan.source_write is not None)
    if edit.kind is EditKind.INSERT:
        # A column that the table filled by itself is to go to the source.
        applied.again = applied.again or len(after.table_image or ()) < len(outcome.row)
    if plan.source_write is None:
        _settle(plan, records, set(edit.texts), complete=True)
    else:
        _settle(plan, records, set(edit.texts) - set(plan.source_write.texts), complete=False)
    return after


def _write(plan: RowPlan, outcome: TableOutcome | None) -> SourceWrite | None:
    write = plan.source_write
    if write is None or (isinstance(outcome, Refused) and plan.joined):
        return None
    if isinstance(outcome, Done) and write.kind is not EditKind.DELETE:
        texts = {name: outcome.row.get(name, text) for name, text in write.texts.items()}
        return SourceWrite(write.kind, write.edit, texts, write.value)
    return write


async def apply_outcome(
    connection: Connection,
    source: Source,
    applied: Applied,
    outcome: WriteOutcome,
    records: Records,
    rules: Rules,
) -> None:
    """The second transaction, open and fenced: what the source shows after the write."""
    written = {one.key: one for one in outcome.written}
    bases = []
    for begun in applied.begun:
        state, plan = begun.difference.state, begun.difference.plan
        one = written.get(state.key)
        if one is None:
            # Nobody knows whether it arrived: it stays pending, and the next run reads what became of it.
            applied.again = applied.left = True
            records.keep(state.conflicts, state.failures)
            continue
        after = after_source_write(begun.base, begun.write, one, state.source, rules)
        bases.append(after.base)
        applied.again = applied.again or after.again
        applied.left = applied.left or not (after.complete or after.failures)
        for failure in after.failures:
            await records.failure(connection, failure, tried=True)
        if after.complete:
            _settle(plan, records, after.arrived, complete=True)
            if begun.write.kind is EditKind.DELETE:
                applied.source_deletes += 1
        else:
            _settle(plan, records, after.arrived, complete=False)
        if after.arrived:
            applied.source_upserts += 1
    await save_base(connection, source.id, bases)


def _settle(plan: RowPlan, records: Records, columns: set[str] | frozenset[str], *, complete: bool) -> None:
    for conflict in plan.conflicts:
        if conflict.column in columns or (conflict.column is None and complete and conflict.choice is not None):
            records.settled(plan.key, conflict.column)


def _address(difference: Difference) -> str | None:
    return None if difference.state.source is None else difference.state.source.address
