"""batchUpdate's kinds that tidy a range up: split texts, trim, shuffle, remove duplicates."""

import random

from sandbox.google.batch import Batch
from sandbox.google.document import Document
from sandbox.google.json_value import JsonObject
from sandbox.google.ranges import read_dimension_range, read_grid_range
from sandbox.workbook import tidying
from sandbox.workbook.a1 import Area
from sandbox.workbook.errors import InvalidArgument
from sandbox.workbook.shifts import Dimension
from sandbox.workbook.spreadsheet import exceeds_grid
from sandbox.workbook.writing import write_block

_DELIMITERS = {"COMMA": ",", "SEMICOLON": ";", "PERIOD": ".", "SPACE": " "}


def text_to_columns(batch: Batch, request: Document) -> JsonObject:
    """Splits the texts of one column into it and those beside it."""
    sheet, area = read_grid_range(batch.spreadsheet, request.inner("source"))
    if area.width != 1:
        raise InvalidArgument("Text can be split in one column only.")
    kind = request.choice("delimiterType", (*_DELIMITERS, "CUSTOM", "AUTODETECT"), "AUTODETECT")
    delimiter = _DELIMITERS.get(kind) or request.text("delimiter")
    if kind == "AUTODETECT":
        delimiter = tidying.likely_delimiter(sheet, area)
    if not delimiter:
        raise InvalidArgument("A custom delimiter must be specified.")
    parts = tidying.split(sheet, area, delimiter)
    width = max((len(line) for line in parts.values()), default=1)
    if area.left + width > sheet.column_count:
        raise exceeds_grid(sheet, Area(area.top, area.left, area.bottom, area.left + width))
    batch.may_write(sheet, Area(area.top, area.left, area.bottom, area.left + width))
    for row, line in parts.items():
        write_block(sheet, row, area.left, [line], user_entered=True, typing=batch.spreadsheet.typing)
    return {}


def trim_whitespace(batch: Batch, request: Document) -> JsonObject:
    """Takes spaces off the ends of texts, and all but one from within."""
    sheet, area = read_grid_range(batch.spreadsheet, request.inner("range"))
    batch.may_write(sheet, area)
    changed = tidying.trim(sheet, area)
    return {"trimWhitespace": {"cellsChangedCount": changed} if changed else {}}


def delete_duplicates(batch: Batch, request: Document) -> JsonObject:
    """Removes the rows of a range that repeat an earlier one; those below move up."""
    book = batch.spreadsheet
    sheet, area = read_grid_range(book, request.inner("range"))
    columns: set[int] = set()
    for data in request.inners("comparisonColumns"):
        compared, dimension, start, end = read_dimension_range(book, data)
        if compared is not sheet or dimension is not Dimension.COLUMNS or not area.left <= start < end <= area.right:
            raise InvalidArgument("Comparison columns must be columns within the range.")
        columns.update(range(start, end))
    batch.may_write(sheet, area)
    batch.calculation.bring_up_to_date(book)
    removed = tidying.remove_duplicates(
        sheet, area, columns or set(range(area.left, area.right)), batch.calculation.value
    )
    return {"deleteDuplicates": {"duplicatesRemovedCount": removed} if removed else {}}


def randomize_range(batch: Batch, request: Document) -> JsonObject:
    """Puts the rows of a range in any order."""
    sheet, area = read_grid_range(batch.spreadsheet, request.inner("range"))
    batch.may_write(sheet, area)
    order = list(range(area.top, area.bottom))
    random.Random(batch.new_id()).shuffle(order)  # noqa: S311 - an order, not a secret
    tidying.reorder(sheet, area, order)
    return {}
