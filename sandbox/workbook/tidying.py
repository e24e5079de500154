"""Tidying a range up: splitting texts, trimming them, removing rows that repeat, another order of rows."""

from collections.abc import Callable, Sequence
from dataclasses import replace

from sandbox.workbook.a1 import Area
from sandbox.workbook.cells import EMPTY, Cell, CellError, Effective
from sandbox.workbook.errors import InvalidArgument
from sandbox.workbook.formulas import moved
from sandbox.workbook.sheet import Sheet

Value = Callable[[Sheet, int, int, Cell], Effective]
_LIKELY = (",", ";", "\t", "|", " ")


def likely_delimiter(sheet: Sheet, area: Area) -> str:
    """The delimiter that most of the texts have, a comma where none has any."""
    texts = [text for _, text in _texts(sheet, area)]
    return max(_LIKELY, key=lambda one: (sum(one in text for text in texts), -_LIKELY.index(one)))


def split(sheet: Sheet, area: Area, delimiter: str) -> dict[int, list[str]]:
    """The parts of each text of a column, by row."""
    return {row: [part.strip() for part in text.split(delimiter)] for row, text in _texts(sheet, area)}


def trim(sheet: Sheet, area: Area) -> int:
    """Takes needless spaces out of texts; how many cells changed. Formulas stay."""
    changed = 0
    for row in range(area.top, area.bottom):
        cells = {}
        for column, cell in sheet.rows[row].cells.items():
            if area.left <= column < area.right and isinstance(cell.value, str):
                text = " ".join(cell.value.split())
                if text != cell.value:
                    cells[column] = replace(cell, value=text or None)
        if cells:
            sheet.put(row, cells)
            changed += len(cells)
    return changed


def remove_duplicates(sheet: Sheet, area: Area, columns: set[int], value: Value) -> int:
    """Removes rows that have what an earlier one has in these columns, in any case of letters; how many went."""
    seen: set[tuple[object, ...]] = set()
    kept = []
    for row in range(area.top, area.bottom):
        key = tuple(_key(value(sheet, row, column, sheet.cell(row, column))) for column in sorted(columns))
        if key not in seen or all(part is None for _, part in key):
            kept.append(row)
        seen.add(key)
    removed = area.height - len(kept)
    if removed:
        reorder(sheet, area, kept)
    return removed


def reorder(sheet: Sheet, area: Area, order: Sequence[int]) -> None:
    """Puts the rows of the area in that order; below the last one the area is empty. Formulas' references go along.

    Raises:
        InvalidArgument: the area has merged cells.
    """
    if any(merged.meets(area) for merged in sheet.merges):
        raise InvalidArgument("You can't change the order of a range with merged cells.")
    old = {row: sheet.rows[row] for row in range(area.top, area.bottom)}
    columns = range(area.left, area.right)
    for place in range(area.height):
        row = area.top + place
        if place >= len(order):
            sheet.put(row, dict.fromkeys(columns, EMPTY))
            continue
        source = order[place]
        cells = {column: old[source].cell(column) for column in columns}
        sheet.put(row, {column: _moved(cell, row - source) for column, cell in cells.items()})


def _moved(cell: Cell, by: int) -> Cell:
    return cell if cell.formula is None else replace(cell, formula=moved(cell.formula, by, 0))


def _texts(sheet: Sheet, area: Area) -> list[tuple[int, str]]:
    found = ((row, sheet.cell(row, area.left).value) for row in range(area.top, area.bottom))
    return [(row, value) for row, value in found if isinstance(value, str)]


def _key(value: Effective) -> tuple[str, object]:
    if isinstance(value, str):
        return "text", value.casefold() or None
    if isinstance(value, CellError):
        return "error", value.text
    # To Python 1 is True, to a sheet it isn't.
    return type(value).__name__, value
