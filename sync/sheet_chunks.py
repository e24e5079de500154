"""Cuts what is written into calls of a size that Google advises: about 2 MB of JSON. Pure."""

from collections.abc import Callable, Iterable, Sequence
from typing import Final, TypeVar

from sync.sheet_plan import CellWrite
from sync.source import Cell, Edit

T = TypeVar("T")

MAX_BYTES: Final = 1_500_000
# What the JSON of a cell has around its value, at most: its range, or its part of a row.
_AROUND: Final = 80


def cell_chunks(writes: Sequence[CellWrite]) -> list[list[CellWrite]]:
    """The writes in calls."""
    return _chunks(writes, lambda write: _size(write.value))


def insert_chunks(inserts: Sequence[Edit]) -> list[list[Edit]]:
    """The inserts in calls, in order."""
    return _chunks(inserts, lambda edit: sum(_size(cell) for cell in (edit.cells or {}).values()))


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


def _size(cell: Cell) -> int:
    # Six bytes a character at the worst: \uXXXX.
    return _AROUND + (6 * len(cell) if isinstance(cell, str) else 20)
