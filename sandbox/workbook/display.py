"""How a cell shows its value (`FORMATTED_VALUE`), in the spreadsheet's locale."""

import re
from datetime import datetime
from decimal import ROUND_HALF_UP, Decimal, localcontext

from sandbox.workbook.cells import CellError, Effective
from sandbox.workbook.dates import from_serial
from sandbox.workbook.locales import EN_US, Locale
from sandbox.workbook.number_format import NumberFormat

DEFAULT_PATTERNS = {
    "NUMBER": "#,##0.00",
    "PERCENT": "0.00%",
    "CURRENCY": '"$"#,##0.00',
    "DATE": "m/d/yyyy",
    "TIME": "h:mm:ss am/pm",
    "DATE_TIME": "m/d/yyyy h:mm:ss",
    "SCIENTIFIC": "0.00E+00",
    "TEXT": "@",
}
"""In American English; `default_pattern` has other locales'."""
_DIGITS = 400  # the largest double has 309 before the point
_DATE_KINDS = ("DATE", "TIME", "DATE_TIME")
_DATE_TOKEN = re.compile(r'\[h+\]|\[m+\]|\[s+\]|am/pm|a/p|y+|m+|d+|h+|s+|\.0+|"[^"]*"|\\.|.', re.IGNORECASE | re.DOTALL)
_NUMBER_PATTERN = re.compile(r"[#0,]+(?:\.(?P<decimals>[#0]+))?|\.(?P<only>[#0]+)")
_COLOR = re.compile(r"\[(?:black|blue|cyan|green|magenta|red|white|yellow|color ?[0-9]{1,2})\]", re.IGNORECASE)
_CURRENCY = re.compile(r"\[\$([^\]-]*)(?:-[^\]]*)?\]")
_LITERAL = re.compile(r'"([^"]*)"|\\(.)|[_*].')


def default_pattern(kind: str, locale: Locale = EN_US) -> str:
    """The pattern that a format without one stands for; empty for those that have none."""
    if locale.is_american or kind not in (*_DATE_KINDS, "CURRENCY"):
        return DEFAULT_PATTERNS.get(kind, "")
    dates = {"DATE": locale.date, "TIME": "hh:mm:ss", "DATE_TIME": f"{locale.date} hh:mm:ss"}
    return dates.get(kind) or locale.money(".00")


def show(value: Effective, number_format: NumberFormat | None, locale: Locale = EN_US) -> str:
    """The text in the cell: `""` for nothing, `TRUE`, `#DIV/0!`, `50%`, `2024-01-31`."""
    if value is None:
        return ""
    if isinstance(value, CellError):
        return value.text
    if isinstance(value, bool):
        return locale.truths[0 if value else 1]
    if isinstance(value, str):
        return value
    if number_format is None or number_format.kind == "TEXT":
        return general(value, locale)
    pattern = number_format.pattern or default_pattern(number_format.kind, locale)
    if number_format.kind in _DATE_KINDS:
        return _show_date(value, pattern, locale)
    return _show_number(value, pattern, locale)


def general(value: float, locale: Locale = EN_US) -> str:
    """A number without a format: up to 10 significant digits, an exponent for the very large and small."""
    if value.is_integer() and -1e15 < value < 1e15:
        return str(int(value))
    if abs(value) >= 1e15 or abs(value) < 1e-9:
        mantissa, exponent = f"{value:.5E}".split("E")
        mantissa = mantissa.rstrip("0").rstrip(".") if "." in mantissa else mantissa
        return f"{mantissa.replace('.', locale.decimal)}E{exponent[0]}{exponent[1:].lstrip('0').rjust(2, '0')}"
    if 1e-4 <= abs(value) < 1e10:
        text = f"{value:.10g}"  # without an exponent, and without zeros at its end
        return text if locale.decimal == "." else text.replace(".", locale.decimal)
    text = f"{value:.0f}" if abs(value) >= 1e10 else f"{Decimal(f'{value:.10g}'):f}"
    return text.rstrip("0").rstrip(".").replace(".", locale.decimal) if "." in text else text


def _show_number(value: float, pattern: str, locale: Locale) -> str:
    # Colors aren't shown, and a currency stands in brackets with its locale.
    sections = _CURRENCY.sub(r'"\1"', _COLOR.sub("", pattern)).split(";")
    if value < 0 and len(sections) > 1:
        return _fill(abs(value), sections[1], locale)
    if value == 0 and len(sections) > 2:
        return _fill(value, sections[2], locale)
    return ("-" if value < 0 else "") + _fill(abs(value), sections[0], locale)


