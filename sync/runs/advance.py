"""How the base goes on when an edit was carried out: by what each side says it has now. Pure.

Only the columns that were written are taken from what came back. Anything else that differs there is somebody else's
edit, and stays one for the next run.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime

from db.base import BaseRow, Intent, IntentKind, Sighting, SourceImage, TableImage
from db.changes import WireValue
from db.failures import NewFailure
from db.sources import Column, Side
from sync.merge.base import remaining
from sync.merge.plan import EditKind, RowPlan, Rules, SourceWrite, TableEdit
from sync.merge.show import table_object
from sync.source import Cell, Problem, SourceRow, Written


def planned(plan: RowPlan, stored: BaseRow | None, rules: Rules) -> BaseRow:
    """The base as the plan has it before its edits. A row that the source shows isn't missing."""
    counted = stored is not None and plan.source_write is None and not plan.absent
    missing = (stored.missing, stored.missing_at) if stored is not None and counted else (0, None)
    images = (plan.source_image, plan.table_image)
    seen = _unsettled(plan, stored, rules)
    return BaseRow(plan.key, *images, plan.pending, *missing, seen, plan.absent, plan.turns)


def _unsettled(plan: RowPlan, stored: BaseRow | None, rules: Rules) -> Mapping[str, Sighting]:
    """What stays to be dealt with of the source's edits, once the plan's edits are carried out."""
    if stored is None or not stored.first_seen:
        return {}
    edit, write, image = plan.table_edit, plan.source_write, plan.source_image or {}
    if (edit is not None and edit.kind is not EditKind.UPDATE) or (
        write is not None and write.kind is not EditKind.UPDATE
    ):
        return {}
    settled = {*(edit.texts if edit is not None else ()), *(write.texts if write is not None else ())}
    return {
        name: sighting
        for name, sighting in stored.first_seen.items()
        if name not in settled and not (name in image and rules.mapping.unchanged(image[name], sighting.cell))
    }


def after_table_edit(base: BaseRow, edit: TableEdit, returned: TableImage, *, keep: bool) -> BaseRow:
    """The table has the edit. `keep`: the row is still to be deleted from the source too, which needs the base."""
    if edit.kind is EditKind.DELETE:
        return base if keep else replace(base, source_image=None, table_image=None)
    if edit.kind is EditKind.UPDATE:
        source = {**(base.source_image or {}), **edit.settles}
        table = {**(base.table_image or {}), **{name: returned[name] for name in edit.texts}}
        return replace(base, source_image=source if base.source_image is not None else None, table_image=table)
    # A default that the table put in an empty cell is its edit: such a column isn't settled.
    settled = {name: returned[name] for name in returned if name in edit.texts or returned[name] is None}
    source = {name: cell for name, cell in edit.settles.items() if name in settled}
    return replace(base, source_image=source, table_image=settled)


def begin_write(base: BaseRow, write: SourceWrite, id_: str, at: datetime) -> BaseRow:
    """The base with a write that is about to begin. One that was begun before and never answered keeps its id."""
    cells = {name: cell for name, cell in (write.edit.cells or {}).items() if name in write.texts}
    intent = Intent(IntentKind(write.kind), id_, at, cells, dict(write.texts))
    last = base.pending[-1] if base.pending else None
    if last is not None and replace(last, id=id_, at=at) == intent:
        return replace(base, pending=(*base.pending[:-1], replace(last, at=at)))
    return replace(base, pending=(*base.pending, intent))


def begun_insert(base: BaseRow, write: SourceWrite, columns: Sequence[Column]) -> SourceWrite | None:
    """The insert of the same row that was begun before and may have arrived, where the row has other values by now.

    It is made as it was begun: with those values it would be another request, and the row be there twice.
    """
    last = base.pending[-1] if base.pending else None
    if last is None or (write.kind, last.kind) != (EditKind.INSERT, IntentKind.INSERT):
        return None
    cells = dict(write.edit.cells or {})
    if last.cells.keys() != write.texts.keys() or {**cells, **last.cells} == cells:
        return None
    edit = replace(write.edit, cells={**cells, **last.cells})
    return SourceWrite(write.kind, edit, last.texts, table_object(columns, last.texts))


