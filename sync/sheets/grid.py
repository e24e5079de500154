"""A worksheet as one answer of Google shows it. Pure.

Rows and columns count from 0 here and in everything that handles a grid; what people read is A1.
"""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from sync.source import Cell

Place = tuple[int, int]
"""(row, column)."""


@dataclass(frozen=True, slots=True)
class Grid:
    """One worksheet. `values` are the cells as shown (rows may be of unequal length), None where empty or an error.

    `computed` has the formulas as entered, "" for a cell that a formula elsewhere fills. `errors` has what is shown
    instead of a value. `formats` is filled only where it was asked for. `tags` has the column of each developer
    metadata of ours, by its id. `covered` has by row the spans (first column, end) of cells that are merged into
    another: they hold nothing, and what is written there is lost.
    """

    title: str
    sheet_id: int
    row_count: int
    column_count: int
    zone: str
    values: Sequence[Sequence[Cell]]
    computed: Mapping[Place, str]
    errors: Mapping[Place, str]
    formats: Mapping[Place, str]
    tags: Mapping[int, int] = field(default_factory=dict)
    covered: Mapping[int, Sequence[tuple[int, int]]] = field(default_factory=dict)

    def value(self, row: int, column: int) -> Cell:
        """The value at a place; None beyond what is filled."""
        cells = self.values[row] if 0 <= row < len(self.values) else ()
        return cells[column] if column < len(cells) else None

    def row(self, row: int) -> Sequence[Cell]:
        """The values of a row, without those empty at its end."""
        return self.values[row] if 0 <= row < len(self.values) else ()

    def is_covered(self, row: int, column: int) -> bool:
        """Whether the cell is merged into another one."""
        return any(start <= column < end for start, end in self.covered.get(row, ()))

    def address(self, row: int, column: int | None = None) -> str:
        """For people: `customers!B7`, of a whole row `customers!7:7`."""
        name = self.title if re.fullmatch(r"[A-Za-z_][A-Za-z0-9_]*", self.title) else quote_title(self.title)
        return f"{name}!{row + 1}:{row + 1}" if column is None else f"{name}!{column_letters(column)}{row + 1}"


def same_cell(one: Cell, other: Cell) -> bool:
    """Whether two cells are the same; a boolean is no number, and an empty text is an empty cell."""
    if isinstance(one, bool) != isinstance(other, bool):
        return False
    return one == other or (not one and not other and one in (None, "") and other in (None, ""))


def known(cell: Cell) -> object:
    """What a cell is looked up by: equal for the same cells."""
    return None if cell in (None, "") else (isinstance(cell, bool), cell)


def header_text(cell: Cell) -> str:
    """The text of a header cell, as it is shown, without blanks around it."""
    if isinstance(cell, bool):
        return str(cell).upper()
    if isinstance(cell, float):
        return str(int(cell)) if cell.is_integer() else repr(cell)
    return (cell or "").strip()


def quote_title(title: str) -> str:
    """A worksheet's title as A1 notation needs it: always quoted, so that no title reads as a cell."""
    return "'" + title.replace("'", "''") + "'"


def column_letters(column: int) -> str:
    """The letters of a column.

    >>> column_letters(0), column_letters(26)
    ('A', 'AA')
    """
    letters = ""
    number = column + 1
    while number:
        number, rest = divmod(number - 1, 26)
        letters = chr(ord("A") + rest) + letters
    return letters
