"""The filter that clients send, and its one reading against a table's columns."""

from collections.abc import Mapping, Sequence
from typing import Any, TypeVar, cast

import strawberry
from strawberry import UNSET
from strawberry.types import get_object_definition

from db.changes import WireValue
from db.errors import BadUserInput, LimitExceeded
from db.wire import ColumnType
from schema.comparable import comparable, fit
from schema.filters import (
    EVERYTHING,
    And,
    Compare,
    Comparison,
    Filter,
    FilterColumn,
    IsNull,
    Like,
    Not,
    OneOf,
    Operand,
    Or,
)
from schema.scalars import JSON

_T = TypeVar("_T")

MAX_DEPTH = 32
"""How deep `and`, `or` and `not` may nest."""
MAX_PARTS = 1000
"""How many filter objects one filter may have."""
MAX_VALUES = 10_000
"""How many values one `in` may have."""


@strawberry.input(
    description=(
        "Selects rows. The fields of one object combine by AND; {} matches all, an empty `or` or `in` nothing. NULL is "
        "three-valued as in SQL: {eq: null} matches nothing, isNull does. Text compares by code point."
    )
)
class RowFilter:
    column: str | None = strawberry.field(default=UNSET, description="The column that the operators here apply to.")
    eq: JSON | None = strawberry.field(default=UNSET, description="Equal.")
    ne: JSON | None = strawberry.field(default=UNSET, description="Not equal.")
    gt: JSON | None = strawberry.field(default=UNSET, description="Greater.")
    gte: JSON | None = strawberry.field(default=UNSET, description="Greater or equal.")
    lt: JSON | None = strawberry.field(default=UNSET, description="Less.")
    lte: JSON | None = strawberry.field(default=UNSET, description="Less or equal.")
    in_: list[JSON] | None = strawberry.field(name="in", default=UNSET, description="One of these values.")
    is_null: bool | None = strawberry.field(default=UNSET, description="True: is NULL. False: is not NULL.")
    like: str | None = strawberry.field(
        default=UNSET, description="TEXT only: % is any characters, _ one; a backslash takes the next as it is."
    )
    ilike: str | None = strawberry.field(default=UNSET, description="The same, ignoring the case of ASCII letters.")
    and_: list["RowFilter"] | None = strawberry.field(name="and", default=UNSET, description="All of these.")
    or_: list["RowFilter"] | None = strawberry.field(name="or", default=UNSET, description="Any of these.")
    not_: "RowFilter | None" = strawberry.field(name="not", default=UNSET, description="Not this.")


_PYTHON_NAMES = {"in": "in_", "isNull": "is_null", "and": "and_", "or": "or_", "not": "not_"}


def built_filter(given: Mapping[str, Any] | None) -> RowFilter | None:
    """What Strawberry makes of coerced input, of the fields alone that were given: most of a filter's aren't."""
    if given is None:
        return None
    fields = {_PYTHON_NAMES.get(name, name): value for name, value in given.items()}
    for name in ("and_", "or_"):
        if fields.get(name) is not None:
            fields[name] = [built_filter(each) for each in fields[name]]
    if fields.get("in_") is not None:
        fields["in_"] = list(fields["in_"])
    if "not_" in fields:
        fields["not_"] = built_filter(fields["not_"])
    return RowFilter(**fields)


get_object_definition(RowFilter, strict=True).from_input = lambda _, given, __: built_filter(given)


def read_filter(given: RowFilter | None, columns: Mapping[str, FilterColumn]) -> Filter:
    """The filter's meaning for a table with these columns. BadUserInput or LimitExceeded, naming what is wrong."""
    if given is None or given is UNSET:
        return EVERYTHING
    return _Reader(columns).read(given, MAX_DEPTH)


