"""Carrying an edit over to a spreadsheet that others have changed since, row by row: a row is known by its uid wherever
it went, and what others changed stays as they left it."""

from collections.abc import Iterable
from dataclasses import replace

from sandbox.person.history import Kind, Step
from sandbox.workbook import structure
from sandbox.workbook.a1 import Area
from sandbox.workbook.cells import Cell
from sandbox.workbook.errors import InvalidArgument
from sandbox.workbook.formulas import moved
from sandbox.workbook.sheet import Row, Sheet
from sandbox.workbook.shifts import Dimension
from sandbox.workbook.spreadsheet import Spreadsheet

_CANT = "This can't be undone or made again"
_Placed = tuple[int, Row]


def carry(draft: Spreadsheet, step: Step) -> int:
    """Does a step to a spreadsheet that others have changed since `step.before`; says how many cells or rows stay as
    those left them.

    Raises:
        InvalidArgument: it can't be done any more.
    """
    if step.kind is Kind.CELLS:
        return sum(_carry_sheet(draft, before, step.after) for before in step.before.sheets)
    if step.kind is Kind.SHAPED:
        return _carry_shape(*(book.sheet(step.sheet_id) for book in (draft, step.before, step.after)))
    if step.kind not in (Kind.ROWS_INSERTED, Kind.ROWS_DELETED, Kind.SORTED):
        raise InvalidArgument(f"{_CANT}: others have changed the spreadsheet since.")
    sheet, before, after = (book.sheet(step.sheet_id) for book in (draft, step.before, step.after))
    _check_columns(sheet, before)
    area = step.area
    if step.kind is Kind.SORTED:
        _reorder(sheet, after.rows[area.top : area.bottom])
        return 0
    if step.kind is Kind.ROWS_DELETED:
        return _delete(draft, sheet, before.rows[area.top : area.bottom])
    _insert(draft, sheet, after.rows, area)
    known = {row.uid: (index, row) for index, row in enumerate(before.rows) if row.uid}
    pairs = ((known.get(row.uid, (index, row)), (index, row)) for index, row in enumerate(after.rows))
    _carry_cells(sheet, pairs)  # formulas that lost the rows that they read
    _restore_attached(draft, step)
    return 0


def _carry_sheet(draft: Spreadsheet, before: Sheet, after_book: Spreadsheet) -> int:
    after = next((sheet for sheet in after_book.sheets if sheet.sheet_id == before.sheet_id), None)
    if after is None or all(one is other for one, other in zip(before.rows, after.rows, strict=False)):
        return 0
    sheet = draft.sheet(before.sheet_id)
    _check_columns(sheet, before)
    return _carry_cells(sheet, zip(enumerate(before.rows), enumerate(after.rows), strict=False))


def _carry_shape(sheet: Sheet, before: Sheet, after: Sheet) -> int:
    """What was sized, hidden or frozen; how many rows and columns stay, since others did so to them, too."""
    kept = 0
    places = {row.uid: place for place, row in enumerate(sheet.rows) if row.uid}
    for old_row, new_row in zip(before.rows, after.rows, strict=False):
        place = places.get(new_row.uid)
        if place is None or (old_row.hidden, old_row.pixels) == (new_row.hidden, new_row.pixels):
            continue
        row = sheet.rows[place]
        if (row.hidden, row.pixels) == (old_row.hidden, old_row.pixels):
            sheet.rows[place] = replace(row, hidden=new_row.hidden, pixels=new_row.pixels)
        else:
            kept += 1
    for index, (old, new) in enumerate(zip(before.columns, after.columns, strict=False)):
        if old == new:
            continue
        _check_columns(sheet, before)
        if sheet.columns[index] == old:
            sheet.columns[index] = new
        else:
            kept += 1
    if (sheet.frozen_rows, sheet.frozen_columns) == (before.frozen_rows, before.frozen_columns):
        sheet.frozen_rows, sheet.frozen_columns = after.frozen_rows, after.frozen_columns
    return kept


def _check_columns(sheet: Sheet, before: Sheet) -> None:
    if sheet.column_moves != before.column_moves:
        raise InvalidArgument(f"{_CANT}: columns were inserted, deleted or moved since.")


