"""What a person does in a spreadsheet: typing, pasting, inserting, deleting, sorting, undoing. These edits fire
triggers; those of the API don't."""

import random
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace

from sandbox.accounts import PERSON
from sandbox.drive import Drive, Editor, File
from sandbox.faults import PersonEdit
from sandbox.typed import check_block
from sandbox.undo import History, Kind, Step, carry
from sandbox.workbook import a1, filling, lines, pasting, protection, structure, writing
from sandbox.workbook.a1 import Area
from sandbox.workbook.calculation import Calculation
from sandbox.workbook.display import show
from sandbox.workbook.errors import InvalidArgument, NotFound
from sandbox.workbook.sheet import Row, Sheet
from sandbox.workbook.shifts import Dimension
from sandbox.workbook.sorting import sort_rows
from sandbox.workbook.spreadsheet import Spreadsheet
from sandbox.workbook.validation import check_typed, has_rules

SOMEBODY = Editor(PERSON)
_LARGEST_PIXELS = 2000
_INSERTED = {Dimension.ROWS: Kind.ROWS_INSERTED, Dimension.COLUMNS: Kind.COLUMNS_INSERTED}
_DELETED = {Dimension.ROWS: Kind.ROWS_DELETED, Dimension.COLUMNS: Kind.COLUMNS_DELETED}


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


@dataclass(frozen=True, slots=True)
class Reverted:
    """What was undone or made again: where, and how many cells or rows stay as others left them."""

    kind: Kind
    sheet_id: int
    area: Area
    kept: int


