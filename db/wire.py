"""Values on the wire: between what Postgres prints and what JSON carries, for each column type.

INTEGER and FLOAT are JSON numbers (NaN and the infinities strings), BIGINT and NUMERIC exact strings, dates and
times ISO 8601, JSON itself, everything else the text that Postgres prints. NULL is null. The same in rows, changes,
filters and history.
"""

import datetime as dt
import json
import math
import re
import uuid
from collections.abc import Callable, Collection, Mapping
from enum import StrEnum
from typing import TypeGuard

from db.changes import WireValue

DEEPEST = 500
"""Arrays and objects within each other that a value may be; deeper JSON stays the text that Postgres prints."""

_MOST_QUOTED = 80
_INTEGER = re.compile(r"[+-]?[0-9]+\Z", re.ASCII)
_NUMERIC = re.compile(r"[+-]?([0-9]+(\.[0-9]*)?|\.[0-9]+)([eE][+-]?[0-9]+)?\Z|NaN\Z|[+-]?Infinity\Z", re.ASCII)
_NON_FINITE = {"NaN", "Infinity", "-Infinity"}
_BEYOND = re.compile(
    r"(\d{4,7})(-\d\d-\d\d(?:[ T]\d\d:\d\d:\d\d(?:\.\d{1,6})?(?:[+-]\d\d(?::\d\d){0,2})?)?)( BC)?\Z", re.ASCII
)
_OFFSET = re.compile(r"([+-])(\d\d)(?::(\d\d))?(?::\d\d)?\Z", re.ASCII)


class ColumnType(StrEnum):
    """The types that the contract names; a Postgres type outside them counts as TEXT, as it prints."""

    TEXT = "TEXT"
    INTEGER = "INTEGER"
    BIGINT = "BIGINT"
    FLOAT = "FLOAT"
    NUMERIC = "NUMERIC"
    BOOLEAN = "BOOLEAN"
    DATE = "DATE"
    TIME = "TIME"
    TIMESTAMP = "TIMESTAMP"
    TIMESTAMPTZ = "TIMESTAMPTZ"
    UUID = "UUID"
    JSON = "JSON"


SQL_TYPES: Mapping[ColumnType, str] = {
    ColumnType.TEXT: "text",
    ColumnType.INTEGER: "integer",
    ColumnType.BIGINT: "bigint",
    ColumnType.FLOAT: "double precision",
    ColumnType.NUMERIC: "numeric",
    ColumnType.BOOLEAN: "boolean",
    ColumnType.DATE: "date",
    ColumnType.TIME: "time",
    ColumnType.TIMESTAMP: "timestamp",
    ColumnType.TIMESTAMPTZ: "timestamptz",
    ColumnType.UUID: "uuid",
    ColumnType.JSON: "jsonb",
}
"""The type that a column of ours gets."""

_BY_OID: Mapping[int, ColumnType] = {
    16: ColumnType.BOOLEAN,
    20: ColumnType.BIGINT,
    21: ColumnType.INTEGER,
    23: ColumnType.INTEGER,
    114: ColumnType.JSON,
    700: ColumnType.FLOAT,
    701: ColumnType.FLOAT,
    1082: ColumnType.DATE,
    1083: ColumnType.TIME,
    1114: ColumnType.TIMESTAMP,
    1184: ColumnType.TIMESTAMPTZ,
    1700: ColumnType.NUMERIC,
    2950: ColumnType.UUID,
    3802: ColumnType.JSON,
}


def column_type(oid: int) -> ColumnType:
    """Of a Postgres type's OID; TEXT for those that the contract does not name."""
    return _BY_OID.get(oid, ColumnType.TEXT)


def to_wire(type_: ColumnType, text: str | None) -> WireValue:
    """The wire value of what a pinned session prints (booleans as `t` and `f`)."""
    if text is None:
        return None
    read = wire_reader(type_)
    return text if read is None else read(text)


