"""Edits of worksheets: added, renamed, deleted."""

import random

from sandbox.drive import Editor
from sandbox.person.edits import NOWHERE, SOMEBODY, Edits
from sandbox.person.history import Kind
from sandbox.workbook import structure
from sandbox.workbook.sheet import Sheet


class SheetEdits:
    """Raise as `Edits` says."""

    def __init__(self, edits: Edits) -> None:
        self._edits = edits

    def add(self, file_id: str, title: str, editor: Editor = SOMEBODY) -> int:
        """A new worksheet at the end; its id."""
        taken = {sheet.sheet_id for sheet in self._edits.drive.files[file_id].spreadsheet.sheets}
        sheet_id = next(n for n in iter(lambda: random.randrange(1, 2**31), 0) if n not in taken)  # noqa: S311 - an id
        with self._edits.making(file_id, editor, Kind.SHEET_ADDED, sheet_id, NOWHERE) as draft:
            sheet = Sheet(sheet_id, "")
            draft.sheets.append(sheet)
            structure.rename(draft, sheet, title)
            draft.check_size()
        return sheet_id

    def rename(self, file_id: str, sheet_id: int, title: str, editor: Editor = SOMEBODY) -> None:
        """Another title; formulas follow."""
        with self._edits.making(file_id, editor, Kind.SHEET_RENAMED, sheet_id, NOWHERE) as draft:
            structure.rename(draft, draft.sheet(sheet_id), title)

    def delete(self, file_id: str, sheet_id: int, editor: Editor = SOMEBODY) -> None:
        """Deletes a worksheet with all that is in it."""
        with self._edits.making(file_id, editor, Kind.SHEET_DELETED, sheet_id, NOWHERE) as draft:
            sheet = draft.sheet(sheet_id)
            self._edits.may_write(file_id, draft, sheet_id, sheet.whole)
            structure.remove_sheet(draft, sheet)
