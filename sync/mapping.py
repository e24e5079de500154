"""Between a sheet's cell and the text that Postgres prints, for each column type. Pure.

A cell is text, a double, a boolean or empty; a text is what a pinned session prints, so that equal values have equal
texts and keys agree. What a double can't hold exactly goes to the sheet as text. An empty cell is NULL.

>>> count = Column("count", ColumnType.INTEGER, "Count")
>>> cell_to_text(count, 7.0), text_to_cell(count, "7")
('7', 7.0)
"""

import datetime as dt
import json
import math
import re
import uuid
from collections.abc import Callable, Mapping
from decimal import Decimal
from fractions import Fraction
from zoneinfo import ZoneInfo

from db.sources import Column
from db.wire import ColumnType, beyond_python
from sync.cell_mapping import Unfit
from sync.serial import (
    datetime_of_serial,
    serial_of_date,
    serial_of_datetime,
    serial_of_time,
    time_of_serial,
)
from sync.source import Cell

MAX_CELL_CHARACTERS = 50_000
"""Google's limit for one cell."""

_EXACT = 2**53
_WAYS = (math.inf, -math.inf)
_INTEGER = re.compile(r"[+-]?[0-9]+\Z", re.ASCII)
_NUMBER = re.compile(r"[+-]?([0-9]+(\.[0-9]*)?|\.[0-9]+)([eE][+-]?[0-9]{1,4})?\Z", re.ASCII)
_NON_FINITE = {"nan": "NaN", "infinity": "Infinity", "-infinity": "-Infinity"}


def cell_to_text(column: Column, cell: Cell, zone: str = "UTC") -> str | None:
    """The text that Postgres would print for this cell in this column; None (NULL) for an empty cell.

    `zone` is the spreadsheet's time zone: TIMESTAMPTZ cells are in it. Unfit where the column can't take the cell.
    """
    if cell is None or cell == "":
        return None
    if isinstance(cell, float) and not math.isfinite(cell):
        raise Unfit(_message(column, cell))
    instant = column.type is ColumnType.TIMESTAMPTZ
    text = _timestamptz(cell, zone) if instant else _TO_TEXT[column.type](cell)
    if text is None:
        raise Unfit(_message(column, cell))
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
            return Decimal(one) == Decimal(other)
        case ColumnType.JSON:
            return bool(json.loads(one) == json.loads(other))
        case ColumnType.TEXT:
            return one.replace("\r\n", "\n") == other.replace("\r\n", "\n")
        case _:
            return False


def same_cell(column: Column, one: Cell, other: Cell, zone: str = "UTC") -> bool:
    """Whether two cells are the same value, as when one is written and the other read back."""
    if type(one) is type(other) and one == other:
        return True
    try:
        return same_text(column.type, cell_to_text(column, one, zone), cell_to_text(column, other, zone))
    except Unfit:
        return False


# ---- from cells


def _text(cell: Cell) -> str | None:
    if isinstance(cell, bool):
        return "TRUE" if cell else "FALSE"
    if isinstance(cell, float):
        return str(int(cell)) if cell.is_integer() and abs(cell) <= _EXACT else repr(cell)
    assert isinstance(cell, str)
    try:
        cell.encode()
    except UnicodeEncodeError:
        return None
    return None if "\0" in cell else cell


def _whole(low: int, high: int) -> Callable[[Cell], str | None]:
    def whole(cell: Cell) -> str | None:
        if isinstance(cell, bool):
            return None
        if isinstance(cell, float):
            number = int(cell) if cell.is_integer() else None
        else:
            assert isinstance(cell, str)
            number = int(cell) if len(cell) < 40 and _INTEGER.match(cell.strip()) else None
        return str(number) if number is not None and low <= number < high else None

    return whole


def _float(cell: Cell) -> str | None:
    if isinstance(cell, bool):
        return None
    if isinstance(cell, str):
        if (special := _NON_FINITE.get(cell.strip().lower())) is not None:
            return special
        if not _NUMBER.match(cell.strip()):
            return None
        cell = float(cell)
    assert cell is not None
    return _print_float(cell) if math.isfinite(cell) else None


def _print_float(number: float) -> str:
    """As Postgres prints a float8 with extra_float_digits=1: the shortest digits, exponents from 1e+15 and 1e-05 on."""
    if abs(number) < 1e15:
        mantissa, _, exponent = repr(number).partition("e")
        mantissa = mantissa.removesuffix(".0")
        return f"{mantissa}e{exponent}" if exponent else mantissa
    digits = f"{Decimal(repr(number)):e}"
    # Python takes digits that lie just between two doubles, Postgres doesn't.
    neighbours = filter(math.isfinite, (math.nextafter(number, way) for way in _WAYS))
    if any(2 * Fraction(digits) == Fraction(number) + Fraction(neighbour) for neighbour in neighbours):
        digits = f"{number:.16e}"
    mantissa, _, exponent = digits.partition("e")
    return f"{mantissa.rstrip('0').removesuffix('.') if '.' in mantissa else mantissa}e{int(exponent):+03}"


def _numeric(cell: Cell) -> str | None:
    if isinstance(cell, bool):
        return None
    if isinstance(cell, str):
        if (special := _NON_FINITE.get(cell.strip().lower())) is not None:
            return special
        if not _NUMBER.match(cell.strip()):
            return None
        number = Decimal(cell.strip())
    else:
        assert cell is not None
        number = Decimal(repr(cell)).normalize() if not cell.is_integer() else Decimal(int(cell))
    return format(abs(number) if number.is_zero() else number, "f")


