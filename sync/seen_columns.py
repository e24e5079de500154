"""What a reading shows of a source's columns, where the source is one whose columns people rename, add and remove."""

from dataclasses import dataclass

from db.sources import Column


@dataclass(frozen=True, slots=True)
class NewColumn:
    """A header that no column has: the column that it would be, and its cell for people."""

    column: Column
    address: str


@dataclass(frozen=True, slots=True)
class SeenColumns:
    """`columns` are all of the source's, in its order, each with the header that it has now. `lost` names those bound
    ones whose header is gone. `new` are the headers that no column has.
    """

    columns: tuple[Column, ...]
    lost: frozenset[str]
    new: tuple[NewColumn, ...]
