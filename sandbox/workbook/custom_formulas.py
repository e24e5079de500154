"""Formulas that stand in no cell: what a rule or a filter asks of a cell.

They are computed on a sheet of their own, with each reference named after the sheet that it is about.
"""

from collections.abc import Sequence
from dataclasses import replace

from sandbox.workbook.calculation import Calculation
from sandbox.workbook.cells import Cell, Effective
from sandbox.workbook.conditions import Condition
from sandbox.workbook.display import exact
from sandbox.workbook.formulas import rewrite
from sandbox.workbook.sheet import PLAIN_COLUMN, Row, Sheet
from sandbox.workbook.spreadsheet import Spreadsheet

_TITLE = "\u2060formulas"  # no title that a person could type


def results(book: Spreadsheet, home: Sheet, formulas: Sequence[str], calculation: Calculation) -> list[Effective]:
    """What each formula gives in this state of the spreadsheet, as if it stood on the sheet `home`."""
    named = [rewrite(text, lambda one: replace(one, title=one.title or home.title)) for text in formulas]
    rows = [Row(index, {0: Cell(formula=text)}) for index, text in enumerate(named, 1)]
    apart = Sheet(-1, _TITLE, rows, [PLAIN_COLUMN])
    whole = book.copy()
    whole.sheets.append(apart)
    computed = calculation.apart()
    computed.bring_up_to_date(whole)
    return [computed.value(apart, index, 0, row.cell(0)) for index, row in enumerate(rows)]


def is_true(value: Effective) -> bool:
    """Whether a formula's result allows a cell: TRUE, or a number other than 0."""
    return isinstance(value, bool | float) and bool(value)


def computed(book: Spreadsheet, home: Sheet, condition: Condition, calculation: Calculation) -> Condition:
    """The condition with the results of its values that are formulas, as a person would type them."""
    if not any(text.startswith("=") for text in condition.values):
        return condition
    found = results(book, home, [text for text in condition.values if text.startswith("=")], calculation)
    given = iter(found)
    texts = (_typed(next(given), book) if text.startswith("=") else text for text in condition.values)
    return replace(condition, values=tuple(texts))


def _typed(value: Effective, book: Spreadsheet) -> str:
    if isinstance(value, float) and not isinstance(value, bool):
        return exact(value).replace(".", book.home.decimal)
    return "" if value is None else str(value)
