"""Columns that a person moved between two looks: the earlier look in the order that the columns have in the later one.

Writes go by address, so what was sent in between may stand in another column than it was meant for. With both looks in
one order, what it hit and what it was meant for can be told apart. Pure.
"""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import TypeVar

from sync.sheets.grid import Grid, Place, header_text, same_cell
from sync.sheets.lines import Lines
from sync.sheets.rows import Rows
from sync.source import Cell, Edit

T = TypeVar("T")


def column_moves(before: Rows, after: Rows) -> Mapping[int, int] | None:
    """The later place of each earlier one that is still there; None where all stand as they did.

    Bound columns are known by what binds them, others by their header. The rest are known by their order, if as many
    are left as there were; else by what they hold, and those that hold nothing are left out.
    """
    moves = {
        place: after.bound.places[name] for name, place in before.bound.places.items() if name in after.bound.places
    }
    headers = _unique(before), _unique(after)
    for header in headers[0].keys() & headers[1].keys():
        here, there = headers[0][header], headers[1][header]
        if here not in moves and there not in moves.values():
            moves[here] = there
    more = after.grid.column_count - before.grid.column_count
    if not more and all(here == there for here, there in moves.items()):
        return None
    gone = {place for header, place in headers[0].items() if header not in headers[1]} if more < 0 else set()
    rest = [place for place in range(before.grid.column_count) if place not in moves and place not in gone]
    free = sorted(set(range(after.grid.column_count)) - set(moves.values()))
    moves.update(zip(rest, free, strict=True) if len(rest) == len(free) else _by_content(before, after, rest, free))
    return moves


def _by_content(before: Rows, after: Rows, rest: Sequence[int], free: Sequence[int]) -> dict[int, int]:
    """The later place of each column that holds something: the one that holds most of the same in the same rows.

    What we wrote may have hit all that a column held. So where columns were inserted, one that holds anything will do.
    """
    lines = [(row.index, after.by_key[key].index) for key, row in before.by_key.items() if key in after.by_key]
    lines = lines or [(index, index) for index in range(before.bound.header_row + 1, len(before.grid.values))]
    inserted = after.grid.column_count > before.grid.column_count
    filled = {there: sum(after.grid.value(index, there) not in (None, "") for _, index in lines) for there in free}
    found: dict[int, int] = {}
    for here in rest:
        held = [(value, index) for was, index in lines if (value := before.grid.value(was, here)) not in (None, "")]
        same = {
            there: sum(same_cell(value, after.grid.value(index, there)) for value, index in held)
            for there in free
            if filled[there] and there not in found.values()
        }
        if held and same:
            best = max(same, key=lambda there: (same[there], filled[there]))
            if inserted or 2 * same[best] > len(held):
                found[here] = best
    return found


def in_order_of(before: Rows, after: Rows) -> Rows:
    """The earlier look with each column where it is in the later one."""
    moves = column_moves(before, after)
    if moves is None:
        return before
    grid = before.grid
    moved = replace(
        grid,
        column_count=after.grid.column_count,
        values=[_ordered(cells, moves) for cells in grid.values],
        computed=_moved(grid.computed, moves),
        errors=_moved(grid.errors, moves),
        formats=_moved(grid.formats, moves),
        covered={},
    )
    bound = replace(
        before.bound,
        columns=[(column, moves[place]) for column, place in before.bound.columns if place in moves],
        key=[(column, moves[place]) for column, place in before.bound.key if place in moves],
    )
    return replace(before, grid=moved, bound=bound)


def misplaced_lines(before: Rows, after: Rows, inserts: Sequence[Edit]) -> dict[str, int]:
    """The lines, by the keys of the inserts, that hold an inserted row in the order that the columns had before."""
    if column_moves(before, after) is None:
        return {}
    known = Lines(in_order_of(before, after), after)
    found = {}
    for edit in inserts:
        cells = {before.bound.places[name]: cell for name, cell in (edit.cells or {}).items() if cell not in (None, "")}
        lines = [index for index in range(len(after.grid.values)) if _holds(after.grid, index, cells)]
        strange = [index for index in lines if known.was(index) is None]
        if cells and len(strange) == 1 and not _arrived(after, edit):
            found[edit.key] = strange[0]
    return found


def _arrived(after: Rows, edit: Edit) -> bool:
    """Whether the row is as it was meant; no value of a column that is gone can be."""
    landed = after.by_key.get(edit.key)
    places = after.bound.places
    cells = edit.cells or {}
    if any(name not in places and cell not in (None, "") for name, cell in cells.items()):
        return False
    wanted = {places[name]: cell for name, cell in cells.items() if name in places}
    return landed is not None and _holds(after.grid, landed.index, wanted)


def _holds(grid: Grid, index: int, cells: Mapping[int, Cell]) -> bool:
    return all(same_cell(grid.value(index, place), cell) for place, cell in cells.items())


def _unique(rows: Rows) -> dict[str, int]:
    texts = [header_text(cell) for cell in rows.grid.row(rows.bound.header_row)]
    return {text: place for place, text in enumerate(texts) if text and texts.count(text) == 1}


def _ordered(cells: Sequence[Cell], moves: Mapping[int, int]) -> Sequence[Cell]:
    filled = {moves[place]: cell for place, cell in enumerate(cells) if cell is not None and place in moves}
    return [filled.get(place) for place in range(max(filled, default=-1) + 1)]


def _moved(cells: Mapping[Place, T], moves: Mapping[int, int]) -> Mapping[Place, T]:
    return {(row, moves[place]): one for (row, place), one in cells.items() if place in moves}
