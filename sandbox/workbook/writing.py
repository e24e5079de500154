"""Values into cells: what a person types, and what a program writes."""

from collections.abc import Sequence
from dataclasses import dataclass, replace

from sandbox.workbook.a1 import Area
from sandbox.workbook.cells import Cell, Scalar, checked_text
from sandbox.workbook.display import exact, show
from sandbox.workbook.entry import AMERICAN, Entry, Typing, parse_entry
from sandbox.workbook.locales import EN_US, Locale
from sandbox.workbook.notation import localized
from sandbox.workbook.number_format import NumberFormat
from sandbox.workbook.sheet import BLANK, Row, Sheet, last_content

_SOME_YEAR = 2000  # one with a 29 February: whether a text would be taken for a date, whichever


@dataclass(frozen=True, slots=True)
class Written:
    """Which cells a write set; what was skipped by null, or lost within a merge, isn't counted."""

    rows: int
    columns: int
    cells: int


def write_block(
    sheet: Sheet,
    top: int,
    left: int,
    block: Sequence[Sequence[Scalar | None]],
    user_entered: bool,
    typing: Typing = AMERICAN,
) -> Written:
    """Writes a block whose first value goes to `top`, `left`. None leaves a cell as it is, `""` clears it.

    Raises:
        InvalidArgument: a text is too long.
    """
    rows: set[int] = set()
    columns: set[int] = set()
    count = 0
    for offset, values in enumerate(block):
        cells: dict[int, Cell] = {}
        for step, value in enumerate(values):
            if value is not None and not sheet.is_covered(top + offset, left + step):
                cells[left + step] = entered(sheet.cell(top + offset, left + step), value, user_entered, typing)
        if cells:
            sheet.put(top + offset, cells)
            rows.add(top + offset)
            columns |= cells.keys()
            count += len(cells)
    return Written(len(rows), len(columns), count)


def entered(cell: Cell, value: Scalar, user_entered: bool, typing: Typing = AMERICAN) -> Cell:
    """The cell after that value was written; RAW keeps a text as it is, `=` included."""
    if not isinstance(value, str):
        return replace(cell, value=value, formula=None)
    if not user_entered:
        return replace(cell, value=checked_text(value) or None, formula=None)
    as_text = cell.number_format is not None and cell.number_format.kind == "TEXT"
    entry = parse_entry(value, as_text, typing)
    return replace(cell, value=entry.value, formula=entry.formula, number_format=_format_after(cell, entry))


def clear(sheet: Sheet, area: Area) -> None:
    """Takes values and formulas out of the cells; formats stay."""
    for index in range(area.top, area.bottom):
        row = sheet.rows[index]
        cells = {
            column: replace(cell, value=None, formula=None)
            for column, cell in row.cells.items()
            if area.left <= column < area.right and cell.has_content
        }
        if cells:
            sheet.put(index, cells)


def find_table(sheet: Sheet, area: Area) -> Area | None:
    """The table that `append` appends to: the block of filled cells around the last filled cell of the area's last
    filled row. A row `[x, "", y]` holds two tables, and the second one is found (as Google does)."""
    for index in range(area.bottom - 1, area.top - 1, -1):
        column = last_content(sheet.rows[index], area.left, area.right)
        if column is not None:
            return _grow(sheet, Area(index, column, index + 1, column + 1))
    return None


def ensure_rows(sheet: Sheet, count: int) -> None:
    """Adds rows at the end up to that many."""
    sheet.rows.extend([BLANK] * (count - sheet.row_count))


def _format_after(cell: Cell, entry: Entry) -> NumberFormat | None:
    """Typing a date or percentage brings its format along, unless the cell has a format of its own."""
    return cell.number_format or entry.number_format


def _grow(sheet: Sheet, area: Area) -> Area:
    """The block grown while a filled cell touches it, corners included."""
    while True:
        top, bottom = max(area.top - 1, 0), min(area.bottom + 1, sheet.row_count)
        left, right = max(area.left - 1, 0), min(area.right + 1, sheet.column_count)
        grown = Area(
            top if top < area.top and _filled(sheet.rows[top], left, right) else area.top,
            left if left < area.left and _column_filled(sheet, left, top, bottom) else area.left,
            bottom if bottom > area.bottom and _filled(sheet.rows[bottom - 1], left, right) else area.bottom,
            right if right > area.right and _column_filled(sheet, right - 1, top, bottom) else area.right,
        )
        if grown == area:
            return area
        area = grown


def _filled(row: Row, left: int, right: int) -> bool:
    return last_content(row, left, right) is not None


def _column_filled(sheet: Sheet, column: int, top: int, bottom: int) -> bool:
    return any(sheet.rows[index].cell(column).has_content for index in range(top, bottom))


def entered_text(cell: Cell, locale: Locale = EN_US) -> str:
    """What a person would type to get the cell's content back: formulas as such, numbers in their format."""
    typing = Typing(locale, _SOME_YEAR)
    if cell.formula is not None:
        return localized(cell.formula, locale)
    if isinstance(cell.value, str):
        looks_like_more = parse_entry(cell.value, typing=typing) != Entry(cell.value)
        is_text = cell.number_format is not None and cell.number_format.kind == "TEXT"
        return f"'{cell.value}" if looks_like_more and not is_text else cell.value
    if isinstance(cell.value, float):
        kind = cell.number_format.kind if cell.number_format else ""
        if kind in ("DATE", "TIME", "DATE_TIME", "PERCENT"):
            # As it is shown, unless that leaves something out, as a year.
            for number_format in (cell.number_format, NumberFormat(kind)):
                shown = show(cell.value, number_format, locale)
                if parse_entry(shown, typing=Typing(locale)).value == cell.value:
                    return shown
        return exact(cell.value).replace(".", locale.decimal)
    return show(cell.value, None, locale)
