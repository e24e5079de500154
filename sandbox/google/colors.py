"""Colors and default formats. Google shows each color twice, as `…Color` and as `…ColorStyle`; here it is kept once."""

from sandbox.google.json_value import Json, JsonObject
from sandbox.google.masks import EVERYTHING, FieldMask

_PAIRS = {
    "backgroundColor": "backgroundColorStyle",
    "foregroundColor": "foregroundColorStyle",
    "color": "colorStyle",
    "tabColor": "tabColorStyle",
}
_WHITE: JsonObject = {"red": 1, "green": 1, "blue": 1}
_THEME_COLORS: dict[str, JsonObject] = {
    "TEXT": {},
    "BACKGROUND": _WHITE,
    "ACCENT1": {"red": 0.25882354, "green": 0.52156866, "blue": 0.95686275},
    "ACCENT2": {"red": 0.91764706, "green": 0.2627451, "blue": 0.20784314},
    "ACCENT3": {"red": 0.9843137, "green": 0.7372549, "blue": 0.015686275},
    "ACCENT4": {"red": 0.20392157, "green": 0.65882355, "blue": 0.3254902},
    "ACCENT5": {"red": 1, "green": 0.42745098, "blue": 0.003921569},
    "ACCENT6": {"red": 0.27450982, "green": 0.7411765, "blue": 0.7764706},
    "LINK": {"red": 0.06666667, "green": 0.33333334, "blue": 0.8},
}
THEME: JsonObject = {
    "primaryFontFamily": "Arial",
    "themeColors": [{"colorType": kind, "color": {"rgbColor": color}} for kind, color in _THEME_COLORS.items()],
}
DEFAULT_FORMAT: JsonObject = {
    "backgroundColor": _WHITE,
    "padding": {"top": 2, "right": 3, "bottom": 2, "left": 3},
    "verticalAlignment": "BOTTOM",
    "wrapStrategy": "OVERFLOW_CELL",
    "textFormat": {
        "foregroundColor": {},
        "fontFamily": "arial,sans,sans-serif",
        "fontSize": 10,
        "bold": False,
        "italic": False,
        "strikethrough": False,
        "underline": False,
        "foregroundColorStyle": {"rgbColor": {}},
    },
    "backgroundColorStyle": {"rgbColor": _WHITE},
}


def plain(value: Json) -> Json:
    """The value as it is kept: a style that is a plain color as that color, one of the theme beside its color."""
    if not isinstance(value, dict):
        return value
    kept = {name: plain(inner) for name, inner in value.items()}
    for color, style in _PAIRS.items():
        given = kept.get(style)
        if isinstance(given, dict) and "rgbColor" in given:
            kept[color] = given["rgbColor"]
            del kept[style]
        elif isinstance(given, dict) and "themeColor" in given:
            kept[color] = _THEME_COLORS.get(str(given["themeColor"]), {})
    return kept


def styled(value: Json) -> Json:
    """The value as Google shows it: each color as a style, too."""
    if not isinstance(value, dict):
        return value
    shown = {name: styled(inner) for name, inner in value.items()}
    for color, style in _PAIRS.items():
        if color in shown and style not in shown:
            shown[style] = {"rgbColor": shown[color]}
    return shown


def both(mask: FieldMask) -> FieldMask:
    """The mask that names both of a color's fields where it names one."""
    if mask.everything:
        return mask
    children = {name: both(inner) for name, inner in mask.children.items()}
    for color, style in _PAIRS.items():
        if color in children or style in children:
            children[color] = children[style] = EVERYTHING
    return FieldMask(children)
