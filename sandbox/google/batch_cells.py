"""batchUpdate's kinds that change cells."""

from dataclasses import replace

from sandbox.google.batch import Batch
from sandbox.google.batch_tables import find
from sandbox.google.cells_json import merge_cell
from sandbox.google.document import Document
from sandbox.google.filters_json import check_rule, read_sorts
from sandbox.google.json_value import JsonObject
from sandbox.google.masks import FieldMask, parse_mask
from sandbox.google.payload import required_mask
from sandbox.google.ranges import read_coordinate, read_grid_range
from sandbox.workbook import blocks, merging, sorting
from sandbox.workbook.a1 import Area
from sandbox.workbook.cells import Cell
from sandbox.workbook.errors import InvalidArgument
from sandbox.workbook.expressions import InvalidExpression
from sandbox.workbook.formulas import moved
from sandbox.workbook.rules import moved_rule
from sandbox.workbook.search import Search, replace_all
from sandbox.workbook.sheet import Sheet
from sandbox.workbook.shifts import Dimension
from sandbox.workbook.tables import Table

_MERGES = ("MERGE_ALL", "MERGE_COLUMNS", "MERGE_ROWS")


def update_cells(batch: Batch, request: Document) -> JsonObject:
    """Cells from `start` on, or in `range`, where what the request lacks is cleared."""
    mask, home = required_mask(request, "CellData"), batch.spreadsheet.home
    rows = [list(row.inners("values")) for row in request.inners("rows")]
    if "range" in request:
        sheet, area = read_grid_range(batch.spreadsheet, request.inner("range"))
        _check_within(area, rows)
    else:
        sheet, area = _from_start(batch, request.inner("start"), rows)
    batch.may_write(sheet, area)
    for row in range(area.top, area.bottom):
        given = rows[row - area.top] if row - area.top < len(rows) else []
        width = area.width if "range" in request else len(given)
        sheet.put(
            row,
            {
                area.left + step: merge_cell(
                    sheet.cell(row, area.left + step), given[step] if step < len(given) else Document({}), mask, home
                )
                for step in range(width)
            },
        )
    return {}


def append_cells(batch: Batch, request: Document) -> JsonObject:
    """Rows below the last one that holds data; the grid grows by the rows that it lacks."""
    mask, rows = required_mask(request, "CellData"), [list(row.inners("values")) for row in request.inners("rows")]
    width, home = max((len(row) for row in rows), default=0), batch.spreadsheet.home
    if "tableId" in request:
        sheet, area = _table_rows(batch, find(batch.spreadsheet, request.text("tableId")), len(rows), width)
    else:
        sheet = batch.spreadsheet.sheet(request.whole("sheetId"))
        top = sheet.used(sheet.whole).bottom
        area = Area(top, 0, top + len(rows), width)
        _check_within(replace(area, right=sheet.column_count), rows)
    sheet.resize(max(sheet.row_count, area.bottom), sheet.column_count)
    batch.spreadsheet.check_size()
    batch.may_write(sheet, area)
    for offset, row in enumerate(rows):
        index, columns = area.top + offset, range(area.left, area.left + len(row))
        old = (sheet.cell(index, column) for column in columns)
        cells = {c: merge_cell(cell, data, mask, home) for c, cell, data in zip(columns, old, row, strict=True)}
        sheet.put(index, cells)
    return {}


def repeat_cell(batch: Batch, request: Document) -> JsonObject:
    """One cell over a range; the references of its formula go along."""
    sheet, area = read_grid_range(batch.spreadsheet, request.inner("range"))
    mask, data, home = required_mask(request, "CellData"), request.inner("cell"), batch.spreadsheet.home
    batch.may_write(sheet, area)
    for row in range(area.top, area.bottom):
        cells = {}
        for column in range(area.left, area.right):
            cell = merge_cell(sheet.cell(row, column), data, mask, home)
            cells[column] = _moved(cell, mask, row - area.top, column - area.left)
        sheet.put(row, cells)
    return {}


def _moved(cell: Cell, mask: FieldMask, rows: int, columns: int) -> Cell:
    """The cell with its masked formulas as if copied that many rows down and columns right."""
    if cell.formula is not None and mask.wants("userEnteredValue"):
        cell = replace(cell, formula=moved(cell.formula, rows, columns))
    if cell.validation and mask.wants("dataValidation"):
        cell = replace(cell, validation=moved_rule(cell.validation, rows, columns))
    return cell


def sort_range(batch: Batch, request: Document) -> JsonObject:
    """Sorts the rows of a range by effective values: numbers, text, booleans, and the empty ones last."""
    sheet, area = read_grid_range(batch.spreadsheet, request.inner("range"))
    keys = read_sorts(request, area)
    batch.may_write(sheet, area)
    batch.calculation.bring_up_to_date(batch.spreadsheet)
    sorting.sort_rows(sheet, area, keys, batch.calculation.value)
    return {}


