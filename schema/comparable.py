"""Wire values as Python values that compare as Postgres compares them, for each column type.

NaN is equal to itself and above everything; dates BC, beyond the year 9999 and infinite ones have their place; text
compares by code point. Pure. `comparable` also is the one check that a client's value fits a column: it refuses what
Postgres would, such as the 30th of February.
"""

import re
import uuid
from collections.abc import Callable, Mapping
from decimal import Decimal, InvalidOperation

from db.changes import WireValue
from db.wire import ColumnType, to_text

Comparable = int | float | str | bool | tuple[int, int | float | Decimal]
"""Two of the same column type compare; JSON has none."""

_LEAST_INTEGER, _LARGEST_INTEGER = -(2**31), 2**31 - 1
_DAY_US = 86_400_000_000
_MAX_NUMERIC_DIGITS = 131_072
_DATE = re.compile(r"(\d{4,7})-(\d\d)-(\d\d)", re.ASCII)
_TIME = re.compile(r"(\d\d):(\d\d)(?::(\d\d)(?:\.(\d{1,6}))?)?", re.ASCII)
_ZONE = re.compile(r"(?:Z|([+-])(\d\d)(?::?(\d\d))?)\Z", re.ASCII)
_DAYS_BEFORE_MONTH = (0, 31, 59, 90, 120, 151, 181, 212, 243, 273, 304, 334)
_DAYS_OF_MONTH = (31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31)
_CALENDAR = frozenset({ColumnType.DATE, ColumnType.TIME, ColumnType.TIMESTAMP, ColumnType.TIMESTAMPTZ})
_FIRST_DAY = -1_721_426  # Postgres' calendars begin with the Julian day 0, 24 November 4714 BC
_LAST_DATE_YEAR = 5_874_897
_LAST_TIMESTAMP_YEAR = 294_276


def comparable(type_: ColumnType, value: WireValue) -> Comparable | None:
    """What `value` compares as; None for NULL. ValueError, saying what was expected, if it is no such value.

    >>> comparable(ColumnType.BIGINT, "9") < comparable(ColumnType.BIGINT, "10")
    True
    """
    if type_ is ColumnType.INTEGER and type(value) is int and _LEAST_INTEGER <= value <= _LARGEST_INTEGER:
        return value  # as nearly every key is, and asked of each row that is matched
    text = _text_of(type_, value)
    if text is None:
        return None
    reader = _READERS.get(type_)
    if reader is None:
        raise ValueError("JSON values have no order; only isNull applies to them")
    return reader(text)


def fit(type_: ColumnType, value: WireValue) -> str | None:
    """The text of a value that a client sent, known to be one that Postgres takes. ValueError as above."""
    if type_ is not ColumnType.JSON:
        compared = comparable(type_, value)
        return str(compared) if type_ is ColumnType.UUID and compared is not None else _text_of(type_, value)
    text = to_text(type_, value)
    if text is not None:
        _text(text)
        if "\\u0000" in text:
            raise ValueError("expected a JSON value (without NUL characters)")
    return text


def _text_of(type_: ColumnType, value: WireValue) -> str | None:
    """The value's text; of a calendar's it is checked by its reader, which knows all that Postgres prints."""
    return value if type_ in _CALENDAR and isinstance(value, str) else to_text(type_, value)


def _text(text: str) -> str:
    try:
        text.encode()
    except UnicodeEncodeError as error:
        raise ValueError("expected a string of whole Unicode characters (without lone surrogates)") from error
    return text


def _float(text: str) -> tuple[int, float]:
    try:
        number = float(text)
    except OverflowError as error:
        raise ValueError("expected a number that a double can hold") from error
    return (1, 0.0) if number != number else (0, number)


def _numeric(text: str) -> tuple[int, Decimal]:
    too_long = f"expected a number of at most {_MAX_NUMERIC_DIGITS} digits"
    try:
        number = Decimal(text)
    except InvalidOperation as error:
        # An exponent of more digits than it takes.
        raise ValueError(too_long) from error
    if number.is_nan():
        return (1, Decimal(0))
    if number.is_finite() and abs(number.adjusted()) > _MAX_NUMERIC_DIGITS:
        raise ValueError(too_long)
    return (0, number)


