"""Ids that went into another column than the managed key's, because columns moved as they were written. Pure."""

from collections.abc import Sequence

from sync.sheets.ids import IdWrite
from sync.sheets.layout import column_moves, in_order_of
from sync.sheets.lines import Lines
from sync.sheets.repair import Entered, Restore, entered
from sync.sheets.rows import Rows


def strayed_ids(before: Rows, written: Sequence[IdWrite], after: Rows) -> list[Restore]:
    """What to put back where the ids went that were written by the addresses of `before`; nobody else's cell has one.

    Where an id was to be cleared, something else may have been: it is known by the line that the write was sent to.
    """
    moves = column_moves(before, after)
    sent = before.bound.key[0][1]
    if moves is None or moves.get(sent) == sent:
        return []
    ordered = in_order_of(before, after)
    lines = Lines(ordered, after)

    def original(index: int, place: int) -> Entered:
        was = lines.was(index, {place})
        return Entered() if was is None else entered(ordered.grid, was, place, moved_to=index)

    ids = {write.id for write in written if write.id is not None}
    found = [
        Restore(index, place, original(index, place))
        for index in range(after.bound.header_row + 1, len(after.grid.values))
        for place, cell in enumerate(after.grid.row(index))
        if isinstance(cell, str) and cell in ids and place != moves.get(sent)
    ]
    cleared = [write.index for write in written if write.id is None and after.grid.value(write.index, sent) is None]
    found += [Restore(index, sent, what) for index in cleared if (what := original(index, sent)) != Entered()]
    return found
