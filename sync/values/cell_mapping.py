"""What the merge needs to know of a source's cells: how they map to the table's texts, and when two of them agree."""

from typing import Protocol

from db.sources import Column
from sync.source import Cell


class Unfit(ValueError):
    """A value that the other side's column can't take; the message says what was expected and what was found."""


class CellMapping(Protocol):
    """Between cells and what Postgres prints. Pure."""

    def to_text(self, column: Column, cell: Cell) -> str | None:
        """The text that Postgres would print for the cell in this column; None is NULL. Unfit where it can't be one."""
        ...

    def to_cell(self, column: Column, text: str | None) -> Cell:
        """The cell for what Postgres printed. Unfit where no cell can hold it."""
        ...

    def same(self, column: Column, one: Cell, other: Cell) -> bool:
        """Whether two cells are the same value, as when one is written and the other read back."""
        ...

    def same_text(self, column: Column, one: str | None, other: str | None) -> bool:
        """Whether two texts are the same value to the source, however scaled or spelled."""
        ...

    def unchanged(self, one: Cell, other: Cell) -> bool:
        """Whether a source that showed the one and shows the other was not edited."""
        ...
