"""What a person types, as Sheets reads it in the locale en_US (`USER_ENTERED`).

One string in, an entry out. What isn't a number, a date, a boolean or a formula is text, kept as typed.
"""

import re
from dataclasses import dataclass
from datetime import datetime

from sandbox.workbook.cells import NumberFormat, Scalar, checked_text
from sandbox.workbook.dates import to_serial

_NUMBER = re.compile(
    r"(?P<open>\()?(?P<sign>[-+])?(?P<dollar>\$)?(?P<sign2>[-+])?"
    r"(?P<whole>\d{1,3}(?:,\d{3})+|\d*)(?P<fraction>\.\d*)?(?P<exponent>[eE][-+]?\d+)?\s?(?P<percent>%)?(?P<close>\))?"
)
_MONTHS = ("jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec")
_TIME = r"(?P<hour>\d{1,2}):(?P<minute>\d{2})(?::(?P<second>\d{2}(?:\.\d{1,3})?))?(?:\s?(?P<half>[AaPp][Mm]))?"
_DATES = tuple(
    (re.compile(rf"{pattern}(?:[ T]\s*{_TIME})?", re.IGNORECASE), shown)
    for pattern, shown in (
        (r"(?P<year>\d{4})-(?P<month>\d{1,2})-(?P<day>\d{1,2})", "yyyy-mm-dd"),
        (r"(?P<year>\d{4})/(?P<month>\d{1,2})/(?P<day>\d{1,2})", "yyyy/mm/dd"),
        (r"(?P<month>\d{1,2})[/-](?P<day>\d{1,2})[/-](?P<year>\d{4}|\d{2})", "m/d/yyyy"),
        (r"(?P<name>[A-Za-z]{3,9})\.? (?P<day>\d{1,2}),? (?P<year>\d{4})", "mmm d, yyyy"),
        (r"(?P<day>\d{1,2})[ -](?P<name>[A-Za-z]{3,9})[ -](?P<year>\d{4})", "d mmm yyyy"),
    )
)
_TIME_ALONE = re.compile(_TIME)


@dataclass(frozen=True, slots=True)
class Entry:
    """What was entered: a value or a formula, and the number format that typing it brings along."""

    value: Scalar | None = None
    formula: str | None = None
    number_format: NumberFormat | None = None


def parse_entry(text: str, as_text: bool = False) -> Entry:
    """Reads what was typed; `as_text` where the cell has the format TEXT. An empty string clears.

    Raises:
        InvalidArgument: longer than a cell holds.
    """
    checked_text(text)
    if text == "":
        return Entry()
    if as_text:
        return Entry(text)
    if text.startswith("'"):
        return Entry(text[1:])
    if text.startswith("=") and len(text) > 1:
        return Entry(formula=text)
    stripped = text.strip()
    if stripped.upper() in ("TRUE", "FALSE"):
        return Entry(stripped.upper() == "TRUE")
    return _number(stripped) or _date(stripped) or _time(stripped) or Entry(text)


def _number(text: str) -> Entry | None:
    match = _NUMBER.fullmatch(text)
    if match is None or not (match["whole"] or (match["fraction"] and len(match["fraction"]) > 1)):
        return None
    if bool(match["open"]) != bool(match["close"]) or (match["sign"] and (match["sign2"] or match["open"])):
        return None
    digits = match["whole"].replace(",", "") + (match["fraction"] or "") + (match["exponent"] or "")
    value = float(digits)
    if value in (float("inf"), float("-inf")):
        return None
    if match["open"] or "-" in (match["sign"], match["sign2"]):
        value = -value
    if match["percent"]:
        # Dividing as decimal text keeps 7% from being read as 0.07000000000000001.
        exponent = int((match["exponent"] or "e0")[1:]) - 2
        value = float(f"{match['whole'].replace(',', '') or '0'}{match['fraction'] or ''}e{exponent}") * (
            -1 if value < 0 else 1
        )
    return Entry(value, number_format=_typed_format(match))


def _typed_format(match: re.Match[str]) -> NumberFormat | None:
    decimals = ".00" if match["fraction"] else ""
    if match["percent"]:
        return NumberFormat("PERCENT", f"0{decimals}%")
    if match["dollar"]:
        return NumberFormat("CURRENCY", f'"$"#,##0{decimals}')
    if match["exponent"]:
        return NumberFormat("SCIENTIFIC", "0.00E+00")
    if "," in match["whole"]:
        return NumberFormat("NUMBER", f"#,##0{decimals}")
    return None


def _date(text: str) -> Entry | None:
    for pattern, shown in _DATES:
        match = pattern.fullmatch(text)
        if match is None:
            continue
        fields = match.groupdict()
        month = _month(fields["name"]) if fields.get("name") else int(fields["month"])
        clock = _clock(match) if fields["hour"] else 0.0
        if month is None or clock is None:
            return None
        year = int(fields["year"])
        if len(fields["year"]) == 2:
            year += 2000 if year < 30 else 1900  # Sheets' window for years of two digits
        try:
            serial = to_serial(datetime(year, month, int(fields["day"])))  # noqa: DTZ001 - serial days have no zone
        except ValueError:
            return None  # 30 February is text, as in Sheets
        if fields["hour"]:
            return Entry(serial + clock, number_format=NumberFormat("DATE_TIME", f"{shown} h:mm:ss"))
        return Entry(serial, number_format=NumberFormat("DATE", shown))
    return None


def _month(name: str) -> int | None:
    short = name[:3].lower()
    full = datetime(2000, _MONTHS.index(short) + 1, 1).strftime("%B").lower() if short in _MONTHS else ""  # noqa: DTZ001
    return _MONTHS.index(short) + 1 if name.lower() in (short, full) and full else None


def _time(text: str) -> Entry | None:
    match = _TIME_ALONE.fullmatch(text)
    if match is None:
        return None
    clock = _clock(match)
    if clock is None:
        return None
    shown = "h:mm:ss am/pm" if match["half"] else "h:mm:ss" if match["second"] else "h:mm"
    return Entry(clock, number_format=NumberFormat("TIME", shown))


def _clock(match: re.Match[str]) -> float | None:
    """The time of day as a fraction of a day, or None where there is no such time."""
    hour, minute, second = int(match["hour"]), int(match["minute"]), float(match["second"] or 0)
    if match["half"]:
        if not 1 <= hour <= 12:
            return None
        hour = hour % 12 + (12 if match["half"].lower() == "pm" else 0)
    if hour > 23 or minute > 59 or second >= 60:
        return None
    return (hour * 3600 + minute * 60 + second) / 86_400
