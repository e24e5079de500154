"""How a cell shows its value (`FORMATTED_VALUE`), in the locale en_US."""

import re
from decimal import ROUND_HALF_UP, Decimal, localcontext

from sandbox.workbook.cells import CellError, Effective, NumberFormat
from sandbox.workbook.dates import from_serial

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
_DIGITS = 400  # the largest double has 309 before the point
_DATE_KINDS = ("DATE", "TIME", "DATE_TIME")
_DATE_TOKEN = re.compile(r'am/pm|a/p|y+|m+|d+|h+|s+|\.0+|"[^"]*"|\\.|.', re.IGNORECASE | re.DOTALL)
_NUMBER_PATTERN = re.compile(r"[#0,]+(?:\.(?P<decimals>[#0]+))?|\.(?P<only>[#0]+)")
_LITERAL = re.compile(r'"([^"]*)"|\\(.)|[_*].')


def show(value: Effective, number_format: NumberFormat | None) -> str:
    """The text in the cell: `""` for nothing, `TRUE`, `#DIV/0!`, `50%`, `2024-01-31`."""
    if value is None:
        return ""
    if isinstance(value, CellError):
        return value.text
    if isinstance(value, bool):
        return "TRUE" if value else "FALSE"
    if isinstance(value, str):
        return value
    if number_format is None or number_format.kind == "TEXT":
        return general(value)
    pattern = number_format.pattern or DEFAULT_PATTERNS.get(number_format.kind, "")
    if number_format.kind in _DATE_KINDS:
        return _show_date(value, pattern)
    return _show_number(value, pattern)


def general(value: float) -> str:
    """A number without a format: up to 10 significant digits, an exponent for the very large and small."""
    if value == 0:
        return "0"
    if abs(value) >= 1e15 or abs(value) < 1e-9:
        mantissa, exponent = f"{value:.5E}".split("E")
        mantissa = mantissa.rstrip("0").rstrip(".") if "." in mantissa else mantissa
        return f"{mantissa}E{exponent[0]}{exponent[1:].lstrip('0').rjust(2, '0')}"
    if value.is_integer():
        return str(int(value))
    text = f"{value:.0f}" if abs(value) >= 1e10 else f"{Decimal(f'{value:.10g}'):f}"
    return text.rstrip("0").rstrip(".") if "." in text else text


def _show_number(value: float, pattern: str) -> str:
    sections = pattern.split(";")
    if value < 0 and len(sections) > 1:
        return _fill(abs(value), sections[1])
    if value == 0 and len(sections) > 2:
        return _fill(value, sections[2])
    return ("-" if value < 0 else "") + _fill(abs(value), sections[0])


def _fill(value: float, section: str) -> str:
    match = _first_placeholder(section)
    if match is None:
        return general(value) if section in ("", "@", "General") else _literals(section)
    before, after = section[: match.start()], section[match.end() :]
    exponent = re.match(r"E\+(0+)", after)
    if exponent:
        return _literals(before) + _scientific(value, match, len(exponent[1])) + _literals(after[exponent.end() :])
    percent = "%" in _LITERAL.sub("", section)
    number = Decimal(repr(value)).scaleb(2 if percent else 0)
    return _literals(before) + _decimal(number, match) + _literals(after)


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


def _decimal(number: Decimal, match: re.Match[str]) -> str:
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
        whole = f"{int(whole or 0):,}" if least or whole else whole
    return whole + ("." + fraction if fraction else "")


def _scientific(value: float, match: re.Match[str], least_exponent: int) -> str:
    mantissa, exponent = f"{value:.{len(match['decimals'] or '')}E}".split("E")
    return f"{mantissa}E{exponent[0]}{exponent[1:].lstrip('0').rjust(least_exponent, '0')}"


def _literals(text: str) -> str:
    return _LITERAL.sub(lambda match: match[1] or match[2] or "", text)


def _show_date(serial: float, pattern: str) -> str:
    moment = from_serial(serial)
    if moment is None:
        return general(serial)
    tokens = _DATE_TOKEN.findall(pattern)
    half = any(token.lower() in ("am/pm", "a/p") for token in tokens)
    parts: list[str] = []
    previous = ""
    for index, token in enumerate(tokens):
        kind = token[0].lower()
        if token.lower() in ("am/pm", "a/p"):
            parts.append("PM" if moment.hour >= 12 else "AM")
        elif kind == "m" and (previous == "h" or _next_kind(tokens, index) == "s"):
            parts.append(f"{moment.minute:0{min(len(token), 2)}d}")
        elif kind in "ymdhs":
            parts.append(_date_part(kind, len(token), half, moment.strftime("%Y %m %d %H %S %B %A").split()))
        elif kind == "." and len(token) > 1:
            parts.append(f".{moment.microsecond:06d}"[: len(token)])
        else:
            parts.append(_literals(token))
        previous = kind if kind in "ymdhs" else previous
    return "".join(parts)


def _next_kind(tokens: list[str], index: int) -> str:
    return next((token[0].lower() for token in tokens[index + 1 :] if token[0].lower() in "ymdhs"), "")


def _date_part(kind: str, length: int, half: bool, fields: list[str]) -> str:
    year, month, day, hour, second, month_name, day_name = fields
    if kind == "y":
        return year.rjust(4, "0") if length > 2 else year[-2:]
    if kind == "m" and length > 2:
        return {3: month_name[:3], 5: month_name[0]}.get(length, month_name)
    if kind == "d" and length > 2:
        return day_name[:3] if length == 3 else day_name
    if kind == "h" and half:
        hour = str((int(hour) + 11) % 12 + 1)
    number = int({"m": month, "d": day, "h": hour, "s": second}[kind])
    return f"{number:0{min(length, 2)}d}"


def exact(value: float) -> str:
    """The shortest text that is read as the same number again."""
    return str(int(value)) if value.is_integer() and abs(value) < 1e15 else repr(value)
