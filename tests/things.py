"""The columns of a table of things: one of each common type."""

from typing import Final

from db.sources import Column
from db.wire import ColumnType

COLUMNS: Final = (
    Column("id", ColumnType.INTEGER, "id"),
    Column("word", ColumnType.TEXT, "word"),
    Column("n", ColumnType.INTEGER, "n"),
    Column("big", ColumnType.BIGINT, "big"),
    Column("exact", ColumnType.NUMERIC, "exact"),
    Column("day", ColumnType.DATE, "day"),
    Column("yes", ColumnType.BOOLEAN, "yes"),
)
COLUMNS_SQL: Final = "id integer PRIMARY KEY, word text, n integer, big bigint, exact numeric, day date, yes boolean"
