"""batchUpdate's kinds that copy, cut and paste."""

from dataclasses import replace

import orjson

from sandbox.google.batch import Batch
from sandbox.google.document import Document
from sandbox.google.html_tables import cells_of
from sandbox.google.json_value import JsonObject
from sandbox.google.ranges import read_coordinate, read_grid_range
from sandbox.workbook.a1 import Area
from sandbox.workbook.cells import EMPTY, Cell
from sandbox.workbook.delimited import read_lines
from sandbox.workbook.errors import InvalidArgument
from sandbox.workbook.pasting import referring
from sandbox.workbook.sheet import Sheet
from sandbox.workbook.spreadsheet import exceeds_grid
from sandbox.workbook.writing import entered, write_block

_KINDS = (
    "PASTE_NORMAL", "PASTE_VALUES", "PASTE_FORMAT", "PASTE_NO_BORDERS", "PASTE_FORMULA", "PASTE_DATA_VALIDATION",
    "PASTE_CONDITIONAL_FORMATTING",
)  # fmt: skip
_Copied = tuple[Cell, Cell]


def copy_paste(batch: Batch, request: Document) -> JsonObject:
    """Copies a range, repeated to fill the destination, or turned; relative references go along."""
    transposed = request.choice("pasteOrientation", ("NORMAL", "TRANSPOSE"), "NORMAL") == "TRANSPOSE"
    source_sheet, source = read_grid_range(batch.spreadsheet, request.inner("source"))
    sheet, target = read_grid_range(batch.spreadsheet, request.inner("destination"))
    kind = request.choice("pasteType", _KINDS, "PASTE_NORMAL")
    height, width = (source.width, source.height) if transposed else (source.height, source.width)
    area = Area(
        target.top,
        target.left,
        target.top + max(target.height - target.height % height, height),
        target.left + max(target.width - target.width % width, width),
    )
    _check(batch, sheet, area)
    batch.calculation.bring_up_to_date(batch.spreadsheet)
    copied = _copy(batch, source_sheet, source)
    for row in range(area.top, area.bottom):
        cells = {}
        for column in range(area.left, area.right):
            down, right = (row - area.top) % height, (column - area.left) % width
            from_row, from_column = (right, down) if transposed else (down, right)
            by = (row - source.top - from_row, column - source.left - from_column)
            cells[column] = _pasted(sheet.cell(row, column), *copied[from_row][from_column], kind, by)
        sheet.put(row, cells)
    return {}


def cut_paste(batch: Batch, request: Document) -> JsonObject:
    """Moves cells, or what the kind of paste takes of them; formulas keep what they read."""
    source_sheet, source = read_grid_range(batch.spreadsheet, request.inner("source"))
    sheet, top, left = _coordinate(batch, request.inner("destination"))
    kind = request.choice("pasteType", _KINDS, "PASTE_NORMAL")
    area = Area(top, left, top + source.height, left + source.width)
    batch.may_write(source_sheet, source)
    _check(batch, sheet, area)
    batch.calculation.bring_up_to_date(batch.spreadsheet)
    taken = _copy(batch, source_sheet, source)
    for row in range(source.top, source.bottom):
        cells = {column: source_sheet.cell(row, column) for column in range(source.left, source.right)}
        left_over = {column: _pasted(cell, EMPTY, EMPTY, kind, (0, 0)) for column, cell in cells.items()}
        source_sheet.put(row, left_over)
    for offset, line in enumerate(taken):
        cells = {left + step: sheet.cell(top + offset, left + step) for step in range(source.width)}
        sheet.put(top + offset, {c: _pasted(cell, *line[c - left], kind, (0, 0)) for c, cell in cells.items()})
    return {}


def paste_data(batch: Batch, request: Document) -> JsonObject:
    """Text as if pasted: lines of cells, or the rows of an HTML table, read as if typed."""
    sheet, top, left = _coordinate(batch, request.inner("coordinate"))
    kind = request.choice("type", _KINDS, "PASTE_NORMAL")
    if request.flag("html"):
        block = cells_of(request.text("data"))
    else:
        delimiter = request.text("delimiter")
        if len(delimiter) != 1:
            raise InvalidArgument("A delimiter of one character must be specified.")
        block = read_lines(request.text("data"), delimiter)
    typing = batch.spreadsheet.typing
    area = Area(top, left, top + len(block), left + max((len(line) for line in block), default=0))
    _check(batch, sheet, area)
    if kind in ("PASTE_NORMAL", "PASTE_NO_BORDERS"):
        write_block(sheet, top, left, block, user_entered=True, typing=typing)
    elif kind in ("PASTE_VALUES", "PASTE_FORMULA"):
        for offset, line in enumerate(block):
            cells = {left + step: (sheet.cell(top + offset, left + step), text) for step, text in enumerate(line)}
            typed = {column: (cell, entered(cell, text, True, typing)) for column, (cell, text) in cells.items()}
            kept = {c: replace(new, number_format=old.number_format) for c, (old, new) in typed.items()}
            sheet.put(top + offset, kept)
    # A text has neither formats nor rules: the other kinds paste nothing of it.
    return {}


def _coordinate(batch: Batch, data: Document) -> tuple[Sheet, int, int]:
    sheet = batch.spreadsheet.sheet(data.whole("sheetId"))
    return sheet, *read_coordinate(sheet, data)


def _check(batch: Batch, sheet: Sheet, area: Area) -> None:
    if area.top < 0 or area.left < 0 or area.bottom > sheet.row_count or area.right > sheet.column_count:
        raise exceeds_grid(sheet, area)
    batch.may_write(sheet, area)


def _copy(batch: Batch, sheet: Sheet, area: Area) -> list[list[_Copied]]:
    """Each cell, and the cell that holds its value in place of its formula."""
    copied = []
    for row in range(area.top, area.bottom):
        line = []
        for column in range(area.left, area.right):
            cell = sheet.cell(row, column)
            value = batch.calculation.value(sheet, row, column, cell)
            plain = value if value is None or isinstance(value, bool | float | str) else value.text
            line.append((cell, replace(cell, value=plain, formula=None)))
        copied.append(line)
    return copied


def _pasted(old: Cell, cell: Cell, valued: Cell, kind: str, by: tuple[int, int]) -> Cell:
    """What the old cell is after the copied one was pasted; `by` is how far a formula went."""
    cell = referring(cell, *by)
    match kind:
        case "PASTE_VALUES":
            return replace(old, value=valued.value, formula=None)
        case "PASTE_FORMAT":
            return replace(old, number_format=cell.number_format, appearance=cell.appearance)
        case "PASTE_FORMULA":
            return replace(old, value=cell.value, formula=cell.formula)
        case "PASTE_DATA_VALIDATION":
            return replace(old, validation=cell.validation)
        case "PASTE_CONDITIONAL_FORMATTING":
            return old  # the sandbox has none
        case "PASTE_NO_BORDERS":
            return replace(cell, appearance=_with_borders_of(old, cell.appearance))
        case _:
            return cell


def _with_borders_of(old: Cell, appearance: str) -> str:
    look: JsonObject = orjson.loads(appearance) if appearance else {}
    look.pop("borders", None)
    borders = orjson.loads(old.appearance).get("borders") if old.appearance else None
    if borders:
        look["borders"] = borders
    return orjson.dumps(look, option=orjson.OPT_SORT_KEYS).decode() if look else ""
