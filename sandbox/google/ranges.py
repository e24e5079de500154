"""GridRange and DimensionRange: in requests and in answers."""

from sandbox.google.document import Document
from sandbox.google.json_value import JsonObject
from sandbox.workbook.a1 import Area
from sandbox.workbook.errors import InvalidArgument
from sandbox.workbook.sheet import Sheet
from sandbox.workbook.shifts import Dimension
from sandbox.workbook.spreadsheet import Spreadsheet, exceeds_grid


def read_grid_range(spreadsheet: Spreadsheet, data: Document) -> tuple[Sheet, Area]:
    """The sheet and the cells; a bound that is absent or beyond the grid is the grid's. `sheetId` absent is 0.

    Raises:
        InvalidArgument: no such sheet, or the range is empty or outside of the grid.
    """
    sheet = spreadsheet.sheet(data.whole("sheetId"))
    area = Area(
        data.whole("startRowIndex"),
        data.whole("startColumnIndex"),
        data.whole("endRowIndex", sheet.row_count),
        data.whole("endColumnIndex", sheet.column_count),
    )
    if area.top < 0 or area.left < 0 or area.height <= 0 or area.width <= 0:
        raise InvalidArgument("The range is empty: each end index must be greater than its start index, from 0 on.")
    if area.top >= sheet.row_count or area.left >= sheet.column_count:
        raise exceeds_grid(sheet, area)
    return sheet, Area(area.top, area.left, min(area.bottom, sheet.row_count), min(area.right, sheet.column_count))


def read_coordinate(sheet: Sheet, data: Document) -> tuple[int, int]:
    """Row and column of a GridCoordinate on that sheet. Raises InvalidArgument where there is no such cell."""
    place = data.whole("rowIndex"), data.whole("columnIndex")
    for index, count, name in ((place[0], sheet.row_count, "row"), (place[1], sheet.column_count, "column")):
        if index < 0:
            raise InvalidArgument(f"GridCoordinate.{name}Index[{index}] must not be negative.")
        if index >= count:
            raise InvalidArgument(f"GridCoordinate.{name}Index[{index}] is after last {name} in grid[{count - 1}]")
    return place


def grid_range_json(sheet: Sheet, area: Area | None) -> JsonObject:
    """As Google writes it: `sheetId` 0 is left out; None is the whole sheet, without bounds."""
    data: JsonObject = {"sheetId": sheet.sheet_id} if sheet.sheet_id else {}
    if area is not None:
        data |= {
            "startRowIndex": area.top,
            "endRowIndex": area.bottom,
            "startColumnIndex": area.left,
            "endColumnIndex": area.right,
        }
    return data


def read_dimension_range(spreadsheet: Spreadsheet, data: Document) -> tuple[Sheet, Dimension, int, int]:
    """Sheet, rows or columns, start and end.

    Raises:
        InvalidArgument: no such sheet, no dimension, or an empty range.
    """
    sheet = spreadsheet.sheet(data.whole("sheetId"))
    dimension = read_dimension(data)
    size = sheet.row_count if dimension is Dimension.ROWS else sheet.column_count
    start, end = data.whole("startIndex"), data.whole("endIndex", size)
    if start < 0 or end <= start:
        raise InvalidArgument(f"range.endIndex[{end}] must be after range.startIndex[{start}]")
    return sheet, dimension, start, end


def read_dimension(data: Document, name: str = "dimension") -> Dimension:
    """Rows or columns, as the field of that name says. Raises InvalidArgument where it says nothing."""
    if data.text(name, "DIMENSION_UNSPECIFIED") == "DIMENSION_UNSPECIFIED":
        raise InvalidArgument("No dimension specified.")
    return Dimension(data.choice(name, ("ROWS", "COLUMNS"), "ROWS"))
