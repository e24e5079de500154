"""Where a row or column is after others were inserted, deleted or moved. Pure arithmetic."""

from dataclasses import dataclass
from enum import Enum
from typing import Protocol


class Dimension(Enum):
    ROWS = "ROWS"
    COLUMNS = "COLUMNS"


class Shift(Protocol):
    def index(self, index: int) -> int | None:
        """The new index, or None where it is gone."""

    def span(self, start: int, end: int) -> tuple[int, int] | None:
        """The new half-open span, grown or shrunk, or None where all of it is gone."""


@dataclass(frozen=True, slots=True)
class Inserted:
    """`count` new ones stand before what was `at`. A span grows only where the new ones are inside of it."""

    at: int
    count: int

    def index(self, index: int) -> int | None:
        return index + self.count if index >= self.at else index

    def span(self, start: int, end: int) -> tuple[int, int] | None:
        return (
            start + self.count if start >= self.at else start,
            end + self.count if end > self.at else end,
        )


@dataclass(frozen=True, slots=True)
class Deleted:
    """Those from `start` to `end - 1` are gone."""

    start: int
    end: int

    def index(self, index: int) -> int | None:
        if self.start <= index < self.end:
            return None
        return self._edge(index)

    def span(self, start: int, end: int) -> tuple[int, int] | None:
        new = self._edge(start), self._edge(end)
        return new if new[0] < new[1] else None

    def _edge(self, edge: int) -> int:
        if edge <= self.start:
            return edge
        return max(self.start, edge - (self.end - self.start))


@dataclass(frozen=True, slots=True)
class Moved:
    """Those from `start` to `end - 1` went to stand before what was `to`."""

    start: int
    end: int
    to: int

    def index(self, index: int) -> int | None:
        count = self.end - self.start
        first = self.to if self.to <= self.start else self.to - count
        if self.start <= index < self.end:
            return first + index - self.start
        without = index - count if index >= self.end else index
        return without + count if without >= first else without

    def span(self, start: int, end: int) -> tuple[int, int] | None:
        first, last = self.index(start), self.index(end - 1)
        assert first is not None
        assert last is not None
        return min(first, last), max(first, last) + 1


@dataclass(frozen=True, slots=True)
class LineShift:
    """What happened to whole rows or columns of a sheet that had `size` of them until then."""

    dimension: Dimension
    size: int
    shift: Inserted | Deleted | Moved
