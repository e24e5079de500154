"""`spreadsheets`: create, get, batchUpdate; `developerMetadata`: get, search; `sheets.copyTo`."""

import random

from sandbox.drive import Editor, permission
from sandbox.google import (
    batch_borders,
    batch_cells,
    batch_dimensions,
    batch_filters,
    batch_groups,
    batch_metadata,
    batch_named,
    batch_paste,
    batch_protection,
    batch_ranges,
    batch_sheets,
    batch_shifts,
    batch_tables,
    creation,
)
from sandbox.google.batch import Batch, Handler, apply
from sandbox.google.call import Call
from sandbox.google.document import Document
from sandbox.google.errors import no_entity, no_permission
from sandbox.google.json_value import Json, JsonObject
from sandbox.google.masks import EVERYTHING, parse_mask
from sandbox.google.sheet_json import asks_for_cells, metadata_json, properties_json, spreadsheet_json
from sandbox.workbook import structure
from sandbox.workbook.calculation import Calculation
from sandbox.workbook.errors import InvalidArgument
from sandbox.workbook.spreadsheet import Spreadsheet

HANDLERS: dict[str, Handler] = {
    "updateCells": batch_cells.update_cells,
    "appendCells": batch_cells.append_cells,
    "repeatCell": batch_cells.repeat_cell,
    "sortRange": batch_cells.sort_range,
    "copyPaste": batch_paste.copy_paste,
    "cutPaste": batch_paste.cut_paste,
    "findReplace": batch_cells.find_replace,
    "setDataValidation": batch_cells.set_data_validation,
    "mergeCells": batch_cells.merge_cells,
    "unmergeCells": batch_cells.unmerge_cells,
    "pasteData": batch_paste.paste_data,
    "textToColumns": batch_ranges.text_to_columns,
    "trimWhitespace": batch_ranges.trim_whitespace,
    "deleteDuplicates": batch_ranges.delete_duplicates,
    "randomizeRange": batch_ranges.randomize_range,
    "updateBorders": batch_borders.update_borders,
    "insertRange": batch_shifts.insert_range,
    "deleteRange": batch_shifts.delete_range,
    "autoFill": batch_shifts.auto_fill,
    "addTable": batch_tables.add_table,
    "updateTable": batch_tables.update_table,
    "deleteTable": batch_tables.delete_table,
    "insertDimension": batch_dimensions.insert_dimension,
    "deleteDimension": batch_dimensions.delete_dimension,
    "appendDimension": batch_dimensions.append_dimension,
    "moveDimension": batch_dimensions.move_dimension,
    "updateDimensionProperties": batch_dimensions.update_dimension_properties,
    "autoResizeDimensions": batch_dimensions.auto_resize_dimensions,
    "addSheet": batch_sheets.add_sheet,
    "deleteSheet": batch_sheets.delete_sheet,
    "duplicateSheet": batch_sheets.duplicate_sheet,
    "updateSheetProperties": batch_sheets.update_sheet_properties,
    "updateSpreadsheetProperties": batch_sheets.update_spreadsheet_properties,
    "createDeveloperMetadata": batch_metadata.create_developer_metadata,
    "updateDeveloperMetadata": batch_metadata.update_developer_metadata,
    "deleteDeveloperMetadata": batch_metadata.delete_developer_metadata,
    "addProtectedRange": batch_protection.add_protected_range,
    "updateProtectedRange": batch_protection.update_protected_range,
    "deleteProtectedRange": batch_protection.delete_protected_range,
    "addNamedRange": batch_named.add_named_range,
    "updateNamedRange": batch_named.update_named_range,
    "deleteNamedRange": batch_named.delete_named_range,
    "setBasicFilter": batch_filters.set_basic_filter,
    "clearBasicFilter": batch_filters.clear_basic_filter,
    "addFilterView": batch_filters.add_filter_view,
    "updateFilterView": batch_filters.update_filter_view,
    "duplicateFilterView": batch_filters.duplicate_filter_view,
    "deleteFilterView": batch_filters.delete_filter_view,
    "addDimensionGroup": batch_groups.add_dimension_group,
    "updateDimensionGroup": batch_groups.update_dimension_group,
    "deleteDimensionGroup": batch_groups.delete_dimension_group,
}


def new_id() -> int:
    """A number for a sheet, metadata or a protected range."""
    return random.randrange(1, 2**31)  # noqa: S311 - an id, not a secret


