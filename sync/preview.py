"""A preview of a registration: what it would bind and what a first run would find. Nothing is written, nowhere.

Whatever is in the way is one of the problems, a source that can't be reached too.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime

from db.changes import WireRow
from db.errors import SourceUnreachable
from db.session import Connection, Pool
from db.sources import Column, Source, SourceState
from db.sync_tables import BoundTable, TableRow, generated_columns, read_table
from db.view import view
from sync.inspection import SheetInspection
from sync.merge import merge_row
from sync.merge_show import shown
from sync.plan import RowState, Rules
from sync.registration import Registration
from sync.registration_input import RegisterSource
from sync.rules import rules_of
from sync.sheet_mapping import SheetMapping
from sync.source import Reading, SourceAdapter, SourceRow

SAMPLE = 20
"""Rows that are shown."""


@dataclass(frozen=True, slots=True)
class Counts:
    """Rows by the side that has them; `different`: both have them, and a first run would not leave both as they are."""

    only_in_source: int = 0
    only_in_database: int = 0
    different: int = 0


@dataclass(frozen=True, slots=True)
class Preview:
    """`rows` are the source's first, as the table would have them; `row_count` is of all."""

    columns: Sequence[Column]
    key: Sequence[str]
    rows: Sequence[WireRow]
    row_count: int
    counts: Counts
    problems: Sequence[str]


@dataclass(frozen=True, slots=True)
class Previews:
    """`of(wanted)`: the preview. `adapter_for` gives what may only read."""

    pool: Pool
    registration: Registration
    adapter_for: Callable[[Source], SourceAdapter]

    async def of(self, wanted: RegisterSource) -> Preview:
        """Looks at the source, and where it would adopt a table compares both, by key, as a first run would."""
        draft = await self.registration.draft(wanted)
        if draft.inspected is None:
            return Preview((), (), (), 0, Counts(), draft.problems)
        counts, problems = Counts(only_in_source=len(draft.inspected.rows)), list(draft.problems)
        if wanted.adopt:
            counts = Counts()
            if draft.source is not None:
                try:
                    counts = await self._compare(draft.source)
                except SourceUnreachable as error:
                    problems.append(str(error))
        rows = sample(draft.inspected, draft.columns)
        return Preview(draft.columns, draft.key, rows, len(draft.inspected.rows), counts, problems)

    async def _compare(self, source: Source) -> Counts:
        # One that is held is read without the ids and marks that a reading may leave in a sheet.
        reading = await self.adapter_for(replace(source, state=SourceState.HELD)).read()
        async with view(self.pool) as (connection, _):
            table = BoundTable.of(source)
            rules = rules_of(source, reading, await generated_columns(connection, table), first=True)
            return await compared(connection, table, rules, reading)


async def compared(connection: Connection, table: BoundTable, rules: Rules, reading: Reading) -> Counts:
    """Both sides in step, in key order, within the connection's transaction."""
    only_in_source = only_in_database = different = 0
    rows = iter(reading.rows)
    row = next(rows, None)
    async for stored in read_table(connection, table):
        while row is not None and row.key < stored.key:
            only_in_source += 1
            row = next(rows, None)
        mine = row if row is not None and row.key == stored.key else None
        if mine is not None:
            row = next(rows, None)
        if stored.deleted:
            only_in_source += mine is not None
        elif mine is None:
            only_in_database += 1
        else:
            different += _differ(mine, stored, rules)
    return Counts(only_in_source + (row is not None) + sum(1 for _ in rows), only_in_database, different)


def _differ(row: SourceRow, stored: TableRow, rules: Rules) -> bool:
    plan = merge_row(RowState(row.key, source=row, table=stored, now=datetime.now(UTC)), rules)
    return bool(plan.table_edit or plan.source_write or plan.conflicts or plan.failures)


def sample(inspected: SheetInspection, columns: Sequence[Column]) -> list[WireRow]:
    """The sheet's first rows. A cell that its column can't take is shown as it is; a managed key isn't there yet."""
    mapping = SheetMapping(inspected.zone)
    by_header = {column.field: column for column in columns}
    bound = [(by_header[one.header], one) for one in inspected.columns if one.header in by_header]
    return [
        {column.name: shown(column, one.samples[index].cell, mapping) for column, one in bound}
        for index in range(min(SAMPLE, len(inspected.rows)))
    ]
