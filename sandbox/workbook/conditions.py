"""Conditions on a cell: those of filters and of data validation. A value and a condition in, yes or no out."""

import re
from collections.abc import Callable
from dataclasses import dataclass, replace

from sandbox.workbook.a1 import Area
from sandbox.workbook.cells import CellError, Effective
from sandbox.workbook.entry import AMERICAN, Typing, parse_entry


@dataclass(frozen=True, slots=True)
class Condition:
    """`kind` is Google's ConditionType; `values` are as a person would type them."""

    kind: str
    values: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Criterion:
    """Which rows a filter shows by one column: not those shown as `hidden_values`, only those that meet `condition`."""

    column: int
    hidden_values: tuple[str, ...] = ()
    condition: Condition | None = None


@dataclass(frozen=True, slots=True)
class Filter:
    """`area` begins with the header; `sorts` are columns, and whether descending."""

    area: Area
    criteria: tuple[Criterion, ...] = ()
    sorts: tuple[tuple[int, bool], ...] = ()


@dataclass(frozen=True, slots=True)
class FilterView:
    """A filter that is kept by name, and hides nothing from others."""

    view_id: int
    title: str
    sheet_id: int
    filter: Filter

    @property
    def area(self) -> Area:
        return self.filter.area

    def at(self, area: Area) -> "FilterView":
        return replace(self, filter=replace(self.filter, area=area))


_ANY = 10_000

_NUMBERS: dict[str, Callable[[float, list[float]], bool]] = {
    "NUMBER_GREATER": lambda value, given: value > given[0],
    "NUMBER_GREATER_THAN_EQ": lambda value, given: value >= given[0],
    "NUMBER_LESS": lambda value, given: value < given[0],
    "NUMBER_LESS_THAN_EQ": lambda value, given: value <= given[0],
    "NUMBER_EQ": lambda value, given: value in given,
    "NUMBER_NOT_EQ": lambda value, given: value not in given,
    "NUMBER_BETWEEN": lambda value, given: given[0] <= value <= given[1],
    "NUMBER_NOT_BETWEEN": lambda value, given: not given[0] <= value <= given[1],
    "DATE_EQ": lambda value, given: value // 1 in given,
    "DATE_NOT_EQ": lambda value, given: value // 1 not in given,
    "DATE_BEFORE": lambda value, given: value < given[0],
    "DATE_AFTER": lambda value, given: value >= given[0] + 1,
    "DATE_ON_OR_BEFORE": lambda value, given: value < given[0] + 1,
    "DATE_ON_OR_AFTER": lambda value, given: value >= given[0],
    "DATE_BETWEEN": lambda value, given: given[0] <= value < given[1] + 1,
    "DATE_NOT_BETWEEN": lambda value, given: not given[0] <= value < given[1] + 1,
}
_TEXTS: dict[str, Callable[[str, list[str]], bool]] = {
    "TEXT_CONTAINS": lambda text, given: given[0] in text,
    "TEXT_NOT_CONTAINS": lambda text, given: given[0] not in text,
    "TEXT_STARTS_WITH": lambda text, given: text.startswith(given[0]),
    "TEXT_ENDS_WITH": lambda text, given: text.endswith(given[0]),
    "TEXT_EQ": lambda text, given: text in given,
    "TEXT_NOT_EQ": lambda text, given: text not in given,
    "TEXT_IS_EMAIL": lambda text, _: re.fullmatch(r"[^@\s]+@[^@\s]+\.[^@\s]+", text) is not None,
    "TEXT_IS_URL": lambda text, _: re.fullmatch(r"(https?|ftp)://\S+|(www\.)\S+\.\S+", text) is not None,
    "ONE_OF_LIST": lambda text, given: text in given,
    "BLANK": lambda text, _: text == "",
    "NOT_BLANK": lambda text, _: text != "",
}
# How many values a condition takes: at least, at most.
_COUNTS = {
    **dict.fromkeys([*_NUMBERS, *_TEXTS], (1, 1)),
    **dict.fromkeys(("NUMBER_BETWEEN", "NUMBER_NOT_BETWEEN", "DATE_BETWEEN", "DATE_NOT_BETWEEN"), (2, 2)),
    **dict.fromkeys(("BLANK", "NOT_BLANK", "TEXT_IS_EMAIL", "TEXT_IS_URL", "DATE_IS_VALID"), (0, 0)),
    **dict.fromkeys(("NUMBER_EQ", "NUMBER_NOT_EQ", "TEXT_EQ", "TEXT_NOT_EQ"), (1, _ANY)),
    **dict.fromkeys(("DATE_EQ", "DATE_NOT_EQ", "ONE_OF_LIST"), (1, _ANY)),
    "ONE_OF_RANGE": (1, 1),
    "CUSTOM_FORMULA": (1, 1),
    "FILTER_EXPRESSION": (1, 1),
    "BOOLEAN": (0, 2),
}
KINDS = tuple(_COUNTS)
OF_RULES = ("ONE_OF_RANGE", "FILTER_EXPRESSION", "BOOLEAN")
"""Those that filters don't have."""
OF_FILTERS = (
    "TEXT_STARTS_WITH", "TEXT_ENDS_WITH", "TEXT_NOT_EQ", "DATE_NOT_EQ", "BLANK", "NOT_BLANK", "FILTER_EXPRESSION",
)  # fmt: skip
"""Those that data validation doesn't have."""


def takes(kind: str) -> tuple[int, int]:
    """How many values a condition of that kind has, at least and at most."""
    return _COUNTS[kind]


def is_number(text: str, typing: Typing) -> bool:
    """Whether a person who types it enters a number or a date, or a formula, which may give one."""
    entry = parse_entry(text, typing=typing)
    value = 0.0 if entry.formula else entry.value
    return isinstance(value, float) and not isinstance(value, bool)


def holds(condition: Condition, value: Effective, shown: str, typing: Typing = AMERICAN) -> bool:
    """Whether a cell with that value, shown as that text, meets the condition, other than by formula or range. Case
    doesn't count in texts."""
    if condition.kind in _TEXTS:
        return _TEXTS[condition.kind](shown.lower(), [text.lower() for text in condition.values])
    if isinstance(value, bool | str | CellError) or value is None:
        # What is no number is unequal to each one.
        return condition.kind in ("NUMBER_NOT_EQ", "NUMBER_NOT_BETWEEN", "DATE_NOT_EQ", "DATE_NOT_BETWEEN")
    if condition.kind == "DATE_IS_VALID":
        return True
    given = [parse_entry(text, typing=typing).value for text in condition.values]
    numbers = [number for number in given if isinstance(number, float) and not isinstance(number, bool)]
    # A value that is a formula may have given none.
    return len(numbers) >= takes(condition.kind)[0] and _NUMBERS[condition.kind](value, numbers)
