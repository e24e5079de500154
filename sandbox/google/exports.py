"""A spreadsheet as a file of another type: of the first sheet the values as they are shown, or the whole as XLSX."""

import csv
import io

from sandbox.google import xlsx
from sandbox.workbook.calculation import Calculation
from sandbox.workbook.delimited import read_lines
from sandbox.workbook.display import show
from sandbox.workbook.entry import Typing
from sandbox.workbook.locales import Locale
from sandbox.workbook.sheet import Sheet
from sandbox.workbook.spreadsheet import Spreadsheet
from sandbox.workbook.writing import write_block

CSV = "text/csv"
TSV = "text/tab-separated-values"
KINDS = (CSV, TSV, xlsx.KIND)
LACKING = ("application/pdf", "application/vnd.oasis.opendocument.spreadsheet", "application/zip")
"""What Google makes of a spreadsheet, too."""
LARGEST = 10 * 1024 * 1024
"""Bytes of an export."""


def export(book: Spreadsheet, calculation: Calculation, kind: str) -> bytes:
    """The file's bytes; `kind` is one of KINDS."""
    if kind == xlsx.KIND:
        return xlsx.export(book, calculation)
    rows = shown_values(book.sheets[0], calculation, book.home)
    if kind == TSV:
        # A tab or a line's end within a cell would be taken for one between cells.
        plain = [[text.replace("\t", " ").replace("\n", " ") for text in row] for row in rows]
        return "\r\n".join("\t".join(row) for row in plain).encode()
    written = io.StringIO()
    csv.writer(written).writerows(rows)
    return written.getvalue().removesuffix("\r\n").encode()


def imported(title: str, sheet_id: int, content: str, kind: str, typing: Typing) -> Sheet:
    """A sheet with the values of a CSV or TSV file, read as if typed."""
    block = read_lines(content, "\t" if kind == TSV else ",")
    sheet = Sheet(sheet_id, title)
    sheet.resize(max(sheet.row_count, len(block)), max([sheet.column_count, *map(len, block)]))
    write_block(sheet, 0, 0, block, user_entered=True, typing=typing)
    return sheet


def shown_values(sheet: Sheet, calculation: Calculation, home: Locale) -> list[list[str]]:
    """What the cells show, in rows of one width, up to the last that shows something."""
    rows: list[list[str]] = []
    for index, row in enumerate(sheet.rows):
        columns = row.cells.keys() | calculation.spilled(sheet, index).keys()
        texts = [""] * (max(columns, default=-1) + 1)
        for column in columns:
            cell = row.cell(column)
            texts[column] = show(calculation.value(sheet, index, column, cell), cell.shown_format, home)
        rows.append(texts)
    used = [(index, column) for index, row in enumerate(rows) for column, text in enumerate(row) if text]
    height, width = max((row for row, _ in used), default=-1) + 1, max((column for _, column in used), default=-1) + 1
    return [(row + [""] * width)[:width] for row in rows[:height]]
