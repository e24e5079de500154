"""What a person does in a spreadsheet: typing, and inserting, deleting and sorting rows. These edits fire triggers;
those of the API don't."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from sandbox.drive import Drive
from sandbox.faults import PersonEdit
from sandbox.google.document import Json
from sandbox.workbook import a1, structure, writing
from sandbox.workbook.a1 import Area
from sandbox.workbook.display import show
from sandbox.workbook.errors import InvalidArgument, NotFound
from sandbox.workbook.sheet import Sheet
from sandbox.workbook.shifts import Dimension
from sandbox.workbook.sorting import sort_rows


@dataclass(frozen=True, slots=True)
class Edited:
    """What an installable trigger is told. `value` and `old_value` only for a single cell, as at Google.

    `change` is EDIT, INSERT_ROW, REMOVE_ROW, INSERT_COLUMN, REMOVE_COLUMN or OTHER.
    """

    file_id: str
    change: str
    sheet_id: int
    sheet_title: str
    range: str
    value: str | None = None
    old_value: str | None = None


class Person:
    """Edits by hand. `tell` hears of each."""

    def __init__(self, drive: Drive, tell: Callable[[Edited], None]) -> None:
        self._drive = drive
        self._tell = tell

    def check(self, edit: PersonEdit) -> None:
        """Raises what `edit` would: no such spreadsheet or worksheet, a range that can't be read, no values."""
        self._sheet(edit.spreadsheet, edit.worksheet)
        where = a1.parse(edit.range)
        if where.title is not None:
            raise InvalidArgument(f"range must be cells of the worksheet, as 'B7' or 'B7:C9', not '{edit.range}'.")
        _check_block(edit.values)

    def edit(self, edit: PersonEdit) -> None:
        """Types values into cells; the grid grows where they don't fit.

        Raises:
            NotFound: no such spreadsheet or worksheet.
            InvalidArgument: the range can't be read, or a text is too long.
        """
        self.check(edit)
        sheet = self._sheet(edit.spreadsheet, edit.worksheet)
        where = a1.parse(edit.range)
        self.type_block(edit.spreadsheet, sheet.sheet_id, where.top or 0, where.left or 0, edit.values)

    def type_block(
        self, file_id: str, sheet_id: int, top: int, left: int, block: Sequence[Sequence[str | None]]
    ) -> None:
        """Types a block from a cell on; None leaves a cell as it is, an empty text clears it."""
        _check_block(block)
        area = Area(top, left, top + len(block), left + max(len(row) for row in block))
        single = area.height == 1 and area.width == 1
        old = self._shown(file_id, sheet_id, top, left) if single else None
        with self._drive.edit(file_id) as draft:
            sheet = draft.sheet(sheet_id)
            sheet.resize(max(sheet.row_count, area.bottom), max(sheet.column_count, area.right))
            draft.check_size()
            writing.write_block(sheet, top, left, block, user_entered=True)
        new = self._shown(file_id, sheet_id, top, left) if single else None
        self._tell(Edited(file_id, "EDIT", sheet_id, sheet.title, a1.area_name(area), new or None, old or None))

    def insert(self, file_id: str, sheet_id: int, dimension: Dimension, at: int, count: int) -> None:
        """Inserts rows or columns before `at`."""
        with self._drive.edit(file_id) as draft:
            sheet = draft.sheet(sheet_id)
            structure.insert(draft, sheet, dimension, at, count, inherit_before=at > 0)
        self._tell(Edited(file_id, f"INSERT_{_kind(dimension)}", sheet_id, sheet.title, _span(dimension, at, count)))

    def delete(self, file_id: str, sheet_id: int, dimension: Dimension, at: int, count: int) -> None:
        """Deletes rows or columns from `at` on."""
        with self._drive.edit(file_id) as draft:
            sheet = draft.sheet(sheet_id)
            structure.delete(draft, sheet, dimension, at, at + count)
        self._tell(Edited(file_id, f"REMOVE_{_kind(dimension)}", sheet_id, sheet.title, _span(dimension, at, count)))

    def sort(self, file_id: str, sheet_id: int, column: int, descending: bool) -> None:
        """Sorts all rows below the frozen ones, or below the first."""
        calculation = self._drive.calculation(self._drive.files[file_id])
        with self._drive.edit(file_id) as draft:
            sheet = draft.sheet(sheet_id)
            used = sheet.used(sheet.whole)
            area = Area(max(sheet.frozen_rows, 1), 0, max(used.bottom, 2), sheet.column_count)
            sort_rows(sheet, area, [(column, descending)], calculation.value)
        self._tell(Edited(file_id, "OTHER", sheet_id, sheet.title, a1.area_name(area)))

    def add_sheet(self, file_id: str, title: str, sheet_id: int) -> None:
        """A new worksheet at the end."""
        with self._drive.edit(file_id) as draft:
            sheet = Sheet(sheet_id, "")
            draft.sheets.append(sheet)
            structure.rename(draft, sheet, title)
            draft.check_size()
        self._tell(Edited(file_id, "INSERT_GRID", sheet_id, title, ""))

    def _sheet(self, file_id: str, title: str) -> Sheet:
        file = self._drive.files.get(file_id)
        if file is None:
            raise NotFound(f"No spreadsheet has the id '{file_id}'.")
        sheet = file.spreadsheet.titled(title)
        if sheet is None:
            known = ", ".join(f"'{other.title}'" for other in file.spreadsheet.sheets)
            raise NotFound(f"The spreadsheet has no worksheet '{title}', only {known}.")
        return sheet

    def _shown(self, file_id: str, sheet_id: int, row: int, column: int) -> str:
        file = self._drive.files[file_id]
        sheet = file.spreadsheet.sheet(sheet_id)
        if row >= sheet.row_count or column >= sheet.column_count:
            return ""
        cell = sheet.cell(row, column)
        return show(self._drive.calculation(file).value(sheet, row, column, cell), cell.number_format)


def read_block(values: list[Json]) -> tuple[tuple[str | None, ...], ...]:
    """Values of a control request as what would be typed: numbers and booleans as their text."""
    block = []
    for row in values:
        if not isinstance(row, list):
            raise InvalidArgument("values must be a list of rows, each a list of cells.")
        block.append(tuple(_typed(value) for value in row))
    return tuple(block)


def _check_block(block: Sequence[Sequence[str | None]]) -> None:
    if not block or not all(block):
        raise InvalidArgument("Nothing to enter: values must be a list of rows with at least one cell each.")


def _typed(value: Json) -> str | None:
    if isinstance(value, bool):
        return "TRUE" if value else "FALSE"
    if isinstance(value, dict | list):
        raise InvalidArgument("A cell takes text, a number, a boolean or null.")
    return None if value is None else str(value)


def _kind(dimension: Dimension) -> str:
    return dimension.value[:-1]


def _span(dimension: Dimension, at: int, count: int) -> str:
    if dimension is Dimension.ROWS:
        return f"{at + 1}:{at + count}"
    return f"{a1.column_letters(at)}:{a1.column_letters(at + count - 1)}"
