"""batchUpdate's kinds about tables."""

from dataclasses import replace

import orjson

from sandbox.google.batch import Batch
from sandbox.google.colors import plain
from sandbox.google.document import Document
from sandbox.google.filters_json import check_rule
from sandbox.google.json_value import JsonObject
from sandbox.google.masks import FieldMask
from sandbox.google.payload import required_mask
from sandbox.google.ranges import read_grid_range
from sandbox.google.tables_json import COLUMN_TYPES, column_json, table_json
from sandbox.workbook import tables
from sandbox.workbook.cells import EMPTY
from sandbox.workbook.entry import Typing
from sandbox.workbook.errors import InvalidArgument
from sandbox.workbook.sheet import Sheet
from sandbox.workbook.spreadsheet import Spreadsheet
from sandbox.workbook.tables import Table, TableColumn
from sandbox.workbook.writing import entered


def add_table(batch: Batch, request: Document) -> JsonObject:
    """addTable: the names of its columns become its header, those that it hasn't are as the header has them."""
    data = request.inner("table")
    book = batch.spreadsheet
    key = data.text("tableId") or str(batch.new_id())
    if key in book.tables:
        raise InvalidArgument(f"A table with the id {key} already exists.")
    sheet, area = read_grid_range(book, data.inner("range"))
    name = data.text("name") or next(
        name for name in (f"Table{number}" for number in range(1, len(book.tables) + 2)) if _is_free(book, name)
    )
    table = Table(key, name, sheet.sheet_id, area, (), _look(data))
    _put(batch, sheet, replace(table, columns=_columns(data, sheet, table, batch.spreadsheet.typing)))
    return {"addTable": {"table": table_json(book, book.tables[key])}}


def update_table(batch: Batch, request: Document) -> JsonObject:
    """updateTable"""
    data, mask = request.inner("table"), required_mask(request, "Table")
    table = find(batch.spreadsheet, data.text("tableId"))
    sheet = batch.spreadsheet.sheet(table.sheet_id)
    if mask.wants("name") and _given(mask, data, "name"):
        table = replace(table, name=data.text("name"))
    if mask.wants("range") and _given(mask, data, "range"):
        other, area = read_grid_range(batch.spreadsheet, data.inner("range"))
        if other is not sheet:
            raise InvalidArgument("A table can't be moved to another sheet.")
        table = table.at(area)
    if mask.wants("rowsProperties") and _given(mask, data, "rowsProperties"):
        table = replace(table, look=_look(data))
    if not mask.wants("columnProperties") or not _given(mask, data, "columnProperties"):
        data = Document({"columnProperties": [column_json(column) for column in table.columns]}, data.path)
    _put(batch, sheet, replace(table, columns=_columns(data, sheet, table, batch.spreadsheet.typing)))
    return {}


def delete_table(batch: Batch, request: Document) -> JsonObject:
    """deleteTable: with all that is in its cells."""
    table = find(batch.spreadsheet, request.text("tableId"))
    sheet = batch.spreadsheet.sheet(table.sheet_id)
    batch.may_write(sheet, table.area)
    for row in range(table.area.top, table.area.bottom):
        sheet.put(row, dict.fromkeys(range(table.area.left, table.area.right), EMPTY))
    del batch.spreadsheet.tables[table.table_id]
    return {}


def find(book: Spreadsheet, key: str) -> Table:
    """The table of that id. Raises InvalidArgument where there is none."""
    table = book.tables.get(key)
    if table is None:
        raise InvalidArgument(f"No table with id: {key}")
    return table


def _put(batch: Batch, sheet: Sheet, table: Table) -> None:
    """Checks the table, keeps it, and writes its header."""
    book = batch.spreadsheet
    tables.check(table, book.tables.values())
    header = {table.area.left + column.index: column.name for column in table.columns}
    row = table.area.top
    changed = {
        column: entered(sheet.cell(row, column), name, user_entered=False)
        for column, name in header.items()
        if sheet.cell(row, column).value != name
    }
    if changed:
        batch.may_write(sheet, replace(table.area, bottom=row + 1))
        sheet.put(row, changed)
    book.tables[table.table_id] = table


def _columns(data: Document, sheet: Sheet, table: Table, typing: Typing) -> tuple[TableColumn, ...]:
    """Each column of the table: what the request says of it, else what stands in the header."""
    given: dict[int, TableColumn] = {}
    for one in data.inners("columnProperties"):
        kind = one.choice("columnType", COLUMN_TYPES, COLUMN_TYPES[0])
        rule = one.inner("dataValidationRule").fields
        if rule and kind != "DROPDOWN":
            raise InvalidArgument("Only columns of the type DROPDOWN have a data validation rule.")
        if rule:
            _check_dropdown(one.inner("dataValidationRule"), typing)
        index = one.whole("columnIndex")
        if index in given:
            raise InvalidArgument(f"Two columns have the index {index}.")
        given[index] = TableColumn(index, one.text("columnName"), kind, orjson.dumps(rule).decode() if rule else "")
    columns = []
    for index in sorted({*given, *range(table.area.width)}):
        column = given.get(index, TableColumn(index, ""))
        if not column.name and index < table.area.width:
            standing = sheet.cell(table.area.top, table.area.left + index).value
            column = replace(column, name=standing if isinstance(standing, str) else f"Column {index + 1}")
        columns.append(column)
    return tuple(columns)


def _check_dropdown(rule: Document, typing: Typing) -> None:
    """A table's rule can only be a list, and only warns: unlike a cell's it has no `strict`."""
    check_rule(rule, typing)
    if rule.inner("condition").text("type") != "ONE_OF_LIST":
        raise InvalidArgument("The data validation rule of a table's column must be of the type ONE_OF_LIST.")


def _look(data: Document) -> str:
    look = plain(data.inner("rowsProperties").fields)
    return orjson.dumps(look).decode() if look else ""


def _given(mask: FieldMask, data: Document, name: str) -> bool:
    """Whether the field is meant: `*` means those that are there."""
    return not mask.everything or name in data


def _is_free(book: Spreadsheet, name: str) -> bool:
    return all(table.name.lower() != name.lower() for table in book.tables.values())
