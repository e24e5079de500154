"""The one meaning of a row filter, which `filter_sql` and `filter_predicate` both carry out.

Pure. Operands are checked, and kept as the text that Postgres reads and as what Python compares. NULL is three-valued,
as in SQL. A column that the table lacks, or an operand that does not fit, never gets this far: `filter_input` refuses
it.
"""

from dataclasses import dataclass
from enum import StrEnum

from db.wire import ColumnType
from schema.comparable import Comparable


@dataclass(frozen=True, slots=True)
class FilterColumn:
    """A column that may be filtered by. `oid` is its Postgres type, `type` what that counts as."""

    name: str
    type: ColumnType
    oid: int


@dataclass(frozen=True, slots=True)
class Operand:
    """A value to compare with: its text for Postgres, and what it compares as in Python."""

    text: str
    value: Comparable


class Comparison(StrEnum):
    """A comparison's operator, as SQL writes it."""

    EQ = "="
    NE = "<>"
    GT = ">"
    GTE = ">="
    LT = "<"
    LTE = "<="


@dataclass(frozen=True, slots=True)
class Compare:
    """`column <operator> operand`; the operand None is NULL."""

    column: FilterColumn
    comparison: Comparison
    operand: Operand | None


@dataclass(frozen=True, slots=True)
class OneOf:
    """`column IN (operands)`; of no operands false, for NULL too."""

    column: FilterColumn
    operands: tuple[Operand | None, ...]


@dataclass(frozen=True, slots=True)
class IsNull:
    column: FilterColumn


@dataclass(frozen=True, slots=True)
class Like:
    """`column LIKE pattern`; `fold` ignores the case of ASCII letters. A backslash takes what follows as it is."""

    column: FilterColumn
    pattern: str | None
    fold: bool


@dataclass(frozen=True, slots=True)
class And:
    """All of them; of none true."""

    parts: "tuple[Filter, ...]"


@dataclass(frozen=True, slots=True)
class Or:
    """Any of them; of none false."""

    parts: "tuple[Filter, ...]"


@dataclass(frozen=True, slots=True)
class Not:
    part: "Filter"


Filter = Compare | OneOf | IsNull | Like | And | Or | Not

EVERYTHING = And(())


def columns_of(part: Filter) -> frozenset[FilterColumn]:
    """The columns that a filter looks at, as they were when it was read."""
    match part:
        case And(parts) | Or(parts):
            return frozenset().union(*map(columns_of, parts))
        case Not(inner):
            return columns_of(inner)
        case _:
            return frozenset((part.column,))
