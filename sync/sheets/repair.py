"""Writes go by address, and a person may sort or insert just then: what such a write hit instead, and its remedy. Pure.

`before` is the sheet as the write located its rows, `after` as it was read back. A row that has the written value in
its place, did not have it before and was not meant to get it was hit by accident.
"""

import re
from bisect import bisect_left
from collections import defaultdict
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, replace

from sync.sheets.grid import Grid, known, same_cell
from sync.sheets.layout import column_moves, in_order_of
from sync.sheets.lines import Lines
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


def displaced_cells(before: Rows, after: Rows, writes: Sequence[CellWrite], *, later: bool = False) -> list[Damage]:
    """The cells that the writes hit instead of their own.

    `later`: people went on since. A cell that still is where it was written to had arrived, whatever they made of it.
    """
    meant = _Meant(column_moves(before, after))
    lost = [
        write for write in writes if not _arrived(after, write, meant) and not (later and _stands(after, write, meant))
    ]
    if not lost:
        return []
    hits = _Hits(in_order_of(before, after), after, writes, lost, meant)
    damages: dict[tuple[str | None, int, int], Damage] = {}
    for write in lost:
        damage = hits.of(write)
        if damage is not None:
            damages[damage.key, damage.index, damage.place] = damage
    return list(damages.values())


def moved_along(damages: Sequence[Damage], before: Rows, after: Rows) -> list[Damage]:
    """The damages with their columns where they are by now; without those of a column that is gone."""
    moves = column_moves(before, after)
    if moves is None:
        return list(damages)
    return [replace(damage, place=moves[damage.place]) for damage in damages if damage.place in moves]


@dataclass(frozen=True, slots=True)
class _Meant:
    """Where the writes' columns are by now, of the `column_moves` since they were sent."""

    moves: Mapping[int, int] | None

    def place(self, write: CellWrite) -> int | None:
        """None where the column is gone."""
        return write.place if self.moves is None else self.moves.get(write.place)

    def places(self, write: CellWrite) -> set[int]:
        """Where the value can be: as it was sent, or gone with its column."""
        place = self.place(write)
        return {write.place} if place is None else {write.place, place}

    def is_new(self, place: int) -> bool:
        """Whether nobody knows which column this was before."""
        return self.moves is not None and place not in self.moves.values()


def _arrived(after: Rows, write: CellWrite, meant: _Meant) -> bool:
    landed, place = after.by_key.get(write.key), meant.place(write)
    return landed is not None and place is not None and same_cell(after.grid.value(landed.index, place), write.value)


def _stands(after: Rows, write: CellWrite, meant: _Meant) -> bool:
    landed = after.by_key.get(write.key)
    return landed is not None and (landed.index, meant.place(write)) == (write.index, write.place)


class _Hits:
    """Which rows show a value of ours that was none of theirs, looked up by place and value: a sort may move all."""

    def __init__(
        self, before: Rows, after: Rows, writes: Sequence[CellWrite], lost: Sequence[CellWrite], meant: _Meant
    ) -> None:
        self._before = before
        self._after = after
        self._columns = meant
        self._lines = Lines(before, after)
        self._key_of = {located.index: key for key, located in before.by_key.items()}
        self._meant: Mapping[tuple[str | None, int | None], Cell] = {
            (write.key, meant.place(write)): write.value for write in writes
        }
        self._ours = {(place, known(write.value)) for write in writes for place in meant.places(write)}
        self._places = {place for place, _ in self._ours}
        self._found: dict[tuple[int, object], list[Damage]] = defaultdict(list)
        for located in after.by_key.values():
            for place in {place for write in lost for place in meant.places(write)}:
                damage = self._at(located.index, place)
                if damage is not None:
                    self._found[place, known(damage.ours)].append(damage)

    def of(self, write: CellWrite) -> Damage | None:
        """What the write hit: in the row it was sent to, else the only other row that it can have been."""
        here = self._at(write.index, write.place, write)
        if here is not None and same_cell(here.ours, write.value):
            return here
        found = {
            (damage.key, damage.index, damage.place): damage
            for place in self._columns.places(write)
            for damage in self._found[place, known(write.value)]
        }
        return next(iter(found.values())) if len(found) == 1 else None

    def _at(self, index: int, place: int, write: CellWrite | None = None) -> Damage | None:
        """The damage at a place. In a line that nobody knew before only where the `write` was sent there."""
        value = self._after.grid.value(index, place)
        if (place, known(value)) not in self._ours or (index, place) in self._after.grid.computed:
            return None
        ours = {one for one in self._places if (one, known(self._after.grid.value(index, one))) in self._ours}
        was = self._lines.was(index, ours)
        original = self._of_strange(index, ours, write) if was is None else self._original(index, place, was, value)
        if original is None or (value in (None, "") and original == Entered()):
            return None
        return Damage(self._lines.key(index), index, place, value, original)

    def _original(self, index: int, place: int, was: int, value: Cell) -> Entered | None:
        """What a line held, which was there before as `was`; None where the value is none of ours, or was meant."""
        grid, key = self._before.grid, self._key_of.get(was)
        if (key, place) in self._meant and same_cell(self._meant[key, place], value):
            return None
        if self._columns.is_new(place):
            return Entered() if self._is_empty(place) else None
        if (was, place) not in grid.computed and same_cell(grid.value(was, place), value):
            return None
        return entered(grid, was, place, moved_to=index)

    def _of_strange(self, index: int, ours: Collection[int], write: CellWrite | None) -> Entered | None:
        """Nothing, if the write was sent to a line that nobody knew: its own row has moved away, or the line has
        nothing else. What a person typed over the row itself is theirs, whatever it is."""
        if write is None:
            return None
        others = [place for _, place in self._after.bound.columns if place not in ours]
        grid = self._after.grid
        typed = any(
            grid.value(index, place) not in (None, "", False) and (index, place) not in grid.computed
            for place in others
        )
        return Entered() if write.key in self._after.by_key or not typed else None

    def _is_empty(self, place: int) -> bool:
        """Whether a column has nothing below its header but what is ours."""
        grid = self._after.grid
        values = (grid.value(index, place) for index in range(self._after.bound.header_row + 1, len(grid.values)))
        return all(value in (None, "") or (place, known(value)) in self._ours for value in values)


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


def displaced_deletes(before: Rows, after: Rows, deleted: Mapping[str, int], *, later: bool = False) -> list[int]:
    """The lines, by their index in `before`, that went instead of the `deleted` ones (key to index).

    `later`: people may have deleted rows since. Each line that went in place of another left that one where it was; and
    where no row moved, but for those that went, no call hit another one.
    """
    lines = _gone_instead(before, after, deleted)
    if later and lines:
        went = [*lines, *(index for key, index in deleted.items() if key not in after.by_key)]
        left = sum(key in after.by_key for key in deleted)
        return [] if len(lines) > left or _only_deleted(before, after, went) else lines
    return lines


def _gone_instead(before: Rows, after: Rows, deleted: Mapping[str, int]) -> list[int]:
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
        return Entered(formula=formula if moved_to is None else moved_formula(formula, index, moved_to))
    return Entered(value=grid.value(index, place))


def moved_formula(formula: str, old: int, new: int) -> str:
    """References of a formula to its own row, by its index, moved along; the text within quotes stays."""
    parts = re.split(r'("[^"]*")', formula)
    reference = re.compile(rf"(?<![A-Za-z0-9_$!'])(\$?[A-Za-z]{{1,3}}){old + 1}(?![0-9A-Za-z_(])")
    return "".join(part if number % 2 else reference.sub(rf"\g<1>{new + 1}", part) for number, part in enumerate(parts))
