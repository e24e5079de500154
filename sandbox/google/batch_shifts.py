"""batchUpdate's kinds that insert and delete cells, and that continue what some begin."""

from dataclasses import replace

from sandbox.google.batch import Batch
from sandbox.google.document import Document
from sandbox.google.json_value import JsonObject
from sandbox.google.ranges import read_dimension, read_grid_range
from sandbox.workbook import blocks
from sandbox.workbook.a1 import Area
from sandbox.workbook.errors import InvalidArgument
from sandbox.workbook.filling import fill, filled_area
from sandbox.workbook.sheet import Sheet
from sandbox.workbook.shifts import Dimension
from sandbox.workbook.spreadsheet import exceeds_grid


def insert_range(batch: Batch, request: Document) -> JsonObject:
    """insertRange: the cells there shift down or right."""
    sheet, area = read_grid_range(batch.spreadsheet, request.inner("range"))
    dimension = read_dimension(request, "shiftDimension")
    batch.may_write(sheet, _strip(sheet, area, dimension))
    blocks.insert(batch.spreadsheet, sheet, area, dimension)
    return {}


def delete_range(batch: Batch, request: Document) -> JsonObject:
    """deleteRange: the cells below or to the right take the place."""
    sheet, area = read_grid_range(batch.spreadsheet, request.inner("range"))
    dimension = read_dimension(request, "shiftDimension")
    batch.may_write(sheet, _strip(sheet, area, dimension))
    blocks.delete(batch.spreadsheet, sheet, area, dimension)
    return {}


def auto_fill(batch: Batch, request: Document) -> JsonObject:
    """autoFill: from a source on, or within a range from the part of it that has data."""
    alternate = request.flag("useAlternateSeries")
    if "sourceAndDestination" in request:
        data = request.inner("sourceAndDestination")
        sheet, source = read_grid_range(batch.spreadsheet, data.inner("source"))
        dimension, length = read_dimension(data), data.whole("fillLength")
    else:
        sheet, area = read_grid_range(batch.spreadsheet, request.inner("range"))
        source, dimension, length = _found(sheet, area)
    if not length:
        return {}
    target = filled_area(source, dimension, length)
    if min(target.top, target.left) < 0 or target.bottom > sheet.row_count or target.right > sheet.column_count:
        raise exceeds_grid(sheet, target)
    batch.may_write(sheet, target)
    fill(sheet, source, dimension, length, alternate)
    return {}


def _strip(sheet: Sheet, area: Area, dimension: Dimension) -> Area:
    if dimension is Dimension.ROWS:
        return replace(area, bottom=sheet.row_count)
    return replace(area, right=sheet.column_count)


def _found(sheet: Sheet, area: Area) -> tuple[Area, Dimension, int]:
    """The part of the range with data, and how far to fill from there: down where rows are left, else to the right."""
    used = sheet.used(area)
    if used.height == 0:
        raise InvalidArgument("The range to fill has no data to begin with.")
    if used.bottom < area.bottom:
        return replace(used, right=area.right), Dimension.ROWS, area.bottom - used.bottom
    return used, Dimension.COLUMNS, area.right - used.right
