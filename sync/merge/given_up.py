"""What people gave up: failures that were discarded, for as long as the value is the one that failed. Pure.

What a column, or the table, can't take stays where it is, unseen. What a cell of the source can't take is settled: the
sides are known to differ there from now on, and the next edit of either goes to the other like any edit. Otherwise the
table's value would wait for ever, and win over whatever somebody enters in the source later.
"""

from db.failures import Failure, FailureState
from db.sources import Side
from db.wire import to_wire
from sync.merge.cell import CellPlan, CellState, Way
from sync.merge.turns import FLAPPING


def settled(cell: CellState, plan: CellPlan, failures: tuple[Failure, ...]) -> CellPlan:
    """The plan, unless it is for the source to take a value that was given up: then both keep what they have."""
    if plan.way in (Way.TO_SOURCE, Way.TO_BOTH):
        code, value = None, to_wire(cell.column.type, plan.text)
    elif plan.failure is not None and plan.failure.side is Side.SOURCE and plan.failure.code != FLAPPING:
        code, value = plan.failure.code, plan.failure.value
    else:
        return plan
    given_up = any(
        failure.state is FailureState.DISCARDED
        and failure.side is Side.SOURCE
        and failure.column == cell.column.name
        and failure.value == value
        and code in (None, failure.code)
        for failure in failures
    )
    return CellPlan(Way.AGREE) if given_up else plan