def _date(text: str) -> int | float:
    if (infinite := _infinite(text)) is not None:
        return infinite
    day, rest = _leading_day(*_era(text), _LAST_DATE_YEAR)
    if rest:
        raise ValueError(_expected('a date such as "2026-01-31"'))
    return day


def _time(text: str) -> int:
    microseconds, rest = _leading_time(text)
    if rest:
        raise ValueError(_expected('a time such as "13:05:00"'))
    return microseconds


def _timestamp(text: str) -> int | float:
    if (infinite := _infinite(text)) is not None:
        return infinite
    day, rest = _leading_day(*_era(text), _LAST_TIMESTAMP_YEAR)
    microseconds, rest = _leading_time(rest[1:]) if rest[:1] in ("T", " ") else (0, rest)
    if rest:
        raise ValueError(_expected('a date and time without offset, such as "2026-01-31T13:05:00"'))
    return day * _DAY_US + microseconds


def _timestamptz(text: str) -> int | float:
    if (infinite := _infinite(text)) is not None:
        return infinite
    body, before_christ = _era(text)
    zone = _ZONE.search(body)
    if zone is None:
        raise ValueError(_expected('a date and time with offset, such as "2026-01-31T13:05:00+00:00"'))
    sign, hours, minutes = zone.groups()
    offset = (int(hours) * 60 + int(minutes or 0)) * (-1 if sign == "-" else 1) if sign else 0
    if abs(offset) >= 16 * 60 or int(minutes or 0) >= 60:
        raise ValueError(_expected("an offset within 16 hours"))
    local = _timestamp(body[: zone.start()].rstrip() + (" BC" if before_christ else ""))
    return local - offset * 60_000_000


def _infinite(text: str) -> float | None:
    return float(text.removesuffix("inity")) if text in ("infinity", "-infinity") else None


def _era(text: str) -> tuple[str, bool]:
    return text.removesuffix(" BC"), text.endswith(" BC")


def _leading_day(text: str, before_christ: bool, last_year: int) -> tuple[int, str]:
    """Days since 1 January of the year 1, and the text behind the date."""
    match = _DATE.match(text)
    if match is None:
        raise ValueError(_expected('a date such as "2026-01-31"'))
    year, month, day = map(int, match.groups())
    if before_christ:
        year = 1 - year
    leap = year % 4 == 0 and (year % 100 != 0 or year % 400 == 0)
    if (
        not 1 <= month <= 12
        or not 1 <= day <= _DAYS_OF_MONTH[month - 1] + (leap and month == 2)
        or year > last_year
        or match[1] == "0000"
    ):
        raise ValueError(_expected("a day that the calendar has"))
    past = year - 1
    days = past * 365 + past // 4 - past // 100 + past // 400
    days += _DAYS_BEFORE_MONTH[month - 1] + (leap and month > 2) + day - 1
    if days < _FIRST_DAY:
        raise ValueError(_expected("a day that the calendar has"))
    return days, text[match.end() :]


def _leading_time(text: str) -> tuple[int, str]:
    """Microseconds since midnight, and the text behind the time."""
    match = _TIME.match(text)
    if match is None:
        raise ValueError(_expected('a time such as "13:05:00"'))
    hour, minute, second = int(match[1]), int(match[2]), int(match[3] or 0)
    microseconds = ((hour * 60 + minute) * 60 + second) * 1_000_000 + int((match[4] or "").ljust(6, "0"))
    if minute > 59 or second > 59 or microseconds > _DAY_US:
        raise ValueError(_expected('a time up to "24:00:00"'))
    return microseconds, text[match.end() :]


def _expected(what: str) -> str:
    return f"expected {what}"


def _boolean(text: str) -> bool:
    return text == "t"


_READERS: Mapping[ColumnType, Callable[[str], Comparable]] = {
    ColumnType.TEXT: _text,
    ColumnType.INTEGER: int,
    ColumnType.BIGINT: int,
    ColumnType.FLOAT: _float,
    ColumnType.NUMERIC: _numeric,
    ColumnType.BOOLEAN: _boolean,
    ColumnType.DATE: _date,
    ColumnType.TIME: _time,
    ColumnType.TIMESTAMP: _timestamp,
    ColumnType.TIMESTAMPTZ: _timestamptz,
    ColumnType.UUID: lambda text: str(uuid.UUID(text)),
}
