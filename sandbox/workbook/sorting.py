"""Sorting rows of a range as Sheets does: numbers before text before booleans, errors, and empty cells last."""

from collections.abc import Callable, Sequence
from dataclasses import replace

from sandbox.workbook.a1 import Area
from sandbox.workbook.cells import EMPTY, Cell, CellError, Effective
from sandbox.workbook.errors import InvalidArgument
from sandbox.workbook.formulas import moved
from sandbox.workbook.sheet import Sheet

Value = Callable[[Sheet, int, int, Cell], Effective]


def sort_rows(sheet: Sheet, area: Area, keys: Sequence[tuple[int, bool]], value: Value) -> None:
    """Sorts by each (column, descending) in turn; equal rows keep their order. Formulas' references go along.

    Raises:
        InvalidArgument: the area has merged cells.
    """
    if any(merged.meets(area) for merged in sheet.merges):
        raise InvalidArgument("You can't sort a range with merged cells.")
    order = list(range(area.top, area.bottom))
    for column, descending in reversed(keys):
        filled: list[tuple[tuple[int, float | str] | None, int]] = []
        empty: list[tuple[None, int]] = []
        for row in order:
            key = _key(value(sheet, row, column, sheet.cell(row, column)))
            if key is None:
                empty.append((None, row))
            else:
                filled.append((key, row))
        # A reversed sort keeps equal rows in their order, too.
        filled.sort(key=lambda pair: pair[0] or (0, 0), reverse=descending)
        order = [row for _, row in filled + empty]
    old = [sheet.rows[row] for row in range(area.top, area.bottom)]
    if area.left == 0 and area.right == sheet.column_count:
        # Whole rows move as they are, so that what is known of a row stays with it.
        for place, row in enumerate(order):
            sheet.rows[area.top + place] = old[row - area.top]
    for place, row in enumerate(order):
        source = old[row - area.top]
        by = area.top + place - row
        cells = {c: source.cells.get(c, EMPTY) for c in range(area.left, area.right)}
        if by:
            cells = {c: _moved(cell, by) for c, cell in cells.items()}
        sheet.put(area.top + place, cells)


def _moved(cell: Cell, by: int) -> Cell:
    return cell if cell.formula is None else replace(cell, formula=moved(cell.formula, by, 0))


def _key(value: Effective) -> tuple[int, float | str] | None:
    if value is None or value == "":
        return None
    if isinstance(value, CellError):
        return 3, value.text
    if isinstance(value, bool):
        return 2, float(value)
    if isinstance(value, str):
        return 1, value.casefold()
    return 0, value
