"""The type of a column, inferred from all its cells and their number formats. Pure.

Only TEXT, INTEGER, BIGINT, FLOAT, BOOLEAN, DATE and TIMESTAMP are inferred; the others are for people to declare.
What doesn't agree is TEXT: a text is never taken for a number, so leading zeros and big integers stay whole.

>>> infer([Sample(7.0), Sample(None), Sample(8.0)])
Inferred(type=<ColumnType.INTEGER: 'INTEGER'>, formula=False)
"""

from collections.abc import Sequence
from dataclasses import dataclass

from db.wire import ColumnType
from sync.source import Cell

_EXACT = 2**53
# Values under these formats are fractions by nature, even where all of today's happen to be whole.
_FRACTIONAL = frozenset({"PERCENT", "CURRENCY", "SCIENTIFIC", "TIME"})


@dataclass(frozen=True, slots=True)
class Sample:
    """A cell, Google's type of its number format (such as `DATE`; None: automatic), and whether it is a formula."""

    cell: Cell
    format: str | None = None
    formula: bool = False


@dataclass(frozen=True, slots=True)
class Inferred:
    """`formula`: every filled cell is a formula, so the column is the sheet's alone to change."""

    type: ColumnType
    formula: bool


def infer(samples: Sequence[Sample]) -> Inferred:
    """What a column is. TEXT where it has no value at all."""
    filled = [sample for sample in samples if sample.cell not in (None, "") or sample.formula]
    formula = bool(filled) and all(sample.formula for sample in filled)
    kinds = {_kind(sample) for sample in filled if sample.cell not in (None, "")}
    return Inferred(_join(kinds), formula)


def _kind(sample: Sample) -> ColumnType:
    cell = sample.cell
    if isinstance(cell, bool):
        return ColumnType.BOOLEAN
    if not isinstance(cell, float):
        return ColumnType.TEXT
    if sample.format == "DATE_TIME":
        return ColumnType.TIMESTAMP
    if sample.format == "DATE":
        return ColumnType.DATE if cell.is_integer() else ColumnType.TIMESTAMP
    if sample.format in _FRACTIONAL or not cell.is_integer() or abs(cell) > _EXACT:
        return ColumnType.FLOAT
    return ColumnType.INTEGER if -(2**31) <= cell < 2**31 else ColumnType.BIGINT


def _join(kinds: set[ColumnType]) -> ColumnType:
    if len(kinds) == 1:
        return kinds.pop()
    if not kinds:
        return ColumnType.TEXT
    for wider in (
        [ColumnType.INTEGER, ColumnType.BIGINT],
        [ColumnType.INTEGER, ColumnType.BIGINT, ColumnType.FLOAT],
        [ColumnType.DATE, ColumnType.TIMESTAMP],
    ):
        if kinds <= set(wider):
            return wider[-1]
    return ColumnType.TEXT
