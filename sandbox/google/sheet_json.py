"""Spreadsheets, sheets and what is attached to them, as `spreadsheets.get` shows them."""

from collections.abc import Sequence

import orjson

from sandbox.drive import File
from sandbox.google.cells_json import CellEncoder
from sandbox.google.colors import DEFAULT_FORMAT, THEME, styled
from sandbox.google.filters_json import filter_json, filter_view_json
from sandbox.google.json_value import Json, JsonObject
from sandbox.google.masks import FieldMask
from sandbox.google.ranges import grid_range_json
from sandbox.google.tables_json import table_json
from sandbox.workbook.a1 import Area
from sandbox.workbook.calculation import Calculation
from sandbox.workbook.metadata import DeveloperMetadata, Location
from sandbox.workbook.named import NamedRange
from sandbox.workbook.protection import ProtectedRange
from sandbox.workbook.sheet import Sheet
from sandbox.workbook.shifts import Dimension
from sandbox.workbook.spreadsheet import Spreadsheet

ROW_PIXELS = 21
COLUMN_PIXELS = 100


def asks_for_cells(mask: FieldMask) -> bool:
    """Whether the mask names cells, which without one are shown only where that is asked for."""
    return not mask.everything and mask.wants("sheets") and mask.below("sheets").wants("data")


def spreadsheet_json(
    file: File,
    base_url: str,
    calculation: Calculation | None,
    areas: Sequence[tuple[Sheet, Area]],
    mask: FieldMask,
    editor: str | None,
) -> JsonObject:
    """The whole answer to that editor; `calculation` None leaves the cells out, `areas` empty means all sheets."""
    book = file.spreadsheet
    wanted = list(dict.fromkeys(sheet.sheet_id for sheet, _ in areas))
    sheets = [sheet for sheet in book.sheets if not areas or sheet.sheet_id in wanted]
    answer: JsonObject = {
        "spreadsheetId": file.file_id,
        "properties": {
            "title": book.title,
            "locale": book.locale,
            "autoRecalc": "ON_CHANGE",
            "timeZone": book.time_zone,
            "defaultFormat": DEFAULT_FORMAT,
            "spreadsheetTheme": THEME,
        },
        "spreadsheetUrl": f"{base_url}/spreadsheets/d/{file.file_id}/edit",
    }
    if book.named:
        answer["namedRanges"] = [named_range_json(book, entry) for entry in book.named.values()]
    metadata = [m for m in book.metadata.values() if m.location.kind == "SPREADSHEET"]
    if metadata:
        answer["developerMetadata"] = [metadata_json(entry) for entry in metadata]
    answer = {name: mask.below(name).filter(value) for name, value in answer.items() if mask.wants(name)}
    if mask.wants("sheets"):
        below = mask.below("sheets")
        answer["sheets"] = [
            _sheet(book, sheet, calculation, [area for other, area in areas if other is sheet], below, editor)
            for sheet in sheets
        ]
    return answer


def _sheet(
    book: Spreadsheet,
    sheet: Sheet,
    calculation: Calculation | None,
    areas: list[Area],
    mask: FieldMask,
    editor: str | None,
) -> JsonObject:
    data: JsonObject = {"properties": properties_json(book, sheet)}
    if sheet.merges:
        data["merges"] = [grid_range_json(sheet, area) for area in sheet.merges]
    protections = [p for p in book.protections.values() if p.sheet_id == sheet.sheet_id]
    if protections:
        data["protectedRanges"] = [protection_json(sheet, entry, editor) for entry in protections]
    if sheet.filter is not None:
        data["basicFilter"] = filter_json(sheet, sheet.filter)
    views = [view for view in book.filter_views.values() if view.sheet_id == sheet.sheet_id]
    if views:
        data["filterViews"] = [filter_view_json(sheet, view) for view in views]
    found: list[Json] = [table_json(book, table) for table in book.tables.values() if table.sheet_id == sheet.sheet_id]
    if found:
        data["tables"] = found
    for name, dimension in (("rowGroups", Dimension.ROWS), ("columnGroups", Dimension.COLUMNS)):
        groups = groups_json(sheet, dimension)
        if groups:
            data[name] = groups
    metadata = [m for m in book.metadata.values() if m.location == Location(sheet.sheet_id)]
    if metadata:
        data["developerMetadata"] = [metadata_json(entry) for entry in metadata]
    shown: JsonObject = {name: mask.below(name).filter(value) for name, value in data.items() if mask.wants(name)}
    if calculation is not None and mask.wants("data"):
        below = mask.below("data")
        shown["data"] = [_grid(book, sheet, area, calculation, below) for area in areas or [sheet.whole]]
    return shown


def _grid(book: Spreadsheet, sheet: Sheet, area: Area, calculation: Calculation, mask: FieldMask) -> JsonObject:
    data: JsonObject = {}
    if area.top and mask.wants("startRow"):
        data["startRow"] = area.top
    if area.left and mask.wants("startColumn"):
        data["startColumn"] = area.left
    if mask.wants("rowData"):
        row_mask = mask.below("rowData")
        rows = _rows(book, sheet, area, calculation, row_mask.below("values")) if row_mask.wants("values") else []
        if rows:
            data["rowData"] = orjson.Fragment(f"[{','.join(rows)}]")
    for name, dimension, start, end in (
        ("rowMetadata", Dimension.ROWS, area.top, area.bottom),
        ("columnMetadata", Dimension.COLUMNS, area.left, area.right),
    ):
        if mask.wants(name):
            data[name] = mask.below(name).filter(_dimensions(book, sheet, dimension, start, end))
    return data


