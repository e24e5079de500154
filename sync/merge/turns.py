"""Cells that flip for ever: each side changes back what the other one wrote, by a trigger, a formula, a script. Pure.

A turn is a write of a value that the side was given before, after the other side was written in between, all within
WINDOW. After MOST of them the cell is left as it is on both sides, with a failure. It goes on once somebody gives it
another value; and once in WINDOW it is tried whether it flips still.
"""

from dataclasses import replace
from datetime import datetime, timedelta

from db.base import Turn
from db.failures import Failure, FailureState, NewFailure
from db.sources import Side
from db.wire import to_wire
from sync.merge.cell import CellPlan, CellState, Way

FLAPPING = "FLAPPING"
"""The failure's code."""

MOST = 6
WINDOW = timedelta(hours=1)

_SIDES = {Way.TO_TABLE: Side.DATABASE, Way.TO_SOURCE: Side.SOURCE}


def steady(
    cell: CellState, plan: CellPlan, known: Turn | None, failures: tuple[Failure, ...], now: datetime
) -> tuple[CellPlan, Turn | None]:
    """The plan, unless the cell flips: then it waits. And what is to be remembered of its turns."""
    side = _SIDES.get(plan.way)
    if side is None:
        return plan, known if known is not None and now - known.at < WINDOW else None
    if plan.verdict is not None or _is_retried(failures, cell.column.name):
        # Where both sides changed, one of them has what neither was given.
        known = None
    turn = _turned(known, side, plan.text, now)
    if turn.count <= MOST:
        return plan, turn
    return CellPlan(Way.KEEP, failure=_failure(cell, plan, side)), known


def _turned(known: Turn | None, side: Side, text: str | None, now: datetime) -> Turn:
    if known is None or known.side is side or (side in known.texts and known.texts[side] != text):
        return Turn(side, 1, now, {side: text})
    count = known.count + 1
    if now - known.at >= WINDOW:
        # One that was left alone for so long is tried once more, and left alone again if it flips.
        count = MOST if count > MOST else 1
    return replace(known, side=side, count=count, at=now, texts={**known.texts, side: text})


def _is_retried(failures: tuple[Failure, ...], column: str) -> bool:
    return any(
        failure.code == FLAPPING and failure.column == column and failure.state is FailureState.RETRYING
        for failure in failures
    )


def _failure(cell: CellState, plan: CellPlan, side: Side) -> NewFailure:
    where = cell.address or cell.column.field or cell.column.name
    message = (
        f"{where} flips between two values: either side changes back what the other one writes, {MOST} times in an "
        "hour by now, so both are left as they are. Look for a trigger, a formula or a script that sets the cell, and "
        "mend it, or give the cell another value on either side."
    )
    value = to_wire(cell.column.type, plan.text)
    return NewFailure(side, FLAPPING, message, cell.key, cell.column.name, cell.address, value)
