"""Table: in answers."""

import orjson

from sandbox.google.colors import styled
from sandbox.google.json_value import JsonObject
from sandbox.google.ranges import grid_range_json
from sandbox.workbook.spreadsheet import Spreadsheet
from sandbox.workbook.tables import Table, TableColumn

COLUMN_TYPES = (
    "COLUMN_TYPE_UNSPECIFIED", "DOUBLE", "CURRENCY", "PERCENT", "DATE", "TIME", "DATE_TIME", "TEXT", "BOOLEAN",
    "DROPDOWN", "FILES_CHIP", "PEOPLE_CHIP", "FINANCE_CHIP", "PLACE_CHIP", "RATINGS_CHIP",
)  # fmt: skip


def table_json(book: Spreadsheet, table: Table) -> JsonObject:
    """Table."""
    data: JsonObject = {
        "tableId": table.table_id,
        "name": table.name,
        "range": grid_range_json(book.sheet(table.sheet_id), table.area),
        "columnProperties": [column_json(column) for column in table.columns],
    }
    if table.look:
        data["rowsProperties"] = styled(orjson.loads(table.look))
    return data


def column_json(column: TableColumn) -> JsonObject:
    """TableColumnProperties."""
    data: JsonObject = {"columnIndex": column.index} if column.index else {}
    data["columnName"] = column.name
    if column.kind != COLUMN_TYPES[0]:
        data["columnType"] = column.kind
    if column.rule:
        data["dataValidationRule"] = orjson.loads(column.rule)
    return data
