"""Developer metadata in batchUpdate, and how it is searched."""

from dataclasses import replace

from sandbox.google.batch import Batch
from sandbox.google.document import Document
from sandbox.google.json_value import Json, JsonObject
from sandbox.google.payload import required_mask
from sandbox.google.ranges import read_dimension_range, read_grid_range
from sandbox.google.sheet_json import metadata_json
from sandbox.workbook.a1 import Area
from sandbox.workbook.errors import InvalidArgument
from sandbox.workbook.metadata import DeveloperMetadata, Location, check_size
from sandbox.workbook.shifts import Dimension
from sandbox.workbook.spreadsheet import Spreadsheet

_VISIBILITIES = ("DOCUMENT", "PROJECT")
_KINDS = ("ROW", "COLUMN", "SHEET", "SPREADSHEET")


def create_developer_metadata(batch: Batch, request: Document) -> JsonObject:
    """createDeveloperMetadata"""
    data = request.inner("developerMetadata")
    if not data.text("metadataKey"):
        raise InvalidArgument("A metadata key must be specified.")
    if "visibility" not in data:
        raise InvalidArgument("Visibility must be specified.")
    book = batch.spreadsheet
    number = data.optional_whole("metadataId")
    if number in book.metadata:
        raise InvalidArgument(f"Developer metadata with the id {number} already exists.")
    entry = DeveloperMetadata(
        number if number is not None else next(n for n in iter(batch.new_id, None) if n not in book.metadata),
        data.text("metadataKey"),
        data.text("metadataValue"),
        data.choice("visibility", _VISIBILITIES, "DOCUMENT"),
        read_location(book, data.inner("location")),
    )
    book.metadata[entry.metadata_id] = entry
    check_size(book.metadata)
    return {"createDeveloperMetadata": {"developerMetadata": metadata_json(entry)}}


def update_developer_metadata(batch: Batch, request: Document) -> JsonObject:
    """updateDeveloperMetadata"""
    data, mask = request.inner("developerMetadata"), required_mask(request, "DeveloperMetadata")
    book = batch.spreadsheet
    updated: list[Json] = []
    for found in find(book, list(request.inners("dataFilters"))):
        entry = found
        if mask.wants("metadataKey") and "metadataKey" in data:
            entry = replace(entry, key=data.text("metadataKey"))
        if mask.wants("metadataValue"):
            entry = replace(entry, value=data.text("metadataValue"))
        if mask.wants("visibility") and "visibility" in data:
            entry = replace(entry, visibility=data.choice("visibility", _VISIBILITIES, "DOCUMENT"))
        if mask.wants("location") and "location" in data:
            entry = replace(entry, location=read_location(book, data.inner("location")))
        book.metadata[entry.metadata_id] = entry
        updated.append(metadata_json(entry))
    check_size(book.metadata)
    return {"updateDeveloperMetadata": {"developerMetadata": updated}}


def delete_developer_metadata(batch: Batch, request: Document) -> JsonObject:
    """deleteDeveloperMetadata"""
    found = find(batch.spreadsheet, [request.inner("dataFilter")])
    for entry in found:
        del batch.spreadsheet.metadata[entry.metadata_id]
    deleted: list[Json] = [metadata_json(entry) for entry in found]
    return {"deleteDeveloperMetadata": {"deletedDeveloperMetadata": deleted}}


def find(book: Spreadsheet, filters: list[Document]) -> list[DeveloperMetadata]:
    """The entries that any of the DataFilters matches, in the order of their creation."""
    tests = [_Filter(book, one) for one in filters]
    return [entry for entry in book.metadata.values() if any(test.matches(entry) for test in tests)]


def find_in(entry: DeveloperMetadata, book: Spreadsheet, one: Document) -> bool:
    """Whether that DataFilter matches that entry."""
    return _Filter(book, one).matches(entry)


def read_location(book: Spreadsheet, data: Document) -> Location:
    """Where metadata goes.

    Raises:
        InvalidArgument: nothing or too much is named, or more than one row or column.
    """
    if "dimensionRange" in data:
        sheet, dimension, start, end = read_dimension_range(book, data.inner("dimensionRange"))
        if end - start != 1:
            raise InvalidArgument("Developer metadata can be attached to a single row or column only.")
        if end > (sheet.row_count if dimension is Dimension.ROWS else sheet.column_count):
            raise InvalidArgument("The dimension range of the metadata is outside of the sheet.")
        return Location(sheet.sheet_id, dimension, start, end)
    if "sheetId" in data:
        return Location(book.sheet(data.whole("sheetId")).sheet_id)
    if data.flag("spreadsheet"):
        return Location()
    raise InvalidArgument("A location must be specified: spreadsheet, sheetId or dimensionRange.")


class _Filter:
    """One DataFilter: a lookup by what the metadata is, or by the cells that it is attached to."""

    def __init__(self, book: Spreadsheet, data: Document) -> None:
        self._area: tuple[int, Area] | None = None
        if "a1Range" in data:
            sheet, area = book.resolve(data.text("a1Range"))
            self._area = (sheet.sheet_id, area)
        elif "gridRange" in data:
            sheet, area = read_grid_range(book, data.inner("gridRange"))
            self._area = (sheet.sheet_id, area)
        look = data.inner("developerMetadataLookup")
        self._kind = look.choice("locationType", (*_KINDS, ""), "")
        self._where = read_location(book, look.inner("metadataLocation")) if "metadataLocation" in look else None
        self._inside = look.choice(
            "locationMatchingStrategy", ("EXACT_LOCATION", "INTERSECTING_LOCATION"), "EXACT_LOCATION"
        )
        self._id = look.optional_whole("metadataId")
        self._texts = {name: look.text(name) for name in ("metadataKey", "metadataValue", "visibility") if name in look}

    def matches(self, entry: DeveloperMetadata) -> bool:
        if self._area is not None:
            return self._touches(entry)
        values = {"metadataKey": entry.key, "metadataValue": entry.value, "visibility": entry.visibility}
        return (
            (not self._kind or entry.location.kind == self._kind)
            and (self._id is None or entry.metadata_id == self._id)
            and all(values[name] == wanted for name, wanted in self._texts.items())
            and (self._where is None or self._is_at(entry.location, self._where))
        )

    def _is_at(self, where: Location, wanted: Location) -> bool:
        if where == wanted:
            return True
        if self._inside == "EXACT_LOCATION":
            return False
        return wanted.sheet_id is None or (wanted.dimension is None and where.sheet_id == wanted.sheet_id)

    def _touches(self, entry: DeveloperMetadata) -> bool:
        assert self._area is not None
        sheet_id, area = self._area
        where = entry.location
        if where.sheet_id != sheet_id or where.dimension is None:
            return False
        low, high = (area.top, area.bottom) if where.dimension is Dimension.ROWS else (area.left, area.right)
        return low <= where.start < high