def wire_reader(type_: ColumnType) -> Callable[[str], WireValue] | None:
    """What `to_wire` does to a text of the type; None where the text is the value. For loops over many rows."""
    return _FROM_TEXT.get(type_)


def quoted(value: WireValue) -> str:
    """A value for a message: as JSON in ASCII, with an ellipsis for what is beyond 80 characters."""
    text = json.dumps(value, ensure_ascii=True)
    return text if len(text) <= _MOST_QUOTED else f"{text[:_MOST_QUOTED]}…"


def to_text(type_: ColumnType, value: WireValue) -> str | None:
    """The text that Postgres reads as that wire value. ValueError, saying what was expected, if it is no such value."""
    if value is None:
        return None
    encode = _TO_TEXT.get(type_)
    text = _calendar(type_, value) if encode is None else encode(value)
    if text is None:
        raise ValueError(f"{_EXPECTED[type_]}, got {quoted(value)}")
    return text


def _boolean(value: WireValue) -> str | None:
    return ("t" if value else "f") if isinstance(value, bool) else None


def _integer(value: WireValue) -> str | None:
    return str(value) if _is_int(value) and -(2**31) <= value < 2**31 else None


def _bigint(value: WireValue) -> str | None:
    if not (_is_int(value) or (isinstance(value, str) and _INTEGER.match(value))):
        return None
    return str(int(value)) if -(2**63) <= int(value) < 2**63 else None


def _numeric(value: WireValue) -> str | None:
    return str(value) if _is_int(value) or (isinstance(value, str) and _NUMERIC.match(value)) else None


def _float(value: WireValue) -> str | None:
    if _is_int(value) or (isinstance(value, float) and math.isfinite(value)):
        return repr(value)
    return value if isinstance(value, str) and value in _NON_FINITE else None


def _text(value: WireValue) -> str | None:
    return value if isinstance(value, str) and "\0" not in value and _encodes(value) else None


def _json(value: WireValue) -> str | None:
    text = json.dumps(value, ensure_ascii=False)
    return text if _encodes(text) else None


def _encodes(text: str) -> bool:
    """Half a surrogate pair is JSON, and no text."""
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return True


def _calendar(type_: ColumnType, value: WireValue) -> str | None:
    if not isinstance(value, str):
        return None
    try:
        return _canonical(type_, value)
    except ValueError:
        return value if _prints_so(type_, value) else None


def _read_json(text: str) -> WireValue:
    try:
        value: WireValue = json.loads(text, parse_float=_read_float)
    except (ValueError, RecursionError):
        # Valid for Postgres, but nested too deep or with an integer too long for Python: it stays a text.
        return text
    return text if _is_deep(text, value) else value


def _is_deep(text: str, value: WireValue) -> bool:
    """Whether it is nested deeper than it can be on every way that it goes: Python lets calls and nesting together be a
    thousand deep, and some ways have more calls than this one."""
    if text.count("[") + text.count("{") <= DEEPEST:
        return False
    level = [value]
    for _ in range(DEEPEST):
        level = [inner for each in level for inner in _within(each)]
        if not level:
            return False
    return any(isinstance(each, list | dict) for each in level)


def _within(value: WireValue) -> Collection[WireValue]:
    if isinstance(value, dict):
        return value.values()
    return value if isinstance(value, list) else ()


def _read_float(text: str) -> float | str:
    """A number beyond all doubles stays a text: infinity is not JSON."""
    value = float(text)
    return value if math.isfinite(value) else text


def _iso_offset(text: str) -> str:
    """`2026-01-31 13:05:00+00` as `2026-01-31T13:05:00+00:00`; a year BC keeps its suffix, infinity is as it is."""
    if text[-3] in "+-" and text[10] == " ":
        # As almost all are: years of four digits, an offset of whole hours.
        return f"{text[:10]}T{text[11:]}:00"
    text, era = (text[:-3], " BC") if text.endswith(" BC") else (text, "")
    text = text.replace(" ", "T", 1)
    if (offset := _OFFSET.search(text)) and offset[3] is None:
        text += ":00"
    return text + era