def set_data_validation(batch: Batch, request: Document) -> JsonObject:
    """Keeps a rule with the cells, which holds off people. Its formulas are those of the range's first cell."""
    sheet, area = read_grid_range(batch.spreadsheet, request.inner("range"))
    batch.may_write(sheet, area)
    if "rule" in request:
        check_rule(request.inner("rule"), batch.spreadsheet.typing)
    data = Document({"dataValidation": request.inner("rule").fields})
    mask, home, filtered = parse_mask("dataValidation"), batch.spreadsheet.home, request.flag("filteredRowsIncluded")
    for row in range(area.top, area.bottom):
        if sheet.rows[row].filtered and not filtered:
            continue
        cells = {
            column: merge_cell(sheet.cell(row, column), data, mask, home) for column in range(area.left, area.right)
        }
        sheet.put(
            row, {column: _moved(cell, mask, row - area.top, column - area.left) for column, cell in cells.items()}
        )
    return {}


def merge_cells(batch: Batch, request: Document) -> JsonObject:
    """Merges all cells of a range, or those of each row or column; the first one's value stays."""
    sheet, area = read_grid_range(batch.spreadsheet, request.inner("range"))
    batch.may_write(sheet, area)
    merging.merge(sheet, area, request.choice("mergeType", _MERGES, "MERGE_ALL"))
    return {}


def unmerge_cells(batch: Batch, request: Document) -> JsonObject:
    """Takes the merges within a range apart."""
    sheet, area = read_grid_range(batch.spreadsheet, request.inner("range"))
    batch.may_write(sheet, area)
    merging.unmerge(sheet, area)
    return {}


def find_replace(batch: Batch, request: Document) -> JsonObject:
    """Replaces text in cells; numbers are searched as they were entered."""
    if not request.text("find"):
        raise InvalidArgument("The text to find can't be empty.")
    try:
        search = Search.of(
            request.text("find"),
            request.text("replacement"),
            match_case=request.flag("matchCase"),
            entire=request.flag("matchEntireCell"),
            regex=request.flag("searchByRegex"),
            formulas=request.flag("includeFormulas"),
        )
    except InvalidExpression as error:
        raise InvalidArgument(f"Invalid regular expression: {error}") from error
    counts = replace_all(_searched(batch, request), search, batch.may_write, batch.spreadsheet.typing)
    names = ("valuesChanged", "formulasChanged", "rowsChanged", "sheetsChanged", "occurrencesChanged")
    numbers = (counts.values, counts.formulas, counts.rows, counts.sheets, counts.occurrences)
    return {"findReplace": {name: number for name, number in zip(names, numbers, strict=True) if number}}


def _searched(batch: Batch, request: Document) -> list[tuple[Sheet, Area]]:
    if "range" in request:
        return [read_grid_range(batch.spreadsheet, request.inner("range"))]
    if request.flag("allSheets"):
        return [(sheet, sheet.whole) for sheet in batch.spreadsheet.sheets]
    if "sheetId" not in request:
        raise InvalidArgument("No search scope: set range, sheetId or allSheets.")
    sheet = batch.spreadsheet.sheet(request.whole("sheetId"))
    return [(sheet, sheet.whole)]


def _table_rows(batch: Batch, table: Table, count: int, width: int) -> tuple[Sheet, Area]:
    """The rows after the table's last filled one; the table grows by those that it hasn't, and what is below makes way.

    Raises:
        InvalidArgument: the rows are wider than the table.
    """
    sheet = batch.spreadsheet.sheet(table.sheet_id)
    if width > table.area.width:
        raise InvalidArgument(f"The rows have {width} cells, the table only {table.area.width} columns.")
    top = max(sheet.used(table.area).bottom, table.area.top + 1)
    lacking = top + count - table.area.bottom
    if lacking > 0:
        below = replace(table.area, top=table.area.bottom, bottom=table.area.bottom + lacking)
        sheet.resize(max(sheet.row_count, below.bottom), sheet.column_count)
        if sheet.used(replace(below, bottom=sheet.row_count)).height:
            blocks.insert(batch.spreadsheet, sheet, below, Dimension.ROWS)
        grown = replace(table.area, bottom=below.bottom)
        batch.spreadsheet.tables[table.table_id] = table.at(grown)
    return sheet, Area(top, table.area.left, top + count, table.area.left + width)


def _from_start(batch: Batch, start: Document, rows: list[list[Document]]) -> tuple[Sheet, Area]:
    sheet = batch.spreadsheet.sheet(start.whole("sheetId"))
    top, left = read_coordinate(sheet, start)
    _check_within(Area(top, left, sheet.row_count, sheet.column_count), rows)
    return sheet, Area(top, left, top + len(rows), left + max((len(row) for row in rows), default=0))


def _check_within(limit: Area, rows: list[list[Document]]) -> None:
    """Raises InvalidArgument, in Google's words, where the rows need more room than there is from its first cell on."""
    if len(rows) > limit.height:
        raise InvalidArgument(
            f"Attempting to write row: {limit.bottom}, beyond the last requested row of: {limit.bottom - 1}"
        )
    if any(len(row) > limit.width for row in rows):
        raise InvalidArgument(
            f"Attempting to write column: {limit.right}, beyond the last requested column of: {limit.right - 1}"
        )
