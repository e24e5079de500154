"""Writes go by address, and a person may sort or insert just then: what such a write hit instead, and its remedy. Pure.

`before` is the sheet as the write located its rows, `after` as it was read back. A row that has the written value in
its place, did not have it before and was not meant to get it was hit by accident.
"""

import re
from bisect import bisect_left
from collections import defaultdict
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass

from sync.sheets.grid import Grid, known, same_cell
from sync.sheets.layout import in_order_of
from sync.sheets.plan import CellWrite
from sync.sheets.rows import Rows
from sync.source import Cell


@dataclass(frozen=True, slots=True)
class Entered:
    """What a person entered into a cell: a formula, or a value; neither where the cell is empty."""

    value: Cell = None
    formula: str | None = None


@dataclass(frozen=True, slots=True)
class Damage:
    """A cell that our value hit by accident: of the row of `key`, or of the grid's row `index` where it has no key."""

    key: str | None
    index: int
    place: int
    ours: Cell
    original: Entered


@dataclass(frozen=True, slots=True)
class Restore:
    """Put back what a cell held."""

    index: int
    place: int
    entered: Entered


def displaced_cells(before: Rows, after: Rows, writes: Sequence[CellWrite]) -> list[Damage]:
    """The cells that the writes hit instead of their own."""
    lost = [write for write in writes if not _arrived(after, write)]
    if not lost:
        return []
    before = in_order_of(before, after)
    hits = _Hits(before, after, writes, {place for write in lost for place in _places(after, write)})
    damages: dict[tuple[str | None, int, int], Damage] = {}
    for write in lost:
        damage = hits.of(write)
        if damage is not None:
            damages[damage.key, damage.index, damage.place] = damage
    return list(damages.values())


def _arrived(after: Rows, write: CellWrite) -> bool:
    landed = after.by_key.get(write.key)
    return landed is not None and same_cell(after.grid.value(landed.index, _meant_for(after, write)), write.value)


def _meant_for(after: Rows, write: CellWrite) -> int:
    """The place of the write's column now: a person may have moved it."""
    return after.bound.places.get(write.name, write.place)


def _places(after: Rows, write: CellWrite) -> tuple[int, int]:
    """Where the write can be: as it was sent, or gone with its column."""
    return write.place, _meant_for(after, write)


class _Hits:
    """Which rows show a value of ours that was none of theirs, looked up by place and value: a sort may move all."""

    def __init__(self, before: Rows, after: Rows, writes: Sequence[CellWrite], places: Collection[int]) -> None:
        self._before = before
        self._after = after
        self._key_at = {located.index: key for key, located in after.by_key.items()}
        self._meant = {(write.key, _meant_for(after, write)): write.value for write in writes}
        self._ours = {(place, known(write.value)) for write in writes for place in _places(after, write)}
        self._found: dict[tuple[int, object], list[Damage]] = defaultdict(list)
        for key, located in after.by_key.items():
            for place in places:
                damage = self._at(located.index, place, key)
                if damage is not None:
                    self._found[place, known(damage.ours)].append(damage)

    def of(self, write: CellWrite) -> Damage | None:
        """What the write hit: in the row it was sent to, else the only other row that it can have been."""
        key = self._key_at.get(write.index)
        here = self._at(write.index, write.place, key)
        if here is not None and same_cell(here.ours, write.value):
            return here
        found = {
            (damage.key, damage.index, damage.place): damage
            for place in _places(self._after, write)
            for damage in self._found[place, known(write.value)]
        }
        return next(iter(found.values())) if len(found) == 1 else None

    def _at(self, index: int, place: int, key: str | None) -> Damage | None:
        before, value = self._before, self._after.grid.value(index, place)
        if (place, known(value)) not in self._ours or (index, place) in self._after.grid.computed:
            return None
        if key is None or key not in before.by_key:
            # A line that nobody knew before: all that can be said is that this value is none of its own.
            return None if value in (None, "") else Damage(key, index, place, value, Entered())
        if (key, place) in self._meant and same_cell(self._meant[key, place], value):
            return None
        was = before.by_key[key].index
        if (was, place) not in before.grid.computed and same_cell(before.grid.value(was, place), value):
            return None
        return Damage(key, index, place, value, entered(before.grid, was, place, moved_to=index))


def restores(rows: Rows, damages: Sequence[Damage]) -> list[tuple[Damage, Restore]]:
    """What to put back now, where the accident still shows."""
    found = []
    for damage in damages:
        located = rows.by_key.get(damage.key) if damage.key is not None else None
        index = damage.index if damage.key is None else None if located is None else located.index
        if index is None or (index, damage.place) in rows.grid.computed:
            continue
        if same_cell(rows.grid.value(index, damage.place), damage.ours):
            found.append((damage, Restore(index, damage.place, damage.original)))
    return found


def displaced_deletes(before: Rows, after: Rows, deleted: Mapping[str, int]) -> list[int]:
    """The lines, by their index in `before`, that went instead of the `deleted` ones (key to index)."""
    vanished = {
        key: located.index
        for key, located in before.by_key.items()
        if key not in deleted and key not in after.by_key and key not in after.repeated
    }
    survived = [key for key in deleted if key in after.by_key]
    if not survived:
        # Whoever deleted one of ours at the same moment made our delete hit the line below.
        above = {index + 1 for index in deleted.values()}
        return sorted(index for index in vanished.values() if index in above)
    if len(deleted) == 1 and len(vanished) > 1 and _only_deleted(before, after, vanished.values()):
        (at,) = deleted.values()
        fitting = [index for number, index in enumerate(sorted(vanished.values())) if index - number == at]
        if len(fitting) == 1:
            return fitting
    return sorted(vanished.values())


def _only_deleted(before: Rows, after: Rows, gone: Collection[int]) -> bool:
    """Whether each row that is left moved up by just the lines that are gone above it: nothing else happened."""
    lines = sorted(gone)
    return all(
        located.index - bisect_left(lines, located.index) == after.by_key[key].index
        for key, located in before.by_key.items()
        if key in after.by_key
    )


def entered(grid: Grid, index: int, place: int, moved_to: int | None = None) -> Entered:
    """What a cell holds; a formula's references to its own row follow it to the row that it is in now."""
    formula = grid.computed.get((index, place))
    if formula == "":
        return Entered()
    if formula is not None:
        return Entered(formula=formula if moved_to is None else _follow(formula, index + 1, moved_to + 1))
    return Entered(value=grid.value(index, place))


def _follow(formula: str, old: int, new: int) -> str:
    """References of a formula to its own row, moved along; the text within quotes stays."""
    parts = re.split(r'("[^"]*")', formula)
    reference = re.compile(rf"(?<![A-Za-z0-9_$!'])(\$?[A-Za-z]{{1,3}}){old}(?![0-9A-Za-z_(])")
    return "".join(part if number % 2 else reference.sub(rf"\g<1>{new}", part) for number, part in enumerate(parts))
