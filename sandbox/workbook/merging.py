"""Merged cells: the value belongs to the first; what is written into the others is lost, as at Google."""

from collections.abc import Iterator
from dataclasses import replace

from sandbox.workbook.a1 import Area
from sandbox.workbook.errors import InvalidArgument
from sandbox.workbook.sheet import Sheet
from sandbox.workbook.shifts import Dimension, Shift

_PARTIAL = "You must select all cells in a merged range to merge or unmerge them."


def merge(sheet: Sheet, area: Area, kind: str) -> None:
    """Merges all of the area, or each of its rows or columns; the first cell's value stays.

    Raises:
        InvalidArgument: the area cuts through a merge.
    """
    unmerge(sheet, area)
    for part in _parts(area, kind):
        if part.height * part.width > 1:
            sheet.merges = (*sheet.merges, part)
            for row in range(part.top, part.bottom):
                cells = {column: sheet.cell(row, column) for column in range(part.left, part.right)}
                sheet.put(row, cells)


def unmerge(sheet: Sheet, area: Area) -> None:
    """Takes the merges within the area apart.

    Raises:
        InvalidArgument: the area cuts through a merge.
    """
    kept = []
    for merged in sheet.merges:
        if not merged.meets(area):
            kept.append(merged)
        elif not within(merged, area):
            raise InvalidArgument(_PARTIAL)
    sheet.merges = tuple(kept)


def refuse_cut(sheet: Sheet, area: Area) -> None:
    """Raises InvalidArgument where the area to move holds a part of a merge only."""
    if any(merged.meets(area) and not within(merged, area) for merged in sheet.merges):
        raise InvalidArgument("You can't move a part of a merged range.")


def follow(sheet: Sheet, dimension: Dimension, shift: Shift) -> None:
    """Makes merges follow inserted, deleted and moved rows or columns."""
    moved = (shifted_area(merged, dimension, shift) for merged in sheet.merges)
    sheet.merges = tuple(area for area in moved if area is not None and area.height * area.width > 1)


def shifted_area(area: Area, dimension: Dimension, shift: Shift) -> Area | None:
    """The area after the shift; None where nothing is left of it."""
    along_rows = dimension is Dimension.ROWS
    span = shift.span(*((area.top, area.bottom) if along_rows else (area.left, area.right)))
    if span is None:
        return None
    return replace(area, top=span[0], bottom=span[1]) if along_rows else replace(area, left=span[0], right=span[1])


def _parts(area: Area, kind: str) -> Iterator[Area]:
    match kind:
        case "MERGE_ROWS":
            yield from (replace(area, top=row, bottom=row + 1) for row in range(area.top, area.bottom))
        case "MERGE_COLUMNS":
            yield from (replace(area, left=column, right=column + 1) for column in range(area.left, area.right))
        case _:
            yield area


def within(inner: Area, outer: Area) -> bool:
    """Whether all of the inner area is part of the outer."""
    return (
        outer.top <= inner.top
        and inner.bottom <= outer.bottom
        and outer.left <= inner.left
        and inner.right <= outer.right
    )
