"""Which line of an earlier look at a sheet each line of a later one was, though its key changed or can't be read. Pure.

A line whose key both looks know is known by it. Another one was the line that stood there, or else the only one that
held the same, of those whose keys the later look doesn't know. What we wrote ourselves doesn't count.
"""

from collections import defaultdict
from collections.abc import Collection
from typing import Final

from sync.sheets.grid import known
from sync.sheets.rows import Rows, is_blank

_Content = tuple[object, ...]


class Lines:
    """Of two looks that have their columns in one order (`sync.sheets.layout.in_order_of`)."""

    def __init__(self, before: Rows, after: Rows) -> None:
        self._before = before
        self._after = after
        self._key_at = {located.index: key for key, located in after.by_key.items()}
        self._stayed = {row.index for key, row in before.by_key.items() if key in after.by_key}
        keys = {place for _, place in (*before.bound.key, *after.bound.key)}
        self._places: Final = [place for _, place in before.bound.columns if place not in keys]
        self._by_content: dict[tuple[int, ...], dict[_Content, list[int]]] = {}

    def key(self, index: int) -> str | None:
        """The key that the line has in the later look."""
        return self._key_at.get(index)

    def was(self, index: int, ours: Collection[int] = ()) -> int | None:
        """The earlier index of a later line; `ours` are the places in it that may show what we wrote."""
        key = self.key(index)
        if key is not None and key in self._before.by_key:
            return self._before.by_key[key].index
        places = tuple(place for place in self._places if place not in ours)
        content = _content(self._after, index, places)
        if self._is_open(index) and _content(self._before, index, places) == content:
            return index
        found = self._same(places).get(content, ())
        return found[0] if len(found) == 1 and any(one is not None for one in content) else None

    def _is_open(self, index: int) -> bool:
        """Whether an earlier line may be any of the later ones whose keys are new."""
        bound, grid = self._before.bound, self._before.grid
        return index > bound.header_row and index not in self._stayed and not is_blank(bound, grid, index)

    def _same(self, places: tuple[int, ...]) -> dict[_Content, list[int]]:
        if places not in self._by_content:
            made: dict[_Content, list[int]] = defaultdict(list)
            for index in filter(self._is_open, range(len(self._before.grid.values))):
                made[_content(self._before, index, places)].append(index)
            self._by_content[places] = made
        return self._by_content[places]


def _content(rows: Rows, index: int, places: Collection[int]) -> _Content:
    """What people entered; formulas show something else in every row."""
    grid = rows.grid
    return tuple(None if (index, place) in grid.computed else known(grid.value(index, place)) for place in places)
