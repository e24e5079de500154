"""Values as Postgres prints them, whatever kind of source they come from; None where the type can't take one. Pure.

A value is a text, a double or a boolean. Texts of numbers and of JSON keep every digit that they come with; dates and
times are ISO 8601, or what Postgres prints beyond Python's calendar.
"""

import datetime as dt
import json
import math
import re
import uuid
from collections.abc import Callable
from decimal import Decimal
from fractions import Fraction
from zoneinfo import ZoneInfo

from db.sources import Column
from db.wire import ColumnType, beyond_python, quoted

Value = str | float | bool

_WAYS = (math.inf, -math.inf)
_INTEGER = re.compile(r"[+-]?[0-9]+\Z", re.ASCII)
_NUMBER = re.compile(r"[+-]?([0-9]+(\.[0-9]*)?|\.[0-9]+)([eE][+-]?[0-9]{1,4})?\Z", re.ASCII)
_NUL = re.compile(r"(?<!\\)(?:\\\\)*\\u0000")
_NON_FINITE = {"nan": "NaN", "infinity": "Infinity", "-infinity": "-Infinity"}

_EXPECTED = {
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


def unfit_message(column: Column, value: Value, mend: str) -> str:
    """Why the column can't take the value; `mend` says what to do."""
    return f"Column {column.name} ({column.type}) expects {_EXPECTED[column.type]}, found {quoted(value)}. {mend}"


def text_of(text: str) -> str | None:
    """The text, unless it has what no text in Postgres can have: NUL, half a surrogate pair."""
    try:
        text.encode()
    except UnicodeEncodeError:
        return None
    return None if "\0" in text else text


def whole(low: int, high: int) -> Callable[[Value], str | None]:
    """A printer of whole numbers from `low` up to `high`, not included."""

    def print_whole(value: Value) -> str | None:
        if isinstance(value, bool):
            return None
        if isinstance(value, float):
            number = int(value) if value.is_integer() else None
        else:
            number = int(value) if len(value) < 40 and _INTEGER.match(value.strip()) else None
        return str(number) if number is not None and low <= number < high else None

    return print_whole


integer = whole(-(2**31), 2**31)
bigint = whole(-(2**63), 2**63)


def double(value: Value) -> str | None:
    """As a float8."""
    if isinstance(value, bool):
        return None
    if isinstance(value, str):
        if (special := _NON_FINITE.get(value.strip().lower())) is not None:
            return special
        if not _NUMBER.match(value.strip()):
            return None
        value = float(value)
    return _print_double(value) if math.isfinite(value) else None


def _print_double(number: float) -> str:
    """With extra_float_digits=1: the shortest digits, exponents from 1e+15 and 1e-05 on."""
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


def numeric(value: Value) -> str | None:
    """As a numeric: a text keeps its scale."""
    if isinstance(value, bool):
        return None
    if isinstance(value, str):
        if (special := _NON_FINITE.get(value.strip().lower())) is not None:
            return special
        if not _NUMBER.match(value.strip()):
            return None
        number = Decimal(value.strip())
    else:
        number = Decimal(repr(value)).normalize()
    return format(abs(number) if number.is_zero() else number, "f")


def date(text: str) -> str | None:
    """A date without a time of day."""
    try:
        return dt.date.fromisoformat(text.strip()).isoformat()
    except ValueError:
        return _beyond(text)


def timestamp(text: str) -> str | None:
    """A date and time without an offset."""
    try:
        moment = dt.datetime.fromisoformat(text.strip())
    except ValueError:
        return _beyond(text)
    return datetime_text(moment) if moment.tzinfo is None else None


def timestamptz(text: str, zone: str) -> str | None:
    """A date and time, in `zone` where it has no offset."""
    try:
        moment = dt.datetime.fromisoformat(text.strip())
    except ValueError:
        return _beyond(text)
    return instant_text(moment, zone)


def time(text: str) -> str | None:
    """A time of day without an offset."""
    if text.strip() == "24:00:00":
        return "24:00:00"
    try:
        moment = dt.time.fromisoformat(text.strip())
    except ValueError:
        return None
    return time_text(moment) if moment.tzinfo is None else None


def uuid_text(value: Value) -> str | None:
    """A UUID, in lower case with hyphens."""
    try:
        return str(uuid.UUID(value.strip())) if isinstance(value, str) else None
    except ValueError:
        return None


def datetime_text(moment: dt.datetime) -> str:
    """A naive time."""
    return f"{moment.date().isoformat()} {time_text(moment.time())}"


def instant_text(moment: dt.datetime, zone: str) -> str | None:
    """A time in UTC; a naive one is in `zone`."""
    if moment.tzinfo is None:
        moment = moment.replace(tzinfo=ZoneInfo(zone))
    try:
        return datetime_text(moment.astimezone(dt.UTC).replace(tzinfo=None)) + "+00"
    except OverflowError:
        return None


def time_text(moment: dt.time) -> str:
    """A time of day."""
    text = moment.isoformat()
    return text.rstrip("0") if "." in text else text


def json_text(text: str) -> str | None:
    """The text, if it is JSON that a jsonb can hold; its numbers keep their digits."""
    try:
        value = json.loads(text, parse_constant=_refuse_constant, parse_float=str, parse_int=str)
        text.encode()
        escaped = json.dumps(value, ensure_ascii=False)
        escaped.encode()
    except (ValueError, RecursionError):
        return None
    return None if _NUL.search(escaped) else text


def same_json(one: str, other: str) -> bool:
    """Whether two texts are the same JSON value: order of members and scale of numbers aside."""
    try:
        return one == other or _exact(one) == _exact(other)
    except RecursionError:
        # Deeper than Python goes: then only equal texts are.
        return False


def same_number(one: str, other: str) -> bool:
    """Whether two texts are the same number, whatever their scale."""
    return one == other or Decimal(one) == Decimal(other)


def _exact(text: str) -> object:
    return _typed(json.loads(text, parse_float=Decimal, parse_int=Decimal))


def _typed(value: object) -> object:
    """To Python True is 1, to JSON it is not."""
    if isinstance(value, dict):
        return {name: _typed(member) for name, member in value.items()}
    if isinstance(value, list):
        return [_typed(item) for item in value]
    return ("boolean", value) if isinstance(value, bool) else value


def _refuse_constant(name: str) -> None:
    raise ValueError(name)


def _beyond(text: str) -> str | None:
    if not beyond_python(text.strip()):
        return None
    return text.strip().replace("T", " ").replace("+00:00", "+00")
