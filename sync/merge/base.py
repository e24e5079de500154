"""What counts as the base of a row, given the writes to the source that were begun and maybe never answered. Pure.

A source that shows what such a write wrote was not edited by a person: the write arrived, and its images are the base.
"""

from dataclasses import dataclass, replace

from db.base import Intent, IntentKind, SourceImage, TableImage
from db.sources import Column
from sync.merge.plan import RowState, Rules
from sync.source import Cell, SourceRow


@dataclass(frozen=True, slots=True)
class Base:
    """The images to compare with, None where a side did not have the row, and the writes that may still arrive.

    `absent`: the row was kept when the source had it no more.
    """

    source: SourceImage | None
    table: TableImage | None
    pending: tuple[Intent, ...]
    absent: bool = False

    def cell(self, column: Column) -> tuple[bool, Cell, str | None]:
        """Whether the column was ever settled, and its cell and text."""
        name = column.name
        if self.source is None or self.table is None or name not in self.source or name not in self.table:
            return False, None, None
        return True, self.source[name], self.table[name]


def effective_base(state: RowState, rules: Rules) -> Base:
    """The base of a row, with the writes that the reading shows to have arrived taken in."""
    stored = state.base
    if stored is None:
        return Base(None, None, ())
    if state.source is None:
        last = stored.pending[-1].kind if stored.pending else None
        if last is IntentKind.DELETE:
            return Base(None, None, ())
        return Base(stored.source_image, stored.table_image, stored.pending, stored.absent)
    if stored.absent and state.table is None:
        # It is back, and was deleted from the table while it was away: that was the table's row alone.
        return Base(None, None, ())
    source, table = stored.source_image, stored.table_image
    if source is None and (insert := _last_insert(stored.pending)) is not None:
        source, table = insert.cells, insert.texts
    return _with_arrived_cells(Base(source, table, stored.pending), state.source, rules)


def remaining(pending: tuple[Intent, ...], shows: SourceImage | None, rules: Rules) -> tuple[Intent, ...]:
    """The writes of `pending` that a source which shows this has not had yet."""
    return tuple(intent for intent in pending if not _arrived(intent, shows, rules))


def _last_insert(pending: tuple[Intent, ...]) -> Intent | None:
    return next((intent for intent in reversed(pending) if intent.kind is IntentKind.INSERT), None)


def _with_arrived_cells(base: Base, row: SourceRow, rules: Rules) -> Base:
    left = remaining(base.pending, row.cells, rules)
    if base.source is None or base.table is None or not base.pending:
        return replace(base, pending=left)
    source, table = dict(base.source), dict(base.table)
    for column in rules.columns:
        name = column.name
        cell = row.cells.get(name)
        if name in row.errors or (name in source and rules.mapping.unchanged(cell, source[name])):
            continue
        for intent in reversed(base.pending):
            if name in intent.cells and rules.mapping.same(column, cell, intent.cells[name]):
                source[name], table[name] = cell, intent.texts.get(name)
                break
    return Base(source, table, left)


def _arrived(intent: Intent, shows: SourceImage | None, rules: Rules) -> bool:
    if intent.kind is IntentKind.DELETE or shows is None:
        return intent.kind is IntentKind.DELETE and shows is None
    return all(
        rules.mapping.same(column, shows.get(column.name), intent.cells[column.name])
        for column in rules.columns
        if column.name in intent.cells
    )
