"""Formulas that fill other cells than their own, and which cells those are. Pure.

A value written into such a cell would block the whole formula. Cells that it fills now are seen, for they show what
nobody entered. One that reads whole columns (`B2:B`) also fills every row that will come: all below it is its own.
"""

import re
from collections.abc import Mapping
from typing import Final

from sync.sheets.grid import Grid

# Functions whose result has a row for each row that they read.
_ARRAY: Final = re.compile(r"\b(ARRAYFORMULA|MAP|BYROW|SCAN)\(", re.IGNORECASE)
_OPEN_RANGE: Final = re.compile(r"\$?[A-Z]{1,3}\$?[0-9]*:\$?[A-Z]{1,3}(?![A-Z0-9$(])", re.IGNORECASE)


def is_array(formula: str) -> bool:
    """Whether a formula fills other cells, so that no copy of it may stand in another row."""
    return _ARRAY.search(formula) is not None


def open_arrays(grid: Grid) -> Mapping[int, int]:
    """The columns that an array formula fills to the end of the sheet, with the formula's row."""
    found: dict[int, int] = {}
    for (row, column), formula in grid.computed.items():
        if is_array(formula) and _OPEN_RANGE.search(formula):
            found[column] = min(row, found.get(column, row))
    return found


def filled_by_array(arrays: Mapping[int, int], grid: Grid, row: int, column: int) -> bool:
    """Whether an empty cell is one that a formula above it fills; `arrays` are the grid's `open_arrays`."""
    return column in arrays and row > arrays[column] and grid.value(row, column) in (None, "")