class Person:
    """Edits by hand. `tell` hears of each.

    All of them may raise InvalidArgument: no such worksheet, a protected cell, a grid too large, a text too long. Then
    nothing is changed. Those of an `editor` with a page can be undone from that page.
    """

    def __init__(self, drive: Drive, tell: Callable[[Edited], None]) -> None:
        self._drive = drive
        self._tell = tell
        self._history = History()
        drive.removals.append(lambda file: self._history.forget(file.file_id))

    def check(self, edit: PersonEdit) -> None:
        """Raises what `edit` would: no such spreadsheet or worksheet, a range that can't be read, no values."""
        self._sheet(edit.spreadsheet, edit.worksheet)
        where = a1.parse(edit.range)
        if where.title is not None:
            raise InvalidArgument(f"range must be cells of the worksheet, as 'B7' or 'B7:C9', not '{edit.range}'.")
        check_block(edit.values)

    def edit(self, edit: PersonEdit) -> None:
        """Types values into cells; the grid grows where they don't fit.

        Raises:
            NotFound: no such spreadsheet or worksheet.
            InvalidArgument: the range can't be read, a text is too long, or a cell is protected.
        """
        self.check(edit)
        sheet = self._sheet(edit.spreadsheet, edit.worksheet)
        where = a1.parse(edit.range)
        self.type_block(edit.spreadsheet, sheet.sheet_id, where.top or 0, where.left or 0, edit.values)

    def type_block(
        self,
        file_id: str,
        sheet_id: int,
        top: int,
        left: int,
        block: Sequence[Sequence[str | None]],
        editor: Editor = SOMEBODY,
    ) -> None:
        """Types a block from a cell on; None leaves a cell as it is, an empty text clears it.

        Raises:
            InvalidArgument: a text is too long, or a cell's data validation rejects what was typed.
        """
        check_block(block)
        area = Area(top, left, top + len(block), left + max(len(row) for row in block))
        with self._editing(file_id, editor, Kind.CELLS, sheet_id, area) as draft:
            sheet = draft.sheet(sheet_id)
            _make_room(draft, sheet, area)
            self._may_write(self._drive.files[file_id], draft, sheet_id, area)
            writing.write_block(sheet, top, left, block, user_entered=True, typing=draft.typing)
            if has_rules(sheet, area):
                calculation = Calculation(self._drive.clock)
                calculation.bring_up_to_date(draft)
                check_typed(draft, sheet, area, calculation)

    def clear(self, file_id: str, sheet_id: int, area: Area, editor: Editor = SOMEBODY) -> None:
        """Empties the cells; formats stay."""
        with self._editing(file_id, editor, Kind.CELLS, sheet_id, area) as draft:
            self._may_write(self._drive.files[file_id], draft, sheet_id, area)
            sheet = draft.sheet(sheet_id)
            writing.clear(sheet, replace(area, bottom=min(area.bottom, sheet.row_count)))

    def paste(
        self,
        file_id: str,
        source: tuple[int, Area],
        target: tuple[int, Area],
        cut: bool,
        editor: Editor = SOMEBODY,
    ) -> None:
        """Copies cells with their formats, so that they fill the target; or moves them to its first cell."""
        (source_id, area), (sheet_id, to) = source, target
        to = replace(to, bottom=to.top + area.height, right=to.left + area.width) if cut else to
        with self._editing(file_id, editor, Kind.CELLS, sheet_id, to) as draft:
            source_sheet, sheet = draft.sheet(source_id), draft.sheet(sheet_id)
            if area.bottom > source_sheet.row_count or area.right > source_sheet.column_count:
                raise InvalidArgument("What was copied is outside of the sheet by now: copy it again.")
            _make_room(draft, sheet, to)
            self._may_write(self._drive.files[file_id], draft, sheet_id, to)
            if cut:
                self._may_write(self._drive.files[file_id], draft, source_id, area)
                pasting.move_cells(source_sheet, area, sheet, to.top, to.left)
            else:
                pasting.copy_cells(source_sheet, area, sheet, to)

    def insert(
        self, file_id: str, sheet_id: int, dimension: Dimension, at: int, count: int, editor: Editor = SOMEBODY
    ) -> None:
        """Inserts rows or columns before `at`."""
        kind, area = _INSERTED[dimension], self._band(file_id, sheet_id, dimension, at, count)
        with self._editing(file_id, editor, kind, sheet_id, area) as draft:
            sheet = draft.sheet(sheet_id)
            structure.insert(draft, sheet, dimension, at, count, inherit_before=at > 0)
            if dimension is Dimension.ROWS:
                # Known by a uid of their own, so that an undo finds them wherever they are then.
                sheet.rows[at : at + count] = [
                    row if row.uid else Row(sheet.take_uid(), {}) for row in sheet.rows[at : at + count]
                ]

    def delete(
        self, file_id: str, sheet_id: int, dimension: Dimension, at: int, count: int, editor: Editor = SOMEBODY
    ) -> None:
        """Deletes rows or columns from `at` on."""
        kind, area = _DELETED[dimension], self._band(file_id, sheet_id, dimension, at, count)
        with self._editing(file_id, editor, kind, sheet_id, area) as draft:
            self._may_write(self._drive.files[file_id], draft, sheet_id, area)
            structure.delete(draft, draft.sheet(sheet_id), dimension, at, at + count)

    def sort(self, file_id: str, sheet_id: int, column: int, descending: bool, editor: Editor = SOMEBODY) -> None:
        """Sorts all rows below the frozen ones, or below the first."""
        file = self._drive.files[file_id]
        calculation = self._drive.calculation(file)
        sheet = file.spreadsheet.sheet(sheet_id)
        if not 0 <= column < sheet.column_count:
            raise InvalidArgument(f"The sheet has no column {column}, only {sheet.column_count}.")
        top = max(sheet.frozen_rows, 1)
        area = Area(top, 0, max(sheet.used(sheet.whole).bottom, top), sheet.column_count)
        with self._editing(file_id, editor, Kind.SORTED, sheet_id, area) as draft:
            self._may_write(self._drive.files[file_id], draft, sheet_id, area)
            sort_rows(draft.sheet(sheet_id), area, [(column, descending)], calculation.value)

    def fill(
        self,
        file_id: str,
        sheet_id: int,
        source: Area,
        dimension: Dimension,
        length: int,
        alternate: bool,
        editor: Editor = SOMEBODY,
    ) -> None:
        """Continues the cells of `source` in so many rows or columns after it, before it where `length` is negative.

        `alternate`: a single number is counted on, a single date repeated.
        """
        area = filling.filled_area(source, dimension, length)
        if not length:
            raise InvalidArgument("Nothing to fill: length must not be 0.")
        with self._editing(file_id, editor, Kind.CELLS, sheet_id, area) as draft:
            sheet = draft.sheet(sheet_id)
            _make_room(draft, sheet, source)
            _make_room(draft, sheet, area)
            self._may_write(self._drive.files[file_id], draft, sheet_id, area)
            filling.fill(sheet, source, dimension, length, alternate)

    def set_lines(
        self,
        file_id: str,
        sheet_id: int,
        dimension: Dimension,
        at: int,
        count: int,
        hidden: bool | None,
        pixels: int | None,
        editor: Editor = SOMEBODY,
    ) -> None:
        """Hides, shows or sizes rows or columns from `at` on; what is None stays."""
        if pixels is not None and not 2 <= pixels <= _LARGEST_PIXELS:
            raise InvalidArgument(f"A row or column has 2 to {_LARGEST_PIXELS} pixels.")
        area = self._band(file_id, sheet_id, dimension, at, count)
        with self._editing(file_id, editor, Kind.SHAPED, sheet_id, area) as draft:
            lines.set_lines(draft.sheet(sheet_id), dimension, at, at + count, hidden, pixels)

    def freeze(self, file_id: str, sheet_id: int, rows: int, columns: int, editor: Editor = SOMEBODY) -> None:
        """The first rows and columns stay in sight."""
        if rows < 0 or columns < 0:
            raise InvalidArgument("Rows and columns count from 0.")
        with self._editing(file_id, editor, Kind.SHAPED, sheet_id, Area(0, 0, 1, 1)) as draft:
            lines.freeze(draft.sheet(sheet_id), rows, columns)

    def add_sheet(self, file_id: str, title: str, editor: Editor = SOMEBODY) -> int:
        """A new worksheet at the end; its id."""
        taken = {sheet.sheet_id for sheet in self._drive.files[file_id].spreadsheet.sheets}
        sheet_id = next(n for n in iter(lambda: random.randrange(1, 2**31), 0) if n not in taken)  # noqa: S311 - an id
        with self._editing(file_id, editor, Kind.SHEET_ADDED, sheet_id, Area(0, 0, 1, 1)) as draft:
            sheet = Sheet(sheet_id, "")
            draft.sheets.append(sheet)
            structure.rename(draft, sheet, title)
            draft.check_size()
        return sheet_id

    def rename_sheet(self, file_id: str, sheet_id: int, title: str, editor: Editor = SOMEBODY) -> None:
        """Another title; formulas follow."""
        with self._editing(file_id, editor, Kind.SHEET_RENAMED, sheet_id, Area(0, 0, 1, 1)) as draft:
            structure.rename(draft, draft.sheet(sheet_id), title)

    def delete_sheet(self, file_id: str, sheet_id: int, editor: Editor = SOMEBODY) -> None:
        """Deletes a worksheet with all that is in it."""
        with self._editing(file_id, editor, Kind.SHEET_DELETED, sheet_id, Area(0, 0, 1, 1)) as draft:
            sheet = draft.sheet(sheet_id)
            self._may_write(self._drive.files[file_id], draft, sheet_id, sheet.whole)
            structure.remove_sheet(draft, sheet)

    def undo(self, file_id: str, editor: Editor) -> Reverted | None:
        """Takes back the last edit of the editor's page; None where there is none.

        Raises:
            InvalidArgument: it can't be taken back any more. Then the one before it is next.
        """
        step = self._history.next_undo(file_id, editor.page)
        if step is None:
            return None
        reverted, way_back = self._revert(file_id, editor, step, step.inverse)
        self._history.undone(file_id, editor.page, way_back and way_back.inverse)
        return reverted

    def redo(self, file_id: str, editor: Editor) -> Reverted | None:
        """Makes the edit again that the editor's page took back last; None where there is none. Raises as `undo`."""
        step = self._history.next_redo(file_id, editor.page)
        if step is None:
            return None
        reverted, made = self._revert(file_id, editor, step, step)
        self._history.redone(file_id, editor.page, made)
        return reverted

    def _revert(self, file_id: str, editor: Editor, recorded: Step, step: Step) -> tuple[Reverted, Step | None]:
        """Carries a step out; with what it really did, where that can be reverted in turn."""
        file = self._drive.files[file_id]
        was = file.spreadsheet
        exact = was is step.before
        kept = 0
        try:
            with self._telling(file_id, step.kind, step.sheet_id, step.area):
                if exact:
                    self._may_revert(file, was, step)
                    _keep_uids_apart(was, step.after)
                    self._drive.touch(replace(file, spreadsheet=step.after, editor=editor))
                else:
                    with self._drive.edit(file_id, editor) as draft:
                        kept = carry(draft, step)
                        self._may_revert(self._drive.files[file_id], draft, step)
        except InvalidArgument:
            self._history.drop(file_id, editor.page, recorded)
            raise
        made = Step(step.kind, step.sheet_id, step.area, was, self._drive.files[file_id].spreadsheet)
        reverted = Reverted(step.kind, step.sheet_id, step.area, kept)
        return reverted, made if exact or step.kind in (Kind.CELLS, Kind.SHAPED) else None

    @contextmanager
    def _editing(self, file_id: str, editor: Editor, kind: Kind, sheet_id: int, area: Area) -> Iterator[Spreadsheet]:
        """As `Drive.edit`; then triggers are told, and the editor's page can undo it."""
        was = self._drive.files[file_id].spreadsheet
        with self._telling(file_id, kind, sheet_id, area), self._drive.edit(file_id, editor) as draft:
            yield draft
        if editor.page:
            now = self._drive.files[file_id].spreadsheet
            self._history.record(file_id, editor.page, Step(kind, sheet_id, area, was, now))

    @contextmanager
    def _telling(self, file_id: str, kind: Kind, sheet_id: int, area: Area) -> Iterator[None]:
        """Tells triggers of the edit that is made within."""
        single = kind is Kind.CELLS and area.height == 1 and area.width == 1
        title = self._title(file_id, sheet_id)
        old = self._shown(file_id, sheet_id, area) if single else ""
        yield
        new = self._shown(file_id, sheet_id, area) if single else ""
        title = self._title(file_id, sheet_id) or title
        self._tell(Edited(file_id, kind.change, sheet_id, title, _range(kind, area), new or None, old or None))

    def _may_write(self, file: File, book: Spreadsheet, sheet_id: int, area: Area) -> None:
        owns = any(owner.who == PERSON for owner in file.owners())
        protection.check(book.protections, None if owns else PERSON, sheet_id, area)

    def _may_revert(self, file: File, book: Spreadsheet, step: Step) -> None:
        if step.kind is not Kind.SHAPED:  # a protection is of contents
            self._may_write(file, book, step.sheet_id, step.area)

    def _band(self, file_id: str, sheet_id: int, dimension: Dimension, at: int, count: int) -> Area:
        """Whole rows or columns."""
        sheet = self._drive.files[file_id].spreadsheet.sheet(sheet_id)
        if at < 0 or count < 1:
            raise InvalidArgument(f"Rows and columns count from 0, and there must be one at least: {at}, {count}.")
        if dimension is Dimension.ROWS:
            return Area(at, 0, at + count, sheet.column_count)
        return Area(0, at, sheet.row_count, at + count)

    def _sheet(self, file_id: str, title: str) -> Sheet:
        file = self._drive.files.get(file_id)
        if file is None:
            raise NotFound(f"No spreadsheet has the id '{file_id}'.")
        sheet = file.spreadsheet.titled(title)
        if sheet is None:
            known = ", ".join(f"'{other.title}'" for other in file.spreadsheet.sheets)
            raise NotFound(f"The spreadsheet has no worksheet '{title}', only {known}.")
        return sheet

    def _title(self, file_id: str, sheet_id: int) -> str:
        sheets = self._drive.files[file_id].spreadsheet.sheets
        return next((sheet.title for sheet in sheets if sheet.sheet_id == sheet_id), "")

    def _shown(self, file_id: str, sheet_id: int, area: Area) -> str:
        file = self._drive.files[file_id]
        sheet = file.spreadsheet.sheet(sheet_id)
        if area.top >= sheet.row_count or area.left >= sheet.column_count:
            return ""
        cell = sheet.cell(area.top, area.left)
        value = self._drive.calculation(file).value(sheet, area.top, area.left, cell)
        return show(value, cell.number_format, file.spreadsheet.home)


