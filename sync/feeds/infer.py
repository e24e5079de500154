"""The type of a feed's field, inferred from its values one by one. Pure.

JSON says itself what is a number and what is a text, so there a text is never taken for a number; in XML all is text,
and what is written as a program writes numbers is one. Dates and times are ISO 8601. A number that no double holds is
NUMERIC; a list, or an object without members, JSON. What doesn't agree is TEXT.
"""

import re
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Final

from db.feeds import FeedFormat
from db.wire import ColumnType
from sync.feeds.leaves import Value
from sync.feeds.mapping import number_cell
from sync.values import printed

_DATE: Final = re.compile(r"\d{4}-\d\d-\d\d\Z", re.ASCII)
_TIMESTAMP: Final = re.compile(r"\d{4}-\d\d-\d\d[T ]\d\d:\d\d(?::\d\d(?:\.\d{1,6})?)?(Z|[+-]\d\d:?\d\d)?\Z", re.ASCII)
_WHOLE: Final = re.compile(r"-?(?:0|[1-9]\d{0,18})\Z", re.ASCII)
_DECIMAL: Final = re.compile(r"-?(?:0|[1-9]\d*)\.\d+\Z", re.ASCII)

_NUMBERS: Final = frozenset({ColumnType.INTEGER, ColumnType.BIGINT, ColumnType.FLOAT, ColumnType.NUMERIC})


@dataclass(slots=True)
class FieldKinds:
    """What the values of a field were so far. `texts`: each that was there was a text."""

    format: FeedFormat
    kinds: set[ColumnType] = field(default_factory=set)
    seen: bool = False
    texts: bool = True

    def add(self, value: Value) -> None:
        """One record's value; None where it has none."""
        if value is None:
            return
        self.seen = True
        self.texts = self.texts and isinstance(value, str)
        if value != "":
            self.kinds.add(_xml_kind(value) if self.format is FeedFormat.XML else _json_kind(value))

    def type(self) -> ColumnType:
        """TEXT where there was no value at all."""
        kinds = self.kinds
        if len(kinds) == 1:
            return next(iter(kinds))
        if ColumnType.JSON in kinds:
            return ColumnType.JSON
        if kinds and kinds <= _NUMBERS:
            return _wider(kinds)
        if kinds == {ColumnType.DATE, ColumnType.TIMESTAMP}:
            return ColumnType.TIMESTAMP
        return ColumnType.TEXT


def _wider(kinds: set[ColumnType]) -> ColumnType:
    if kinds == {ColumnType.INTEGER, ColumnType.BIGINT}:
        return ColumnType.BIGINT
    if kinds == {ColumnType.INTEGER, ColumnType.FLOAT}:
        return ColumnType.FLOAT
    # A double does not tell all whole numbers of 64 bits apart.
    return ColumnType.NUMERIC


def _json_kind(value: Value) -> ColumnType:
    if isinstance(value, bool):
        return ColumnType.BOOLEAN
    if isinstance(value, int):
        return _whole(value)
    if isinstance(value, Decimal):
        return ColumnType.FLOAT if isinstance(number_cell(str(value)), float) else ColumnType.NUMERIC
    return _moment(value) if isinstance(value, str) else ColumnType.JSON


def _xml_kind(text: str) -> ColumnType:
    if text in ("true", "false"):
        return ColumnType.BOOLEAN
    if _WHOLE.match(text):
        kind = _whole(int(text))
        return ColumnType.TEXT if kind is ColumnType.NUMERIC else kind
    if _DECIMAL.match(text):
        return ColumnType.FLOAT if isinstance(number_cell(text), float) else ColumnType.NUMERIC
    return _moment(text)


def _whole(number: int) -> ColumnType:
    if -(2**31) <= number < 2**31:
        return ColumnType.INTEGER
    return ColumnType.BIGINT if -(2**63) <= number < 2**63 else ColumnType.NUMERIC


def _moment(text: str) -> ColumnType:
    if _DATE.match(text) and printed.date(text) is not None:
        return ColumnType.DATE
    found = _TIMESTAMP.match(text)
    if found is None or printed.timestamptz(text, "UTC") is None:
        return ColumnType.TEXT
    return ColumnType.TIMESTAMP if found[1] is None else ColumnType.TIMESTAMPTZ
