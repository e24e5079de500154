"""What the sheet's page shows, as JSON: a window of rows, and what it must know of the whole sheet."""

from collections.abc import Mapping
from itertools import groupby

from sandbox.accounts import PERSON
from sandbox.drive import File
from sandbox.google.json_value import Json, JsonObject
from sandbox.looks import look
from sandbox.workbook.a1 import Area
from sandbox.workbook.calculation import Calculation
from sandbox.workbook.cells import Cell, CellError, Effective
from sandbox.workbook.display import show
from sandbox.workbook.locales import Locale
from sandbox.workbook.sheet import PLAIN_COLUMN, Row, Sheet
from sandbox.workbook.writing import entered_text

WINDOW = 2_000
"""Rows of one answer, at most."""


def window(file: File, sheet: Sheet, calculation: Calculation, first: int, end: int) -> JsonObject:
    """Rows `first` to `end - 1`, cut to the grid. A row is `[uid, {column: [shown, entered, kind, look]}]`; a
    cell without a look of its own has none."""
    used_rows, used_columns = _used(sheet)
    end = min(end, first + WINDOW, sheet.row_count)
    home = file.spreadsheet.home
    rows: list[Json] = [[sheet.rows[i].uid, _cells(sheet, calculation, i, home)] for i in range(first, end)]
    tabs: list[Json] = [{"id": one.sheet_id, "title": one.title} for one in file.spreadsheet.sheets if not one.hidden]
    columns: JsonObject = {
        str(index): {"hidden": column.hidden, "pixels": column.pixels}
        for index, column in enumerate(sheet.columns)
        if column != PLAIN_COLUMN
    }
    return {
        "title": file.name,
        "version": file.version,
        "tabs": tabs,
        "sheet": sheet.sheet_id,
        "rowCount": sheet.row_count,
        "columnCount": sheet.column_count,
        "usedRows": used_rows,
        "usedColumns": used_columns,
        "frozenRows": sheet.frozen_rows,
        "frozenColumns": sheet.frozen_columns,
        "columns": columns,
        "rowPixels": _row_pixels(sheet),
        "merges": [_corners(area) for area in sheet.merges],
        "hiddenRows": [index for index, row in enumerate(sheet.rows) if row.hidden or row.filtered],
        "locked": _locked(file, sheet),
        "first": first,
        "rows": rows,
    }


def _row_pixels(sheet: Sheet) -> list[Json]:
    """`[first, count, pixels]` of rows with a height of their own: runs, since whole sheets have one."""
    sized = [(index, row.pixels) for index, row in enumerate(sheet.rows) if row.pixels is not None]
    runs = groupby(enumerate(sized), lambda one: (one[1][0] - one[0], one[1][1]))
    return [[first[0], 1 + sum(1 for _ in run), first[1]] for _, run in runs for _, first in [next(run)]]


def _corners(area: Area) -> list[Json]:
    return [area.top, area.left, area.bottom, area.right]


def _used(sheet: Sheet) -> tuple[int, int]:
    """How many rows and columns reach up to the last content: `Sheet.used` for every window of a large sheet, so
    without a look into each cell."""
    rows = next((n for n in range(sheet.row_count, 0, -1) if _has_content(sheet.rows[n - 1])), 0)
    touched = set[int]().union(*(row.cells for row in sheet.rows if row.cells))
    column = next((c for c in sorted(touched, reverse=True) if any(row.cell(c).has_content for row in sheet.rows)), -1)
    return rows, column + 1


def _has_content(row: Row) -> bool:
    return any(cell.has_content for cell in row.cells.values())


def _cells(sheet: Sheet, calculation: Calculation, index: int, home: Locale) -> JsonObject:
    row, spilled = sheet.rows[index], calculation.spilled(sheet, index)
    return {
        str(column): _cell(row.cell(column), calculation.value(sheet, index, column, row.cell(column)), home)
        for column in sorted(row.cells.keys() | spilled.keys())
        if row.cell(column).has_content or column in spilled or look(row.cell(column).appearance)
    }


def _cell(cell: Cell, value: Effective, home: Locale) -> list[Json]:
    shown: list[Json] = [show(value, cell.shown_format, home), entered_text(cell, home), _kind(value)]
    appearance = look(cell.appearance)
    return [*shown, appearance] if appearance else shown


def _kind(value: Effective) -> str:
    """`text`, `number`, `boolean` or `error`: which side of the cell it keeps to, and in which colour."""
    kinds: Mapping[type, str] = {bool: "boolean", float: "number", CellError: "error"}
    return kinds.get(type(value), "text")


def _locked(file: File, sheet: Sheet) -> list[Json]:
    """`[top, left, bottom, right]` of what the person who types may not change."""
    if any(owner.who == PERSON for owner in file.owners()):
        return []
    areas = [
        one.area or sheet.whole
        for one in file.spreadsheet.protections.values()
        if not one.open_areas and one.refuses(PERSON, sheet.sheet_id, one.area or sheet.whole)
    ]
    return [_corners(area) for area in areas]
