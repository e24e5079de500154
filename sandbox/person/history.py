"""What a person's pages did, so that it can be taken back.

A spreadsheet's states share what didn't change, so a step keeps the whole state before and after it. Where nobody else
has changed anything since, a step is undone by going back to the state before it: exact, whatever it was. Where others
have, only the step's own difference is carried over (`carrying`).
"""

from collections.abc import Iterable
from dataclasses import dataclass, field
from enum import Enum

from sandbox.workbook.a1 import Area
from sandbox.workbook.spreadsheet import Spreadsheet

_STEPS = 200
_ROWS = 5_000_000  # of all states that are kept: at 8 bytes each


class Kind(Enum):
    """What an edit did."""

    CELLS = "cells"
    ROWS_INSERTED = "rows inserted"
    ROWS_DELETED = "rows deleted"
    COLUMNS_INSERTED = "columns inserted"
    COLUMNS_DELETED = "columns deleted"
    SHEET_ADDED = "sheet added"
    SHEET_DELETED = "sheet deleted"
    SHEET_RENAMED = "sheet renamed"
    SORTED = "sorted"
    SHAPED = "shaped"
    """Rows or columns sized, hidden, shown or frozen."""

    @property
    def change(self) -> str:
        """The `changeType` that triggers are told."""
        return _CHANGES.get(self, "OTHER")

    @property
    def inverse(self) -> "Kind":
        return _INVERSE.get(self, self)


_CHANGES = {
    Kind.CELLS: "EDIT",
    Kind.ROWS_INSERTED: "INSERT_ROW",
    Kind.ROWS_DELETED: "REMOVE_ROW",
    Kind.COLUMNS_INSERTED: "INSERT_COLUMN",
    Kind.COLUMNS_DELETED: "REMOVE_COLUMN",
    Kind.SHEET_ADDED: "INSERT_GRID",
    Kind.SHEET_DELETED: "REMOVE_GRID",
}
_PAIRS = (
    (Kind.ROWS_INSERTED, Kind.ROWS_DELETED),
    (Kind.COLUMNS_INSERTED, Kind.COLUMNS_DELETED),
    (Kind.SHEET_ADDED, Kind.SHEET_DELETED),
)
_INVERSE = dict(_PAIRS) | {two: one for one, two in _PAIRS}


@dataclass(frozen=True, slots=True)
class Step:
    """One edit: what it did to which cells of a sheet, and the spreadsheet before and after."""

    kind: Kind
    sheet_id: int
    area: Area
    before: Spreadsheet
    after: Spreadsheet

    @property
    def inverse(self) -> "Step":
        """The edit that takes this one back."""
        return Step(self.kind.inverse, self.sheet_id, self.area, self.after, self.before)


@dataclass(slots=True)
class _Stacks:
    done: list[Step] = field(default_factory=list)
    undone: list[Step] = field(default_factory=list)


@dataclass(slots=True)
class History:
    """The steps of each open page, newest last; the oldest are forgotten."""

    _stacks: dict[tuple[str, str], _Stacks] = field(default_factory=dict)

    def record(self, file_id: str, page: str, step: Step) -> None:
        stacks = self._of(file_id, page)
        stacks.done.append(step)
        stacks.undone.clear()
        del stacks.done[:-_STEPS]
        self._shed()

    def next_undo(self, file_id: str, page: str) -> Step | None:
        done = self._of(file_id, page).done
        return done[-1] if done else None

    def next_redo(self, file_id: str, page: str) -> Step | None:
        undone = self._of(file_id, page).undone
        return undone[-1] if undone else None

    def undone(self, file_id: str, page: str, redo: Step | None) -> None:
        """The newest step was taken back; `redo` makes it again, where it can be made again."""
        stacks = self._of(file_id, page)
        stacks.done.pop()
        stacks.undone = [*stacks.undone, redo] if redo else []

    def redone(self, file_id: str, page: str, undo: Step | None) -> None:
        """The step that was undone last was made again; `undo` takes it back."""
        stacks = self._of(file_id, page)
        stacks.undone.pop()
        if undo is not None:
            stacks.done.append(undo)

    def drop(self, file_id: str, page: str, step: Step) -> None:
        """Forgets a step that can't be carried out any more, so that the one before it is next."""
        stacks = self._of(file_id, page)
        stacks.done = [one for one in stacks.done if one is not step]
        stacks.undone = [one for one in stacks.undone if one is not step]

    def forget(self, file_id: str) -> None:
        """The file is gone."""
        self._stacks = {key: stacks for key, stacks in self._stacks.items() if key[0] != file_id}

    def _of(self, file_id: str, page: str) -> _Stacks:
        # Taken out and put back, so that the pages that were used last stand last.
        stacks = self._stacks.pop((file_id, page), None) or _Stacks()
        self._stacks[file_id, page] = stacks
        return stacks

    def _shed(self) -> None:
        while len(self._stacks) > 1 and self._rows(self._stacks.values()) > _ROWS:
            del self._stacks[next(iter(self._stacks))]
        (*_, last) = self._stacks.values()
        while len(last.done) > 1 and self._rows([last]) > _ROWS:
            del last.done[0]

    @staticmethod
    def _rows(kept: Iterable[_Stacks]) -> int:
        return sum(len(sheet.rows) for one in kept for step in one.done + one.undone for sheet in step.after.sheets)
