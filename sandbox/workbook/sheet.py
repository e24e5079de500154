"""A sheet: rows of cells, and what is known of each row and column.

Rows are frozen and shared between versions of a sheet: a change replaces the rows that it touches. So a copy of a
sheet costs a list, a failed batch is dropped by dropping the copy, and what must be saved is found by identity.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace

from sandbox.workbook.a1 import MAX_COLUMNS, Area
from sandbox.workbook.cells import EMPTY, Cell
from sandbox.workbook.conditions import Filter
from sandbox.workbook.errors import InvalidArgument
from sandbox.workbook.grouping import Group
from sandbox.workbook.rules import refers
from sandbox.workbook.shifts import Dimension, LineShift

DEFAULT_ROWS = 1000
DEFAULT_COLUMNS = 26
MAX_CELLS = 10_000_000


@dataclass(frozen=True, slots=True)
class Row:
    """The cells of one row by column. `uid` stays with the row wherever it moves; 0 for a row never touched.

    `filtered`: hidden by the sheet's filter. `formulas` and `rules` are the columns of formulas, and of data validation
    that names cells."""

    uid: int
    cells: Mapping[int, Cell]
    hidden: bool = False
    pixels: int | None = None
    filtered: bool = False
    formulas: tuple[int, ...] = field(init=False)
    rules: tuple[int, ...] = field(init=False)

    def __post_init__(self) -> None:
        formulas, rules = [], []
        for column, cell in self.cells.items():
            if cell.formula is not None:
                formulas.append(column)
            if cell.validation and refers(cell.validation):
                rules.append(column)
        object.__setattr__(self, "formulas", tuple(formulas))
        object.__setattr__(self, "rules", tuple(rules))

    def cell(self, column: int) -> Cell:
        return self.cells.get(column, EMPTY)


BLANK = Row(0, {})


@dataclass(frozen=True, slots=True)
class Column:
    """What is known of a column beside its cells."""

    hidden: bool = False
    pixels: int | None = None


PLAIN_COLUMN = Column()


@dataclass(slots=True)
class Sheet:
    """One worksheet. Rows and columns count from 0. `look` is JSON text of the properties that nothing depends on.

    `column_moves` grows whenever columns are inserted, deleted or moved: rows are known by their uid, columns aren't.
    `shifts`: what the edit that made this state inserted, deleted and moved, in that order.
    """

    sheet_id: int
    title: str
    rows: list[Row] = field(default_factory=lambda: [BLANK] * DEFAULT_ROWS)
    columns: list[Column] = field(default_factory=lambda: [PLAIN_COLUMN] * DEFAULT_COLUMNS)
    hidden: bool = False
    frozen_rows: int = 0
    frozen_columns: int = 0
    look: str = ""
    next_uid: int = 1
    merges: tuple[Area, ...] = ()
    filter: Filter | None = None
    groups: tuple[Group, ...] = ()
    column_moves: int = 0
    shifts: list[LineShift] = field(default_factory=list)

    def copy(self) -> "Sheet":
        """A sheet of its own that shares the rows."""
        return replace(self, rows=list(self.rows), columns=list(self.columns), shifts=[])

    @property
    def row_count(self) -> int:
        return len(self.rows)

    @property
    def column_count(self) -> int:
        return len(self.columns)

    def size(self, dimension: Dimension) -> int:
        return self.row_count if dimension is Dimension.ROWS else self.column_count

    @property
    def whole(self) -> Area:
        return Area(0, 0, self.row_count, self.column_count)

    def cell(self, row: int, column: int) -> Cell:
        return self.rows[row].cell(column)

    def put(self, row: int, cells: Mapping[int, Cell]) -> None:
        """Replaces these cells of one row; one that is EMPTY leaves the row, one within a merge holds nothing."""
        old = self.rows[row]
        for area in self.merges:
            if area.top <= row < area.bottom:
                cells = {column: _covered(area, row, column, cell) for column, cell in cells.items()}
        merged = {**old.cells, **cells}
        kept = {column: cell for column, cell in merged.items() if cell != EMPTY}
        # To Python 1 is True, to a sheet it isn't.
        if kept != old.cells or any(type(kept[c].value) is not type(old.cells[c].value) for c in cells if c in kept):
            self.replace_row(row, cells=kept)

    def is_covered(self, row: int, column: int) -> bool:
        """Whether the cell is merged into another, and so takes nothing."""
        return any(area.holds(row, column) and (row, column) != (area.top, area.left) for area in self.merges)

    def replace_row(
        self,
        row: int,
        cells: Mapping[int, Cell] | None = None,
        hidden: bool | None = None,
        pixels: int | None = None,
        filtered: bool | None = None,
    ) -> None:
        """A new row in the old one's place, with its uid; what is None stays."""
        old = self.rows[row]
        self.rows[row] = Row(
            old.uid or self.take_uid(),
            old.cells if cells is None else cells,
            old.hidden if hidden is None else hidden,
            old.pixels if pixels is None else pixels,
            old.filtered if filtered is None else filtered,
        )

    def take_uid(self) -> int:
        uid = self.next_uid
        self.next_uid += 1
        return uid

    def used(self, area: Area) -> Area:
        """The part of the area up to the last row and column with content; empty where there is none."""
        bottom, right = area.top, area.left
        for index in range(area.top, min(area.bottom, self.row_count)):
            last = last_content(self.rows[index], area.left, area.right)
            if last is not None:
                bottom, right = index + 1, max(right, last + 1)
        return Area(area.top, area.left, bottom, right)

    def formula_cells(self) -> Iterator[tuple[int, int, str]]:
        """Row, column and text of every formula."""
        for index, row in enumerate(self.rows):
            for column in row.formulas:
                formula = row.cells[column].formula
                assert formula is not None
                yield index, column, formula

    def resize(self, rows: int, columns: int) -> None:
        """Grows or cuts the grid at its end; what is attached to cells stays.

        Raises:
            InvalidArgument: no rows or columns would be left, or too many.
        """
        check_size(rows, columns)
        cut = (replace(area, bottom=min(area.bottom, rows), right=min(area.right, columns)) for area in self.merges)
        self.merges = tuple(area for area in cut if area.height > 0 and area.width > 0 and area.height * area.width > 1)
        del self.rows[rows:]
        self.rows.extend([BLANK] * (rows - len(self.rows)))
        if columns < len(self.columns):
            for index, row in enumerate(self.rows):
                if any(column >= columns for column in row.cells):
                    self.replace_row(index, cells={c: cell for c, cell in row.cells.items() if c < columns})
        del self.columns[columns:]
        self.columns.extend([PLAIN_COLUMN] * (columns - len(self.columns)))


def _covered(merged: Area, row: int, column: int, cell: Cell) -> Cell:
    """What is left of a cell: only the first of a merge has content."""
    if not merged.holds(row, column) or (row, column) == (merged.top, merged.left):
        return cell
    return replace(cell, value=None, formula=None)


def check_size(rows: int, columns: int) -> None:
    """Raises InvalidArgument where no sheet may be that large or small; asked before the cells are made."""
    if rows < 1 or columns < 1:
        raise InvalidArgument("You can't delete all the rows or columns on the sheet.")
    if columns > MAX_COLUMNS:
        raise InvalidArgument(f"A sheet can't have more than {MAX_COLUMNS} columns.")
    if rows * columns > MAX_CELLS:
        raise InvalidArgument(
            f"This action would increase the number of cells in the workbook above the limit of {MAX_CELLS} cells."
        )


def last_content(row: Row, left: int, right: int) -> int | None:
    """The last column of `left` to `right - 1` that holds something, or None."""
    if not row.cells:
        return None
    return max(
        (column for column, cell in row.cells.items() if left <= column < right and cell.has_content),
        default=None,
    )
