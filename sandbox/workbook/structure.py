"""Inserting, deleting and moving rows and columns: cells go, and what refers to them follows."""

from collections.abc import Callable
from dataclasses import replace
from functools import partial
from typing import Protocol, Self, TypeVar

from sandbox.workbook import grouping, merging
from sandbox.workbook.a1 import Area
from sandbox.workbook.cells import Cell
from sandbox.workbook.conditions import Condition, Filter
from sandbox.workbook.errors import InvalidArgument
from sandbox.workbook.formulas import retitled, shifted
from sandbox.workbook.rules import rewritten
from sandbox.workbook.sheet import BLANK, PLAIN_COLUMN, Row, Sheet, check_size
from sandbox.workbook.shifts import Deleted, Dimension, Inserted, LineShift, Moved, Shift
from sandbox.workbook.spreadsheet import Spreadsheet


class Attached(Protocol):
    """What belongs to cells of a sheet, and goes where they go; `area` None is the whole sheet."""

    @property
    def sheet_id(self) -> int: ...
    @property
    def area(self) -> Area | None: ...
    def at(self, area: Area) -> Self: ...


K = TypeVar("K", int, str)
A = TypeVar("A", bound=Attached)


def insert(
    spreadsheet: Spreadsheet, sheet: Sheet, dimension: Dimension, at: int, count: int, inherit_before: bool = False
) -> None:
    """Inserts before index `at`. The new cells take the formats of the neighbours before, else those after.

    Raises:
        InvalidArgument: `at` is outside of the grid, or the grid grows too large.
    """
    size = sheet.size(dimension)
    if not 0 <= at <= size:
        raise InvalidArgument(f"range.startIndex[{at}] is after last {_one(dimension)} in sheet[{size - 1}]")
    if inherit_before and at == 0:
        raise InvalidArgument("Cannot inherit from before when inserting at the first row or column.")
    if dimension is Dimension.ROWS:
        check_size(size + count, sheet.column_count)
    else:
        check_size(sheet.row_count, size + count)
    follow(spreadsheet, sheet, dimension, Inserted(at, count))
    model = at - 1 if inherit_before else at
    if dimension is Dimension.ROWS:
        formats = _formats(sheet.rows[model]) if model < len(sheet.rows) else {}
        sheet.rows[at:at] = [Row(sheet.take_uid(), formats) if formats else BLANK for _ in range(count)]
    else:
        sheet.columns[at:at] = [PLAIN_COLUMN] * count
        _remap_columns(sheet, Inserted(at, count))
        model = model if inherit_before or model >= size else model + count
        _copy_column_formats(sheet, model, at, count)
    spreadsheet.check_size()


def delete(spreadsheet: Spreadsheet, sheet: Sheet, dimension: Dimension, start: int, end: int) -> None:
    """Deletes from `start` to `end - 1`.

    Raises:
        InvalidArgument: outside of the grid, or nothing would be left.
    """
    size = sheet.size(dimension)
    if not 0 <= start < end:
        raise InvalidArgument(f"range.endIndex[{end}] must be after range.startIndex[{start}]")
    if start >= size:
        raise InvalidArgument(
            f"Cannot delete a {_one(dimension)} that doesn't exist. Tried to delete {_one(dimension)} index {start} "
            f"but there are only {size} {dimension.value.lower()}."
        )
    end = min(end, size)
    if end - start == size:
        raise InvalidArgument(f"You can't delete all the {dimension.value.lower()} on the sheet.")
    frozen = sheet.frozen_rows if dimension is Dimension.ROWS else sheet.frozen_columns
    if frozen and start <= frozen and end == size:
        raise InvalidArgument(f"Sorry, it is not possible to delete all non-frozen {dimension.value.lower()}.")
    shift = Deleted(start, end)
    follow(spreadsheet, sheet, dimension, shift)
    if dimension is Dimension.ROWS:
        del sheet.rows[start:end]
    else:
        del sheet.columns[start:end]
        _remap_columns(sheet, shift)