def _rows(book: Spreadsheet, sheet: Sheet, area: Area, calculation: Calculation, mask: FieldMask) -> list[str]:
    """RowData as JSON text, without the empty ones at the end: there may be millions of cells."""
    encoder = CellEncoder(mask, book.home)
    spills = calculation.spills(sheet)
    rows: list[str] = []
    for index in range(area.top, area.bottom):
        row = sheet.rows[index]
        values: list[str] = []
        spilled = calculation.spilled(sheet, index) if spills else {}
        plain = not row.formulas and not spilled
        for column in sorted(row.cells if plain else row.cells.keys() | spilled.keys()):
            if area.left <= column < area.right:
                cell = row.cell(column)
                text = encoder.text(cell, cell.value if plain else calculation.value(sheet, index, column, cell))
                if text != "{}":
                    values.extend(["{}"] * (column - area.left - len(values)))
                    values.append(text)
        rows.append(f'{{"values":[{",".join(values)}]}}' if values else "{}")
    while rows and rows[-1] == "{}":
        rows.pop()
    return rows


def _dimensions(book: Spreadsheet, sheet: Sheet, dimension: Dimension, start: int, end: int) -> list[Json]:
    is_rows = dimension is Dimension.ROWS
    attached: dict[int, list[Json]] = {}
    for entry in book.metadata.values():
        where = entry.location
        if where.sheet_id == sheet.sheet_id and where.dimension is dimension:
            attached.setdefault(where.start, []).append(metadata_json(entry))
    found: list[Json] = []
    for index in range(start, end):
        one = sheet.rows[index] if is_rows else sheet.columns[index]
        data: JsonObject = {"hiddenByUser": True} if one.hidden else {}
        if is_rows and sheet.rows[index].filtered:
            data["hiddenByFilter"] = True
        data["pixelSize"] = one.pixels or (ROW_PIXELS if is_rows else COLUMN_PIXELS)
        if index in attached:
            data["developerMetadata"] = attached[index]
        found.append(data)
    return found


def properties_json(book: Spreadsheet, sheet: Sheet) -> JsonObject:
    """SheetProperties."""
    look: JsonObject = orjson.loads(sheet.look) if sheet.look else {}
    extra = look.pop("gridProperties", {})
    grid: JsonObject = {"rowCount": sheet.row_count, "columnCount": sheet.column_count}
    if sheet.frozen_rows:
        grid["frozenRowCount"] = sheet.frozen_rows
    if sheet.frozen_columns:
        grid["frozenColumnCount"] = sheet.frozen_columns
    if isinstance(extra, dict):
        grid |= extra
    properties: JsonObject = {
        "sheetId": sheet.sheet_id,
        "title": sheet.title,
        "index": book.sheets.index(sheet),
        "sheetType": "GRID",
        "gridProperties": grid,
    }
    if sheet.hidden:
        properties["hidden"] = True
    shown = styled(properties | look)
    assert isinstance(shown, dict)
    return shown


def named_range_json(book: Spreadsheet, entry: NamedRange) -> JsonObject:
    """NamedRange."""
    place = grid_range_json(book.sheet(entry.sheet_id), entry.area)
    return {"namedRangeId": entry.range_id, "name": entry.name, "range": place}


def groups_json(sheet: Sheet, dimension: Dimension) -> list[Json]:
    """DimensionGroups of rows or of columns."""
    home: JsonObject = {"sheetId": sheet.sheet_id} if sheet.sheet_id else {}
    shown: list[Json] = []
    for group in sheet.groups:
        if group.dimension is dimension:
            span: JsonObject = {"dimension": dimension.value, "startIndex": group.start, "endIndex": group.end}
            data: JsonObject = {"range": home | span, "depth": group.depth}
            shown.append(data | {"collapsed": True} if group.collapsed else data)
    return shown


def metadata_json(entry: DeveloperMetadata) -> JsonObject:
    """DeveloperMetadata."""
    data: JsonObject = {"metadataId": entry.metadata_id}
    if entry.key:
        data["metadataKey"] = entry.key
    if entry.value:
        data["metadataValue"] = entry.value
    return data | {"location": location_json(entry.location), "visibility": entry.visibility}


def location_json(where: Location) -> JsonObject:
    """DeveloperMetadataLocation."""
    data: JsonObject = {"locationType": where.kind}
    if where.sheet_id is None:
        data["spreadsheet"] = True
    elif where.dimension is None:
        data["sheetId"] = where.sheet_id
    else:
        data["dimensionRange"] = {
            **({"sheetId": where.sheet_id} if where.sheet_id else {}),
            "dimension": where.dimension.value,
            "startIndex": where.start,
            "endIndex": where.end,
        }
    return data


def protection_json(sheet: Sheet, entry: ProtectedRange, editor: str | None) -> JsonObject:
    """ProtectedRange, as that editor sees it."""
    data: JsonObject = {
        "protectedRangeId": entry.protected_id,
        "range": grid_range_json(sheet, entry.area),
    }
    if entry.description:
        data["description"] = entry.description
    if entry.warning_only:
        data["warningOnly"] = True
    if not entry.refuses(editor, sheet.sheet_id, entry.area or sheet.whole):
        # Who else may edit is told to those who may.
        data["requestingUserCanEdit"] = True
        data["editors"] = {"users": list(entry.editors)} if entry.editors else {}
    if entry.open_areas:
        data["unprotectedRanges"] = [grid_range_json(sheet, area) for area in entry.open_areas]
    return data
