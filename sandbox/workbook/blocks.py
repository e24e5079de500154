"""Inserting and deleting cells within a sheet: those beside or below shift over, the rest of the sheet stays."""

from collections.abc import Callable
from dataclasses import replace

from sandbox.workbook import merging
from sandbox.workbook.a1 import Area
from sandbox.workbook.cells import EMPTY, Cell
from sandbox.workbook.errors import InvalidArgument
from sandbox.workbook.formulas import shifted
from sandbox.workbook.sheet import Sheet
from sandbox.workbook.shifts import Deleted, Dimension, Inserted, Shift
from sandbox.workbook.spreadsheet import Spreadsheet
from sandbox.workbook.structure import follow_band, rewrite_formulas


def insert(spreadsheet: Spreadsheet, sheet: Sheet, area: Area, dimension: Dimension) -> None:
    """Makes room for empty cells there: by ROWS what is there goes down, by COLUMNS to the right. The grid grows where
    filled cells would leave it.

    Raises:
        InvalidArgument: a merge is cut, or the grid grows too large.
    """
    down = dimension is Dimension.ROWS
    strip = replace(area, bottom=sheet.row_count) if down else replace(area, right=sheet.column_count)
    used = sheet.used(strip)
    if down:
        sheet.resize(max(sheet.row_count, used.bottom + area.height), sheet.column_count)
    else:
        sheet.resize(sheet.row_count, max(sheet.column_count, used.right + area.width))
    spreadsheet.check_size()
    strip = replace(area, bottom=sheet.row_count) if down else replace(area, right=sheet.column_count)
    shift = Inserted(area.top, area.height) if down else Inserted(area.left, area.width)
    _follow(spreadsheet, sheet, strip, dimension, shift)
    by = area.height if down else area.width
    _rearrange(sheet, strip, dimension, lambda index, start: index - by if index - by >= start else None)


def delete(spreadsheet: Spreadsheet, sheet: Sheet, area: Area, dimension: Dimension) -> None:
    """Takes the cells out: by ROWS those below come up, by COLUMNS those to the right come over.

    Raises:
        InvalidArgument: a merge is cut.
    """
    down = dimension is Dimension.ROWS
    strip = replace(area, bottom=sheet.row_count) if down else replace(area, right=sheet.column_count)
    end = strip.bottom if down else strip.right
    by = area.height if down else area.width
    shift = Deleted(area.top, area.bottom) if down else Deleted(area.left, area.right)
    _follow(spreadsheet, sheet, strip, dimension, shift)
    _rearrange(sheet, strip, dimension, lambda index, _: index + by if index + by < end else None)


def _follow(spreadsheet: Spreadsheet, sheet: Sheet, strip: Area, dimension: Dimension, shift: Shift) -> None:
    band = (strip.left, strip.right) if dimension is Dimension.ROWS else (strip.top, strip.bottom)
    if any(merged.meets(strip) and not merging.within(merged, strip) for merged in sheet.merges):
        raise InvalidArgument("You can't shift cells through a part of a merged range.")
    kept = [
        merging.shifted_area(merged, dimension, shift) if merged.meets(strip) else merged for merged in sheet.merges
    ]
    sheet.merges = tuple(area for area in kept if area is not None and area.height * area.width > 1)
    rewrite_formulas(spreadsheet, lambda home, text: shifted(text, home, sheet.title, dimension, shift, band))
    follow_band(spreadsheet, sheet, dimension, shift, band)


def _rearrange(sheet: Sheet, strip: Area, dimension: Dimension, source: Callable[[int, int], int | None]) -> None:
    """Each cell of the strip becomes the one that `source` names along the dimension; None: an empty one."""
    old = [sheet.rows[row] for row in range(strip.top, strip.bottom)]
    merges, sheet.merges = sheet.merges, ()  # they are where they will be, the cells not yet
    for row in range(strip.top, strip.bottom):
        cells: dict[int, Cell] = {}
        for column in range(strip.left, strip.right):
            if dimension is Dimension.ROWS:
                line = source(row, strip.top)
                cells[column] = EMPTY if line is None else old[line - strip.top].cell(column)
            else:
                line = source(column, strip.left)
                cells[column] = EMPTY if line is None else old[row - strip.top].cell(line)
        sheet.put(row, cells)
    sheet.merges = merges
