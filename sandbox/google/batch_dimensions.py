"""batchUpdate's kinds that insert, delete, move and describe rows and columns."""

from dataclasses import replace

from sandbox.google.batch import Batch
from sandbox.google.document import Document, JsonObject
from sandbox.google.masks import parse_mask
from sandbox.google.ranges import read_dimension, read_dimension_range
from sandbox.workbook import structure
from sandbox.workbook.a1 import Area
from sandbox.workbook.errors import InvalidArgument
from sandbox.workbook.sheet import Sheet
from sandbox.workbook.shifts import Dimension


def insert_dimension(batch: Batch, request: Document) -> JsonObject:
    """insertDimension"""
    request.only("range", "inheritFromBefore")
    sheet, dimension, start, end = read_dimension_range(batch.spreadsheet, request.inner("range"))
    inherit = request.flag("inheritFromBefore")
    structure.insert(batch.spreadsheet, sheet, dimension, start, end - start, inherit)
    return {}


def delete_dimension(batch: Batch, request: Document) -> JsonObject:
    """deleteDimension"""
    request.only("range")
    sheet, dimension, start, end = read_dimension_range(batch.spreadsheet, request.inner("range"))
    batch.may_write(sheet, _area(sheet, dimension, start, end))
    structure.delete(batch.spreadsheet, sheet, dimension, start, end)
    return {}


def append_dimension(batch: Batch, request: Document) -> JsonObject:
    """appendDimension"""
    request.only("sheetId", "dimension", "length", "tableId")
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
    request.only("source", "destinationIndex")
    sheet, dimension, start, end = read_dimension_range(batch.spreadsheet, request.inner("source"))
    batch.may_write(sheet, _area(sheet, dimension, start, end))
    structure.move(batch.spreadsheet, sheet, dimension, start, end, request.whole("destinationIndex"))
    return {}


def update_dimension_properties(batch: Batch, request: Document) -> JsonObject:
    """Hides, shows and sizes rows or columns."""
    request.only("range", "properties", "fields", "dataSourceSheetRange")
    sheet, dimension, start, end = read_dimension_range(batch.spreadsheet, request.inner("range"))
    properties = request.inner("properties")
    properties.only("hiddenByUser", "hiddenByFilter", "pixelSize", "developerMetadata")
    mask = parse_mask(request.text("fields"))
    hidden = properties.flag("hiddenByUser") if mask.wants("hiddenByUser") else None
    pixels = properties.optional_whole("pixelSize") if mask.wants("pixelSize") else None
    size = sheet.row_count if dimension is Dimension.ROWS else sheet.column_count
    for index in range(start, min(end, size)):
        if dimension is Dimension.ROWS:
            sheet.replace_row(index, hidden=hidden, pixels=pixels)
            continue
        column = sheet.columns[index]
        sheet.columns[index] = replace(
            column,
            hidden=column.hidden if hidden is None else hidden,
            pixels=column.pixels if pixels is None else pixels,
        )
    return {}


def auto_resize_dimensions(batch: Batch, request: Document) -> JsonObject:
    """Accepted: widths are a matter of the browser's fonts."""
    request.only("dimensions", "dataSourceSheetDimensions")
    read_dimension_range(batch.spreadsheet, request.inner("dimensions"))
    return {}


def _area(sheet: Sheet, dimension: Dimension, start: int, end: int) -> Area:
    if dimension is Dimension.ROWS:
        return Area(start, 0, end, sheet.column_count)
    return Area(0, start, sheet.row_count, end)
