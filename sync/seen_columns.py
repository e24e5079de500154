"""What a reading shows of a source's columns: people rename, add and remove a sheet's headers, and a feed's fields."""

from dataclasses import dataclass

from db.sources import Column, Direction, DriftPolicy, Source


@dataclass(frozen=True, slots=True)
class NewColumn:
    """A header or field that no column has: the column that it would be, and its address for people."""

    column: Column
    address: str


@dataclass(frozen=True, slots=True)
class SeenColumns:
    """`columns` are all of the source's, in its order, each with the header or field that it has now. `lost` names
    those bound ones whose header is gone, or whose field no record has. `new` are the headers and fields that no column
    has.
    """

    columns: tuple[Column, ...]
    lost: frozenset[str]
    new: tuple[NewColumn, ...]


def takes_columns(source: Source) -> bool:
    """Whether a new header or field becomes a column. Where the table rules, its empty new column would clear the
    source's."""
    return source.drift_policy is DriftPolicy.ADD_COLUMNS and source.direction is not Direction.TO_SOURCE