@dataclass(frozen=True, slots=True)
class AfterWrite:
    """What came of a write: the base, the columns that arrived, what was refused, and whether more is to be done."""

    base: BaseRow
    arrived: frozenset[str]
    complete: bool
    failures: tuple[NewFailure, ...]
    again: bool


def after_source_write(
    base: BaseRow, write: SourceWrite, written: Written, before: SourceRow | None, rules: Rules
) -> AfterWrite:
    """The outcome of the write, whose intent is the last of `base.pending`; `before` is the row as it was read."""
    base = replace(base, pending=base.pending[:-1])
    failures = tuple(_failure(problem, base.key, write) for problem in written.problems)
    if written.moved_on:
        return _moved_on(base, write, written.row, failures, rules)
    if write.kind is EditKind.DELETE:
        gone = written.row is None and not written.problems
        done = replace(base, source_image=None, table_image=None, pending=()) if gone else base
        return AfterWrite(done, frozenset(), complete=gone, failures=failures, again=False)
    if written.row is None:
        return AfterWrite(base, frozenset(), complete=False, failures=failures, again=not failures)
    return _read_back(base, write, written.row, failures, before, rules)


def _moved_on(
    base: BaseRow, write: SourceWrite, row: SourceRow | None, failures: tuple[NewFailure, ...], rules: Rules
) -> AfterWrite:
    """The row isn't as it was meant. What it shows of the write has arrived, whoever was quicker elsewhere in it."""
    arrived = set()
    if write.kind is EditKind.UPDATE and row is not None and base.source_image is not None:
        source, table = dict(base.source_image), dict(base.table_image or {})
        for column in rules.columns:
            name = column.name
            if name not in write.texts or name in row.errors or write.edit.cells is None:
                continue
            shows = row.cells.get(name)
            if rules.mapping.same(column, write.edit.cells[name], shows):
                source[name], table[name] = shows, write.texts[name]
                arrived.add(name)
        base = replace(base, source_image=source, table_image=table)
    return AfterWrite(base, frozenset(arrived), complete=False, failures=failures, again=True)


def _read_back(
    base: BaseRow,
    write: SourceWrite,
    row: SourceRow,
    failures: Sequence[NewFailure],
    before: SourceRow | None,
    rules: Rules,
) -> AfterWrite:
    insert = write.kind is EditKind.INSERT
    source: dict[str, Cell] = {} if insert else dict(base.source_image or {})
    table: dict[str, str | None] = {} if insert else dict(base.table_image or {})
    refused = {failure.column for failure in failures}
    arrived = set()
    overtaken = False
    for column in rules.columns:
        name = column.name
        if name not in write.texts or write.edit.cells is None:
            continue
        wrote, shows = write.edit.cells[name], row.cells.get(name)
        same = name not in row.errors and rules.mapping.same(column, wrote, shows)
        if not same and (name in refused or None in refused):
            continue
        if not same and name in row.formulas:
            # A formula elsewhere fills the cell of the new row: what it shows is the source's, to be merged as such.
            overtaken = True
            continue
        # Somebody was quicker than the reading back: ours arrived, and theirs is an edit of it.
        overtaken = overtaken or not same
        source[name], table[name] = (shows if same else wrote), write.texts[name]
        arrived.add(name)
    elsewhere = any(
        name not in write.texts
        and not rules.mapping.unchanged(cell, before.cells.get(name) if before is not None else None)
        for name, cell in row.cells.items()
        if name not in {column.name for column in rules.key}
    )
    images: tuple[SourceImage | None, TableImage | None] = (source, table)
    if base.source_image is None and not insert:
        images = (None, table)
    done = replace(base, source_image=images[0], table_image=images[1], missing=0, missing_at=None)
    done = replace(done, pending=remaining(done.pending, source, rules))
    complete = len(arrived) == len(write.texts)
    return AfterWrite(done, frozenset(arrived), complete, tuple(failures), again=overtaken or elsewhere)


def _failure(problem: Problem, key: str, write: SourceWrite) -> NewFailure:
    column = problem.column if write.kind is EditKind.UPDATE and problem.column in write.texts else None
    value: WireValue = dict(write.value) if column is None else write.value[column]
    return NewFailure(Side.SOURCE, problem.code, problem.message, key, column, problem.address, value)
