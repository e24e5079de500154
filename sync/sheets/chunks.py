"""Cells as the ranges that Google takes, and cut into calls of the size that Google advises: 2 MB of JSON. Pure.

A range is a rectangle: neighbours in a row are one, and so are such runs of rows that follow each other, for each range
costs its address again.
"""

import json
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import groupby
from operator import attrgetter
from typing import Final, TypeVar

from sync.sheets.plan import CellWrite
from sync.source import Cell, Edit

T = TypeVar("T")

MAX_BYTES: Final = 2_000_000
# What the JSON has around a range beside its worksheet's title, around a line of it, and around a cell of an insert.
_AROUND_RANGE: Final = 70
_AROUND_LINE: Final = 4
_AROUND_INSERTED: Final = 45


@dataclass(frozen=True, slots=True)
class Block:
    """A rectangle of cells to write, row by row."""

    lines: Sequence[Sequence[CellWrite]]

    @property
    def first(self) -> CellWrite:
        return self.lines[0][0]

    @property
    def last(self) -> CellWrite:
        return self.lines[-1][-1]


def blocks(writes: Sequence[CellWrite]) -> list[Block]:
    """The writes as rectangles, ordered by their first rows."""
    growing: dict[tuple[int, int], list[list[CellWrite]]] = {}
    made: list[list[list[CellWrite]]] = []
    for run in _cell_runs(writes):
        columns = run[0].place, run[-1].place
        above = growing.get(columns)
        if above is not None and above[-1][0].index == run[0].index - 1:
            above.append(run)
        else:
            growing[columns] = [run]
            made.append(growing[columns])
    return [Block(lines) for lines in made]


def cell_chunks(title: str, writes: Sequence[CellWrite]) -> list[list[Block]]:
    """The writes in calls."""
    chunks: list[list[Block]] = [[]]
    room = MAX_BYTES
    around = _AROUND_RANGE + json_size(title)
    for block in blocks(writes):
        lines: list[Sequence[CellWrite]] = []
        room -= around
        for line in block.lines:
            needed = _AROUND_LINE + sum(json_size(write.value) + 2 for write in line)
            if needed > room and (lines or chunks[-1]):
                if lines:
                    chunks[-1].append(Block(lines))
                chunks.append([])
                lines, room = [], MAX_BYTES - around
            lines.append(line)
            room -= needed
        chunks[-1].append(Block(lines))
    return [chunk for chunk in chunks if chunk]


def insert_chunks(inserts: Sequence[Edit]) -> list[list[Edit]]:
    """The inserts in calls, in order."""

    def size(edit: Edit) -> int:
        return sum(_AROUND_INSERTED + json_size(cell) for cell in (edit.cells or {}).values())

    return _chunks(inserts, size)


def json_size(cell: Cell) -> int:
    """The characters of a cell's JSON, with what isn't ASCII escaped; a float's at most."""
    if isinstance(cell, str):
        return len(json.dumps(cell))
    return 24 if isinstance(cell, float) else 5


def runs(numbers: Sequence[int]) -> Iterator[list[int]]:
    """Sorted numbers in runs of neighbours, which have the same distance to their place in the list."""
    for _, numbered in groupby(enumerate(numbers), key=lambda item: item[1] - item[0]):
        yield [number for _, number in numbered]


def _cell_runs(writes: Sequence[CellWrite]) -> Iterator[list[CellWrite]]:
    """Neighbouring cells of a row."""
    ordered = sorted(writes, key=attrgetter("index", "place"))
    for _, numbered in groupby(enumerate(ordered), key=lambda item: (item[1].index, item[1].place - item[0])):
        yield [write for _, write in numbered]


def _chunks(items: Iterable[T], size: Callable[[T], int]) -> list[list[T]]:
    chunks: list[list[T]] = []
    room = 0
    for item in items:
        needed = size(item)
        if needed > room or not chunks:
            chunks.append([])
            room = MAX_BYTES
        chunks[-1].append(item)
        room -= needed
    return chunks