_FROM_TEXT: Mapping[ColumnType, Callable[[str], WireValue]] = {
    ColumnType.INTEGER: int,
    ColumnType.FLOAT: lambda text: text if text in _NON_FINITE else float(text),
    ColumnType.BOOLEAN: lambda text: text == "t",
    ColumnType.JSON: _read_json,
    ColumnType.TIMESTAMP: lambda text: text.replace(" ", "T", 1),
    ColumnType.TIMESTAMPTZ: _iso_offset,
}

_TO_TEXT: Mapping[ColumnType, Callable[[WireValue], str | None]] = {
    ColumnType.TEXT: _text,
    ColumnType.BOOLEAN: _boolean,
    ColumnType.INTEGER: _integer,
    ColumnType.BIGINT: _bigint,
    ColumnType.NUMERIC: _numeric,
    ColumnType.FLOAT: _float,
    ColumnType.JSON: _json,
}

_EXPECTED: Mapping[ColumnType, str] = {
    ColumnType.TEXT: "expected a string, without NUL or broken characters",
    ColumnType.INTEGER: "expected an integer between -2147483648 and 2147483647",
    ColumnType.BIGINT: "expected a 64-bit integer, as a string or an integer",
    ColumnType.FLOAT: 'expected a number, "NaN", "Infinity" or "-Infinity"',
    ColumnType.NUMERIC: "expected an exact number, as a string or an integer",
    ColumnType.BOOLEAN: "expected true or false",
    ColumnType.DATE: 'expected a date such as "2026-01-31"',
    ColumnType.TIME: 'expected a time such as "13:05:00"',
    ColumnType.TIMESTAMP: 'expected a date and time without offset, such as "2026-01-31T13:05:00"',
    ColumnType.TIMESTAMPTZ: 'expected a date and time with offset, such as "2026-01-31T13:05:00+00:00"',
    ColumnType.UUID: "expected a UUID",
    ColumnType.JSON: "expected a JSON value without broken characters",
}


def _is_int(value: WireValue) -> TypeGuard[int]:
    return isinstance(value, int) and not isinstance(value, bool)


def _canonical(type_: ColumnType, text: str) -> str | None:
    """The text as ISO 8601 has it in full: Python reads more forms than Postgres does, such as 2026-W05-6."""
    if type_ is ColumnType.UUID:
        return str(uuid.UUID(text))
    if type_ is ColumnType.DATE:
        return dt.date.fromisoformat(text).isoformat()
    if type_ is ColumnType.TIME:
        time = dt.time.fromisoformat(text)
        return time.isoformat() if time.tzinfo is None else None
    moment = dt.datetime.fromisoformat(text)
    return moment.isoformat() if (moment.tzinfo is not None) is (type_ is ColumnType.TIMESTAMPTZ) else None


def _prints_so(type_: ColumnType, text: str) -> bool:
    if type_ is ColumnType.TIME:
        return text == "24:00:00"
    return type_ in (ColumnType.DATE, ColumnType.TIMESTAMP, ColumnType.TIMESTAMPTZ) and beyond_python(text)


def beyond_python(text: str) -> bool:
    """Whether Postgres prints this date, with or without a time, though Python's calendar lacks it: years beyond 9999,
    years BC, the infinities. So that every value that was read can be written again.
    """
    if text in ("infinity", "-infinity"):
        return True
    found = _BEYOND.match(text)
    if found is None:
        return False
    year, rest, era = int(found[1]), found[2], found[3]
    if year == 0 or (year <= 9999 and era is None):
        return False
    # The calendar repeats after 400 years; the year before 1 AD is 1 BC.
    known = (1 - year if era else year) % 400 + 2000
    try:
        dt.datetime.fromisoformat(f"{known}{rest}")
    except ValueError:
        return False
    return True