def _fill(value: float, section: str, locale: Locale) -> str:
    match = _first_placeholder(section)
    if match is None:
        return general(value, locale) if section in ("", "@", "General") else _literals(section)
    before, after = section[: match.start()], section[match.end() :]
    exponent = re.match(r"E\+(0+)", after)
    if exponent:
        return (
            _literals(before) + _scientific(value, match, len(exponent[1]), locale) + _literals(after[exponent.end() :])
        )
    percent = "%" in _LITERAL.sub("", section)
    number = Decimal(repr(value)).scaleb(2 if percent else 0)
    return _literals(before) + _decimal(number, match, locale) + _literals(after)


def _first_placeholder(section: str) -> re.Match[str] | None:
    position = 0
    while position < len(section):
        literal = _LITERAL.match(section, position)
        if literal:
            position = literal.end()
            continue
        match = _NUMBER_PATTERN.match(section, position)
        if match:
            return match
        position += 1
    return None


def _decimal(number: Decimal, match: re.Match[str], locale: Locale) -> str:
    decimals = match["decimals"] or match["only"] or ""
    whole_pattern = match[0].split(".")[0]
    with localcontext(prec=_DIGITS):
        rounded = f"{number.quantize(Decimal(1).scaleb(-len(decimals)), rounding=ROUND_HALF_UP):f}"
    whole, _, fraction = rounded.partition(".")
    keep = len(decimals.rstrip("#"))
    fraction = fraction[:keep] + fraction[keep:].rstrip("0")
    least = whole_pattern.count("0")
    whole = whole.lstrip("0").rjust(least, "0")
    if "," in whole_pattern:
        whole = f"{int(whole or 0):,}".replace(",", locale.groups[0]) if least or whole else whole
    return whole + (locale.decimal + fraction if fraction else "")


def _scientific(value: float, match: re.Match[str], least_exponent: int, locale: Locale) -> str:
    mantissa, exponent = f"{value:.{len(match['decimals'] or '')}E}".split("E")
    shown = mantissa.replace(".", locale.decimal)
    return f"{shown}E{exponent[0]}{exponent[1:].lstrip('0').rjust(least_exponent, '0')}"


def _literals(text: str) -> str:
    return _LITERAL.sub(lambda match: match[1] or match[2] or "", text)


def _show_date(serial: float, pattern: str, locale: Locale) -> str:
    moment = from_serial(serial)
    if moment is None:
        return general(serial, locale)
    tokens = _DATE_TOKEN.findall(pattern)
    half = any(token.lower() in ("am/pm", "a/p") for token in tokens)
    parts: list[str] = []
    previous = ""
    for index, token in enumerate(tokens):
        kind = token[0].lower()
        if token.lower() in ("am/pm", "a/p"):
            parts.append("PM" if moment.hour >= 12 else "AM")
        elif kind == "[":
            kind = token[1].lower()
            parts.append(_elapsed(serial, kind, len(token) - 2))
        elif kind == "m" and (previous == "h" or _next_kind(tokens, index) == "s"):
            parts.append(f"{moment.minute:0{min(len(token), 2)}d}")
        elif kind in "ymdhs":
            parts.append(_date_part(kind, len(token), half, moment, locale))
        elif kind == "." and len(token) > 1:
            parts.append(f"{locale.decimal}{moment.microsecond:06d}"[: len(token)])
        else:
            parts.append(_literals(token))
        previous = kind if kind in "ymdhs" else previous
    return "".join(parts)


def _elapsed(serial: float, kind: str, least: int) -> str:
    """Hours, minutes or seconds of a duration, however many they are."""
    seconds = round(serial * 86_400, 3) // {"h": 3600, "m": 60, "s": 1}[kind]
    return f"{int(seconds):0{least}d}"


def _next_kind(tokens: list[str], index: int) -> str:
    return next((token[0].lower() for token in tokens[index + 1 :] if token[0].lower() in "ymdhs"), "")


def _date_part(kind: str, length: int, half: bool, moment: datetime, locale: Locale) -> str:
    if kind == "y":
        return f"{moment.year:04d}" if length > 2 else f"{moment.year:04d}"[-2:]
    if kind == "m" and length > 2:
        name = locale.months[moment.month - 1]
        return {3: locale.short_months[moment.month - 1], 5: name[0]}.get(length, name)
    if kind == "d" and length > 2:
        return (locale.short_days if length == 3 else locale.days)[moment.weekday()]
    hour = (moment.hour + 11) % 12 + 1 if half else moment.hour
    number = {"m": moment.month, "d": moment.day, "h": hour, "s": moment.second}[kind]
    return f"{number:0{min(length, 2)}d}"


def exact(value: float) -> str:
    """The shortest text that is read as the same number again."""
    return str(int(value)) if value.is_integer() and abs(value) < 1e15 else repr(value)
