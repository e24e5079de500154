"""Copying and moving cells within a spreadsheet, as a person's clipboard does."""

from dataclasses import replace

from sandbox.workbook.a1 import Area
from sandbox.workbook.cells import EMPTY, Cell
from sandbox.workbook.formulas import moved
from sandbox.workbook.rules import moved_rule
from sandbox.workbook.sheet import Sheet


def copy_cells(source_sheet: Sheet, source: Area, sheet: Sheet, target: Area) -> None:
    """Copies the source again and again until the target is full; relative references go along."""
    block = _block(source_sheet, source)
    for row in range(target.top, target.bottom):
        cells: dict[int, Cell] = {}
        for column in range(target.left, target.right):
            down, right = (row - target.top) % source.height, (column - target.left) % source.width
            rows, columns = row - source.top - down, column - source.left - right
            cells[column] = referring(block[down][right], rows, columns)
        sheet.put(row, cells)


def move_cells(source_sheet: Sheet, source: Area, sheet: Sheet, top: int, left: int) -> None:
    """Moves cells as they are; formulas keep what they read."""
    block = _block(source_sheet, source)
    for row in range(source.top, source.bottom):
        source_sheet.put(row, dict.fromkeys(range(source.left, source.right), EMPTY))
    for offset, cells in enumerate(block):
        sheet.put(top + offset, {left + step: cell for step, cell in enumerate(cells)})


def _block(sheet: Sheet, area: Area) -> list[list[Cell]]:
    return [
        [sheet.cell(row, column) for column in range(area.left, area.right)] for row in range(area.top, area.bottom)
    ]


def referring(cell: Cell, rows: int, columns: int) -> Cell:
    """The cell as if copied that many rows down and columns right: what its formula and its rule name goes along."""
    if cell.formula is not None:
        cell = replace(cell, formula=moved(cell.formula, rows, columns))
    return replace(cell, validation=moved_rule(cell.validation, rows, columns)) if cell.validation else cell
