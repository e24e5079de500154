"""batchUpdate's kinds about sheets and the spreadsheet as a whole."""

from collections.abc import Callable
from dataclasses import replace

import orjson

from sandbox.google.batch import Batch
from sandbox.google.document import Document
from sandbox.google.json_value import JsonObject
from sandbox.google.masks import FieldMask, mask_of
from sandbox.google.payload import required_mask
from sandbox.google.sheet_json import properties_json
from sandbox.workbook import structure
from sandbox.workbook.errors import InvalidArgument
from sandbox.workbook.lines import freeze
from sandbox.workbook.locales import is_known
from sandbox.workbook.sheet import Sheet, check_size
from sandbox.workbook.shifts import Dimension
from sandbox.workbook.spreadsheet import Spreadsheet
from sandbox.workbook.zones import zone

IdSource = Callable[[], int]

_PROPERTIES = ("sheetId", "title", "index", "sheetType", "gridProperties", "hidden")
_LACKING = ("iterativeCalculationSettings", "spreadsheetTheme", "importFunctionsExternalUrlAccessAllowed")
_LOOK = ("tabColor", "tabColorStyle", "rightToLeft")
_GRID = ("rowCount", "columnCount", "frozenRowCount", "frozenColumnCount")
_GRID_LOOK = ("hideGridlines", "rowGroupControlAfter", "columnGroupControlAfter")


def add_sheet(batch: Batch, request: Document) -> JsonObject:
    """addSheet"""
    sheet = new_sheet(batch.spreadsheet, request.inner("properties"), batch.new_id)
    return {"addSheet": {"properties": properties_json(batch.spreadsheet, sheet)}}


def delete_sheet(batch: Batch, request: Document) -> JsonObject:
    """deleteSheet"""
    sheet = batch.spreadsheet.sheet(request.whole("sheetId"))
    batch.may_write(sheet, sheet.whole)
    structure.remove_sheet(batch.spreadsheet, sheet)
    return {}


def duplicate_sheet(batch: Batch, request: Document) -> JsonObject:
    """duplicateSheet"""
    book = batch.spreadsheet
    source = book.sheet(request.whole("sourceSheetId"))
    sheet = source.copy()
    sheet.sheet_id = _free_id(book, request.optional_whole("newSheetId"), batch.new_id)
    sheet.title = ""
    book.sheets.insert(_place(book, request.whole("insertSheetIndex")), sheet)
    title = request.text("newSheetName") or free_title(book, f"Copy of {source.title}")
    structure.rename(book, sheet, title)
    book.check_size()
    return {"duplicateSheet": {"properties": properties_json(book, sheet)}}


def update_sheet_properties(batch: Batch, request: Document) -> JsonObject:
    """updateSheetProperties"""
    properties = request.inner("properties")
    properties.lacks("dataSourceSheetProperties")
    mask = required_mask(request, "SheetProperties")
    book = batch.spreadsheet
    sheet = book.sheet(properties.whole("sheetId"))
    if mask.wants("title") and (not mask.everything or "title" in properties):
        structure.rename(book, sheet, properties.text("title"))
    if mask.wants("index") and (not mask.everything or "index" in properties):
        _move_to(book, sheet, properties.whole("index"))
    if mask.wants("gridProperties"):
        grid, below = properties.inner("gridProperties"), mask.below("gridProperties")
        _cut(batch, sheet, grid, below)
        _set_grid(sheet, grid, below)
        book.check_size()
    if mask.wants("hidden"):
        sheet.hidden = properties.flag("hidden")
        if all(other.hidden for other in book.sheets):
            raise InvalidArgument("You can't hide all the sheets in a document.")
    _set_look(sheet, properties, mask, _LOOK)
    return {}


def update_spreadsheet_properties(batch: Batch, request: Document) -> JsonObject:
    """updateSpreadsheetProperties"""
    mask = required_mask(request, "SpreadsheetProperties")
    set_spreadsheet_properties(batch.spreadsheet, request.inner("properties"), mask)
    return {}


def set_spreadsheet_properties(book: Spreadsheet, properties: Document, mask: FieldMask) -> None:
    """Title, locale and time zone, as far as the mask names them.

    Raises:
        NotSupported: formulas are to be computed by other rules, or the looks of all cells to be others.
    """
    properties.lacks(*(name for name in _LACKING if mask.wants(name)))
    if mask.wants("autoRecalc") and properties.text("autoRecalc", "ON_CHANGE") != "ON_CHANGE":
        properties.lacks("autoRecalc")
    if mask.wants("title") and "title" in properties:
        book.title = properties.text("title")
    if mask.wants("locale") and "locale" in properties:
        if not is_known(properties.text("locale")):
            raise InvalidArgument(f"Unsupported locale: {properties.text('locale')}")
        book.locale = properties.text("locale")
    if mask.wants("timeZone") and "timeZone" in properties:
        if zone(properties.text("timeZone")) is None:
            raise InvalidArgument(f"Unsupported time zone: {properties.text('timeZone')}")
        book.time_zone = properties.text("timeZone")


