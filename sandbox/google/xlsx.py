"""A spreadsheet as an Excel file: sheets, values, formulas with their results, number formats, looks that both know."""

import io
import re

import orjson
from xlsxwriter import Workbook
from xlsxwriter.format import Format
from xlsxwriter.worksheet import Worksheet

from sandbox.google.json_value import Json
from sandbox.workbook.a1 import absolute_name
from sandbox.workbook.calculation import Calculation
from sandbox.workbook.cells import Cell, CellError, Effective
from sandbox.workbook.display import default_pattern
from sandbox.workbook.locales import Locale
from sandbox.workbook.sheet import Sheet
from sandbox.workbook.spreadsheet import Spreadsheet

KIND = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"
_LONGEST_TITLE = 31
_FORBIDDEN = re.compile(r"[\[\]:*?/\\]")


def export(book: Spreadsheet, calculation: Calculation) -> bytes:
    """The file's bytes."""
    written = io.BytesIO()
    # Only what we say is a formula or a link is one; a text that looks like it stays text.
    options = {"in_memory": True, "strings_to_formulas": False, "strings_to_urls": False, "use_future_functions": True}
    with Workbook(written, options) as workbook:
        formats = _Formats(workbook, book.home)
        for sheet, title in zip(book.sheets, _titles(book), strict=True):
            _write(workbook.add_worksheet(title), sheet, calculation, formats)
        for entry in book.named.values():
            home = book.sheets.index(book.sheet(entry.sheet_id))
            workbook.define_name(entry.name, f"={absolute_name(_titles(book)[home], entry.area)}")
    return written.getvalue()


class _Formats:
    """Each look once, as Excel's files keep them."""

    def __init__(self, workbook: Workbook, home: Locale) -> None:
        self._workbook = workbook
        self._home = home
        self._made: dict[tuple[str, str], Format | None] = {("", ""): None}

    def of(self, cell: Cell) -> Format | None:
        number_format = cell.shown_format
        pattern = ""
        if number_format is not None:
            pattern = number_format.pattern or default_pattern(number_format.kind, self._home)
        key = (pattern, cell.appearance)
        if key not in self._made:
            look = orjson.loads(cell.appearance) if cell.appearance else {}
            properties = _properties(look) | ({"num_format": pattern} if pattern else {})
            self._made[key] = self._workbook.add_format(properties)
        return self._made[key]


def _write(page: Worksheet, sheet: Sheet, calculation: Calculation, formats: _Formats) -> None:
    if sheet.hidden:
        page.hide()
    if sheet.frozen_rows or sheet.frozen_columns:
        page.freeze_panes(sheet.frozen_rows, sheet.frozen_columns)
    for index, column in enumerate(sheet.columns):
        if column.hidden or column.pixels:
            page.set_column_pixels(index, index, column.pixels, None, {"hidden": column.hidden})
    for index, row in enumerate(sheet.rows):
        if row.hidden or row.filtered or row.pixels:
            page.set_row_pixels(index, row.pixels, None, {"hidden": row.hidden or row.filtered})
        for number in sorted(row.cells.keys() | calculation.spilled(sheet, index).keys()):
            cell = row.cell(number)
            _write_cell(page, index, number, cell, calculation.value(sheet, index, number, cell), formats.of(cell))
            if cell.note:
                page.write_comment(index, number, cell.note)
    for area in sheet.merges:
        cell = sheet.cell(area.top, area.left)
        page.merge_range(area.top, area.left, area.bottom - 1, area.right - 1, "", formats.of(cell))
        value = calculation.value(sheet, area.top, area.left, cell)
        _write_cell(page, area.top, area.left, cell, value, formats.of(cell))


def _write_cell(page: Worksheet, row: int, column: int, cell: Cell, value: Effective, look: Format | None) -> None:
    shown = value.text if isinstance(value, CellError) else value
    if cell.formula is not None:
        page.write_formula(row, column, cell.formula, look, "" if shown is None else shown)
    elif shown is None:
        page.write_blank(row, column, None, look)
    elif isinstance(shown, bool):
        page.write_boolean(row, column, shown, look)
    elif isinstance(shown, float):
        page.write_number(row, column, shown, look)
    else:
        page.write_string(row, column, shown, look)


def _properties(look: dict[str, Json]) -> dict[str, Json]:
    """What Excel calls the looks of a cell."""
    text = look.get("textFormat")
    properties: dict[str, Json] = {}
    if isinstance(text, dict):
        for ours, theirs in (("bold", "bold"), ("italic", "italic"), ("underline", "underline")):
            if text.get(ours) is True:
                properties[theirs] = True
        if text.get("strikethrough") is True:
            properties["font_strikeout"] = True
        if isinstance(text.get("fontSize"), int):
            properties["font_size"] = text["fontSize"]
        if isinstance(text.get("fontFamily"), str):
            properties["font_name"] = text["fontFamily"]
        properties |= _colored("font_color", text.get("foregroundColor"))
    properties |= _colored("bg_color", look.get("backgroundColor"))
    alignment = look.get("horizontalAlignment")
    if alignment in ("LEFT", "CENTER", "RIGHT"):
        properties["align"] = str(alignment).lower()
    if look.get("wrapStrategy") == "WRAP":
        properties["text_wrap"] = True
    return properties


def _colored(name: str, color: Json) -> dict[str, Json]:
    if not isinstance(color, dict):
        return {}
    parts = (color.get(part, 0) for part in ("red", "green", "blue"))
    shades = [round(part * 255) for part in parts if isinstance(part, int | float)]
    return {name: "#" + "".join(f"{shade:02X}" for shade in shades)} if len(shades) == 3 else {}


def _titles(book: Spreadsheet) -> list[str]:
    """The sheets' titles as Excel allows them: shorter, without some characters, still each its own."""
    titles: list[str] = []
    for sheet in book.sheets:
        wanted = _FORBIDDEN.sub("_", sheet.title).strip("'")[:_LONGEST_TITLE] or "Sheet"
        title, number = wanted, 1
        while title.lower() in (other.lower() for other in titles):
            number += 1
            title = f"{wanted[: _LONGEST_TITLE - len(str(number)) - 1]} {number}"
        titles.append(title)
    return titles
