"""Taking edits back, and making them again."""

from dataclasses import dataclass, replace

from sandbox.drive import Editor
from sandbox.person.carrying import carry
from sandbox.person.edits import Edits
from sandbox.person.history import Kind, Step
from sandbox.workbook.a1 import Area
from sandbox.workbook.errors import InvalidArgument
from sandbox.workbook.shifts import Deleted, Dimension, Inserted, LineShift
from sandbox.workbook.spreadsheet import Spreadsheet

_LINES = {
    Kind.ROWS_INSERTED: Dimension.ROWS,
    Kind.ROWS_DELETED: Dimension.ROWS,
    Kind.COLUMNS_INSERTED: Dimension.COLUMNS,
    Kind.COLUMNS_DELETED: Dimension.COLUMNS,
}


@dataclass(frozen=True, slots=True)
class Reverted:
    """What was undone or made again: where, and how many cells or rows stay as others left them."""

    kind: Kind
    sheet_id: int
    area: Area
    kept: int


class Reverts:
    """Edits of a person, too: triggers are told."""

    def __init__(self, edits: Edits) -> None:
        self._edits = edits
        self._drive = edits.drive
        self._history = edits.history

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
            with self._edits.telling(file_id, step.kind, step.sheet_id, step.area):
                if exact:
                    self._may_revert(file_id, was, step)
                    _keep_uids_apart(was, step.after)
                    _say_shifts(was, step)
                    self._drive.touch(replace(file, spreadsheet=step.after, editor=editor))
                else:
                    with self._drive.edit(file_id, editor) as draft:
                        kept = carry(draft, step)
                        self._may_revert(file_id, draft, step)
        except InvalidArgument:
            self._history.drop(file_id, editor.page, recorded)
            raise
        made = Step(step.kind, step.sheet_id, step.area, was, self._drive.files[file_id].spreadsheet)
        reverted = Reverted(step.kind, step.sheet_id, step.area, kept)
        return reverted, made if exact or step.kind in (Kind.CELLS, Kind.SHAPED) else None

    def _may_revert(self, file_id: str, book: Spreadsheet, step: Step) -> None:
        if step.kind is not Kind.SHAPED:  # a protection is of contents
            self._edits.may_write(file_id, book, step.sheet_id, step.area)


def _keep_uids_apart(was: Spreadsheet, now: Spreadsheet) -> None:
    """A row's uid is never given again, though the state that gave it is left: others may have kept the row."""
    given = {sheet.sheet_id: sheet.next_uid for sheet in was.sheets}
    for sheet in now.sheets:
        sheet.next_uid = max(sheet.next_uid, given.get(sheet.sheet_id, 0))


def _say_shifts(was: Spreadsheet, step: Step) -> None:
    """The state that comes back says what became of its lines now, no more what had once led to it."""
    for sheet in step.after.sheets:
        sheet.shifts = []
    if step.kind not in _LINES:
        return
    dimension = _LINES[step.kind]
    sheet = step.after.sheet(step.sheet_id)
    before, after = was.sheet(step.sheet_id).size(dimension), sheet.size(dimension)
    at = step.area.top if dimension is Dimension.ROWS else step.area.left
    shift = Inserted(at, after - before) if after > before else Deleted(at, at + before - after)
    sheet.shifts.append(LineShift(dimension, before, shift))
