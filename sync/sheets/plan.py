"""What of the edits is to be written where, given how the sheet is right now. Pure.

An edit whose cells already read as it wants them is settled: so a write whose answer was lost isn't made twice.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from sync.sheets.grid import Grid, same_cell
from sync.sheets.rows import Located, Rows
from sync.source import Cell, Edit, Problem, SourceRow, Written
from sync.values.mapping import MAX_CELL_CHARACTERS

MAX_CELLS: Final = 10_000_000
"""Google's limit for a spreadsheet."""


@dataclass(frozen=True, slots=True)
class CellWrite:
    """Put `value` into the row of `key`, which is the grid's row `index`."""

    key: str
    name: str
    index: int
    place: int
    value: Cell


@dataclass(frozen=True, slots=True)
class UpdatePlan:
    """`settled` are the edits that need no call (moved on, already so, refused whole); `problems` of the others."""

    writes: Sequence[CellWrite]
    settled: Sequence[Written]
    problems: Mapping[str, Sequence[Problem]]


@dataclass(frozen=True, slots=True)
class StructurePlan:
    """Rows to insert, in the given order, and the keys to delete with the grid's row of each."""

    inserts: Sequence[Edit]
    deletes: Mapping[str, int]
    settled: Sequence[Written]


def plan_updates(rows: Rows, edits: Sequence[Edit]) -> UpdatePlan:
    """The cells that the updates change."""
    writes: list[CellWrite] = []
    settled: list[Written] = []
    problems: dict[str, Sequence[Problem]] = {}
    for edit in edits:
        located = rows.by_key.get(edit.key)
        if located is None or moved_on(edit, located.row):
            settled.append(Written(edit.key, located.row if located else None, moved_on=True))
            continue
        cells, refused = _cells_of(edit, located, rows.bound.places)
        if cells:
            writes.extend(cells)
            problems[edit.key] = refused
        else:
            settled.append(Written(edit.key, located.row, refused))
    return UpdatePlan(writes, settled, problems)


def _cells_of(edit: Edit, located: Located, places: Mapping[str, int]) -> tuple[list[CellWrite], list[Problem]]:
    assert edit.cells is not None
    cells: list[CellWrite] = []
    problems: list[Problem] = []
    row = located.row
    for name, value in edit.cells.items():
        if name not in row.errors and same_cell(row.cells.get(name), value):
            continue
        if (problem := _refusal(row, edit.key, name, value)) is not None:
            problems.append(problem)
        else:
            cells.append(CellWrite(edit.key, name, located.index, places[name], value))
    return cells, problems


def _refusal(row: SourceRow, key: str, name: str, value: Cell) -> Problem | None:
    address = row.addresses[name]
    if name in row.merged:
        message = f"{address} is merged into another cell, which alone holds a value: unmerge it."
        return Problem("MERGED_CELL", message, address, name, key, value)
    if name in row.formulas:
        message = f"{address} is a formula: it is never overwritten. Change the formula in the sheet instead."
        return Problem("FORMULA_CELL", message, address, name, key, value)
    return too_long(key, name, value, address)


def too_long(key: str, name: str, value: Cell, address: str | None) -> Problem | None:
    """The problem of a text that no cell can hold."""
    if not isinstance(value, str) or len(value) <= MAX_CELL_CHARACTERS:
        return None
    message = f"A cell holds {MAX_CELL_CHARACTERS:,} characters at most, and this has {len(value):,}: shorten it."
    return Problem("CELL_TOO_LONG", message, address, name, key)


def plan_rows(rows: Rows, edits: Sequence[Edit]) -> StructurePlan:
    """The rows to insert and to delete."""
    inserts: list[Edit] = []
    deletes: dict[str, int] = {}
    settled: list[Written] = []
    for edit in edits:
        located = rows.by_key.get(edit.key)
        if edit.cells is None:
            if located is not None and not moved_on(edit, located.row):
                deletes[edit.key] = located.index
            else:
                gone = located is None and edit.key not in rows.repeated
                settled.append(Written(edit.key, located.row if located else None, moved_on=not gone))
        elif located is not None:
            settled.append(Written(edit.key, located.row, moved_on=not _reads_as(edit.cells, located.row)))
        elif edit.key in rows.repeated:
            settled.append(Written(edit.key, None, moved_on=True))
        elif problems := [
            problem for name, value in edit.cells.items() if (problem := too_long(edit.key, name, value, None))
        ]:
            settled.append(Written(edit.key, None, problems))
        else:
            inserts.append(edit)
    fitting = max(0, MAX_CELLS // max(rows.grid.column_count, 1) - rows.grid.row_count)
    settled.extend(Written(edit.key, None, [sheet_full(edit.key, rows.grid)]) for edit in inserts[fitting:])
    return StructurePlan(inserts[:fitting], deletes, settled)


def sheet_full(key: str, grid: Grid) -> Problem:
    """The problem of a row that the spreadsheet has no room for."""
    message = (
        f"The spreadsheet has no room for another row of {grid.column_count} columns: it may have {MAX_CELLS:,} cells"
        f" in all its worksheets, empty ones too. Delete rows or columns that are not needed; “{grid.title}” has"
        f" {grid.row_count:,} rows."
    )
    return Problem("SHEET_FULL", message, grid.title, None, key)


def moved_on(edit: Edit, row: SourceRow) -> bool:
    """Whether somebody changed a cell of the row since the edit was planned, other than to what the edit wants."""
    wanted = edit.cells or {}
    return any(
        name in row.errors
        or not (
            same_cell(row.cells.get(name), expected)
            or (name in wanted and same_cell(row.cells.get(name), wanted[name]))
        )
        for name, expected in edit.expected.items()
        if name not in row.formulas
    )


def _reads_as(cells: Mapping[str, Cell], row: SourceRow) -> bool:
    return all(
        name in row.formulas or (name not in row.errors and same_cell(row.cells.get(name), value))
        for name, value in cells.items()
    )
