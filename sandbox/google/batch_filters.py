"""batchUpdate's kinds about filters."""

from dataclasses import replace

from sandbox.google.batch import Batch
from sandbox.google.document import Document
from sandbox.google.filters_json import filter_view_json, read_filter
from sandbox.google.json_value import JsonObject
from sandbox.google.payload import required_mask
from sandbox.workbook import filters
from sandbox.workbook.conditions import FilterView
from sandbox.workbook.errors import InvalidArgument


def set_basic_filter(batch: Batch, request: Document) -> JsonObject:
    """The sheet's filter, in place of the one that it has."""
    data = request.inner("filter")
    data.lacks("tableId")
    sheet, wanted = read_filter(batch.spreadsheet, data)
    batch.calculation.bring_up_to_date(batch.spreadsheet)
    if wanted.sorts:
        batch.may_write(sheet, wanted.area)
    filters.apply(batch.spreadsheet, sheet, wanted, batch.calculation)
    return {}


def clear_basic_filter(batch: Batch, request: Document) -> JsonObject:
    """clearBasicFilter"""
    filters.remove(batch.spreadsheet.sheet(request.whole("sheetId")))
    return {}


def add_filter_view(batch: Batch, request: Document) -> JsonObject:
    """addFilterView"""
    data = request.inner("filter")
    data.lacks("tableId")
    book = batch.spreadsheet
    number = data.optional_whole("filterViewId")
    if number in book.filter_views:
        raise InvalidArgument(f"A filter view with the id {number} already exists.")
    sheet, wanted = read_filter(book, data)
    number = number if number is not None else _free(batch)
    view = FilterView(number, data.text("title") or f"Filter {len(book.filter_views) + 1}", sheet.sheet_id, wanted)
    book.filter_views[number] = view
    return {"addFilterView": {"filter": filter_view_json(sheet, view)}}


def update_filter_view(batch: Batch, request: Document) -> JsonObject:
    """updateFilterView"""
    data, mask = request.inner("filter"), required_mask(request, "FilterView")
    data.lacks("tableId")
    view = _view(batch, data.whole("filterViewId"))
    old = filter_view_json(batch.spreadsheet.sheet(view.sheet_id), view)
    # Criteria are kept once: what the request names, in either of its two fields, takes the place of both.
    named = [name for name in ("criteria", "filterSpecs") if name in data and mask.wants(name)]
    if mask.wants("criteria") or mask.wants("filterSpecs"):
        old.pop("criteria", None)
        old.pop("filterSpecs", None)
    merged = old | {name: data.fields[name] for name in ("range", "sortSpecs", *named) if name in data}
    merged = merged if mask.wants("range") else merged | {"range": old["range"]}
    if not mask.wants("sortSpecs") or "sortSpecs" not in data:
        merged = {name: value for name, value in merged.items() if name != "sortSpecs"}
        if not mask.wants("sortSpecs") and "sortSpecs" in old:
            merged["sortSpecs"] = old["sortSpecs"]
    sheet, wanted = read_filter(batch.spreadsheet, Document(merged, data.path))
    title = data.text("title") if mask.wants("title") and "title" in data else view.title
    batch.spreadsheet.filter_views[view.view_id] = FilterView(view.view_id, title, sheet.sheet_id, wanted)
    return {}


def duplicate_filter_view(batch: Batch, request: Document) -> JsonObject:
    """duplicateFilterView"""
    view = _view(batch, request.whole("filterId"))
    copy = replace(view, view_id=_free(batch), title=f"Copy of {view.title}")
    batch.spreadsheet.filter_views[copy.view_id] = copy
    return {"duplicateFilterView": {"filter": filter_view_json(batch.spreadsheet.sheet(copy.sheet_id), copy)}}


def delete_filter_view(batch: Batch, request: Document) -> JsonObject:
    """deleteFilterView"""
    del batch.spreadsheet.filter_views[_view(batch, request.whole("filterId")).view_id]
    return {}


def _view(batch: Batch, number: int) -> FilterView:
    view = batch.spreadsheet.filter_views.get(number)
    if view is None:
        raise InvalidArgument(f"No filter view with id: {number}")
    return view


def _free(batch: Batch) -> int:
    return next(number for number in iter(batch.new_id, None) if number not in batch.spreadsheet.filter_views)