def move(spreadsheet: Spreadsheet, sheet: Sheet, dimension: Dimension, start: int, end: int, to: int) -> None:
    """Moves `start` to `end - 1` before what is at `to` now.

    Raises:
        InvalidArgument: outside of the grid, into itself, or a part of a merge.
    """
    size = sheet.size(dimension)
    if not 0 <= start < end <= size or not 0 <= to <= size:
        raise InvalidArgument(
            f"The source or destination is outside of the {size} {dimension.value.lower()} of the sheet."
        )
    if start < to < end:
        raise InvalidArgument("The destination index must not be within the source range.")
    by_rows = dimension is Dimension.ROWS
    block = Area(start, 0, end, sheet.column_count) if by_rows else Area(0, start, sheet.row_count, end)
    merging.refuse_cut(sheet, block)
    shift = Moved(start, end, to)
    follow(spreadsheet, sheet, dimension, shift)
    target = to if to <= start else to - (end - start)
    if dimension is Dimension.ROWS:
        rows = sheet.rows[start:end]
        del sheet.rows[start:end]
        sheet.rows[target:target] = rows
    else:
        columns = sheet.columns[start:end]
        del sheet.columns[start:end]
        sheet.columns[target:target] = columns
        _remap_columns(sheet, shift)


def follow(spreadsheet: Spreadsheet, changed: Sheet, dimension: Dimension, shift: Inserted | Deleted | Moved) -> None:
    """Makes formulas, merges, filters, groups, and what is attached to cells follow; called before the cells move."""
    changed.shifts.append(LineShift(dimension, changed.size(dimension), shift))
    if dimension is Dimension.COLUMNS:
        changed.column_moves += 1
    merging.follow(changed, dimension, shift)
    rewrite_formulas(spreadsheet, lambda home, text: shifted(text, home, changed.title, dimension, shift))
    for key, entry in list(spreadsheet.metadata.items()):
        where = entry.location
        if where.sheet_id != changed.sheet_id or where.dimension is not dimension:
            continue
        span = shift.span(where.start, where.end)
        if span is None:
            del spreadsheet.metadata[key]
        else:
            spreadsheet.metadata[key] = replace(entry, location=replace(where, start=span[0], end=span[1]))
    changed.groups = grouping.follow(changed.groups, dimension, shift)
    _follow_frozen(changed, dimension, shift)
    if changed.filter is not None:
        changed.filter = _moved_filter(changed.filter, dimension, shift)
    for key, protected in spreadsheet.protections.items():
        if protected.sheet_id == changed.sheet_id and protected.open_areas:
            moved = (merging.shifted_area(area, dimension, shift) for area in protected.open_areas)
            spreadsheet.protections[key] = replace(protected, open_areas=tuple(filter(None, moved)))
    follow_band(spreadsheet, changed, dimension, shift, None)


def _follow_frozen(sheet: Sheet, dimension: Dimension, shift: Shift) -> None:
    """What is inserted among the frozen rows or columns is frozen, too."""
    if isinstance(shift, Moved):
        return
    frozen = sheet.frozen_rows if dimension is Dimension.ROWS else sheet.frozen_columns
    span = shift.span(-1, frozen)  # from before the first, which never moves
    now = max(span[1], 0) if span and frozen else 0
    if dimension is Dimension.ROWS:
        sheet.frozen_rows = now
    else:
        sheet.frozen_columns = now


def follow_band(
    spreadsheet: Spreadsheet, changed: Sheet, dimension: Dimension, shift: Shift, band: tuple[int, int] | None
) -> None:
    """Makes what is attached to areas follow; with `band` only what is within these columns or rows, where cells of no
    others move."""
    spreadsheet.protections = _moved(spreadsheet.protections, changed.sheet_id, dimension, shift, band)
    spreadsheet.named = _moved(spreadsheet.named, changed.sheet_id, dimension, shift, band)
    spreadsheet.filter_views = _moved(spreadsheet.filter_views, changed.sheet_id, dimension, shift, band)
    spreadsheet.tables = _moved(spreadsheet.tables, changed.sheet_id, dimension, shift, band)


def _moved(
    entries: "dict[K, A]", sheet_id: int, dimension: Dimension, shift: Shift, band: tuple[int, int] | None
) -> "dict[K, A]":
    """What is attached to cells, where those are now; without those whose cells are gone."""
    kept: dict[K, A] = {}
    for key, entry in entries.items():
        if entry.sheet_id != sheet_id or entry.area is None or (band and not _inside(entry.area, dimension, band)):
            kept[key] = entry
            continue
        area = merging.shifted_area(entry.area, dimension, shift)
        if area is not None:
            kept[key] = entry.at(area)
    return kept


def _inside(area: Area, dimension: Dimension, band: tuple[int, int]) -> bool:
    start, end = (area.left, area.right) if dimension is Dimension.ROWS else (area.top, area.bottom)
    return band[0] <= start and end <= band[1]


def _moved_filter(old: Filter, dimension: Dimension, shift: Shift) -> Filter | None:
    area = merging.shifted_area(old.area, dimension, shift)
    if area is None:
        return None
    if dimension is Dimension.ROWS:
        return replace(old, area=area)
    columns = {index: shift.index(index) for index in range(old.area.left, old.area.right)}
    criteria = tuple(replace(c, column=new) for c in old.criteria if (new := columns.get(c.column)) is not None)
    sorts = tuple((new, down) for column, down in old.sorts if (new := columns.get(column)) is not None)
    return Filter(area, criteria, sorts)


