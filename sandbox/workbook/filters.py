"""Filters: which rows of a range are hidden because a column's value isn't wanted."""

from dataclasses import replace

from sandbox.workbook.a1 import Area
from sandbox.workbook.calculation import Calculation
from sandbox.workbook.conditions import Criterion, Filter, holds
from sandbox.workbook.custom_formulas import computed, is_true, results
from sandbox.workbook.display import show
from sandbox.workbook.formulas import moved
from sandbox.workbook.sheet import Sheet
from sandbox.workbook.sorting import sort_rows
from sandbox.workbook.spreadsheet import Spreadsheet


def apply(book: Spreadsheet, sheet: Sheet, wanted: Filter, calculation: Calculation) -> None:
    """Makes it the sheet's filter: sorts the rows below the header and hides those that don't pass."""
    remove(sheet)
    sheet.filter = wanted
    below = replace(wanted.area, top=wanted.area.top + 1)
    if below.height <= 0:
        return
    if wanted.sorts:
        sort_rows(sheet, below, wanted.sorts, calculation.value)
        calculation.bring_up_to_date(book)
    for criterion in wanted.criteria:
        for step, passes in enumerate(_passing(book, sheet, below, criterion, calculation)):
            if not passes:
                sheet.replace_row(below.top + step, filtered=True)


def remove(sheet: Sheet) -> None:
    """Takes the sheet's filter away: what it hid is seen again."""
    sheet.filter = None
    for index, row in enumerate(sheet.rows):
        if row.filtered:
            sheet.replace_row(index, filtered=False)


def _passing(
    book: Spreadsheet, sheet: Sheet, below: Area, criterion: Criterion, calculation: Calculation
) -> list[bool]:
    """Of each row whether it passes. A formula is one for the first row, and goes along to the others."""
    condition, rows = criterion.condition, range(below.top, below.bottom)
    by_formula = [True] * below.height
    if condition is not None and condition.kind == "CUSTOM_FORMULA":
        formulas = [moved(condition.values[0], step, 0) for step in range(below.height)]
        by_formula, condition = list(map(is_true, results(book, sheet, formulas, calculation))), None
    elif condition is not None:
        condition = computed(book, sheet, condition, calculation)

    def passes(row: int) -> bool:
        cell = sheet.cell(row, criterion.column)
        value = calculation.value(sheet, row, criterion.column, cell)
        shown = show(value, cell.shown_format, book.home)
        return shown not in criterion.hidden_values and (
            condition is None or holds(condition, value, shown, book.typing)
        )

    return [meets and passes(row) for row, meets in zip(rows, by_formula, strict=True)]
