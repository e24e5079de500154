"""A sheet's cells for the merge: `sync.values.mapping`, with the spreadsheet's time zone."""

from dataclasses import dataclass

from db.sources import Column
from sync.sheets.grid import same_cell
from sync.source import Cell
from sync.values.mapping import cell_to_text, same_text, same_value, text_to_cell


@dataclass(frozen=True, slots=True)
class SheetMapping:
    """Implements `sync.values.cell_mapping.CellMapping`."""

    zone: str = "UTC"

    def to_text(self, column: Column, cell: Cell) -> str | None:
        """See `cell_to_text`."""
        return cell_to_text(column, cell, self.zone)

    def to_cell(self, column: Column, text: str | None) -> Cell:
        """See `text_to_cell`."""
        return text_to_cell(column, text, self.zone)

    def same(self, column: Column, one: Cell, other: Cell) -> bool:
        """See `same_value`."""
        return same_value(column, one, other, self.zone)

    def same_text(self, column: Column, one: str | None, other: str | None) -> bool:
        """See `same_text`."""
        return same_text(column.type, one, other)

    def unchanged(self, one: Cell, other: Cell) -> bool:
        """To a sheet an empty text is an empty cell."""
        return same_cell(one, other)
