"""Which cells an edit changed, for the pages that show who did it. Two states of a sheet in, places out."""

from collections.abc import Iterator

from sandbox.workbook.cells import Cell
from sandbox.workbook.sheet import BLANK, Row, Sheet

Place = tuple[int, int]


def changed_cells(old: Sheet, new: Sheet, limit: int) -> list[Place]:
    """Row and column of each cell of `new` that was entered or emptied, `limit` at most.

    A row is compared with itself wherever it stood, so what only moved isn't named; nor is anything where columns
    were inserted or deleted, or a formula that only followed rows which moved.
    """
    if old.column_count != new.column_count:
        return []
    found: list[Place] = []
    for index, before, after in _pairs(old, new):
        for column in sorted(before.cells.keys() | after.cells.keys()):
            if _differ(before.cell(column), after.cell(column), old.row_count != new.row_count):
                found.append((index, column))
                if len(found) == limit:
                    return found
    return found


def _pairs(old: Sheet, new: Sheet) -> Iterator[tuple[int, Row, Row]]:
    """Index, old and new state of each row that isn't the same object as the one before in its place."""
    known: dict[int, Row] | None = None
    for index, after in enumerate(new.rows):
        before = old.rows[index] if index < len(old.rows) else BLANK
        if before is after:
            continue
        if before.uid != after.uid:
            if known is None:
                known = {row.uid: row for row in old.rows if row.uid}
            before = known.get(after.uid, BLANK)
        if before is not after:
            yield index, before, after


def _differ(before: Cell, after: Cell, rows_moved: bool) -> bool:
    if before.formula is not None and after.formula is not None and rows_moved:
        return False
    return (before.value, before.formula) != (after.value, after.formula) or type(before.value) is not type(after.value)