def _boolean(cell: Cell) -> str | None:
    if isinstance(cell, str):
        return {"true": "t", "t": "t", "false": "f", "f": "f"}.get(cell.strip().lower())
    return ("t" if cell else "f") if isinstance(cell, bool) else None


def _date(cell: Cell) -> str | None:
    if isinstance(cell, float):
        moment = _moment(cell)
        return None if moment is None or moment.time() != dt.time() else moment.date().isoformat()
    if isinstance(cell, str):
        try:
            return dt.date.fromisoformat(cell.strip()).isoformat()
        except ValueError:
            return _beyond(cell)
    return None


def _timestamp(cell: Cell) -> str | None:
    if isinstance(cell, float):
        moment = _moment(cell)
        return None if moment is None else _print_datetime(moment)
    if isinstance(cell, str):
        try:
            moment = dt.datetime.fromisoformat(cell.strip())
        except ValueError:
            return _beyond(cell)
        return _print_datetime(moment) if moment.tzinfo is None else None
    return None


def _timestamptz(cell: Cell, zone: str) -> str | None:
    if isinstance(cell, float):
        moment = _moment(cell)
    elif isinstance(cell, str):
        try:
            moment = dt.datetime.fromisoformat(cell.strip())
        except ValueError:
            return _beyond(cell)
    else:
        return None
    if moment is None:
        return None
    if moment.tzinfo is None:
        moment = moment.replace(tzinfo=ZoneInfo(zone))
    try:
        return _print_datetime(moment.astimezone(dt.UTC).replace(tzinfo=None)) + "+00"
    except OverflowError:
        return None


def _time(cell: Cell) -> str | None:
    if isinstance(cell, float):
        time = time_of_serial(cell)
        return None if time is None else _print_time(time)
    if isinstance(cell, str):
        if cell.strip() == "24:00:00":
            return "24:00:00"
        try:
            time = dt.time.fromisoformat(cell.strip())
        except ValueError:
            return None
        return _print_time(time) if time.tzinfo is None else None
    return None


def _uuid(cell: Cell) -> str | None:
    try:
        return str(uuid.UUID(cell.strip())) if isinstance(cell, str) else None
    except ValueError:
        return None


def _json(cell: Cell) -> str | None:
    if isinstance(cell, bool):
        return "true" if cell else "false"
    if isinstance(cell, float):
        return _numeric(cell)
    assert isinstance(cell, str)
    try:
        value = json.loads(cell, parse_constant=_refuse_constant)
        text = json.dumps(value, ensure_ascii=False)
        text.encode()
    except ValueError:
        return None
    return None if "\\u0000" in text else text


def _refuse_constant(name: str) -> None:
    raise ValueError(name)


def _moment(serial: float) -> dt.datetime | None:
    try:
        return datetime_of_serial(serial)
    except OverflowError:
        return None


def _beyond(text: str) -> str | None:
    return text.strip() if beyond_python(text.strip()) else None


def _print_datetime(moment: dt.datetime) -> str:
    return f"{moment.date().isoformat()} {_print_time(moment.time())}"


def _print_time(time: dt.time) -> str:
    text = time.isoformat()
    return text.rstrip("0") if "." in text else text


_TO_TEXT: Mapping[ColumnType, Callable[[Cell], str | None]] = {
    ColumnType.TEXT: _text,
    ColumnType.INTEGER: _whole(-(2**31), 2**31),
    ColumnType.BIGINT: _whole(-(2**63), 2**63),
    ColumnType.FLOAT: _float,
    ColumnType.NUMERIC: _numeric,
    ColumnType.BOOLEAN: _boolean,
    ColumnType.DATE: _date,
    ColumnType.TIME: _time,
    ColumnType.TIMESTAMP: _timestamp,
    ColumnType.UUID: _uuid,
    ColumnType.JSON: _json,
}

_EXPECTED: Mapping[ColumnType, str] = {
    ColumnType.TEXT: "text without NUL or broken characters",
    ColumnType.INTEGER: "a whole number between -2147483648 and 2147483647",
    ColumnType.BIGINT: "a whole number of 64 bits",
    ColumnType.FLOAT: "a number",
    ColumnType.NUMERIC: "a number",
    ColumnType.BOOLEAN: "TRUE or FALSE",
    ColumnType.DATE: "a date without a time of day, such as 2026-01-31",
    ColumnType.TIME: "a time of day, such as 13:05:00",
    ColumnType.TIMESTAMP: "a date and time without offset, such as 2026-01-31 13:05:00",
    ColumnType.TIMESTAMPTZ: "a date and time, such as 2026-01-31 13:05:00+00:00",
    ColumnType.UUID: "a UUID",
    ColumnType.JSON: "JSON",
}


def _message(column: Column, cell: Cell) -> str:
    found = json.dumps(cell, ensure_ascii=True)
    found = found if len(found) <= 80 else f"{found[:80]}…"
    return (
        f"Column {column.name} ({column.type}) expects {_EXPECTED[column.type]}, found {found}. "
        "Correct the cell, or change the column's type."
    )


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
    # An hour that a zone has twice is told apart by its offset alone.
    ambiguous = local.replace(fold=0).utcoffset() != local.replace(fold=1).utcoffset()
    return text if serial is None or ambiguous else serial


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
