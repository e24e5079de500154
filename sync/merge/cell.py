"""The merge of one cell: what either side did to it since they last agreed, and who gets what. Pure.

| source   | table    | TWO_WAY                                                               |
|----------|----------|-----------------------------------------------------------------------|
| same     | same     | nothing                                                               |
| changed  | same     | to the table; a failure where the column can't take it                |
| same     | changed  | to the source; a failure where the cell is a formula, or can't take it|
| changed  | changed  | the same value: agreed. Else a conflict, for the policy or a person   |

Formulas belong to the source, generated columns to the table, whatever the policy.
"""

from dataclasses import dataclass, replace
from enum import Enum

from db.changes import WireValue
from db.conflicts import ConflictChoice
from db.failures import NewFailure
from db.sources import Column, Direction, Side
from db.wire import quoted, to_text, to_wire
from sync.merge.show import shown
from sync.merge.verdict import Verdict
from sync.source import Cell
from sync.values.cell_mapping import CellMapping, Unfit


class Way(Enum):
    """KEEP leaves both sides and the base; AGREE makes what both show the base."""

    KEEP = "keep"
    AGREE = "agree"
    TO_TABLE = "to table"
    TO_SOURCE = "to source"
    TO_BOTH = "to both"


@dataclass(frozen=True, slots=True)
class CellState:
    """One cell on both sides. `old_*` is the base; `known` is False where there is none, and then both are None.

    `text` is the source's cell as the table would print it, unless `unfit` says why it can't. `formula`: it is the
    source's alone to change; `computed`: since a formula is in it.
    """

    column: Column
    mapping: CellMapping
    key: str
    address: str | None
    known: bool
    old_cell: Cell
    old_text: str | None
    cell: Cell
    text: str | None
    unfit: NewFailure | None
    formula: bool
    computed: bool
    merged: bool
    generated: bool
    table: str | None

    @property
    def source_changed(self) -> bool:
        return self.unfit is not None or not self.mapping.unchanged(self.cell, self.old_cell)

    @property
    def table_changed(self) -> bool:
        return self.table != self.old_text

    @property
    def agreed(self) -> bool:
        return self.unfit is None and self.mapping.same_text(self.column, self.text, self.table)


@dataclass(frozen=True, slots=True)
class CellPlan:
    """What becomes of a cell: `text` goes to the table, `cell` to the source; `verdict` where there is a clash."""

    way: Way
    text: str | None = None
    cell: Cell = None
    verdict: Verdict | None = None
    failure: NewFailure | None = None


def merge_cell(state: CellState, direction: Direction, verdict: Verdict, by: str) -> CellPlan:
    """Decide on one cell of a row that both sides have. `verdict` is for a clash, if there is one; `by` says who wants
    that the source's edits don't count."""
    if not state.source_changed and not state.table_changed:
        return CellPlan(Way.KEEP if state.known else Way.AGREE)
    if state.agreed:
        return CellPlan(Way.AGREE)
    if direction is Direction.FROM_SOURCE:
        return _from_source(state)
    if state.formula:
        return _formula(state, direction)
    if direction is Direction.TO_SOURCE:
        return _overwrite_source(state, by)
    if state.generated:
        return _generated(state)
    if not state.table_changed:
        return _to_table(state)
    if not state.source_changed:
        return _to_source(state)
    return _clash(state, verdict)


def _from_source(state: CellState) -> CellPlan:
    if state.generated:
        return CellPlan(Way.KEEP)
    if state.source_changed or not state.known:
        return _to_table(state)
    return CellPlan(Way.TO_TABLE, text=state.old_text, cell=state.cell)


def _formula(state: CellState, direction: Direction) -> CellPlan:
    if state.source_changed:
        if direction is Direction.TO_SOURCE:
            return CellPlan(Way.KEEP)
        over = state.table_changed and state.unfit is None and state.table is not None
        return replace(_to_table(state), verdict=Verdict(ConflictChoice.SOURCE, "formula") if over else None)
    if not state.computed:
        message = f"{state.column.name} is read only: no value of the database is ever written to {state.column.field}."
        return CellPlan(Way.KEEP, failure=_source_failure(state, "READ_ONLY", message))
    message = (
        f"{state.address or state.column.field} holds a formula, which the database never overwrites. "
        "Change the formula's inputs, or replace the formula by a value in the sheet. Until then the table differs: "
        f"it agrees again once {state.column.name} is {quoted(shown(state.column, state.cell, state.mapping))} there."
    )
    return CellPlan(Way.KEEP, failure=_source_failure(state, "FORMULA_CELL", message))


def _generated(state: CellState) -> CellPlan:
    if state.table_changed:
        return _overwrite_source(state, "generated")
    message = (
        f"Column {state.column.name} is generated by the database and can't be set. Change the columns that it is "
        "computed from, and restore the cell."
    )
    value = shown(state.column, state.cell, state.mapping)
    return CellPlan(
        Way.KEEP,
        failure=NewFailure(
            Side.DATABASE, "GENERATED_COLUMN", message, state.key, state.column.name, state.address, value
        ),
    )


def _overwrite_source(state: CellState, by: str) -> CellPlan:
    plan = _to_source(state)
    empty = state.unfit is None and state.text is None
    lost = state.source_changed and not empty
    return replace(plan, verdict=Verdict(ConflictChoice.DATABASE, by)) if lost else plan


def _to_table(state: CellState) -> CellPlan:
    if state.unfit is not None:
        return CellPlan(Way.KEEP, failure=state.unfit)
    return CellPlan(Way.TO_TABLE, text=state.text, cell=state.cell)


def _to_source(state: CellState) -> CellPlan:
    if state.merged:
        return _merged(state)
    try:
        cell = state.mapping.to_cell(state.column, state.table)
    except Unfit as error:
        return CellPlan(Way.KEEP, failure=_source_failure(state, "VALUE", str(error)))
    return CellPlan(Way.TO_SOURCE, text=state.table, cell=cell)


def _merged(state: CellState) -> CellPlan:
    message = (
        f"{state.address or state.column.field} is merged into another cell, which alone holds a value: unmerge it, or"
        " clear the value in the database."
    )
    return CellPlan(Way.KEEP, failure=_source_failure(state, "MERGED_CELL", message))


def _clash(state: CellState, verdict: Verdict) -> CellPlan:
    return replace(_settle(state, verdict), verdict=verdict)


def _settle(state: CellState, verdict: Verdict) -> CellPlan:
    match verdict.choice:
        case None:
            return CellPlan(Way.KEEP, failure=state.unfit)
        case ConflictChoice.DATABASE:
            return _to_source(state)
        case ConflictChoice.SOURCE:
            return _to_table(state)
        case ConflictChoice.VALUE:
            return _to_both(state, verdict.value)


def _to_both(state: CellState, value: WireValue) -> CellPlan:
    text = to_text(state.column.type, value)
    if state.merged and text is not None:
        return _merged(state)
    try:
        return CellPlan(Way.TO_BOTH, text=text, cell=state.mapping.to_cell(state.column, text))
    except Unfit as error:
        return CellPlan(Way.KEEP, failure=_source_failure(state, "VALUE", str(error)))


def _source_failure(state: CellState, code: str, message: str) -> NewFailure:
    value = to_wire(state.column.type, state.table)
    return NewFailure(Side.SOURCE, code, message, state.key, state.column.name, state.address, value)
