"""Between a feed's cell and the text that Postgres prints, for each column type, of JSON and of XML. Pure.

| in the feed                                   | the cell                                            |
|-----------------------------------------------|-----------------------------------------------------|
| JSON: null, or no such member                 | None                                                |
| JSON: a string, true, false                   | the text, the boolean                               |
| JSON: a number                                | see `number_cell`                                   |
| JSON: an object or array                      | its JSON text                                       |
| JSON: any value in a column of type JSON      | its JSON text, a string in its quotes               |
| XML: no such element or attribute             | None                                                |
| XML: an element or attribute                  | its text; "" where it is empty                      |

The other way the same holds, so a text cell in a column of numbers is written as a number to JSON, unless the column's
`format` is "string": then the feed has its values in strings. Dates and times are ISO 8601 in both. An empty text is a
value in TEXT columns, and NULL in all others.

>>> JSON_FEED.to_text(Column("at", ColumnType.TIMESTAMPTZ, "at"), "2026-01-31T14:05:00+01:00")
'2026-01-31 13:05:00+00'
>>> JSON_FEED.to_cell(Column("at", ColumnType.TIMESTAMPTZ, "at"), "2026-01-31 13:05:00+00")
'2026-01-31T13:05:00+00:00'
"""

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from decimal import Decimal
from typing import Final

from db.feeds import FeedFormat
from db.sources import Column
from db.wire import ColumnType, to_wire
from sync.source import Cell
from sync.values import printed
from sync.values.cell_mapping import CellMapping, Unfit
from sync.values.printed import Value, unfit_message

STRINGS: Final = "string"
"""The `format` of a column whose numbers and booleans a JSON feed has in strings."""

_EXACT = 2**53
_NO_XML = re.compile("[^\t\n\r\u0020-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")
_NUMBERS = frozenset({ColumnType.INTEGER, ColumnType.BIGINT, ColumnType.FLOAT, ColumnType.NUMERIC})
_TIMES = frozenset({ColumnType.TIMESTAMP, ColumnType.TIMESTAMPTZ})
_MEND = "Correct the value in the feed, or change the column's type."


@dataclass(frozen=True, slots=True)
class FeedMapping:
    """Implements `sync.values.cell_mapping.CellMapping`. A time without an offset is UTC in a TIMESTAMPTZ column."""

    format: FeedFormat

    def to_text(self, column: Column, cell: Cell) -> str | None:
        """None is NULL. Unfit where the column can't take the cell."""
        if cell is None or (cell == "" and column.type is not ColumnType.TEXT):
            return None
        text = _TO_TEXT[column.type](cell)
        if text is None:
            raise Unfit(unfit_message(column, cell, _MEND))
        return text

    def to_cell(self, column: Column, text: str | None) -> Cell:
        """Unfit where XML has no such characters."""
        if text is None:
            return None
        if self.format is FeedFormat.XML:
            return _to_xml(column, text)
        if column.format != STRINGS:
            if column.type in _NUMBERS:
                return number_cell(text)
            if column.type is ColumnType.BOOLEAN:
                return text == "t"
        return _spelled(column.type, text)

    def same(self, column: Column, one: Cell, other: Cell) -> bool:
        """As values of the column."""
        if self.unchanged(one, other):
            return True
        try:
            return self.same_text(column, self.to_text(column, one), self.to_text(column, other))
        except Unfit:
            return False

    def same_text(self, column: Column, one: str | None, other: str | None) -> bool:
        """An empty text is none only where NULL could not be told from it."""
        if one == other:
            return True
        if one is None or other is None:
            return False
        match column.type:
            case ColumnType.NUMERIC | ColumnType.FLOAT:
                return printed.same_number(one, other)
            case ColumnType.JSON:
                return printed.same_json(one, other)
            case ColumnType.TEXT if self.format is FeedFormat.XML:
                # Whoever parses XML reads every line's end as one character.
                return _lines(one) == _lines(other)
            case _:
                return False

    def unchanged(self, one: Cell, other: Cell) -> bool:
        """A null is not an empty text, nor true a 1."""
        return type(one) is type(other) and one == other


JSON_FEED: Final = FeedMapping(FeedFormat.JSON)
XML_FEED: Final = FeedMapping(FeedFormat.XML)


def feed_mapping(format_: FeedFormat) -> CellMapping:
    """The mapping of feeds in that format."""
    return JSON_FEED if format_ is FeedFormat.JSON else XML_FEED


def number_cell(text: str) -> Cell:
    """A number, as JSON or Postgres has it: a double where that keeps every digit, else the text."""
    number = float(text)
    # Beyond, a double stands for several whole numbers.
    exact = abs(number) <= _EXACT and Decimal(repr(number)) == Decimal(text)
    return number if exact else text


# ---- from cells


def _text(cell: Value) -> str | None:
    if isinstance(cell, bool):
        return "true" if cell else "false"
    if isinstance(cell, float):
        return str(int(cell)) if cell.is_integer() and abs(cell) <= _EXACT else repr(cell)
    return printed.text_of(cell)


def _boolean(cell: Value) -> str | None:
    if isinstance(cell, str):
        return {"true": "t", "1": "t", "false": "f", "0": "f"}.get(cell.strip().lower())
    return ("t" if cell else "f") if isinstance(cell, bool) else None


def _json(cell: Value) -> str | None:
    if isinstance(cell, bool):
        return "true" if cell else "false"
    return printed.numeric(cell) if isinstance(cell, float) else printed.json_text(cell)


def _of_text(read: Callable[[str], str | None]) -> Callable[[Value], str | None]:
    return lambda cell: read(cell) if isinstance(cell, str) else None


_TO_TEXT: Mapping[ColumnType, Callable[[Value], str | None]] = {
    ColumnType.TEXT: _text,
    ColumnType.INTEGER: printed.integer,
    ColumnType.BIGINT: printed.bigint,
    ColumnType.FLOAT: printed.double,
    ColumnType.NUMERIC: printed.numeric,
    ColumnType.BOOLEAN: _boolean,
    ColumnType.DATE: _of_text(printed.date),
    ColumnType.TIME: _of_text(printed.time),
    ColumnType.TIMESTAMP: _of_text(printed.timestamp),
    ColumnType.TIMESTAMPTZ: _of_text(lambda text: printed.timestamptz(text, "UTC")),
    ColumnType.UUID: printed.uuid_text,
    ColumnType.JSON: _json,
}


# ---- to cells


def _to_xml(column: Column, text: str) -> str:
    if (found := _NO_XML.search(text)) is not None:
        raise Unfit(f"XML has no character U+{ord(found[0]):04X}, which {column.name} has. Take it out.")
    return _spelled(column.type, text)


def _spelled(type_: ColumnType, text: str) -> str:
    if type_ is ColumnType.BOOLEAN:
        return "true" if text == "t" else "false"
    if type_ in _TIMES:
        spelled = to_wire(type_, text)
        assert isinstance(spelled, str)
        return spelled
    return text


def _lines(text: str) -> str:
    return text.replace("\r\n", "\n").replace("\r", "\n")
