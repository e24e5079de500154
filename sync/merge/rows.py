"""The three-way merge of one row: base, source and table in, a plan out. Pure: no I/O, no clock.

Each side is compared only with its own image in the base, so rounding, scale, an empty text and triggers never look
like an edit, and neither does our own write. Different columns of one row both win; what both sides did to one cell
is a conflict (`sync.merge.cell`); a row that one side deleted and the other edited is a conflict of the row.

Under the delete policy IGNORE no row goes from the table because the source lacks it: it is kept as absent, base and
all, so that it goes on where it was once it comes back. Until then its edits are the table's alone.

FROM_SOURCE: the table's edits are undone, the log keeps them. TO_SOURCE: the source's are, and since no log has them
they are recorded as conflicts that the database won. Where one side is to overwrite the other, the source is merged in
that direction, and rows that only the losing side has go, whoever put them there when.
"""

from db.changes import WireRow, WireValue
from db.conflicts import ConflictChoice, ConflictKind, NewConflict
from db.sources import DeletePolicy, Direction
from sync.merge.base import Base, effective_base
from sync.merge.both import merge_cells
from sync.merge.edit import delete_from_source, delete_from_table, insert_into_source, insert_into_table, set_on_both
from sync.merge.plan import RowPlan, RowState, Rules
from sync.merge.show import source_object, table_object
from sync.merge.verdict import Verdict, verdict_on_row


def merge_row(state: RowState, rules: Rules) -> RowPlan:
    """What to do with the row of one key."""
    base = effective_base(state, rules)
    if state.source is None and not state.vanished and (base.source is not None or _source_overwrites(rules)):
        return RowPlan(state.key, wait=True)
    if state.source is not None and state.table is not None:
        return merge_cells(state, base, rules)
    if state.source is not None:
        return _only_in_source(state, base, rules)
    if state.table is not None:
        return _only_in_table(state, base, rules)
    return RowPlan(state.key, pending=base.pending)


def _only_in_source(state: RowState, base: Base, rules: Rules) -> RowPlan:
    if base.table is None:
        return _new_in_source(state, base, rules)
    edited = _source_edited(state, base, rules)
    if rules.direction is Direction.FROM_SOURCE:
        return insert_into_table(state, base, rules)
    if rules.direction is Direction.TO_SOURCE or not edited:
        over = _edit_delete(state, base, rules, Verdict(ConflictChoice.DATABASE, rules.by)) if edited else None
        return delete_from_source(state, base, rules, over)
    verdict = verdict_on_row(state, rules)
    conflict = _edit_delete(state, base, rules, verdict)
    if verdict.choice is None:
        return _left(state, base, conflict)
    if verdict.choice is ConflictChoice.DATABASE or (verdict.choice is ConflictChoice.VALUE and verdict.value is None):
        return delete_from_source(state, base, rules, conflict)
    if verdict.choice is ConflictChoice.VALUE:
        return set_on_both(state, base, rules, _row_object(verdict.value), conflict)
    return insert_into_table(state, base, rules, conflict)


def _new_in_source(state: RowState, base: Base, rules: Rules) -> RowPlan:
    if rules.direction is not Direction.TO_SOURCE:
        return insert_into_table(state, base, rules)
    assert state.source is not None
    if not rules.overwrite and (rules.first or base.source is not None):
        return RowPlan(state.key, source_image=state.source.cells, pending=base.pending)
    verdict = Verdict(ConflictChoice.DATABASE, rules.by)
    return delete_from_source(state, base, rules, _edit_delete(state, base, rules, verdict))


def _only_in_table(state: RowState, base: Base, rules: Rules) -> RowPlan:
    if base.source is None and not base.absent:
        return _new_in_table(state, base, rules)
    if rules.deletes is DeletePolicy.IGNORE and not (rules.overwrite and rules.direction is Direction.TO_SOURCE):
        return _keep_absent(state, base)
    if rules.direction is Direction.TO_SOURCE:
        return insert_into_source(state, base, rules)
    if rules.direction is Direction.FROM_SOURCE or not _table_edited(state, base, rules):
        return delete_from_table(state, base, rules)
    verdict = verdict_on_row(state, rules)
    conflict = _edit_delete(state, base, rules, verdict)
    if verdict.choice is None:
        return _left(state, base, conflict)
    if verdict.choice is ConflictChoice.SOURCE or (verdict.choice is ConflictChoice.VALUE and verdict.value is None):
        return delete_from_table(state, base, rules, conflict)
    if verdict.choice is ConflictChoice.VALUE:
        return set_on_both(state, base, rules, _row_object(verdict.value), conflict)
    return insert_into_source(state, base, rules, conflict)


def _new_in_table(state: RowState, base: Base, rules: Rules) -> RowPlan:
    if rules.direction is not Direction.FROM_SOURCE:
        return insert_into_source(state, base, rules)
    assert state.table is not None
    if not rules.overwrite and (rules.first or base.table is not None):
        return RowPlan(state.key, table_image=state.table.texts, pending=base.pending)
    if rules.deletes is DeletePolicy.IGNORE:
        return _keep_absent(state, base)
    return delete_from_table(state, base, rules)


def _source_overwrites(rules: Rules) -> bool:
    return rules.overwrite and rules.direction is Direction.FROM_SOURCE


def _keep_absent(state: RowState, base: Base) -> RowPlan:
    assert state.table is not None
    table = state.table.texts if base.table is None else base.table
    return RowPlan(state.key, base.source, table, base.pending, absent=True)


def _left(state: RowState, base: Base, conflict: NewConflict) -> RowPlan:
    return RowPlan(state.key, base.source, base.table, base.pending, conflicts=(conflict,))


def _source_edited(state: RowState, base: Base, rules: Rules) -> bool:
    # A formula's new result is nobody's edit.
    assert state.source is not None
    row = state.source
    return any(
        column.name in row.errors or not rules.mapping.unchanged(row.cells.get(column.name), base.cell(column)[1])
        for column in rules.columns
        if not column.read_only and column.name not in row.formulas
    )


def _table_edited(state: RowState, base: Base, rules: Rules) -> bool:
    assert state.table is not None
    texts = state.table.texts
    return any(
        texts[column.name] != base.cell(column)[2]
        for column in rules.columns
        if not column.read_only and column.name not in rules.generated
    )


def _edit_delete(state: RowState, base: Base, rules: Rules, verdict: Verdict) -> NewConflict:
    old = None if base.table is None else dict(table_object(rules.columns, base.table))
    return NewConflict(
        key=state.key,
        kind=ConflictKind.EDIT_DELETE,
        column=None,
        base=old,
        database=None if state.table is None else dict(table_object(rules.columns, state.table.texts)),
        source_value=None if state.source is None else dict(source_object(rules, state.source)),
        choice=verdict.choice,
        by=verdict.by,
    )


def _row_object(value: WireValue) -> WireRow:
    assert isinstance(value, dict)
    return value
