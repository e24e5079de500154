"""The scalars of the contract, and how each crosses the wire. Values only: what a cursor means is `db.cursor`'s."""

from datetime import datetime
from typing import NewType

import strawberry
from strawberry.types.scalar import ScalarDefinition

JSON = NewType("JSON", object)
BigInt = NewType("BigInt", int)
CursorText = NewType("CursorText", str)

_BIGINT_RANGE = range(-(2**63), 2**63)


def serialize_datetime(value: datetime) -> str:
    """RFC 3339 with an offset; `Z` for UTC. ValueError for a time without one."""
    if value.utcoffset() is None:
        raise ValueError("A DateTime without an offset names no instant.")
    return value.isoformat().replace("+00:00", "Z")


def parse_datetime(value: object) -> datetime:
    """The instant of an RFC 3339 text. ValueError, saying what was expected."""
    expected = f'Expected an RFC 3339 time with an offset, such as "2026-01-31T13:05:00Z", got {value!r}.'
    if not isinstance(value, str):
        raise ValueError(expected)  # noqa: TRY004 - GraphQL reports ValueError, whatever the reason
    try:
        parsed = datetime.fromisoformat(value)
    except ValueError as error:
        raise ValueError(expected) from error
    if parsed.utcoffset() is None:
        raise ValueError(expected)
    return parsed


def parse_bigint(value: object) -> int:
    """A 64-bit integer from a decimal string or an integer. ValueError, saying what was expected."""
    expected = f"Expected a 64-bit integer, as a decimal string or an integer, got {value!r}."
    if isinstance(value, bool) or not isinstance(value, str | int):
        raise ValueError(expected)  # noqa: TRY004 - GraphQL reports ValueError, whatever the reason
    try:
        number = int(value)
    except ValueError as error:
        raise ValueError(expected) from error
    if number not in _BIGINT_RANGE:
        raise ValueError(expected)
    return number


def parse_cursor(value: object) -> str:
    """Only its form as a string: `db.cursor` reads it, so that a wrong one is BAD_USER_INPUT everywhere."""
    if not isinstance(value, str):
        raise ValueError(f"Expected a cursor, as it was returned, got {value!r}.")  # noqa: TRY004 - as above
    return value


def _same(value: object) -> object:
    return value


SCALARS: dict[object, ScalarDefinition] = {
    JSON: strawberry.scalar(
        name="JSON",
        description=(
            "Any JSON value. In rows, INTEGER and FLOAT are numbers (NaN and the infinities strings), BIGINT and "
            "NUMERIC exact strings, dates and times ISO 8601, NULL is null."
        ),
        serialize=_same,
        parse_value=_same,
    ),
    datetime: strawberry.scalar(
        name="DateTime",
        description="An instant as RFC 3339 text, always with an offset.",
        serialize=serialize_datetime,
        parse_value=parse_datetime,
    ),
    BigInt: strawberry.scalar(
        name="BigInt",
        description="A 64-bit integer as a decimal string; integers are accepted too.",
        serialize=str,
        parse_value=parse_bigint,
    ),
    CursorText: strawberry.scalar(
        name="Cursor",
        description="An opaque position in the change log. Later positions are later commits.",
        serialize=str,
        parse_value=parse_cursor,
    ),
}