def rename(spreadsheet: Spreadsheet, sheet: Sheet, title: str) -> None:
    """Gives a sheet another title; formulas follow.

    Raises:
        InvalidArgument: the title is empty or another sheet's.
    """
    if not title:
        raise InvalidArgument("The sheet title can't be empty.")
    other = spreadsheet.titled(title)
    if other is not None and other is not sheet:
        raise InvalidArgument(f'A sheet with the name "{title}" already exists. Please enter another name.')
    old = sheet.title
    rewrite_formulas(spreadsheet, lambda _, text: retitled(text, old, title))
    sheet.title = title


def remove_sheet(spreadsheet: Spreadsheet, sheet: Sheet) -> None:
    """Deletes a sheet with all that is attached to it; formulas that read it show #REF!.

    Raises:
        InvalidArgument: no visible sheet would be left.
    """
    if all(other is sheet or other.hidden for other in spreadsheet.sheets):
        raise InvalidArgument("You can't remove all the visible sheets in a document.")
    spreadsheet.sheets.remove(sheet)
    spreadsheet.metadata = {k: v for k, v in spreadsheet.metadata.items() if v.location.sheet_id != sheet.sheet_id}
    spreadsheet.protections = {k: v for k, v in spreadsheet.protections.items() if v.sheet_id != sheet.sheet_id}
    spreadsheet.named = {k: v for k, v in spreadsheet.named.items() if v.sheet_id != sheet.sheet_id}
    spreadsheet.filter_views = {k: v for k, v in spreadsheet.filter_views.items() if v.sheet_id != sheet.sheet_id}
    spreadsheet.tables = {k: v for k, v in spreadsheet.tables.items() if v.sheet_id != sheet.sheet_id}
    rewrite_formulas(spreadsheet, lambda _, text: retitled(text, sheet.title, None))


def rewrite_formulas(spreadsheet: Spreadsheet, change: Callable[[str, str], str]) -> None:
    """Applies `change(home title, formula)` to every formula: of cells, of their rules, and of filters."""
    for sheet in spreadsheet.sheets:
        here = partial(change, sheet.title)
        for index, row in enumerate(sheet.rows):
            if not (row.formulas or row.rules):
                continue
            changed = {column: row.cells[column] for column in (*row.formulas, *row.rules)}
            for column in row.formulas:
                changed[column] = replace(changed[column], formula=here(changed[column].formula or ""))
            for column in row.rules:
                changed[column] = replace(changed[column], validation=rewritten(changed[column].validation, here))
            sheet.put(index, changed)
        if sheet.filter is not None:
            sheet.filter = _rewritten_filter(sheet.filter, here)
    for key, view in spreadsheet.filter_views.items():
        home = partial(change, spreadsheet.sheet(view.sheet_id).title)
        spreadsheet.filter_views[key] = replace(view, filter=_rewritten_filter(view.filter, home))


def _rewritten_filter(old: Filter, change: Callable[[str], str]) -> Filter:
    def rewrite(condition: Condition) -> Condition:
        texts = (change(text) if text.startswith("=") else text for text in condition.values)
        return replace(condition, values=tuple(texts))

    criteria = (replace(one, condition=one.condition and rewrite(one.condition)) for one in old.criteria)
    return replace(old, criteria=tuple(criteria))


def _one(dimension: Dimension) -> str:
    return dimension.value.lower()[:-1]


def _formats(row: Row) -> dict[int, Cell]:
    """The row's formats without its contents."""
    bare = {column: replace(cell, value=None, formula=None, note="") for column, cell in row.cells.items()}
    return {column: cell for column, cell in bare.items() if cell != Cell()}


def _remap_columns(sheet: Sheet, shift: Shift) -> None:
    for index, row in enumerate(sheet.rows):
        if not row.cells:
            continue
        cells = {}
        for column, cell in row.cells.items():
            new = shift.index(column)
            if new is not None:
                cells[new] = cell
        if cells != row.cells:
            sheet.replace_row(index, cells=cells)


def _copy_column_formats(sheet: Sheet, model: int, at: int, count: int) -> None:
    for index, row in enumerate(sheet.rows):
        cell = row.cells.get(model)
        if cell is None:
            continue
        bare = replace(cell, value=None, formula=None, note="")
        if bare != Cell():
            sheet.put(index, dict.fromkeys(range(at, at + count), bare))
