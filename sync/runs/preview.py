"""A preview of a registration: what it would bind and what a first run would find. Nothing is written, nowhere.

Whatever is in the way is one of the problems, a source that can't be reached too.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime

from db.changes import WireRow
from db.errors import SourceUnreachable
from db.feeds import FeedSecrets
from db.keys import key_values
from db.session import Connection, Pool
from db.sources import Column, Source, SourceState
from db.sync_tables import BoundTable, TableRow, generated_columns, read_table
from db.view import view
from db.wire import to_wire
from sync.merge.plan import RowState, Rules
from sync.merge.rows import merge_row
from sync.merge.show import shown, source_object
from sync.registration.input import RegisterSource
from sync.registration.inspection import SheetInspection
from sync.registration.registrar import Registration
from sync.runs.rules import rules_of
from sync.sheets.mapping import SheetMapping
from sync.source import Reading, SourceReader, SourceRow

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
    """`of(wanted)`: the preview. `reader_of` gives what may only read."""

    pool: Pool
    registration: Registration
    reader_of: Callable[[Source], SourceReader]

    async def of(self, wanted: RegisterSource) -> Preview:
        """Looks at the source, and where it would adopt a table compares both, by key, as a first run would."""
        draft = await self.registration.draft(wanted)
        counts, problems = Counts() if wanted.adopt else Counts(only_in_source=draft.rows), list(draft.problems)
        rows = [] if draft.sheet is None else sample(draft.sheet, draft.columns)
        if draft.source is not None and (wanted.adopt or draft.secrets is not None):
            try:
                reading = await self._read(draft.source, draft.secrets)
                rows = rows or [_row(draft.source, row, reading) for row in reading.rows[:SAMPLE]]
                counts = await self._compare(draft.source, reading) if wanted.adopt else counts
            except SourceUnreachable as error:
                problems.append(str(error))
        return Preview(draft.columns, draft.key, rows, draft.rows, counts, problems)

    async def _read(self, source: Source, secrets: FeedSecrets | None) -> Reading:
        if secrets is not None:
            return await self.registration.access.read_feed(source, secrets)
        # One that is held is read without the ids and marks that a reading may leave in a sheet.
        return await self.reader_of(replace(source, state=SourceState.HELD)).read()

    async def _compare(self, source: Source, reading: Reading) -> Counts:
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


def _row(source: Source, row: SourceRow, reading: Reading) -> WireRow:
    rules = rules_of(source, reading, frozenset(), first=True)
    key = zip(rules.key, key_values(row.key), strict=True)
    return {**{column.name: to_wire(column.type, text) for column, text in key}, **source_object(rules, row)}
