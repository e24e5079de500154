"""Edits of rows and columns: inserted, deleted, sized, hidden, frozen."""

from sandbox.drive import Editor
from sandbox.person.edits import NOWHERE, SOMEBODY, Edits
from sandbox.person.history import Kind
from sandbox.workbook import lines, structure
from sandbox.workbook.errors import InvalidArgument
from sandbox.workbook.sheet import Row
from sandbox.workbook.shifts import Dimension

_LARGEST_PIXELS = 2000
_INSERTED = {Dimension.ROWS: Kind.ROWS_INSERTED, Dimension.COLUMNS: Kind.COLUMNS_INSERTED}
_DELETED = {Dimension.ROWS: Kind.ROWS_DELETED, Dimension.COLUMNS: Kind.COLUMNS_DELETED}


class LineEdits:
    """Raise as `Edits` says."""

    def __init__(self, edits: Edits) -> None:
        self._edits = edits

    def insert(
        self, file_id: str, sheet_id: int, dimension: Dimension, at: int, count: int, editor: Editor = SOMEBODY
    ) -> None:
        """Inserts rows or columns before `at`."""
        kind, area = _INSERTED[dimension], self._edits.band(file_id, sheet_id, dimension, at, count)
        with self._edits.making(file_id, editor, kind, sheet_id, area) as draft:
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
        kind, area = _DELETED[dimension], self._edits.band(file_id, sheet_id, dimension, at, count)
        with self._edits.making(file_id, editor, kind, sheet_id, area) as draft:
            self._edits.may_write(file_id, draft, sheet_id, area)
            structure.delete(draft, draft.sheet(sheet_id), dimension, at, at + count)

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
        area = self._edits.band(file_id, sheet_id, dimension, at, count)
        with self._edits.making(file_id, editor, Kind.SHAPED, sheet_id, area) as draft:
            lines.set_lines(draft.sheet(sheet_id), dimension, at, at + count, hidden, pixels)

    def freeze(self, file_id: str, sheet_id: int, rows: int, columns: int, editor: Editor = SOMEBODY) -> None:
        """The first rows and columns stay in sight."""
        if rows < 0 or columns < 0:
            raise InvalidArgument("Rows and columns count from 0.")
        with self._edits.making(file_id, editor, Kind.SHAPED, sheet_id, NOWHERE) as draft:
            lines.freeze(draft.sheet(sheet_id), rows, columns)
