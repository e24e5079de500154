"""What every edit of a person has in common: it takes effect whole or not at all, triggers are told, and the page that
made it can undo it."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from sandbox.accounts import PERSON
from sandbox.drive import Drive, Editor
from sandbox.person.history import History, Kind, Step
from sandbox.workbook import a1, protection
from sandbox.workbook.a1 import Area
from sandbox.workbook.display import show
from sandbox.workbook.errors import InvalidArgument
from sandbox.workbook.shifts import Dimension
from sandbox.workbook.spreadsheet import Spreadsheet

SOMEBODY = Editor(PERSON)
NOWHERE = Area(0, 0, 1, 1)
"""The place of an edit that has none."""


@dataclass(frozen=True, slots=True)
class Edited:
    """What an installable trigger is told. `value` and `old_value` only for a single cell, as at Google.

    `change` is EDIT, INSERT_ROW, REMOVE_ROW, INSERT_COLUMN, REMOVE_COLUMN, INSERT_GRID, REMOVE_GRID or OTHER.
    """

    file_id: str
    change: str
    sheet_id: int
    sheet_title: str
    range: str
    value: str | None = None
    old_value: str | None = None


class Edits:
    """How edits by hand are made. `tell` hears of each.

    All of them may raise InvalidArgument: no such worksheet, a protected cell, a grid too large, a text too long. Then
    nothing is changed. Those of an `editor` with a page can be undone from that page.
    """

    def __init__(self, drive: Drive, tell: Callable[[Edited], None]) -> None:
        self.drive = drive
        self.history = History()
        self._tell = tell
        drive.removals.append(lambda file: self.history.forget(file.file_id))

    @contextmanager
    def making(self, file_id: str, editor: Editor, kind: Kind, sheet_id: int, area: Area) -> Iterator[Spreadsheet]:
        """As `Drive.edit`; then triggers are told, and the editor's page can undo it."""
        was = self.drive.files[file_id].spreadsheet
        with self.telling(file_id, kind, sheet_id, area), self.drive.edit(file_id, editor) as draft:
            yield draft
        if editor.page:
            now = self.drive.files[file_id].spreadsheet
            self.history.record(file_id, editor.page, Step(kind, sheet_id, area, was, now))

    @contextmanager
    def telling(self, file_id: str, kind: Kind, sheet_id: int, area: Area) -> Iterator[None]:
        """Tells triggers of the edit that is made within."""
        single = kind is Kind.CELLS and area.height == 1 and area.width == 1
        title = self._title(file_id, sheet_id)
        old = self._shown(file_id, sheet_id, area) if single else ""
        yield
        new = self._shown(file_id, sheet_id, area) if single else ""
        title = self._title(file_id, sheet_id) or title
        self._tell(Edited(file_id, kind.change, sheet_id, title, _range(kind, area), new or None, old or None))

    def may_write(self, file_id: str, book: Spreadsheet, sheet_id: int, area: Area) -> None:
        """Raises InvalidArgument where a protection stops the person."""
        owns = any(owner.who == PERSON for owner in self.drive.files[file_id].owners())
        protection.check(book.protections, None if owns else PERSON, sheet_id, area)

    def band(self, file_id: str, sheet_id: int, dimension: Dimension, at: int, count: int) -> Area:
        """Whole rows or columns."""
        sheet = self.drive.files[file_id].spreadsheet.sheet(sheet_id)
        if at < 0 or count < 1:
            raise InvalidArgument(f"Rows and columns count from 0, and there must be one at least: {at}, {count}.")
        if dimension is Dimension.ROWS:
            return Area(at, 0, at + count, sheet.column_count)
        return Area(0, at, sheet.row_count, at + count)

    def _title(self, file_id: str, sheet_id: int) -> str:
        sheets = self.drive.files[file_id].spreadsheet.sheets
        return next((sheet.title for sheet in sheets if sheet.sheet_id == sheet_id), "")

    def _shown(self, file_id: str, sheet_id: int, area: Area) -> str:
        file = self.drive.files[file_id]
        sheet = file.spreadsheet.sheet(sheet_id)
        if area.top >= sheet.row_count or area.left >= sheet.column_count:
            return ""
        cell = sheet.cell(area.top, area.left)
        value = self.drive.calculation(file).value(sheet, area.top, area.left, cell)
        return show(value, cell.shown_format, file.spreadsheet.home)


def _range(kind: Kind, area: Area) -> str:
    if kind in (Kind.ROWS_INSERTED, Kind.ROWS_DELETED):
        return f"{area.top + 1}:{area.bottom}"
    if kind in (Kind.COLUMNS_INSERTED, Kind.COLUMNS_DELETED):
        return f"{a1.column_letters(area.left)}:{a1.column_letters(area.right - 1)}"
    return "" if kind in (Kind.SHEET_ADDED, Kind.SHEET_DELETED, Kind.SHEET_RENAMED) else a1.area_name(area)
