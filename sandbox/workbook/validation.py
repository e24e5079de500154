"""Data validation: what a cell takes from a person. Programs write past it, as at Google."""

from typing import Any

import orjson

from sandbox.workbook.a1 import Area, cell_name, quote_title
from sandbox.workbook.calculation import Calculation
from sandbox.workbook.cells import Cell
from sandbox.workbook.conditions import Condition, holds
from sandbox.workbook.custom_formulas import computed, is_true, results
from sandbox.workbook.display import show
from sandbox.workbook.errors import InvalidArgument
from sandbox.workbook.sheet import Sheet
from sandbox.workbook.spreadsheet import Spreadsheet


def has_rules(sheet: Sheet, area: Area) -> bool:
    """Whether any cell of the area has a rule."""
    return any(
        cell.validation and area.left <= column < area.right
        for row in range(area.top, area.bottom)
        for column, cell in sheet.rows[row].cells.items()
    )


def check_typed(book: Spreadsheet, sheet: Sheet, area: Area, calculation: Calculation) -> None:
    """Raises InvalidArgument where a cell of the area has what its rule rejects: a strict one. Empty cells pass."""
    for row in range(area.top, area.bottom):
        for column in range(area.left, area.right):
            cell = sheet.cell(row, column)
            rule = orjson.loads(cell.validation) if cell.validation else {}
            if not rule.get("strict") or not cell.has_content:
                continue
            if not _allows(book, sheet, (row, column), rule, calculation):
                told = rule.get("inputMessage", "")
                raise InvalidArgument(
                    f"The data you entered in cell {cell_name(row, column)} violates the data validation rules set on "
                    f"this cell.{f' {told}' if told else ''}"
                )


def _allows(
    book: Spreadsheet, sheet: Sheet, where: tuple[int, int], rule: dict[str, Any], calculation: Calculation
) -> bool:
    told = rule.get("condition", {})
    given = tuple(str(one.get("userEnteredValue", "")) for one in told.get("values", ()))
    condition = Condition(str(told.get("type", "")), given)
    cell = sheet.cell(*where)
    effective = calculation.value(sheet, *where, cell)
    shown = show(effective, cell.shown_format, book.home)
    match condition.kind:
        case "ONE_OF_RANGE":
            return shown.lower() in _texts(book, sheet, given[0].removeprefix("="), calculation)
        case "BOOLEAN":
            wanted = [text.lower() for text in given] or [truth.lower() for truth in book.home.truths]
            return shown.lower() in wanted
        case "CUSTOM_FORMULA":
            return is_true(results(book, sheet, given, calculation)[0])
        case _:
            return holds(computed(book, sheet, condition, calculation), effective, shown, book.typing)


def _texts(book: Spreadsheet, home: Sheet, where: str, calculation: Calculation) -> set[str]:
    """What the cells of the range show, in lower case; nothing where there is no such range. Without a title it is one
    of the rule's own sheet."""
    try:
        sheet, area = book.resolve(where if "!" in where else f"{quote_title(home.title)}!{where}")
    except InvalidArgument:
        return set()
    cells = (
        (row, column, sheet.cell(row, column))
        for row in range(area.top, area.bottom)
        for column in range(area.left, area.right)
    )
    return {
        text.lower() for row, column, cell in cells if (text := _shown(book, sheet, row, column, cell, calculation))
    }


def _shown(book: Spreadsheet, sheet: Sheet, row: int, column: int, cell: Cell, calculation: Calculation) -> str:
    return show(calculation.value(sheet, row, column, cell), cell.shown_format, book.home)