def _make_room(draft: Spreadsheet, sheet: Sheet, area: Area) -> None:
    """The grid grows where the cells don't fit."""
    if area.top < 0 or area.left < 0:
        raise InvalidArgument("Rows and columns count from 0.")
    sheet.resize(max(sheet.row_count, area.bottom), max(sheet.column_count, area.right))
    draft.check_size()


def _keep_uids_apart(was: Spreadsheet, now: Spreadsheet) -> None:
    """A row's uid is never given again, though the state that gave it is left: others may have kept the row."""
    given = {sheet.sheet_id: sheet.next_uid for sheet in was.sheets}
    for sheet in now.sheets:
        sheet.next_uid = max(sheet.next_uid, given.get(sheet.sheet_id, 0))


def _range(kind: Kind, area: Area) -> str:
    if kind in (Kind.ROWS_INSERTED, Kind.ROWS_DELETED):
        return f"{area.top + 1}:{area.bottom}"
    if kind in (Kind.COLUMNS_INSERTED, Kind.COLUMNS_DELETED):
        return f"{a1.column_letters(area.left)}:{a1.column_letters(area.right - 1)}"
    return "" if kind in (Kind.SHEET_ADDED, Kind.SHEET_DELETED, Kind.SHEET_RENAMED) else a1.area_name(area)
