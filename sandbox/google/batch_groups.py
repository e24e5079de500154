"""batchUpdate's kinds about groups of rows and columns."""

from dataclasses import replace

from sandbox.google.batch import Batch
from sandbox.google.document import Document
from sandbox.google.json_value import JsonObject
from sandbox.google.payload import required_mask
from sandbox.google.ranges import read_dimension_range
from sandbox.google.sheet_json import groups_json
from sandbox.workbook import grouping
from sandbox.workbook.shifts import Dimension


def add_dimension_group(batch: Batch, request: Document) -> JsonObject:
    """addDimensionGroup: the rows or columns are nested one deeper."""
    return {"addDimensionGroup": _change(batch, request, 1)}


def delete_dimension_group(batch: Batch, request: Document) -> JsonObject:
    """deleteDimensionGroup: the rows or columns are nested one less deep."""
    return {"deleteDimensionGroup": _change(batch, request, -1)}


def update_dimension_group(batch: Batch, request: Document) -> JsonObject:
    """Collapses a group, which hides its rows or columns, or expands it."""
    data, mask = request.inner("dimensionGroup"), required_mask(request, "DimensionGroup")
    sheet, dimension, start, end = read_dimension_range(batch.spreadsheet, data.inner("range"))
    group = grouping.find(sheet.groups, dimension, start, end, data.whole("depth"))
    if not mask.wants("collapsed"):
        return {}
    collapsed = data.flag("collapsed")
    sheet.groups = tuple(replace(one, collapsed=collapsed) if one == group else one for one in sheet.groups)
    for index in range(start, end):
        if dimension is Dimension.ROWS:
            sheet.replace_row(index, hidden=collapsed)
        else:
            sheet.columns[index] = replace(sheet.columns[index], hidden=collapsed)
    return {}


def _change(batch: Batch, request: Document, by: int) -> JsonObject:
    sheet, dimension, start, end = read_dimension_range(batch.spreadsheet, request.inner("range"))
    end = min(end, sheet.row_count if dimension is Dimension.ROWS else sheet.column_count)
    sheet.groups = grouping.change(sheet.groups, dimension, start, end, by)
    shown = groups_json(sheet, dimension)
    return {"dimensionGroups": shown} if shown else {}
