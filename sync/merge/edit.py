"""Plans that move a whole row to the side that lacks it, or take it away from the side that has it. Pure.

What a side can't take is left out and recorded as a failure; the row's other cells go on. An edit that failed for
good is not tried again before its values change: it sleeps, and its failure stays.
"""

from dataclasses import replace

from db.base import TableImage
from db.changes import WireRow
from db.conflicts import NewConflict
from db.failures import Failure, FailureState, NewFailure
from db.keys import key_values
from db.sources import Column, Side
from db.wire import to_text
from sync.merge.base import Base
from sync.merge.plan import LASTING, EditKind, RowPlan, RowState, Rules, SourceWrite, TableEdit
from sync.merge.show import shown, source_object, table_object
from sync.source import Cell, Edit, SourceRow
from sync.values.cell_mapping import Unfit


def insert_into_table(state: RowState, base: Base, rules: Rules, conflict: NewConflict | None = None) -> RowPlan:
    """The source's row goes to the table. Empty cells are left to the table's defaults, unless the row is revived."""
    assert state.source is not None
    texts: dict[str, str | None] = {}
    settles: dict[str, Cell] = {}
    failures = []
    for column in rules.columns:
        if column.name in rules.generated:
            continue
        try:
            text = _text_of(state.source, column, rules)
        except Unfit as error:
            failures.append(unfit(state.source, column, str(error), rules))
            continue
        settles[column.name] = state.source.cells.get(column.name)
        if text is not None or state.hidden is not None:
            texts[column.name] = text
    kind, xmin = (EditKind.INSERT, None) if state.hidden is None else (EditKind.REVIVE, state.hidden.xmin)
    edit = TableEdit(kind, texts, xmin, settles, table_object(rules.columns, texts))
    return asleep(state, _plan(state, base, conflict, failures, table_edit=edit))


def insert_into_source(state: RowState, base: Base, rules: Rules, conflict: NewConflict | None = None) -> RowPlan:
    """The table's row goes to the source; formula columns are left to it."""
    assert state.table is not None
    cells, failures = _cells_of(state.table.texts, state.key, rules)
    texts = {column.name: state.table.texts[column.name] for column in rules.columns if column.name in cells}
    edit = Edit(state.key, {**_key_cells(state.key, rules), **cells}, insert=True)
    write = SourceWrite(EditKind.INSERT, edit, texts, table_object(rules.columns, texts))
    return asleep(state, _plan(state, base, conflict, failures, source_write=write))


def delete_from_table(state: RowState, base: Base, rules: Rules, conflict: NewConflict | None = None) -> RowPlan:
    """The row goes from the table, if it is still as it was read."""
    assert state.table is not None
    value = table_object(rules.columns, state.table.texts)
    edit = TableEdit(EditKind.DELETE, {}, state.table.xmin, {}, value)
    return _plan(state, base, conflict, [], table_edit=edit)


def delete_from_source(state: RowState, base: Base, rules: Rules, conflict: NewConflict | None = None) -> RowPlan:
    """The row goes from the source, if it still shows what was read."""
    assert state.source is not None
    row = state.source
    seen = {
        column.name: row.cells.get(column.name)
        for column in rules.columns
        if column.name not in row.formulas and column.name not in row.errors
    }
    value = source_object(rules, row)
    write = SourceWrite(EditKind.DELETE, Edit(state.key, None, expected=seen), {}, value)
    return asleep(state, _plan(state, base, conflict, [], source_write=write))


def delete_from_both(state: RowState, base: Base, rules: Rules, conflict: NewConflict) -> RowPlan:
    """A person settled the row's conflict by deleting it."""
    one = delete_from_table(state, base, rules, conflict)
    return replace(one, source_write=delete_from_source(state, base, rules).source_write)


def set_on_both(state: RowState, base: Base, rules: Rules, row: WireRow, conflict: NewConflict) -> RowPlan:
    """A person settled the conflict of a row that one side lacks: the row with these values goes to both."""
    chosen = {column.name: to_text(column.type, row[column.name]) for column in rules.columns if column.name in row}
    if state.table is not None:
        texts = {**state.table.texts, **chosen}
        cells, failures = _cells_of(texts, state.key, rules)
        write = SourceWrite(
            EditKind.INSERT,
            Edit(state.key, {**_key_cells(state.key, rules), **cells}, insert=True),
            {name: texts[name] for name in cells},
            table_object(rules.columns, texts),
        )
        changed = {name: text for name, text in chosen.items() if text != state.table.texts[name]}
        edit = TableEdit(EditKind.UPDATE, changed, state.table.xmin, {}, table_object(rules.columns, changed))
        return _plan(state, base, conflict, failures, table_edit=edit if changed else None, source_write=write)
    assert state.source is not None
    source = state.source
    inserted = insert_into_table(state, base, rules, conflict)
    assert inserted.table_edit is not None
    texts = {**inserted.table_edit.texts, **chosen}
    cells, failures = _cells_of(chosen, state.key, rules)
    cells = {name: cell for name, cell in cells.items() if not rules.mapping.unchanged(cell, source.cells.get(name))}
    seen = {name: source.cells.get(name) for name in cells if name not in source.errors}
    write = SourceWrite(
        EditKind.UPDATE,
        Edit(state.key, cells, expected=seen),
        {name: chosen[name] for name in cells},
        table_object(rules.columns, {name: chosen[name] for name in cells}),
    )
    return replace(
        inserted,
        table_edit=replace(inserted.table_edit, texts=texts, value=table_object(rules.columns, texts)),
        source_write=write if cells else None,
        failures=(*inserted.failures, *failures),
    )


