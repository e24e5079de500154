"""The merge of a row that both sides have: cell by cell, into one edit of either side. Pure."""

from dataclasses import dataclass, field, replace

from db.base import Turn
from db.changes import WireValue
from db.conflicts import ConflictChoice, ConflictKind, NewConflict
from db.failures import FailureState, NewFailure
from db.sources import Column, Side
from db.wire import to_wire
from sync.merge.base import Base
from sync.merge.cell import CellPlan, CellState, Way, merge_cell
from sync.merge.edit import again, asleep, cell_text, delete_from_both
from sync.merge.given_up import settled
from sync.merge.plan import EditKind, RowPlan, RowState, Rules, SourceWrite, TableEdit
from sync.merge.show import shown, source_object, table_object
from sync.merge.turns import FLAPPING, steady
from sync.merge.verdict import (
    Verdict,
    both_inserted,
    verdict_on_cell,
    verdict_on_cell_of_row,
    verdict_on_row,
)
from sync.source import Cell, Edit

_OF_THE_CELL = frozenset({FLAPPING, "FORMULA_CELL", "READ_ONLY", "MERGED_CELL"})


@dataclass(slots=True)
class _Row:
    """What the row's cells add up to."""

    source_image: dict[str, Cell] = field(default_factory=dict)
    table_image: dict[str, str | None] = field(default_factory=dict)
    to_table: dict[str, str | None] = field(default_factory=dict)
    settles: dict[str, Cell] = field(default_factory=dict)
    to_source: dict[str, Cell] = field(default_factory=dict)
    expected: dict[str, Cell] = field(default_factory=dict)
    texts: dict[str, str | None] = field(default_factory=dict)
    conflicts: list[NewConflict] = field(default_factory=list)
    failures: list[NewFailure] = field(default_factory=list)
    turns: dict[str, Turn] = field(default_factory=dict)


def merge_cells(state: RowState, base: Base, rules: Rules) -> RowPlan:
    """The plan for a row that both sides have."""
    inserted = (base.source is None and base.table is None) or both_inserted(state)
    on_row = verdict_on_row(state, rules)
    if both_inserted(state) and on_row.choice is ConflictChoice.VALUE and on_row.value is None:
        return delete_from_both(state, base, rules, _insert_insert(state, rules, on_row))
    row = _Row()
    for column in rules.columns:
        cell = _cell_state(state, base, rules, column)
        as_row = inserted and not cell.known
        name = column.name
        verdict = verdict_on_cell_of_row(on_row, name) if as_row else verdict_on_cell(state, rules, name)
        plan = settled(cell, merge_cell(cell, rules.direction, verdict, rules.by), state.failures)
        plan = _awake(state, cell, plan)
        known = None if state.base is None else state.base.turns.get(name)
        plan, turn = steady(cell, plan, known, state.failures, state.now)
        if turn is not None:
            row.turns[name] = turn
        _add(row, cell, plan, as_row=as_row)
    if any(conflict.kind is ConflictKind.INSERT_INSERT for conflict in row.conflicts):
        cells = [conflict for conflict in row.conflicts if conflict.kind is ConflictKind.CELL]
        row.conflicts = [*cells, _insert_insert(state, rules, on_row)]
    return asleep(state, _plan(state, base, rules, row))


def _cell_state(state: RowState, base: Base, rules: Rules, column: Column) -> CellState:
    assert state.source is not None
    assert state.table is not None
    source, name = state.source, column.name
    known, old_cell, old_text = base.cell(column)
    text, unfit = cell_text(source, column, rules)
    return CellState(
        column=column,
        mapping=rules.mapping,
        key=state.key,
        address=source.addresses.get(name, source.address),
        known=known,
        old_cell=old_cell,
        old_text=old_text,
        cell=source.cells.get(name),
        text=text,
        unfit=unfit,
        formula=column.read_only or name in source.formulas,
        merged=name in source.merged,
        computed=name in source.formulas,
        generated=name in rules.generated,
        table=state.table.texts[name],
    )


def _awake(state: RowState, cell: CellState, plan: CellPlan) -> CellPlan:
    """The plan, unless the source refused just this value for good: then the cell waits for another.

    A formula or a merge may be gone by now, which the plan knows of.
    """
    if plan.way not in (Way.TO_SOURCE, Way.TO_BOTH):
        return plan
    value = to_wire(cell.column.type, plan.text)
    for failure in state.failures:
        if failure.code in _OF_THE_CELL or failure.state is FailureState.RETRYING:
            continue
        if failure.side is Side.SOURCE and failure.column == cell.column.name and failure.value == value:
            return replace(plan, way=Way.KEEP, failure=again(failure))
    return plan


def _add(row: _Row, cell: CellState, plan: CellPlan, *, as_row: bool) -> None:
    name = cell.column.name
    if plan.way is Way.AGREE:
        row.source_image[name], row.table_image[name] = cell.cell, cell.table
    elif cell.known:
        row.source_image[name], row.table_image[name] = cell.old_cell, cell.old_text
    if plan.way in (Way.TO_TABLE, Way.TO_BOTH):
        row.to_table[name] = plan.text
    if plan.way is Way.TO_TABLE:
        row.settles[name] = plan.cell
    if plan.way in (Way.TO_SOURCE, Way.TO_BOTH):
        row.to_source[name], row.texts[name] = plan.cell, plan.text
        if cell.unfit is None or cell.unfit.code != "CELL_ERROR":
            row.expected[name] = cell.cell
    if plan.failure is not None:
        row.failures.append(plan.failure)
    if plan.verdict is not None:
        row.conflicts.append(_conflict(cell, plan.verdict, as_row=as_row))


def _conflict(cell: CellState, verdict: Verdict, *, as_row: bool) -> NewConflict:
    type_ = cell.column.type
    found: WireValue = shown(cell.column, cell.cell, cell.mapping)
    if cell.unfit is not None:
        found = cell.unfit.value
    return NewConflict(
        key=cell.key,
        kind=ConflictKind.INSERT_INSERT if as_row else ConflictKind.CELL,
        column=None if as_row else cell.column.name,
        base=to_wire(type_, cell.old_text),
        database=to_wire(type_, cell.table),
        source_value=found,
        choice=verdict.choice,
        by=verdict.by,
    )


def _insert_insert(state: RowState, rules: Rules, verdict: Verdict) -> NewConflict:
    assert state.source is not None
    assert state.table is not None
    return NewConflict(
        key=state.key,
        kind=ConflictKind.INSERT_INSERT,
        column=None,
        base=None,
        database=dict(table_object(rules.columns, state.table.texts)),
        source_value=dict(source_object(rules, state.source)),
        choice=verdict.choice,
        by=verdict.by,
    )


def _plan(state: RowState, base: Base, rules: Rules, row: _Row) -> RowPlan:
    assert state.table is not None
    edit = write = None
    if row.to_table:
        value = table_object(rules.columns, row.to_table)
        edit = TableEdit(EditKind.UPDATE, row.to_table, state.table.xmin, row.settles, value)
    if row.to_source:
        value = table_object(rules.columns, row.texts)
        write = SourceWrite(EditKind.UPDATE, Edit(state.key, row.to_source, expected=row.expected), row.texts, value)
    return RowPlan(
        key=state.key,
        source_image=row.source_image,
        table_image=row.table_image,
        pending=base.pending,
        table_edit=edit,
        source_write=write,
        conflicts=tuple(row.conflicts),
        failures=tuple(row.failures),
        turns=row.turns,
    )
