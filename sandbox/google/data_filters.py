"""The methods by DataFilter: a range by its text, its grid, or the developer metadata that is attached to it."""

from sandbox.google import batch_metadata, values
from sandbox.google.call import Call
from sandbox.google.document import Document
from sandbox.google.json_value import Json, JsonObject
from sandbox.google.masks import parse_mask
from sandbox.google.ranges import read_grid_range
from sandbox.google.sheet_json import asks_for_cells, spreadsheet_json
from sandbox.workbook import a1
from sandbox.workbook.a1 import Area
from sandbox.workbook.metadata import Location
from sandbox.workbook.sheet import Sheet
from sandbox.workbook.shifts import Dimension
from sandbox.workbook.spreadsheet import Spreadsheet


def get(call: Call, base_url: str) -> JsonObject:
    """spreadsheets.getByDataFilter"""
    file = call.file()
    areas = [area for one in call.body.inners("dataFilters") for area in matched(file.spreadsheet, one)]
    mask = parse_mask(call.option("fields"))
    wanted = call.body.flag("includeGridData") or asks_for_cells(mask)
    calculation = call.drive.calculation(file) if wanted else None
    return spreadsheet_json(file, base_url, calculation, areas, mask, call.editor)


def batch_get(call: Call) -> JsonObject:
    """values.batchGetByDataFilter"""
    file = call.file()
    rendering = values.read_rendering(call.body, "valueRenderOption", "dateTimeRenderOption")
    calculation = call.drive.calculation(file)
    filters: dict[str, list[Json]] = {}
    for one in call.body.inners("dataFilters"):
        for sheet, area in matched(file.spreadsheet, one):
            filters.setdefault(a1.full_name(sheet.title, area), []).append(one.fields)
    ranges: list[Json] = [
        {"valueRange": values.read_range(file, calculation, name, rendering), "dataFilters": by}
        for name, by in filters.items()
    ]
    return {"spreadsheetId": call.file_id, "valueRanges": ranges}


def batch_update(call: Call) -> JsonObject:
    """values.batchUpdateByDataFilter: all of its ranges or none."""
    call.file(writing=True)
    user_entered = values.read_input_option(call.body)
    done: list[tuple[Document, values.Done]] = []
    with call.edit() as draft:
        for data in call.body.inners("data"):
            one = data.inner("dataFilter")
            for sheet, area in matched(draft, one):
                name = a1.full_name(sheet.title, area)
                done.append((one, values.write_range(draft, call, name, data, user_entered)))
    include = call.body.flag("includeValuesInResponse")
    responses: list[Json] = []
    for one, written in done:
        shown = values.updated_json(call, written, include, call.body)
        del shown["spreadsheetId"]
        responses.append(shown | {"dataFilter": one.fields})
    return {
        "spreadsheetId": call.file_id,
        **values.totals([written for _, written in done]),
        "responses": responses,
    }


def batch_clear(call: Call) -> JsonObject:
    """values.batchClearByDataFilter"""
    call.file(writing=True)
    cleared: list[Json] = []
    with call.edit() as draft:
        for one in call.body.inners("dataFilters"):
            for sheet, area in matched(draft, one):
                cleared.append(values.clear_range(draft, call, a1.full_name(sheet.title, area)))
    return {"spreadsheetId": call.file_id, "clearedRanges": cleared}


def matched(book: Spreadsheet, data: Document) -> list[tuple[Sheet, Area]]:
    """The cells that a DataFilter names: those that it says, or those that the metadata it looks up is attached to."""
    if "a1Range" in data:
        return [book.resolve(data.text("a1Range"))]
    if "gridRange" in data:
        return [read_grid_range(book, data.inner("gridRange"))]
    entries = batch_metadata.find(book, [data])
    return [place for entry in entries for place in _place(book, entry.location)]


def _place(book: Spreadsheet, where: Location) -> list[tuple[Sheet, Area]]:
    if where.sheet_id is None:
        return [(sheet, sheet.whole) for sheet in book.sheets]
    sheet = book.sheet(where.sheet_id)
    if where.dimension is None:
        return [(sheet, sheet.whole)]
    if where.dimension is Dimension.ROWS:
        return [(sheet, Area(where.start, 0, where.end, sheet.column_count))]
    return [(sheet, Area(0, where.start, sheet.row_count, where.end))]