def unfit(row: SourceRow, column: Column, message: str, rules: Rules) -> NewFailure:
    """The failure of a cell that the table's column can't take, at its address."""
    name = column.name
    return NewFailure(
        side=Side.DATABASE,
        code="CELL_ERROR" if name in row.errors else "VALUE",
        message=message,
        key=row.key,
        column=name,
        address=row.addresses.get(name, row.address),
        value=row.errors.get(name) or shown(column, row.cells.get(name), rules.mapping),
    )


def cell_text(row: SourceRow, column: Column, rules: Rules) -> tuple[str | None, NewFailure | None]:
    """What a cell is to the table, or why it is nothing to it."""
    try:
        return _text_of(row, column, rules), None
    except Unfit as error:
        return None, unfit(row, column, str(error), rules)


def asleep(state: RowState, plan: RowPlan) -> RowPlan:
    """The plan without the edits that failed for good with just these values, or were given up; their failures stay."""
    edit, write = plan.table_edit, plan.source_write
    refused = None if edit is None else _failed(state, Side.DATABASE, edit.value)
    if refused is not None and (refused.code in LASTING or refused.state is FailureState.DISCARDED):
        # What goes to both sides goes to both or to none.
        write = None if plan.joined else write
        plan = replace(plan, table_edit=None, source_write=write, failures=(*plan.failures, again(refused)))
    if write is not None and (failure := _failed(state, Side.SOURCE, write.value)) is not None:
        plan = replace(plan, source_write=None, failures=(*plan.failures, again(failure)))
    return plan


def again(failure: Failure) -> NewFailure:
    """A failure that stays as it is."""
    return NewFailure(
        failure.side, failure.code, failure.message, failure.key, failure.column, failure.address, failure.value
    )


FEED_RETRIED = frozenset({"FAILING"})
"""Codes of failures that a feed gets over by itself: every poll tries again."""

# Not of these values: a sheet that was full may have room by now, and a feed that failed may be well.
_OF_THE_SOURCE = frozenset({"SHEET_FULL"}) | FEED_RETRIED


def _failed(state: RowState, side: Side, value: WireRow) -> Failure | None:
    return next(
        (
            failure
            for failure in state.failures
            if failure.side is side
            and failure.column is None
            and failure.value == value
            and failure.state is not FailureState.RETRYING
            and (failure.code not in _OF_THE_SOURCE or failure.state is FailureState.DISCARDED)
        ),
        None,
    )


def _plan(
    state: RowState,
    base: Base,
    conflict: NewConflict | None,
    failures: list[NewFailure],
    *,
    table_edit: TableEdit | None = None,
    source_write: SourceWrite | None = None,
) -> RowPlan:
    conflicts = () if conflict is None else (conflict,)
    return RowPlan(
        state.key, base.source, base.table, base.pending, table_edit, source_write, conflicts, tuple(failures)
    )


def _text_of(row: SourceRow, column: Column, rules: Rules) -> str | None:
    if (error := row.errors.get(column.name)) is not None:
        raise Unfit(f"The cell shows {error.rstrip('.')}. Correct its formula or value.")
    return rules.mapping.to_text(column, row.cells.get(column.name))


def _cells_of(texts: TableImage, key: str, rules: Rules) -> tuple[dict[str, Cell], list[NewFailure]]:
    cells: dict[str, Cell] = {}
    failures = []
    for column in rules.columns:
        if column.read_only or column.name not in texts:
            continue
        try:
            cells[column.name] = rules.mapping.to_cell(column, texts[column.name])
        except Unfit as error:
            failures.append(
                NewFailure(
                    Side.SOURCE,
                    "VALUE",
                    str(error),
                    key,
                    column.name,
                    None,
                    table_object((column,), texts)[column.name],
                )
            )
    return cells, failures


def _key_cells(key: str, rules: Rules) -> dict[str, Cell]:
    return {
        column.name: rules.mapping.to_cell(column, text)
        for column, text in zip(rules.key, key_values(key), strict=True)
    }