def _carry_cells(sheet: Sheet, pairs: Iterable[tuple[_Placed, _Placed]]) -> int:
    """Takes the difference between two states of each row over to where that row is now."""
    places: dict[int, int] | None = None
    kept = 0
    for (was, before), (index, after) in pairs:
        if before is after:
            continue
        if places is None:
            places = {row.uid: place for place, row in enumerate(sheet.rows) if row.uid}
        place = places.get(before.uid or after.uid)
        if place is None and index < sheet.row_count and not sheet.rows[index].uid:
            place = index  # it was never touched then, and isn't now
        columns = [c for c in before.cells.keys() | after.cells.keys() if not _same(before.cell(c), after.cell(c))]
        if place is None:
            kept += len(columns)
            continue
        as_left = [c for c in columns if _same(sheet.cell(place, c), _at(before.cell(c), place - was))]
        sheet.put(place, {c: _at(after.cell(c), place - index) for c in as_left})
        kept += len(columns) - len(as_left)
    return kept


def _at(cell: Cell, by: int) -> Cell:
    """The cell so many rows further down: what its formula reads went along."""
    return replace(cell, formula=moved(cell.formula, by, 0)) if by and cell.formula is not None else cell


def _same(one: Cell, other: Cell) -> bool:
    return one == other and type(one.value) is type(other.value)


def _delete(draft: Spreadsheet, sheet: Sheet, rows: list[Row]) -> int:
    """Deletes these rows where they are now, but for those into which somebody wrote."""
    states = {row.uid: row for row in rows}
    found = [index for index, row in enumerate(sheet.rows) if row.uid in states]
    as_left = [i for i in found if sheet.rows[i] is states[sheet.rows[i].uid] or not _has_content(sheet.rows[i])]
    for index in reversed(as_left):
        structure.delete(draft, sheet, Dimension.ROWS, index, index + 1)
    return len(found) - len(as_left)


def _has_content(row: Row) -> bool:
    return any(cell.has_content for cell in row.cells.values())


def _insert(draft: Spreadsheet, sheet: Sheet, rows: list[Row], area: Area) -> None:
    """Puts rows back below the row that they stood below, wherever that is now."""
    above = rows[area.top - 1].uid if area.top else 0
    place = next((index + 1 for index, row in enumerate(sheet.rows) if above and row.uid == above), area.top)
    place = min(place, sheet.row_count)
    structure.insert(draft, sheet, Dimension.ROWS, place, area.height)
    sheet.rows[place : place + area.height] = rows[area.top : area.bottom]
    for index in range(place, place + area.height):
        sheet.put(index, {c: _at(sheet.cell(index, c), place - area.top) for c in sheet.rows[index].formulas})


def _reorder(sheet: Sheet, wanted: list[Row]) -> None:
    """Puts rows into an order in the places that they have now, with what is in them now; formulas go along."""
    now = {row.uid: index for index, row in enumerate(sheet.rows) if row.uid}
    order = [now[row.uid] for row in wanted if row.uid in now]
    old = list(sheet.rows)
    for place, source in zip(sorted(order), order, strict=True):
        sheet.rows[place] = old[source]
        if place != source:
            sheet.put(place, {c: _at(old[source].cell(c), place - source) for c in old[source].formulas})


def _restore_attached(draft: Spreadsheet, step: Step) -> None:
    """Metadata, protections, names, filters and tables that went with the rows come back with them."""
    after, before = step.after, step.before
    draft.metadata |= {k: v for k, v in after.metadata.items() if k not in before.metadata and k not in draft.metadata}
    draft.named |= {k: v for k, v in after.named.items() if k not in before.named and k not in draft.named}
    draft.protections |= {
        k: v for k, v in after.protections.items() if k not in before.protections and k not in draft.protections
    }
    draft.filter_views |= {
        k: v for k, v in after.filter_views.items() if k not in before.filter_views and k not in draft.filter_views
    }
    draft.tables |= {k: v for k, v in after.tables.items() if k not in before.tables and k not in draft.tables}
