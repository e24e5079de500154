"""Data validation: what a cell takes from a person. Programs write past it, as at Google."""

from collections.abc import Callable
from typing import Any

import orjson

from sandbox.workbook.a1 import Area, cell_name
from sandbox.workbook.cells import Cell, Effective
from sandbox.workbook.conditions import UNDECIDED, Condition, holds
from sandbox.workbook.display import show
from sandbox.workbook.errors import InvalidArgument
from sandbox.workbook.sheet import Sheet
from sandbox.workbook.spreadsheet import Spreadsheet

Value = Callable[[Sheet, int, int, Cell], Effective]


def has_rules(sheet: Sheet, area: Area) -> bool:
    """Whether any cell of the area has a rule."""
    return any(
        cell.validation and area.left <= column < area.right
        for row in range(area.top, area.bottom)
        for column, cell in sheet.rows[row].cells.items()
    )


def check_typed(book: Spreadsheet, sheet: Sheet, area: Area, value: Value) -> None:
    """Raises InvalidArgument where a cell of the area has what its rule rejects: a strict one. Empty cells pass."""
    for row in range(area.top, area.bottom):
        for column in range(area.left, area.right):
            cell = sheet.cell(row, column)
            rule = orjson.loads(cell.validation) if cell.validation else {}
            if not rule.get("strict") or not cell.has_content:
                continue
            if not _allows(book, rule, value(sheet, row, column, cell), cell, value):
                told = rule.get("inputMessage", "")
                raise InvalidArgument(
                    f"The data you entered in cell {cell_name(row, column)} violates the data validation rules set on "
                    f"this cell.{f' {told}' if told else ''}"
                )


def _allows(book: Spreadsheet, rule: dict[str, Any], effective: Effective, cell: Cell, value: Value) -> bool:
    told = rule.get("condition", {})
    given = tuple(str(one.get("userEnteredValue", "")) for one in told.get("values", ()))
    condition = Condition(str(told.get("type", "")), given)
    shown = show(effective, cell.number_format, book.home)
    match condition.kind:
        case "ONE_OF_RANGE":
            return shown.lower() in _texts(book, given[0].removeprefix("="), value)
        case "BOOLEAN":
            wanted = [text.lower() for text in given] or [truth.lower() for truth in book.home.truths]
            return shown.lower() in wanted
        case kind if kind in UNDECIDED:
            return True
        case _:
            return holds(condition, effective, shown)


def _texts(book: Spreadsheet, where: str, value: Value) -> set[str]:
    """What the cells of the range show, in lower case; nothing where there is no such range."""
    try:
        sheet, area = book.resolve(where)
    except InvalidArgument:
        return set()
    cells = (
        (row, column, sheet.cell(row, column))
        for row in range(area.top, area.bottom)
        for column in range(area.left, area.right)
    )
    texts = {show(value(sheet, r, c, cell), cell.number_format, book.home).lower() for r, c, cell in cells}
    return texts - {""}
