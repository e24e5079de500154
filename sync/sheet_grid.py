"""A worksheet as one answer of Google's `spreadsheets.get` shows it. Pure: JSON in, a grid out.

Rows and columns count from 0 here and in everything that handles a grid; what people read is A1.
"""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from sync.source import Cell

Place = tuple[int, int]
"""(row, column)."""

VALUES_MASK: Final = "userEnteredValue,effectiveValue"
FORMATS_MASK: Final = f"{VALUES_MASK},effectiveFormat/numberFormat/type"

_ERRORS: Final[Mapping[str, str]] = {
    "DIVIDE_BY_ZERO": "#DIV/0!",
    "N_A": "#N/A",
    "NAME": "#NAME?",
    "NULL_VALUE": "#NULL!",
    "NUM": "#NUM!",
    "REF": "#REF!",
    "VALUE": "#VALUE!",
    "LOADING": "Loading...",
}


@dataclass(frozen=True, slots=True)
class Grid:
    """One worksheet. `values` are the cells as shown (rows may be of unequal length), None where empty or an error.

    `computed` has the formulas as entered, "" for a cell that a formula elsewhere fills. `errors` has what is shown
    instead of a value. `formats` is filled only where it was asked for.
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

    def value(self, row: int, column: int) -> Cell:
        """The value at a place; None beyond what is filled."""
        cells = self.values[row] if 0 <= row < len(self.values) else ()
        return cells[column] if column < len(cells) else None

    def row(self, row: int) -> Sequence[Cell]:
        """The values of a row, without those empty at its end."""
        return self.values[row] if 0 <= row < len(self.values) else ()

    def address(self, row: int, column: int | None = None) -> str:
        """For people: `customers!B7`, of a whole row `customers!7:7`."""
        name = self.title if re.fullmatch(r"[A-Za-z_][A-Za-z0-9_]*", self.title) else quote_title(self.title)
        return f"{name}!{row + 1}:{row + 1}" if column is None else f"{name}!{column_letters(column)}{row + 1}"


def parse_grid(answer: Mapping[str, Any], sheet_id: int) -> Grid | None:
    """The worksheet of that id in an answer to `spreadsheets.get` for one range; None if it is not in there."""
    for sheet in answer.get("sheets", ()):
        properties = sheet["properties"]
        if properties.get("sheetId", 0) == sheet_id:
            return _parse_sheet(sheet, answer["properties"].get("timeZone", "UTC"))
    return None


def _parse_sheet(sheet: Mapping[str, Any], zone: str) -> Grid:
    properties = sheet["properties"]
    values: list[list[Cell]] = []
    computed: dict[Place, str] = {}
    errors: dict[Place, str] = {}
    formats: dict[Place, str] = {}
    for block in sheet.get("data", ()):
        first_row, first_column = block.get("startRow", 0), block.get("startColumn", 0)
        for row, row_data in enumerate(block.get("rowData", ()), first_row):
            cells: list[Cell] = [None] * first_column
            for column, cell in enumerate(row_data.get("values", ()), first_column):
                cells.append(_parse_cell(cell, (row, column), computed, errors, formats))
            values.extend([] for _ in range(row - len(values)))
            values.append(cells)
    size = properties["gridProperties"]
    return Grid(
        title=properties["title"],
        sheet_id=properties.get("sheetId", 0),
        row_count=size.get("rowCount", 0),
        column_count=size.get("columnCount", 0),
        zone=zone,
        values=[_trimmed(row) for row in values],
        computed=computed,
        errors=errors,
        formats=formats,
    )


def _parse_cell(
    cell: Mapping[str, Any],
    place: Place,
    computed: dict[Place, str],
    errors: dict[Place, str],
    formats: dict[Place, str],
) -> Cell:
    if not cell:
        return None
    if "effectiveFormat" in cell:
        formats[place] = cell["effectiveFormat"].get("numberFormat", {}).get("type", "")
    entered = cell.get("userEnteredValue") or {}
    shown = cell.get("effectiveValue") or {}
    if "formulaValue" in entered:
        computed[place] = entered["formulaValue"]
    elif shown and not entered:
        computed[place] = ""
    if "errorValue" in shown:
        error = shown["errorValue"]
        sign = _ERRORS.get(error.get("type", ""), "#ERROR!")
        errors[place] = f"{sign} {error['message']}" if error.get("message") else sign
        return None
    return _value_of(shown)


def _value_of(shown: Mapping[str, Any]) -> Cell:
    if "numberValue" in shown:
        return float(shown["numberValue"])
    if "stringValue" in shown:
        return str(shown["stringValue"])
    if "boolValue" in shown:
        return bool(shown["boolValue"])
    return None


def _trimmed(cells: list[Cell]) -> list[Cell]:
    while cells and cells[-1] is None:
        cells.pop()
    return cells


def same_cell(one: Cell, other: Cell) -> bool:
    """Whether two cells are the same; a boolean is no number, and an empty text is an empty cell."""
    if isinstance(one, bool) != isinstance(other, bool):
        return False
    return one == other or (not one and not other and one in (None, "") and other in (None, ""))


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
