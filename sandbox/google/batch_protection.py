"""batchUpdate's kinds about protected ranges."""

from dataclasses import replace

from sandbox.google.batch import Batch
from sandbox.google.document import Document
from sandbox.google.errors import NotSupported
from sandbox.google.json_value import JsonObject
from sandbox.google.payload import required_mask
from sandbox.google.ranges import read_grid_range
from sandbox.google.sheet_json import protection_json
from sandbox.workbook.a1 import Area
from sandbox.workbook.errors import InvalidArgument
from sandbox.workbook.protection import REFUSAL, ProtectedRange


def add_protected_range(batch: Batch, request: Document) -> JsonObject:
    """addProtectedRange: only its editors may write there, and the file's owners."""
    data = request.inner("protectedRange")
    data.lacks("tableId")
    book = batch.spreadsheet
    number = data.optional_whole("protectedRangeId")
    if number in book.protections:
        raise InvalidArgument(f"A protected range with the id {number} already exists.")
    sheet_id, area = _place(batch, data)
    if area is None and any(p.area is None and p.sheet_id == sheet_id for p in book.protections.values()):
        raise InvalidArgument(f'Sheet "{book.sheet(sheet_id).title}" already has sheet protection.')
    entry = ProtectedRange(
        number if number is not None else next(n for n in iter(batch.new_id, None) if n not in book.protections),
        sheet_id,
        area,
        _editors(batch, data),
        data.text("description"),
        data.flag("warningOnly"),
        _open(batch, data),
    )
    book.protections[entry.protected_id] = entry
    shown = protection_json(book.sheet(sheet_id), entry, batch.editor)
    return {"addProtectedRange": {"protectedRange": shown}}


def update_protected_range(batch: Batch, request: Document) -> JsonObject:
    """updateProtectedRange: by those who may edit there."""
    data, mask = request.inner("protectedRange"), required_mask(request, "ProtectedRange")
    data.lacks("tableId")
    entry = _entry(batch, data.whole("protectedRangeId"))
    if mask.wants("range") or mask.wants("namedRangeId"):
        sheet_id, area = _place(batch, data)
        entry = replace(entry, sheet_id=sheet_id, area=area)
    if mask.wants("description"):
        entry = replace(entry, description=data.text("description"))
    if mask.wants("warningOnly"):
        entry = replace(entry, warning_only=data.flag("warningOnly"))
    if mask.wants("editors"):
        entry = replace(entry, editors=_editors(batch, data))
    if mask.wants("unprotectedRanges"):
        entry = replace(entry, open_areas=_open(batch, data))
    batch.spreadsheet.protections[entry.protected_id] = entry
    return {}


def delete_protected_range(batch: Batch, request: Document) -> JsonObject:
    """deleteProtectedRange: by those who may edit there."""
    del batch.spreadsheet.protections[_entry(batch, request.whole("protectedRangeId")).protected_id]
    return {}


def _entry(batch: Batch, number: int) -> ProtectedRange:
    entry = batch.spreadsheet.protections.get(number)
    if entry is None:
        raise InvalidArgument(f"No protected range with id: {number}")
    sheet = batch.spreadsheet.sheet(entry.sheet_id)
    if entry.refuses(batch.editor, sheet.sheet_id, entry.area or sheet.whole):
        raise InvalidArgument(REFUSAL)
    return entry


def _place(batch: Batch, data: Document) -> tuple[int, Area | None]:
    book = batch.spreadsheet
    if "namedRangeId" in data:
        named = book.named.get(data.text("namedRangeId"))
        if named is None:
            raise InvalidArgument(f"No named range with id: {data.text('namedRangeId')}")
        return named.sheet_id, named.area
    bounds = data.inner("range")
    sheet, area = read_grid_range(book, bounds)
    return sheet.sheet_id, area if set(bounds.fields) - {"sheetId"} else None


def _editors(batch: Batch, data: Document) -> tuple[str, ...]:
    """Those who are named, and whoever protects: nobody shuts themselves out."""
    editors = data.inner("editors")
    if editors.items("groups") or editors.flag("domainUsersCanEdit"):
        raise NotSupported("groups and domains as editors of a protected range")
    named = tuple(editors.texts("users"))
    return named if batch.editor is None or batch.editor in named else (*named, batch.editor)


def _open(batch: Batch, data: Document) -> tuple[Area, ...]:
    return tuple(read_grid_range(batch.spreadsheet, bounds)[1] for bounds in data.inners("unprotectedRanges"))
