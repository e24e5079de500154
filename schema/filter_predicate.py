"""A row filter as a Python predicate on wire rows. Must agree with `filter_sql` on every row.

Pure. A filter is compiled once and then asked for every row, so what depends on the filter alone is done at the start.
"""

import operator
import re
from collections.abc import Callable, Collection, Sequence
from typing import Any

from db.changes import Change, WireRow
from db.wire import ColumnType
from schema.comparable import Comparable, comparable
from schema.filters import And, Compare, Comparison, Filter, FilterColumn, IsNull, Like, Not, OneOf, Operand, Or

Truth = bool | None
"""Three-valued: None is unknown."""

Predicate = Callable[[WireRow], Truth]

_COMPARE: dict[Comparison, Callable[[Any, Any], bool]] = {
    Comparison.EQ: operator.eq,
    Comparison.NE: operator.ne,
    Comparison.GT: operator.gt,
    Comparison.GTE: operator.ge,
    Comparison.LT: operator.lt,
    Comparison.LTE: operator.le,
}
_ASCII_LOWER = {upper: upper + 32 for upper in range(ord("A"), ord("Z") + 1)}


def matcher(part: Filter) -> Callable[[WireRow], bool]:
    """Whether a row is among those that the filter selects: unknown is not."""
    predicate = compile_filter(part)
    return lambda row: predicate(row) is True


def compile_filter(part: Filter) -> Predicate:
    """The filter's three-valued answer for a row."""
    match part:
        case Compare(_, _, None) | Like(_, None, _):
            return lambda _: None
        case Compare(column, comparison, Operand(_, operand)):
            return _comparing(column, comparison, operand)
        case OneOf(column, operands):
            return _one_of(column, operands)
        case IsNull(column):
            return lambda row: row.get(column.name) is None
        case Like(column, str() as pattern, fold):
            return _like(column, pattern, fold)
        case And(parts):
            return _all([compile_filter(each) for each in parts])
        case Or(parts):
            return _any([compile_filter(each) for each in parts])
        case Not(inner):
            negated = compile_filter(inner)
            return lambda row: None if (truth := negated(row)) is None else not truth
    raise AssertionError(part)


def like_regex(pattern: str) -> re.Pattern[str]:
    r"""LIKE's pattern, which doesn't end with an open backslash, as a regular expression for `fullmatch`.

    Each stretch between two `%` is looked for once, from the left: an atomic group, so that no pattern is slow.

    >>> bool(like_regex(r"a%\%_").fullmatch("abc%d"))
    True
    """
    stretches = [""]
    characters = iter(pattern)
    for character in characters:
        if character == "%":
            stretches.append("")
        elif character == "_":
            stretches[-1] += "."
        else:
            stretches[-1] += re.escape(next(characters) if character == "\\" else character)
    first, *middle = stretches
    if not middle:
        return re.compile(first, re.DOTALL)
    *middle, last = middle
    return re.compile(first + "".join(f"(?>.*?{stretch})" for stretch in middle) + ".*" + last, re.DOTALL)


def value_of(row: WireRow, column: FilterColumn) -> Comparable | None:
    """What a row's value in a column compares as; None where that is unknown."""
    value = row.get(column.name)
    if value is None:
        return None
    try:
        return comparable(column.type, value)
    except ValueError:
        # The log keeps rows from before the column had this type. What no longer fits is unknown.
        return None


def fits(row: WireRow, column: FilterColumn) -> bool:
    """Whether a filter can be asked of the row: it has the column, and no value there that none of that type is."""
    if column.name not in row:
        return False
    return row[column.name] is None or column.type is ColumnType.JSON or value_of(row, column) is not None


def unfit(changes: Sequence[Change], columns: Collection[FilterColumn]) -> frozenset[FilterColumn]:
    """Of which of these columns a filter can't be asked in all of the rows."""
    rows = [row for change in changes if (row := change.after or change.before) is not None]
    return frozenset(column for column in columns if not all(fits(row, column) for row in rows))


def _comparing(column: FilterColumn, comparison: Comparison, operand: Comparable) -> Predicate:
    compare = _COMPARE[comparison]

    def predicate(row: WireRow) -> Truth:
        value = value_of(row, column)
        return None if value is None else compare(value, operand)

    return predicate


def _one_of(column: FilterColumn, operands: Sequence[Operand | None]) -> Predicate:
    values = frozenset(operand.value for operand in operands if operand is not None)
    absent: Truth = None if None in operands else False

    def predicate(row: WireRow) -> Truth:
        value = value_of(row, column)
        if not operands or value is None:
            return None if operands else False
        return True if value in values else absent

    return predicate


def _like(column: FilterColumn, pattern: str, fold: bool) -> Predicate:
    regex = like_regex(_lower(pattern) if fold else pattern)

    def predicate(row: WireRow) -> Truth:
        value = row.get(column.name)
        if not isinstance(value, str):
            return None
        return regex.fullmatch(_lower(value) if fold else value) is not None

    return predicate


def _lower(text: str) -> str:
    return text.translate(_ASCII_LOWER)


def _all(predicates: Sequence[Predicate]) -> Predicate:
    def predicate(row: WireRow) -> Truth:
        answer: Truth = True
        for each in predicates:
            truth = each(row)
            if truth is False:
                return False
            if truth is None:
                answer = None
        return answer

    return predicate


def _any(predicates: Sequence[Predicate]) -> Predicate:
    def predicate(row: WireRow) -> Truth:
        answer: Truth = False
        for each in predicates:
            truth = each(row)
            if truth is True:
                return True
            if truth is None:
                answer = None
        return answer

    return predicate
