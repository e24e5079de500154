"""Edits of cells: typed, emptied, pasted, continued, sorted."""

from collections.abc import Sequence
from dataclasses import replace

from sandbox.drive import Editor
from sandbox.faults import PersonEdit
from sandbox.person.edits import SOMEBODY, Edits
from sandbox.person.history import Kind
from sandbox.typed import check_block
from sandbox.workbook import a1, filling, pasting, writing
from sandbox.workbook.a1 import Area
from sandbox.workbook.calculation import Calculation
from sandbox.workbook.errors import InvalidArgument, NotFound
from sandbox.workbook.sheet import Sheet
from sandbox.workbook.shifts import Dimension
from sandbox.workbook.sorting import sort_rows
from sandbox.workbook.spreadsheet import Spreadsheet
from sandbox.workbook.validation import check_typed, has_rules


class CellEdits:
    """Raise as `Edits` says."""

    def __init__(self, edits: Edits) -> None:
        self._edits = edits
        self._drive = edits.drive

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
        with self._edits.making(file_id, editor, Kind.CELLS, sheet_id, area) as draft:
            sheet = draft.sheet(sheet_id)
            _make_room(draft, sheet, area)
            self._edits.may_write(file_id, draft, sheet_id, area)
            writing.write_block(sheet, top, left, block, user_entered=True, typing=draft.typing)
            if has_rules(sheet, area):
                calculation = Calculation(self._drive.clock)
                calculation.bring_up_to_date(draft)
                check_typed(draft, sheet, area, calculation)

    def clear(self, file_id: str, sheet_id: int, area: Area, editor: Editor = SOMEBODY) -> None:
        """Empties the cells; formats stay."""
        with self._edits.making(file_id, editor, Kind.CELLS, sheet_id, area) as draft:
            self._edits.may_write(file_id, draft, sheet_id, area)
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
        with self._edits.making(file_id, editor, Kind.CELLS, sheet_id, to) as draft:
            source_sheet, sheet = draft.sheet(source_id), draft.sheet(sheet_id)
            if area.bottom > source_sheet.row_count or area.right > source_sheet.column_count:
                raise InvalidArgument("What was copied is outside of the sheet by now: copy it again.")
            _make_room(draft, sheet, to)
            self._edits.may_write(file_id, draft, sheet_id, to)
            if cut:
                self._edits.may_write(file_id, draft, source_id, area)
                pasting.move_cells(source_sheet, area, sheet, to.top, to.left)
            else:
                pasting.copy_cells(source_sheet, area, sheet, to)

    def sort(self, file_id: str, sheet_id: int, column: int, descending: bool, editor: Editor = SOMEBODY) -> None:
        """Sorts all rows below the frozen ones, or below the first."""
        file = self._drive.files[file_id]
        calculation = self._drive.calculation(file)
        sheet = file.spreadsheet.sheet(sheet_id)
        if not 0 <= column < sheet.column_count:
            raise InvalidArgument(f"The sheet has no column {column}, only {sheet.column_count}.")
        top = max(sheet.frozen_rows, 1)
        area = Area(top, 0, max(sheet.used(sheet.whole).bottom, top), sheet.column_count)
        with self._edits.making(file_id, editor, Kind.SORTED, sheet_id, area) as draft:
            self._edits.may_write(file_id, draft, sheet_id, area)
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
        with self._edits.making(file_id, editor, Kind.CELLS, sheet_id, area) as draft:
            sheet = draft.sheet(sheet_id)
            _make_room(draft, sheet, source)
            _make_room(draft, sheet, area)
            self._edits.may_write(file_id, draft, sheet_id, area)
            filling.fill(sheet, source, dimension, length, alternate)

    def _sheet(self, file_id: str, title: str) -> Sheet:
        file = self._drive.files.get(file_id)
        if file is None:
            raise NotFound(f"No spreadsheet has the id '{file_id}'.")
        sheet = file.spreadsheet.titled(title)
        if sheet is None:
            known = ", ".join(f"'{other.title}'" for other in file.spreadsheet.sheets)
            raise NotFound(f"The spreadsheet has no worksheet '{title}', only {known}.")
        return sheet


def _make_room(draft: Spreadsheet, sheet: Sheet, area: Area) -> None:
    """The grid grows where the cells don't fit."""
    if area.top < 0 or area.left < 0:
        raise InvalidArgument("Rows and columns count from 0.")
    sheet.resize(max(sheet.row_count, area.bottom), max(sheet.column_count, area.right))
    draft.check_size()
