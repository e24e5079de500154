"""How a cell looks, for the sheet's page: what of a CellFormat a browser can draw, in CSS's words."""

from collections.abc import Mapping
from functools import lru_cache
from typing import Final

import orjson

from sandbox.google.json_value import Json, JsonObject

_FLAGS: Final = ("bold", "italic", "underline", "strikethrough")
_ALIGNS: Final = {"LEFT": "start", "CENTER": "center", "RIGHT": "end"}
_VERTICALS: Final = {"TOP": "start", "MIDDLE": "center"}  # below, as Google does it, is the usual one
_LINES: Final = {
    "DOTTED": "1px dotted",
    "DASHED": "1px dashed",
    "SOLID": "1px solid",
    "SOLID_MEDIUM": "2px solid",
    "SOLID_THICK": "3px solid",
    "DOUBLE": "3px double",
}
_USUAL_POINTS: Final = 10
"""The size of a text without one of its own."""


@lru_cache(maxsize=4096)
def look(appearance: str) -> JsonObject:
    """`bold`, `italic`, `underline`, `strikethrough`: true; `color`, `fill`: `#rrggbb`; `align`: start, center or end;
    `vertical`: start or center; `wrap`: true; `size`: times the usual one; `font`: a family's name; `top`, `right`,
    `bottom`, `left`: a border. What is as usual is left out.

    The answer is shared: don't change it.
    """
    if not appearance:
        return {}
    form: JsonObject = orjson.loads(appearance)
    text = _inner(form, "textFormat")
    found: JsonObject = {name: True for name in _FLAGS if text.get(name) is True}
    if "foregroundColor" in text:
        found["color"] = _hex(text["foregroundColor"])
    if "backgroundColor" in form:
        found["fill"] = _hex(form["backgroundColor"])
    for name, key, words in (("align", "horizontalAlignment", _ALIGNS), ("vertical", "verticalAlignment", _VERTICALS)):
        if (word := words.get(str(form.get(key)))) is not None:
            found[name] = word
    if form.get("wrapStrategy") == "WRAP":
        found["wrap"] = True
    size = text.get("fontSize")
    if isinstance(size, int) and size > 0 and size != _USUAL_POINTS:
        found["size"] = round(size / _USUAL_POINTS, 2)
    if isinstance(font := text.get("fontFamily"), str) and font:
        found["font"] = font
    for side, border in _inner(form, "borders").items():
        if isinstance(border, dict) and (line := _LINES.get(str(border.get("style")))) is not None:
            found[side] = f"{line} {_hex(border.get('color'))}"
    return found


def _inner(data: Mapping[str, Json], name: str) -> JsonObject:
    inner = data.get(name)
    return inner if isinstance(inner, dict) else {}


def _hex(color: Json) -> str:
    """Google's parts from 0 to 1; one that is missing is 0."""
    parts = color if isinstance(color, dict) else {}
    values = (parts.get(name, 0) for name in ("red", "green", "blue"))
    return "#" + "".join(
        f"{round(min(max(value, 0), 1) * 255) if isinstance(value, int | float) else 0:02x}" for value in values
    )
