"""batchUpdate's kind that draws borders: along the sides of a range and between its cells."""

from dataclasses import replace

import orjson

from sandbox.google.batch import Batch
from sandbox.google.colors import plain
from sandbox.google.document import Document
from sandbox.google.json_value import Json, JsonObject
from sandbox.google.ranges import read_grid_range
from sandbox.workbook.a1 import Area
from sandbox.workbook.cells import Cell

_SIDES = ("top", "bottom", "left", "right")
_STYLES = ("DOTTED", "DASHED", "SOLID", "SOLID_MEDIUM", "SOLID_THICK", "NONE", "DOUBLE")


def update_borders(batch: Batch, request: Document) -> JsonObject:
    """Sets the borders that the request has and leaves the others; the style NONE takes one away."""
    sheet, area = read_grid_range(batch.spreadsheet, request.inner("range"))
    batch.may_write(sheet, area)
    borders = {name: _read(request.inner(name)) for name in request.fields if name != "range"}
    for row in range(area.top, area.bottom):
        columns = range(area.left, area.right)
        sheet.put(row, {column: _drawn(sheet.cell(row, column), borders, area, row, column) for column in columns})
    return {}


def _read(border: Document) -> JsonObject | None:
    """The border as it is kept; None for none."""
    if border.choice("style", _STYLES, "NONE") == "NONE":
        return None
    kept = plain(border.fields)
    assert isinstance(kept, dict)
    usual: JsonObject = {"width": 1, "color": {}}
    return usual | kept


def _drawn(cell: Cell, borders: dict[str, JsonObject | None], area: Area, row: int, column: int) -> Cell:
    names = {
        "top": "top" if row == area.top else "innerHorizontal",
        "bottom": "bottom" if row == area.bottom - 1 else "innerHorizontal",
        "left": "left" if column == area.left else "innerVertical",
        "right": "right" if column == area.right - 1 else "innerVertical",
    }
    look: JsonObject = orjson.loads(cell.appearance) if cell.appearance else {}
    old = look.get("borders", {})
    drawn: dict[str, Json] = dict(old) if isinstance(old, dict) else {}
    for side, name in names.items():
        if name not in borders:
            continue
        border = borders[name]
        if border is None:
            drawn.pop(side, None)
        else:
            drawn[side] = border
    look.pop("borders", None)
    if drawn:
        look["borders"] = drawn
    return replace(cell, appearance=orjson.dumps(look, option=orjson.OPT_SORT_KEYS).decode() if look else "")
