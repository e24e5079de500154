"""What a spreadsheet is created with beside its sheets' properties: cells, named ranges and what else batchUpdate adds.

Each part goes to the kind of request that adds it to a spreadsheet that is there. A range without a `sheetId` is one of
the sheet that it is said of.
"""

from collections.abc import Iterable, Mapping, Sequence

from sandbox.google.batch import Batch, Handler
from sandbox.google.document import Document
from sandbox.google.json_value import Json, JsonObject
from sandbox.workbook.sheet import Sheet

LACKING = ("conditionalFormats", "charts", "bandedRanges", "slicers")
"""Parts of a sheet that the sandbox doesn't know."""
_CELL_FIELDS = "userEnteredValue,userEnteredFormat,note,dataValidation"
# A sheet's list, the kind of request that adds one of it, and the request's field that has it.
_PARTS = (
    ("merges", "mergeCells", "range"),
    ("protectedRanges", "addProtectedRange", "protectedRange"),
    ("filterViews", "addFilterView", "filter"),
    ("tables", "addTable", "table"),
    ("rowGroups", "addDimensionGroup", "range"),
    ("columnGroups", "addDimensionGroup", "range"),
)


def fill(
    batch: Batch, handlers: Mapping[str, Handler], body: Document, sheets: Sequence[tuple[Sheet, Document]]
) -> None:
    """Adds to the new spreadsheet what the request says of it and of each of its sheets.

    Raises:
        InvalidArgument: as the kinds of batchUpdate.
        NotSupported: charts and the like.
    """
    requests: list[tuple[str, JsonObject, str]] = []
    for sheet, data in sheets:
        data.lacks(*LACKING)
        requests += _of_sheet(sheet.sheet_id, data)
    for named in body.inners("namedRanges"):
        requests.append(("addNamedRange", {"namedRange": named.fields}, named.path))
    requests += _metadata(body, {"spreadsheet": True})
    for kind, fields, path in requests:
        handlers[kind](batch, Document(fields, path))


def _of_sheet(sheet_id: int, data: Document) -> Iterable[tuple[str, JsonObject, str]]:
    for grid in data.inners("data"):
        yield from _of_grid(sheet_id, grid)
    if "basicFilter" in data:
        part = data.inner("basicFilter")
        yield "setBasicFilter", {"filter": _with_range(sheet_id, part)}, part.path
    for name, kind, field in _PARTS:
        for part in data.inners(name):
            if field == "range":  # a merge is one, a group has one
                given = part.inner("range") if "range" in part else part
                yield kind, {field: {"sheetId": sheet_id, **given.fields}}, part.path
            else:
                yield kind, {field: _with_range(sheet_id, part)}, part.path
    yield from _metadata(data, {"sheetId": sheet_id})


def _of_grid(sheet_id: int, grid: Document) -> Iterable[tuple[str, JsonObject, str]]:
    starts = {"ROWS": grid.whole("startRow"), "COLUMNS": grid.whole("startColumn")}
    start: JsonObject = {"sheetId": sheet_id, "rowIndex": starts["ROWS"], "columnIndex": starts["COLUMNS"]}
    if grid.items("rowData"):
        request: JsonObject = {"start": start, "rows": grid.fields["rowData"], "fields": _CELL_FIELDS}
        yield "updateCells", request, grid.path
    for name, dimension in (("rowMetadata", "ROWS"), ("columnMetadata", "COLUMNS")):
        for index, one in enumerate(grid.inners(name), starts[dimension]):
            span: JsonObject = {"sheetId": sheet_id, "dimension": dimension, "startIndex": index, "endIndex": index + 1}
            fields = ",".join(field for field in ("hiddenByUser", "pixelSize") if field in one)
            if fields:
                properties: Json = {field: one.fields[field] for field in fields.split(",")}
                request = {"range": span, "properties": properties, "fields": fields}
                yield "updateDimensionProperties", request, one.path
            yield from _metadata(one, {"dimensionRange": span})


def _metadata(data: Document, location: JsonObject) -> Iterable[tuple[str, JsonObject, str]]:
    for one in data.inners("developerMetadata"):
        entry: Json = {"location": location, **one.fields}
        yield "createDeveloperMetadata", {"developerMetadata": entry}, one.path


def _with_range(sheet_id: int, part: Document) -> JsonObject:
    """The part with its range on the sheet."""
    return {**part.fields, "range": {"sheetId": sheet_id, **part.inner("range").fields}}
