"""Between a sheet's cell and the text that Postgres prints, for each column type. Pure.

A cell is text, a double, a boolean or empty; a text is what a pinned session prints, so that equal values have equal
texts and keys agree. What a double can't hold exactly goes to the sheet as text. An empty cell is NULL.

>>> count = Column("count", ColumnType.INTEGER, "Count")
>>> cell_to_text(count, 7.0), text_to_cell(count, "7")
('7', 7.0)
"""

import datetime as dt
import math
from collections.abc import Callable, Mapping
from decimal import Decimal
from zoneinfo import ZoneInfo

from db.sources import Column
from db.wire import ColumnType
from sync.source import Cell
from sync.values import printed
from sync.values.cell_mapping import Unfit
from sync.values.printed import Value, unfit_message
from sync.values.serial import (
    datetime_of_serial,
    serial_of_date,
    serial_of_datetime,
    serial_of_time,
    time_of_serial,
)

MAX_CELL_CHARACTERS = 50_000
"""Google's limit for one cell."""

_EXACT = 2**53


def cell_to_text(column: Column, cell: Cell, zone: str = "UTC") -> str | None:
    """The text that Postgres would print for this cell in this column; None (NULL) for an empty cell.

    `zone` is the spreadsheet's time zone: TIMESTAMPTZ cells are in it. Unfit where the column can't take the cell.
    """
    if cell is None or cell == "":
        return None
    if isinstance(cell, float) and not math.isfinite(cell):
        raise Unfit(unfit_message(column, cell, _MEND))
    instant = column.type is ColumnType.TIMESTAMPTZ
    text = _timestamptz(cell, zone) if instant else _TO_TEXT[column.type](cell)
    if text is None:
        raise Unfit(unfit_message(column, cell, _MEND))
    return text


def text_to_cell(column: Column, text: str | None, zone: str = "UTC") -> Cell:
    """The cell for what Postgres printed. Unfit where no cell can hold it."""
    if text is None:
        return None
    if len(text) > MAX_CELL_CHARACTERS:
        raise Unfit(
            f"A cell holds {MAX_CELL_CHARACTERS:,} characters at most; {column.name} has {len(text):,}. Shorten it."
        )
    if column.type is ColumnType.TIMESTAMPTZ:
        return _from_timestamptz(text, zone)
    return _TO_CELL.get(column.type, _keep)(text)


def same_text(type_: ColumnType, one: str | None, other: str | None) -> bool:
    """Whether two texts of a column are the same value, however scaled or spelled.

    A sheet can't tell an empty text from none, so both are the same here.
    """
    if one == other or (not one and not other):
        return True
    if one is None or other is None:
        return False
    match type_:
        case ColumnType.NUMERIC | ColumnType.FLOAT:
            return printed.same_number(one, other)
        case ColumnType.JSON:
            return printed.same_json(one, other)
        case ColumnType.TEXT:
            return one.replace("\r\n", "\n") == other.replace("\r\n", "\n")
        case _:
            return False


def same_value(column: Column, one: Cell, other: Cell, zone: str = "UTC") -> bool:
    """Whether two cells are the same value, as when one is written and the other read back."""
    if type(one) is type(other) and one == other:
        return True
    try:
        return same_text(column.type, cell_to_text(column, one, zone), cell_to_text(column, other, zone))
    except Unfit:
        return False


# ---- from cells


def _text(cell: Value) -> str | None:
    if isinstance(cell, bool):
        return "TRUE" if cell else "FALSE"
    if isinstance(cell, float):
        return str(int(cell)) if cell.is_integer() and abs(cell) <= _EXACT else repr(cell)
    return printed.text_of(cell)


def _boolean(cell: Value) -> str | None:
    if isinstance(cell, str):
        return {"true": "t", "t": "t", "false": "f", "f": "f"}.get(cell.strip().lower())
    return ("t" if cell else "f") if isinstance(cell, bool) else None


def _date(cell: Value) -> str | None:
    if isinstance(cell, float):
        moment = _moment(cell)
        return None if moment is None or moment.time() != dt.time() else moment.date().isoformat()
    return printed.date(cell) if isinstance(cell, str) else None


def _timestamp(cell: Value) -> str | None:
    if isinstance(cell, float):
        moment = _moment(cell)
        return None if moment is None else printed.datetime_text(moment)
    return printed.timestamp(cell) if isinstance(cell, str) else None


def _timestamptz(cell: Value, zone: str) -> str | None:
    if isinstance(cell, float):
        moment = _moment(cell)
        return None if moment is None else printed.instant_text(moment, zone)
    return printed.timestamptz(cell, zone) if isinstance(cell, str) else None


def _time(cell: Value) -> str | None:
    if isinstance(cell, float):
        time = time_of_serial(cell)
        return None if time is None else printed.time_text(time)
    return printed.time(cell) if isinstance(cell, str) else None


def _json(cell: Value) -> str | None:
    if isinstance(cell, bool):
        return "true" if cell else "false"
    return printed.numeric(cell) if isinstance(cell, float) else printed.json_text(cell)


def _moment(serial: float) -> dt.datetime | None:
    try:
        return datetime_of_serial(serial)
    except OverflowError:
        return None


_TO_TEXT: Mapping[ColumnType, Callable[[Value], str | None]] = {
    ColumnType.TEXT: _text,
    ColumnType.INTEGER: printed.integer,
    ColumnType.BIGINT: printed.bigint,
    ColumnType.FLOAT: printed.double,
    ColumnType.NUMERIC: printed.numeric,
    ColumnType.BOOLEAN: _boolean,
    ColumnType.DATE: _date,
    ColumnType.TIME: _time,
    ColumnType.TIMESTAMP: _timestamp,
    ColumnType.UUID: printed.uuid_text,
    ColumnType.JSON: _json,
}

_MEND = "Correct the cell, or change the column's type."


# ---- to cells


def _keep(text: str) -> Cell:
    return text


def _from_whole(text: str) -> Cell:
    return float(text) if abs(int(text)) <= _EXACT else text


def _from_number(text: str) -> Cell:
    number = float(text)
    return number if math.isfinite(number) and Decimal(repr(number)) == Decimal(text) else text


def _from_boolean(text: str) -> Cell:
    return text == "t"


def _from_date(text: str) -> Cell:
    try:
        return serial_of_date(dt.date.fromisoformat(text))
    except ValueError:
        return text


def _from_timestamp(text: str) -> Cell:
    try:
        serial = serial_of_datetime(dt.datetime.fromisoformat(text))
    except ValueError:
        return text
    return text if serial is None else serial


def _from_timestamptz(text: str, zone: str) -> Cell:
    try:
        moment = dt.datetime.fromisoformat(text)
        local = moment.astimezone(ZoneInfo(zone))
    except (ValueError, OverflowError):
        return text
    serial = serial_of_datetime(local.replace(tzinfo=None))
    # Of an hour that the clock shows twice a cell without an offset is the first.
    return text if serial is None or local.fold else serial


def _from_time(text: str) -> Cell:
    try:
        serial = serial_of_time(dt.time.fromisoformat(text))
    except ValueError:
        return text
    return text if serial is None else serial


_TO_CELL: Mapping[ColumnType, Callable[[str], Cell]] = {
    ColumnType.INTEGER: _from_whole,
    ColumnType.BIGINT: _from_whole,
    ColumnType.FLOAT: _from_number,
    ColumnType.NUMERIC: _from_number,
    ColumnType.BOOLEAN: _from_boolean,
    ColumnType.DATE: _from_date,
    ColumnType.TIME: _from_time,
    ColumnType.TIMESTAMP: _from_timestamp,
}