def new_sheet(book: Spreadsheet, properties: Document, new_id: IdSource) -> Sheet:
    """A sheet with these properties, put in its place.

    Raises:
        InvalidArgument: its id or title is taken, or the spreadsheet grows too large.
    """
    properties.lacks("dataSourceSheetProperties")
    grid = properties.inner("gridProperties")
    sheet = Sheet(_free_id(book, properties.optional_whole("sheetId"), new_id), "", hidden=properties.flag("hidden"))
    _set_grid(sheet, grid, mask_of(grid.fields))
    _set_look(sheet, properties, mask_of(properties.fields), _LOOK)
    book.sheets.insert(_place(book, properties.whole("index", len(book.sheets))), sheet)
    structure.rename(book, sheet, properties.text("title") or free_title(book, f"Sheet{len(book.sheets)}"))
    book.check_size()
    return sheet


def _cut(batch: Batch, sheet: Sheet, grid: Document, mask: FieldMask) -> None:
    """Deletes the rows and columns that a smaller grid hasn't got, with all that belongs to them."""
    rows, columns = _size(sheet, grid, mask)
    check_size(rows, columns)
    for dimension, new, old in (
        (Dimension.ROWS, rows, sheet.row_count),
        (Dimension.COLUMNS, columns, sheet.column_count),
    ):
        if new < old:
            whole = sheet.whole
            gone = replace(whole, top=new) if dimension is Dimension.ROWS else replace(whole, left=new)
            batch.may_write(sheet, gone)
            structure.delete(batch.spreadsheet, sheet, dimension, new, old)


def _size(sheet: Sheet, grid: Document, mask: FieldMask) -> tuple[int, int]:
    return (
        grid.whole("rowCount", sheet.row_count) if mask.wants("rowCount") else sheet.row_count,
        grid.whole("columnCount", sheet.column_count) if mask.wants("columnCount") else sheet.column_count,
    )


def _set_grid(sheet: Sheet, grid: Document, mask: FieldMask) -> None:
    sheet.resize(*_size(sheet, grid, mask))
    freeze(
        sheet,
        grid.whole("frozenRowCount") if mask.wants("frozenRowCount") else sheet.frozen_rows,
        grid.whole("frozenColumnCount") if mask.wants("frozenColumnCount") else sheet.frozen_columns,
    )
    _set_look(sheet, grid, mask, _GRID_LOOK, "gridProperties")


def _set_look(sheet: Sheet, data: Document, mask: FieldMask, names: tuple[str, ...], below: str = "") -> None:
    look: JsonObject = orjson.loads(sheet.look) if sheet.look else {}
    inner = look.get(below, {}) if below else look
    target: JsonObject = inner if isinstance(inner, dict) else {}
    for name in names:
        if mask.wants(name):
            target.pop(name, None)
            if name in data:
                target[name] = data.fields[name]
    if below:
        look[below] = target
        if not target:
            del look[below]
    sheet.look = orjson.dumps(look, option=orjson.OPT_SORT_KEYS).decode() if look else ""


def _free_id(book: Spreadsheet, wanted: int | None, new_id: IdSource) -> int:
    taken = {sheet.sheet_id for sheet in book.sheets}
    if wanted is None:
        return next(number for number in iter(new_id, None) if number not in taken)
    if wanted < 0:
        raise InvalidArgument(f"Invalid sheet id: {wanted}. It can't be negative.")
    if wanted in taken:
        raise InvalidArgument(f"A sheet with the id {wanted} already exists. Please enter another id.")
    return wanted


def free_title(book: Spreadsheet, wanted: str) -> str:
    title, number = wanted, 1
    while book.titled(title) is not None:
        number += 1
        title = f"{wanted} {number}"
    return title


def _place(book: Spreadsheet, index: int) -> int:
    if not 0 <= index <= len(book.sheets):
        raise InvalidArgument(f"Invalid index: {index}. There are {len(book.sheets)} sheets.")
    return index


def _move_to(book: Spreadsheet, sheet: Sheet, index: int) -> None:
    """Google counts the place before the sheet leaves its own."""
    old = book.sheets.index(sheet)
    place = _place(book, index)
    book.sheets.remove(sheet)
    book.sheets.insert(place - 1 if place > old else place, sheet)