class _Reader:
    def __init__(self, columns: Mapping[str, FilterColumn]) -> None:
        self._columns = columns
        self._left = MAX_PARTS

    def read(self, given: RowFilter, depth: int) -> Filter:
        self._left -= 1
        if depth == 0 or self._left < 0:
            raise LimitExceeded(f"A filter has at most {MAX_PARTS} objects, nested at most {MAX_DEPTH} deep.")
        parts = list(self._column_parts(given))
        if given.and_ is not UNSET:
            parts.append(And(self._all("and", given.and_, depth)))
        if given.or_ is not UNSET:
            parts.append(Or(self._all("or", given.or_, depth)))
        if given.not_ is not UNSET:
            parts.append(Not(self.read(_present("not", given.not_), depth - 1)))
        return parts[0] if len(parts) == 1 else And(tuple(parts))

    def _all(self, name: str, given: Sequence[RowFilter] | None, depth: int) -> tuple[Filter, ...]:
        return tuple(self.read(each, depth - 1) for each in _present(name, given))

    def _column_parts(self, given: RowFilter) -> Sequence[Filter]:
        used = {name: value for name, field in _FIELDS.items() if (value := getattr(given, field)) is not UNSET}
        if given.column is UNSET or given.column is None:
            if used:
                raise BadUserInput(f"A filter with {', '.join(used)} needs a column: add `column`.")
            return ()
        column = self._columns.get(given.column)
        if column is None:
            known = ", ".join(self._columns)
            raise BadUserInput(f'There is no column "{given.column}" to filter by: use one of {known}.')
        if not used:
            raise BadUserInput(f'The filter on "{given.column}" has no operator: add one of {", ".join(_FIELDS)}.')
        return [_part(column, name, value) for name, value in used.items()]


_COMPARISONS: Mapping[str, Comparison] = {
    "eq": Comparison.EQ,
    "ne": Comparison.NE,
    "gt": Comparison.GT,
    "gte": Comparison.GTE,
    "lt": Comparison.LT,
    "lte": Comparison.LTE,
}

_FIELDS: Mapping[str, str] = {
    **{name: name for name in _COMPARISONS},
    "in": "in_",
    "isNull": "is_null",
    "like": "like",
    "ilike": "ilike",
}
"""A column's operators, and the fields that have them."""


def _part(column: FilterColumn, name: str, value: Any) -> Filter:
    if name in _COMPARISONS:
        return Compare(column, _COMPARISONS[name], _operand(column, name, value))
    match name:
        case "in":
            return _one_of(column, _present(name, value))
        case "isNull":
            return _is_null(column, _present(name, value))
        case _:
            return _like(column, name, value, fold=name == "ilike")


def _present(name: str, value: _T | None) -> _T:
    if value is None:
        raise BadUserInput(f"`{name}` in a filter can't be null: leave it out, or give it a value.")
    return value


def _operand(column: FilterColumn, name: str, value: object) -> Operand | None:
    if value is None:
        return None
    wire = cast("WireValue", value)
    try:
        compared, text = comparable(column.type, wire), fit(column.type, wire)
    except ValueError as error:
        raise BadUserInput(f'`{name}` on the {column.type} column "{column.name}": {error}.') from error
    assert compared is not None
    assert text is not None
    return Operand(text, compared)


def _one_of(column: FilterColumn, values: Sequence[object]) -> Filter:
    if len(values) > MAX_VALUES:
        raise LimitExceeded(f"`in` takes at most {MAX_VALUES} values.")
    return OneOf(column, tuple(_operand(column, "in", value) for value in values))


def _is_null(column: FilterColumn, wanted: bool) -> Filter:
    return IsNull(column) if wanted else Not(IsNull(column))


def _like(column: FilterColumn, name: str, pattern: str | None, *, fold: bool) -> Filter:
    if column.type is not ColumnType.TEXT:
        raise BadUserInput(f'`{name}` works on TEXT columns; "{column.name}" is {column.type}.')
    if pattern is None:
        return Like(column, None, fold)
    operand = _operand(column, name, pattern)
    assert operand is not None
    if (len(pattern) - len(pattern.rstrip("\\"))) % 2:
        raise BadUserInput(f"The pattern of `{name}` ends with a backslash that takes nothing: write it twice.")
    return Like(column, pattern, fold)
