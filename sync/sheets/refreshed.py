"""A sheet as the sender of a write saw it, with what people entered since: what the write hits by accident, if it comes
late, is put back as it was by then. Pure.
"""

import operator
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import TypeVar

from sync.sheets.grid import Grid, Place, known
from sync.sheets.layout import column_moves
from sync.sheets.plan import CellWrite
from sync.sheets.repair import moved_formula
from sync.sheets.rows import Rows

T = TypeVar("T")


def refreshed(before: Rows, after: Rows, writes: Sequence[CellWrite]) -> Grid | None:
    """The grid of `before` with what its rows hold in `after`, each where it was; None where nothing was entered.

    A row that shows any of the written values which it did not have may have been hit unnoticed, and stays as it was;
    and all do where columns moved.
    """
    if column_moves(before, after) is not None:
        return None
    old, new = before.grid, after.grid
    ours = {(write.place, known(write.value)) for write in writes}
    places = {write.place for write in writes}
    lines = {
        after.by_key[key].index: located.index
        for key, located in before.by_key.items()
        if key in after.by_key and not _may_be_hit(old, located.index, new, after.by_key[key].index, ours, places)
    }
    values = list(old.values)
    for now, was in lines.items():
        if list(new.row(now)) != list(old.row(was)):
            values[was] = new.row(now)
    formulas = {place: moved_formula(formula, place[0], lines[place[0]]) for place, formula in _of(new.computed, lines)}
    computed = _renewed(old.computed, formulas, lines)
    errors = _renewed(old.errors, dict(_of(new.errors, lines)), lines)
    if computed == old.computed and errors == old.errors and all(map(operator.is_, values, old.values)):
        return None
    return replace(old, values=values, computed=computed, errors=errors)


def _may_be_hit(old: Grid, was: int, new: Grid, now: int, ours: set[tuple[int, object]], places: set[int]) -> bool:
    return any(
        (place, one := known(new.value(now, place))) in ours and known(old.value(was, place)) != one for place in places
    )


def _of(cells: Mapping[Place, T], lines: Mapping[int, int]) -> list[tuple[Place, T]]:
    return [(place, one) for place, one in cells.items() if place[0] in lines]


def _renewed(old: Mapping[Place, T], new: Mapping[Place, T], lines: Mapping[int, int]) -> Mapping[Place, T]:
    """`new` by the rows of the later grid, instead of what the same rows had."""
    was = set(lines.values())
    kept = {place: one for place, one in old.items() if place[0] not in was}
    return {**kept, **{(lines[row], column): one for (row, column), one in new.items()}}
