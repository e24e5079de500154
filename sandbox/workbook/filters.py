"""Filters: which rows of a range are hidden because a column's value isn't wanted."""

from collections.abc import Callable
from dataclasses import dataclass, replace

from sandbox.workbook.a1 import Area
from sandbox.workbook.cells import Cell, Effective
from sandbox.workbook.conditions import Criterion, Filter, holds
from sandbox.workbook.display import show
from sandbox.workbook.sheet import Sheet
from sandbox.workbook.sorting import sort_rows

Value = Callable[[Sheet, int, int, Cell], Effective]


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


def apply(sheet: Sheet, wanted: Filter, value: Value) -> None:
    """Makes it the sheet's filter: sorts the rows below the header and hides those that don't pass."""
    remove(sheet)
    sheet.filter = wanted
    area = wanted.area
    below = replace(area, top=area.top + 1)
    if wanted.sorts and below.height > 0:
        sort_rows(sheet, below, wanted.sorts, value)
    for row in range(below.top, below.bottom):
        if not all(_passes(sheet, row, criterion, value) for criterion in wanted.criteria):
            sheet.replace_row(row, filtered=True)


def remove(sheet: Sheet) -> None:
    """Takes the sheet's filter away: what it hid is seen again."""
    sheet.filter = None
    for index, row in enumerate(sheet.rows):
        if row.filtered:
            sheet.replace_row(index, filtered=False)


def _passes(sheet: Sheet, row: int, criterion: Criterion, value: Value) -> bool:
    cell = sheet.cell(row, criterion.column)
    effective = value(sheet, row, criterion.column, cell)
    shown = show(effective, cell.number_format)
    if shown in criterion.hidden_values:
        return False
    return criterion.condition is None or holds(criterion.condition, effective, shown)
