"""batchUpdate's kinds about named ranges."""

from dataclasses import replace

from sandbox.google.batch import Batch
from sandbox.google.document import Document
from sandbox.google.json_value import JsonObject
from sandbox.google.payload import required_mask
from sandbox.google.ranges import read_grid_range
from sandbox.google.sheet_json import named_range_json
from sandbox.workbook import structure
from sandbox.workbook.errors import InvalidArgument
from sandbox.workbook.formulas import resolved
from sandbox.workbook.named import NamedRange, check_name


def add_named_range(batch: Batch, request: Document) -> JsonObject:
    """addNamedRange"""
    data = request.inner("namedRange")
    book = batch.spreadsheet
    key = data.text("namedRangeId") or str(batch.new_id())
    if key in book.named:
        raise InvalidArgument(f"A named range with the id {key} already exists.")
    check_name(data.text("name"), key, book.named.values())
    sheet, area = read_grid_range(book, data.inner("range"))
    entry = NamedRange(key, data.text("name"), sheet.sheet_id, area)
    book.named[key] = entry
    return {"addNamedRange": {"namedRange": named_range_json(book, entry)}}


def update_named_range(batch: Batch, request: Document) -> JsonObject:
    """updateNamedRange: formulas follow a new name."""
    data, mask = request.inner("namedRange"), required_mask(request, "NamedRange")
    entry = _entry(batch, data.text("namedRangeId"))
    book = batch.spreadsheet
    if mask.wants("name"):
        check_name(data.text("name"), entry.range_id, book.named.values())
        new = {entry.name.lower(): data.text("name")}
        structure.rewrite_formulas(book, lambda _, text: resolved(text, new))
        entry = replace(entry, name=data.text("name"))
    if mask.wants("range"):
        sheet, area = read_grid_range(book, data.inner("range"))
        entry = replace(entry, sheet_id=sheet.sheet_id, area=area)
    book.named[entry.range_id] = entry
    return {}


def delete_named_range(batch: Batch, request: Document) -> JsonObject:
    """deleteNamedRange"""
    del batch.spreadsheet.named[_entry(batch, request.text("namedRangeId")).range_id]
    return {}


def _entry(batch: Batch, key: str) -> NamedRange:
    entry = batch.spreadsheet.named.get(key)
    if entry is None:
        raise InvalidArgument(f"No named range with id: {key}")
    return entry
