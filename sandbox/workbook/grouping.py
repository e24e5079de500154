"""Groups of rows or columns that can be collapsed. What counts is how deep each row or column is nested.

>>> [(g.start, g.end, g.depth) for g in change((Group(Dimension.ROWS, 1, 4, 1),), Dimension.ROWS, 2, 5, 1)]
[(1, 5, 1), (2, 4, 2)]
"""

from collections.abc import Iterator
from dataclasses import dataclass, replace

from sandbox.workbook.errors import InvalidArgument
from sandbox.workbook.shifts import Dimension, Shift

MAX_DEPTH = 8


@dataclass(frozen=True, slots=True)
class Group:
    """`start` to `end - 1`, at a depth from 1 on."""

    dimension: Dimension
    start: int
    end: int
    depth: int
    collapsed: bool = False


Groups = tuple[Group, ...]


def change(groups: Groups, dimension: Dimension, start: int, end: int, by: int) -> Groups:
    """The groups after the span became one deeper (`by` 1) or less deep (-1).

    Raises:
        InvalidArgument: too deep, or a group was to go where there is none.
    """
    depths = _depths(groups, dimension)
    for index in range(start, end):
        depths[index] = depths.get(index, 0) + by
        if depths[index] < 0:
            raise InvalidArgument(f"There is no group over the {dimension.value.lower()} {start} to {end}.")
        if depths[index] > MAX_DEPTH:
            raise InvalidArgument(f"Groups can't be nested deeper than {MAX_DEPTH} levels.")
    collapsed = {(group.start, group.depth) for group in groups if group.dimension is dimension and group.collapsed}
    made = tuple(replace(g, collapsed=(g.start, g.depth) in collapsed) for g in _runs(depths, dimension))
    return tuple(group for group in groups if group.dimension is not dimension) + made


def follow(groups: Groups, dimension: Dimension, shift: Shift) -> Groups:
    """The groups after rows or columns were inserted, deleted or moved."""
    kept = []
    for group in groups:
        span = shift.span(group.start, group.end) if group.dimension is dimension else (group.start, group.end)
        if span is not None:
            kept.append(replace(group, start=span[0], end=span[1]))
    return tuple(kept)


def find(groups: Groups, dimension: Dimension, start: int, end: int, depth: int) -> Group:
    """The group of exactly that span and depth. Raises InvalidArgument where there is none."""
    for group in groups:
        if (group.dimension, group.start, group.end, group.depth) == (dimension, start, end, depth):
            return group
    raise InvalidArgument(f"There is no group over the {dimension.value.lower()} {start} to {end} at depth {depth}.")


def _depths(groups: Groups, dimension: Dimension) -> dict[int, int]:
    depths: dict[int, int] = {}
    for group in groups:
        if group.dimension is dimension:
            for index in range(group.start, group.end):
                depths[index] = max(depths.get(index, 0), group.depth)
    return depths


def _runs(depths: dict[int, int], dimension: Dimension) -> Iterator[Group]:
    for depth in range(1, max(depths.values(), default=0) + 1):
        deep = sorted(index for index, at in depths.items() if at >= depth)
        start = previous = None
        for index in deep:
            if previous is None or index != previous + 1:
                if start is not None and previous is not None:
                    yield Group(dimension, start, previous + 1, depth)
                start = index
            previous = index
        if start is not None and previous is not None:
            yield Group(dimension, start, previous + 1, depth)
