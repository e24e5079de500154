"""batchUpdate's kinds that change cells."""

import re
from dataclasses import replace

from sandbox.google.batch import Batch
from sandbox.google.cells_json import merge_cell
from sandbox.google.document import Document, JsonObject
from sandbox.google.errors import NotSupported
from sandbox.google.masks import parse_mask, required_mask
from sandbox.google.ranges import read_grid_range
from sandbox.workbook import merging, sorting
from sandbox.workbook.a1 import Area
from sandbox.workbook.cells import EMPTY, Cell
from sandbox.workbook.errors import InvalidArgument
from sandbox.workbook.formulas import moved
from sandbox.workbook.pasting import move_cells
from sandbox.workbook.search import Search, replace_all
from sandbox.workbook.sheet import Sheet
from sandbox.workbook.spreadsheet import exceeds_grid
from sandbox.workbook.writing import ensure_rows

_MERGES = ("MERGE_ALL", "MERGE_COLUMNS", "MERGE_ROWS")
_PASTE = ("PASTE_NORMAL", "PASTE_VALUES", "PASTE_FORMAT", "PASTE_NO_BORDERS", "PASTE_FORMULA")


def update_cells(batch: Batch, request: Document) -> JsonObject:
    """Cells from `start` on, or in `range`, where what the request lacks is cleared."""
    request.only("rows", "fields", "start", "range")
    mask = required_mask(request)
    rows = [list(row.inners("values")) for row in request.inners("rows")]
    if "range" in request:
        sheet, area = read_grid_range(batch.spreadsheet, request.inner("range"))
        if len(rows) > area.height or any(len(row) > area.width for row in rows):
            raise InvalidArgument(
                f"Attempting to write beyond the requested range: it has {area.height} rows and {area.width} columns."
            )
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
                    sheet.cell(row, area.left + step), given[step] if step < len(given) else Document({}), mask
                )
                for step in range(width)
            },
        )
    return {}


def append_cells(batch: Batch, request: Document) -> JsonObject:
    """Rows below the last one that holds data; the grid grows as needed."""
    request.only("sheetId", "rows", "fields", "tableId")
    sheet, mask = batch.spreadsheet.sheet(request.whole("sheetId")), required_mask(request)
    rows = [list(row.inners("values")) for row in request.inners("rows")]
    top = sheet.used(sheet.whole).bottom
    area = Area(top, 0, top + len(rows), max((len(row) for row in rows), default=0))
    sheet.resize(max(sheet.row_count, area.bottom), max(sheet.column_count, area.right))
    ensure_rows(sheet, area.bottom)
    batch.spreadsheet.check_size()
    batch.may_write(sheet, area)
    for offset, row in enumerate(rows):
        sheet.put(top + offset, {step: merge_cell(EMPTY, data, mask) for step, data in enumerate(row)})
    return {}


def repeat_cell(batch: Batch, request: Document) -> JsonObject:
    """One cell over a range; the references of its formula go along."""
    request.only("range", "cell", "fields")
    sheet, area = read_grid_range(batch.spreadsheet, request.inner("range"))
    mask, data = required_mask(request), request.inner("cell")
    batch.may_write(sheet, area)
    for row in range(area.top, area.bottom):
        cells = {}
        for column in range(area.left, area.right):
            cell = merge_cell(sheet.cell(row, column), data, mask)
            if cell.formula is not None and mask.wants("userEnteredValue"):
                cell = replace(cell, formula=moved(cell.formula, row - area.top, column - area.left))
            cells[column] = cell
        sheet.put(row, cells)
    return {}


def sort_range(batch: Batch, request: Document) -> JsonObject:
    """Sorts the rows of a range by effective values: numbers, text, booleans, and the empty ones last."""
    request.only("range", "sortSpecs")
    sheet, area = read_grid_range(batch.spreadsheet, request.inner("range"))
    keys = []
    for spec in request.inners("sortSpecs"):
        spec.only("dimensionIndex", "sortOrder")
        descending = spec.choice("sortOrder", ("ASCENDING", "DESCENDING"), "ASCENDING") == "DESCENDING"
        keys.append((spec.whole("dimensionIndex"), descending))
    if any(not area.left <= column < area.right for column, _ in keys):
        raise InvalidArgument("Sort specs' dimension indexes must be within the range.")
    batch.may_write(sheet, area)
    batch.calculation.bring_up_to_date(batch.spreadsheet)
    sorting.sort_rows(sheet, area, keys, batch.calculation.value)
    return {}


def copy_paste(batch: Batch, request: Document) -> JsonObject:
    """Copies a range, repeated to fill the destination; relative references go along."""
    request.only("source", "destination", "pasteType", "pasteOrientation")
    if request.choice("pasteOrientation", ("NORMAL", "TRANSPOSE"), "NORMAL") == "TRANSPOSE":
        raise NotSupported("pasting transposed")
    source_sheet, source = read_grid_range(batch.spreadsheet, request.inner("source"))
    sheet, target = read_grid_range(batch.spreadsheet, request.inner("destination"))
    kind = request.choice("pasteType", _PASTE, "PASTE_NORMAL")
    height = max(target.height - target.height % source.height, source.height)
    width = max(target.width - target.width % source.width, source.width)
    area = Area(target.top, target.left, target.top + height, target.left + width)
    if area.bottom > sheet.row_count or area.right > sheet.column_count:
        raise exceeds_grid(sheet, area)
    batch.may_write(sheet, area)
    batch.calculation.bring_up_to_date(batch.spreadsheet)
    copied = _copy(batch, source_sheet, source)
    for row in range(area.top, area.bottom):
        cells = {}
        for column in range(area.left, area.right):
            down, right = (row - area.top) % source.height, (column - area.left) % source.width
            by = (row - source.top - down, column - source.left - right)
            cells[column] = _pasted(sheet.cell(row, column), *copied[down][right], kind, by)
        sheet.put(row, cells)
    return {}


