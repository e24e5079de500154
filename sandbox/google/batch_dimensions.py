"""batchUpdate's kinds that insert, delete, move and describe rows and columns."""

from dataclasses import replace

from sandbox.google.batch import Batch
from sandbox.google.document import Document
from sandbox.google.json_value import JsonObject
from sandbox.google.payload import required_mask
from sandbox.google.ranges import read_dimension, read_dimension_range
from sandbox.google.sheet_json import COLUMN_PIXELS, ROW_PIXELS
from sandbox.workbook import structure
from sandbox.workbook.a1 import Area
from sandbox.workbook.display import show
from sandbox.workbook.errors import InvalidArgument
from sandbox.workbook.lines import set_lines
from sandbox.workbook.protection import check_insert
from sandbox.workbook.sheet import Sheet
from sandbox.workbook.shifts import Dimension

_LETTER_PIXELS = 7
_MARGIN_PIXELS = 7


def insert_dimension(batch: Batch, request: Document) -> JsonObject:
    """insertDimension"""
    sheet, dimension, start, end = read_dimension_range(batch.spreadsheet, request.inner("range"))
    inherit = request.flag("inheritFromBefore")
    check_insert(batch.spreadsheet.protections, batch.editor, sheet.sheet_id, _area(sheet, dimension, start, start))
    structure.insert(batch.spreadsheet, sheet, dimension, start, end - start, inherit)
    return {}


def delete_dimension(batch: Batch, request: Document) -> JsonObject:
    """deleteDimension"""
    sheet, dimension, start, end = read_dimension_range(batch.spreadsheet, request.inner("range"))
    batch.may_write(sheet, _area(sheet, dimension, start, end))
    structure.delete(batch.spreadsheet, sheet, dimension, start, end)
    return {}


def append_dimension(batch: Batch, request: Document) -> JsonObject:
    """appendDimension"""
    sheet, dimension = batch.spreadsheet.sheet(request.whole("sheetId")), read_dimension(request)
    length = request.whole("length")
    if length < 1:
        raise InvalidArgument("length must be greater than 0.")
    rows = sheet.row_count + (length if dimension is Dimension.ROWS else 0)
    sheet.resize(rows, sheet.column_count + (length if dimension is Dimension.COLUMNS else 0))
    batch.spreadsheet.check_size()
    return {}


def move_dimension(batch: Batch, request: Document) -> JsonObject:
    """moveDimension"""
    sheet, dimension, start, end = read_dimension_range(batch.spreadsheet, request.inner("source"))
    batch.may_write(sheet, _area(sheet, dimension, start, end))
    structure.move(batch.spreadsheet, sheet, dimension, start, end, request.whole("destinationIndex"))
    return {}


def update_dimension_properties(batch: Batch, request: Document) -> JsonObject:
    """Hides, shows and sizes rows or columns."""
    sheet, dimension, start, end = read_dimension_range(batch.spreadsheet, request.inner("range"))
    properties = request.inner("properties")
    properties.lacks("dataSourceColumnReference")
    mask = required_mask(request, "DimensionProperties")
    hidden = properties.flag("hiddenByUser") if mask.wants("hiddenByUser") else None
    pixels = properties.optional_whole("pixelSize") if mask.wants("pixelSize") else None
    size = sheet.row_count if dimension is Dimension.ROWS else sheet.column_count
    if start >= size:
        one = dimension.value.lower()[:-1]
        raise InvalidArgument(f"range.startIndex[{start}] is after last {one} in sheet[{size - 1}]")
    if pixels is not None and pixels < 0:
        raise InvalidArgument(f"Invalid pixelSize: {pixels}. It can't be negative.")
    set_lines(sheet, dimension, start, end, hidden, pixels)
    return {}


def auto_resize_dimensions(batch: Batch, request: Document) -> JsonObject:
    """Columns as wide as their longest text, by a usual letter's width; rows of the usual height."""
    sheet, dimension, start, end = read_dimension_range(batch.spreadsheet, request.inner("dimensions"))
    if dimension is Dimension.ROWS:
        for index in range(start, min(end, sheet.row_count)):
            sheet.replace_row(index, pixels=ROW_PIXELS)
        return {}
    batch.calculation.bring_up_to_date(batch.spreadsheet)
    longest = dict.fromkeys(range(start, min(end, sheet.column_count)), 0)
    for index, row in enumerate(sheet.rows):
        for column in row.cells.keys() & longest.keys():
            cell = row.cells[column]
            text = show(batch.calculation.value(sheet, index, column, cell), cell.shown_format, batch.spreadsheet.home)
            longest[column] = max(longest[column], len(text))
    for column, letters in longest.items():
        pixels = max(letters * _LETTER_PIXELS + _MARGIN_PIXELS, ROW_PIXELS) if letters else COLUMN_PIXELS
        sheet.columns[column] = replace(sheet.columns[column], pixels=pixels)
    return {}


def _area(sheet: Sheet, dimension: Dimension, start: int, end: int) -> Area:
    if dimension is Dimension.ROWS:
        return Area(start, 0, end, sheet.column_count)
    return Area(0, start, sheet.row_count, end)
