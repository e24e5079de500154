"""Rows and cells as people see them in conflicts and failures: wire values. Pure."""

from collections.abc import Iterable, Mapping

from db.changes import WireRow, WireValue
from db.sources import Column
from db.wire import to_wire
from sync.merge.plan import Rules
from sync.source import Cell, SourceRow
from sync.values.cell_mapping import CellMapping, Unfit


def shown(column: Column, cell: Cell, mapping: CellMapping) -> WireValue:
    """A cell's wire value, or the cell as it is where the column can't take it."""
    try:
        return to_wire(column.type, mapping.to_text(column, cell))
    except Unfit:
        # JSON in Postgres takes neither NUL nor half a surrogate pair.
        return cell.encode("utf-8", "backslashreplace").decode().replace("\0", "\\0") if isinstance(cell, str) else cell


def table_object(columns: Iterable[Column], texts: Mapping[str, str | None]) -> WireRow:
    """A row of the table, of the columns that `texts` has."""
    return {column.name: to_wire(column.type, texts[column.name]) for column in columns if column.name in texts}


def source_object(rules: Rules, row: SourceRow) -> WireRow:
    """A row of the source; an error cell is what it shows."""
    return {
        column.name: row.errors.get(column.name) or shown(column, row.cells.get(column.name), rules.mapping)
        for column in rules.columns
    }