def cut_paste(batch: Batch, request: Document) -> JsonObject:
    """Moves cells as they are; formulas keep what they read."""
    request.only("source", "destination", "pasteType")
    source_sheet, source = read_grid_range(batch.spreadsheet, request.inner("source"))
    to = request.inner("destination")
    to.only("sheetId", "rowIndex", "columnIndex")
    sheet = batch.spreadsheet.sheet(to.whole("sheetId"))
    top, left = to.whole("rowIndex"), to.whole("columnIndex")
    area = Area(top, left, top + source.height, left + source.width)
    if area.bottom > sheet.row_count or area.right > sheet.column_count:
        raise exceeds_grid(sheet, area)
    batch.may_write(source_sheet, source)
    batch.may_write(sheet, area)
    move_cells(source_sheet, source, sheet, top, left)
    return {}


def set_data_validation(batch: Batch, request: Document) -> JsonObject:
    """Keeps a rule with the cells; the sandbox shows it and doesn't enforce it."""
    request.only("range", "rule", "filteredRowsIncluded")
    sheet, area = read_grid_range(batch.spreadsheet, request.inner("range"))
    batch.may_write(sheet, area)
    data = Document({"dataValidation": request.inner("rule").fields})
    mask = parse_mask("dataValidation")
    for row in range(area.top, area.bottom):
        columns = range(area.left, area.right)
        sheet.put(row, {column: merge_cell(sheet.cell(row, column), data, mask) for column in columns})
    return {}


def merge_cells(batch: Batch, request: Document) -> JsonObject:
    """Merges all cells of a range, or those of each row or column; the first one's value stays."""
    request.only("range", "mergeType")
    sheet, area = read_grid_range(batch.spreadsheet, request.inner("range"))
    batch.may_write(sheet, area)
    merging.merge(sheet, area, request.choice("mergeType", _MERGES, "MERGE_ALL"))
    return {}


def unmerge_cells(batch: Batch, request: Document) -> JsonObject:
    """Takes the merges within a range apart."""
    request.only("range")
    sheet, area = read_grid_range(batch.spreadsheet, request.inner("range"))
    batch.may_write(sheet, area)
    merging.unmerge(sheet, area)
    return {}


def find_replace(batch: Batch, request: Document) -> JsonObject:
    """Replaces text in cells; numbers are searched as they were entered."""
    request.only(
        "find", "replacement", "matchCase", "matchEntireCell", "searchByRegex", "includeFormulas",
        "range", "sheetId", "allSheets",
    )  # fmt: skip
    try:
        search = Search.of(
            request.text("find"),
            request.text("replacement"),
            match_case=request.flag("matchCase"),
            entire=request.flag("matchEntireCell"),
            regex=request.flag("searchByRegex"),
            formulas=request.flag("includeFormulas"),
        )
    except re.error as error:
        raise InvalidArgument(f"Invalid regular expression: {error}") from error
    counts = replace_all(_searched(batch, request), search, batch.may_write)
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


def _from_start(batch: Batch, start: Document, rows: list[list[Document]]) -> tuple[Sheet, Area]:
    start.only("sheetId", "rowIndex", "columnIndex")
    sheet = batch.spreadsheet.sheet(start.whole("sheetId"))
    top, left = start.whole("rowIndex"), start.whole("columnIndex")
    area = Area(top, left, top + len(rows), left + max((len(row) for row in rows), default=0))
    if top < 0 or left < 0 or area.bottom > sheet.row_count or area.right > sheet.column_count:
        raise exceeds_grid(sheet, area)
    return sheet, area


def _copy(batch: Batch, sheet: Sheet, area: Area) -> list[list[tuple[Cell, Cell]]]:
    """Each cell, and the cell that holds its value in place of its formula."""
    copied = []
    for row in range(area.top, area.bottom):
        line = []
        for column in range(area.left, area.right):
            cell = sheet.cell(row, column)
            value = batch.calculation.value(sheet, row, column, cell)
            plain = value if value is None or isinstance(value, bool | float | str) else value.text
            line.append((cell, replace(cell, value=plain, formula=None)))
        copied.append(line)
    return copied


def _pasted(old: Cell, cell: Cell, valued: Cell, kind: str, by: tuple[int, int]) -> Cell:
    formula = None if cell.formula is None else moved(cell.formula, *by)
    if kind == "PASTE_VALUES":
        return replace(old, value=valued.value, formula=None)
    if kind == "PASTE_FORMAT":
        return replace(old, number_format=cell.number_format, appearance=cell.appearance)
    if kind == "PASTE_FORMULA":
        return replace(old, value=cell.value, formula=formula)
    return replace(cell, formula=formula)