def create(call: Call, base_url: str) -> JsonObject:
    """spreadsheets.create: the account is the owner."""
    call.body.lacks("dataSources", "comments")
    book = Spreadsheet("Untitled spreadsheet", [], year=call.drive.clock().year)
    batch_sheets.set_spreadsheet_properties(book, call.body.inner("properties"), EVERYTHING)
    sheets = [
        (batch_sheets.new_sheet(book, one.inner("properties"), new_id), one) for one in call.body.inners("sheets")
    ]
    if not book.sheets:
        book.sheets = Spreadsheet("").sheets
    if all(sheet.hidden for sheet in book.sheets):
        raise InvalidArgument("You can't hide all the sheets in a document.")
    creation.fill(Batch(book, None, Calculation(call.drive.clock), new_id), HANDLERS, call.body, sheets)
    file = call.drive.add(book, (permission("user", "owner", call.email),))
    return spreadsheet_json(file, base_url, None, (), EVERYTHING, None)


def get(call: Call, base_url: str) -> JsonObject:
    """spreadsheets.get: with cells where `includeGridData` is set or the mask asks for them."""
    file = call.file()
    mask = parse_mask(call.option("fields"))
    areas = [file.spreadsheet.resolve(text) for text in call.query.get("ranges", ())]
    include = call.option("includeGridData", "false").lower() in ("true", "1")
    calculation = call.drive.calculation(file) if include or asks_for_cells(mask) else None
    return spreadsheet_json(file, base_url, calculation, areas, mask, call.editor)


def batch_update(call: Call, base_url: str) -> JsonObject:
    """spreadsheets.batchUpdate"""
    call.file(writing=True)
    requests = list(call.body.inners("requests"))
    if not requests:
        raise InvalidArgument("Must specify at least one request.")
    replies = edit(call, requests)
    answer: JsonObject = {"spreadsheetId": call.file_id, "replies": list[Json](replies)}
    mask = parse_mask(call.option("fields"))
    if call.body.flag("includeSpreadsheetInResponse") and mask.wants("updatedSpreadsheet"):
        file = call.drive.files[call.file_id]
        with_cells = call.body.flag("responseIncludeGridData")
        areas = [file.spreadsheet.resolve(text) for text in call.body.texts("responseRanges")]
        calculation = call.drive.calculation(file) if with_cells else None
        below = mask.below("updatedSpreadsheet")
        answer["updatedSpreadsheet"] = spreadsheet_json(file, base_url, calculation, areas, below, call.editor)
    return answer


def edit(call: Call, requests: list[Document]) -> list[JsonObject]:
    """Carries the requests out, all or none."""
    with call.edit() as draft:
        batch = Batch(draft, call.editor, Calculation(call.drive.clock), new_id)
        return apply(batch, requests, HANDLERS)


def metadata_get(call: Call) -> JsonObject:
    """developerMetadata.get"""
    file = call.file()
    entry = file.spreadsheet.metadata.get(call.number("metadata_id"))
    if entry is None:
        raise no_entity()
    return metadata_json(entry)


def metadata_search(call: Call) -> JsonObject:
    """developerMetadata.search"""
    file = call.file()
    filters = list(call.body.inners("dataFilters"))
    matched: list[Json] = []
    for entry in batch_metadata.find(file.spreadsheet, filters):
        by: list[Json] = [one.fields for one in filters if batch_metadata.find_in(entry, file.spreadsheet, one)]
        matched.append({"developerMetadata": metadata_json(entry), "dataFilters": by})
    return {"matchedDeveloperMetadata": matched} if matched else {}


def copy_to(call: Call) -> JsonObject:
    """sheets.copyTo: a copy of one sheet into another spreadsheet."""
    file = call.file()
    target = call.drive.files.get(call.body.text("destinationSpreadsheetId"))
    if target is None:
        raise no_entity()
    if not target.may_write(call.email):
        raise no_permission()
    source = file.spreadsheet.sheet(call.number("sheet_id"))
    with call.drive.edit(target.file_id, Editor(call.email)) as draft:
        sheet = source.copy()
        taken = {other.sheet_id for other in draft.sheets}
        sheet.sheet_id = next(number for number in iter(new_id, None) if number not in taken)
        sheet.title = ""
        draft.sheets.append(sheet)
        structure.rename(draft, sheet, batch_sheets.free_title(draft, f"Copy of {source.title}"))
        draft.check_size()
    return properties_json(call.drive.files[target.file_id].spreadsheet, sheet)
