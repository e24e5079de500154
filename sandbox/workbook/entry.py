"""What a person types, as Sheets reads it in the spreadsheet's locale (`USER_ENTERED`).

One string in, an entry out. What isn't a number, a date, a boolean or a formula is text, kept as typed.
"""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from functools import lru_cache

from sandbox.workbook.cells import Scalar, checked_text
from sandbox.workbook.dates import to_serial
from sandbox.workbook.locales import EN_US, Locale
from sandbox.workbook.notation import canonical
from sandbox.workbook.number_format import NumberFormat

_TIME = r"(?P<hour>\d{1,2}):(?P<minute>\d{2})(?::(?P<second>\d{2}(?:\.\d{1,3})?))?(?:\s?(?P<half>[AaPp][Mm]))?"
_TIME_ALONE = re.compile(_TIME)
_HOUR = re.compile(r"(?P<hour>\d{1,2})\s?(?P<half>[AaPp][Mm])")
_DURATION = re.compile(r"(?P<hour>\d{1,5}):(?P<minute>[0-5]\d)(?::(?P<second>[0-5]\d(?:\.\d{1,3})?))?")
_YEAR = r"(?P<year>\d{4}|\d{2})"


@dataclass(frozen=True, slots=True)
class Typing:
    """Where and when something is typed. `year` is that of dates without one; None: they are texts."""

    locale: Locale = EN_US
    year: int | None = None


AMERICAN = Typing()


@dataclass(frozen=True, slots=True)
class Entry:
    """What was entered: a value or a formula, and the number format that typing it brings along."""

    value: Scalar | None = None
    formula: str | None = None
    number_format: NumberFormat | None = None


def parse_entry(text: str, as_text: bool = False, typing: Typing = AMERICAN) -> Entry:
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
        return Entry(formula=canonical(text, typing.locale))
    locale, stripped = typing.locale, text.strip()
    if stripped.upper() in ("TRUE", "FALSE", *locale.truths):
        return Entry(stripped.upper() in ("TRUE", locale.truths[0]))
    return _number(stripped, locale) or _date(stripped, typing) or _time(stripped) or Entry(text)


@lru_cache
def _numbers(locale: Locale) -> re.Pattern[str]:
    group = "[" + "".join(re.escape(mark) for mark in locale.groups) + "]"
    money = re.escape(locale.currency)
    return re.compile(
        rf"(?P<open>\()?(?P<sign>[-+])?(?P<before>{money}\s?)?(?P<sign2>[-+])?"
        rf"(?P<whole>\d{{1,3}}(?:{group}\d{{3}})+|\d*)(?:{re.escape(locale.decimal)}(?P<fraction>\d*))?"
        rf"(?P<exponent>[eE][-+]?\d{{1,4}})?\s?(?P<percent>%)?(?P<after>\s?{money})?(?P<close>\))?"
    )


def _number(text: str, locale: Locale) -> Entry | None:
    match = _numbers(locale).fullmatch(text)
    if match is None or not (match["whole"] or match["fraction"]):
        return None
    if bool(match["open"]) != bool(match["close"]) or (match["sign"] and (match["sign2"] or match["open"])):
        return None
    if match["before"] and match["after"]:
        return None
    whole = re.sub(r"\D", "", match["whole"]) or "0"
    # Dividing as decimal text keeps 7% from being read as 0.07000000000000001.
    exponent = int((match["exponent"] or "e0")[1:]) - (2 if match["percent"] else 0)
    value = float(f"{whole}.{match['fraction'] or ''}e{exponent}")
    if value == float("inf"):
        return None
    if match["open"] or "-" in (match["sign"], match["sign2"]):
        value = -value
    return Entry(value, number_format=_typed_format(match, locale))


def _typed_format(match: re.Match[str], locale: Locale) -> NumberFormat | None:
    decimals = ".00" if match["fraction"] is not None else ""
    if match["percent"]:
        return NumberFormat("PERCENT", f"0{decimals}%")
    if match["before"] or match["after"]:
        return NumberFormat("CURRENCY", locale.money(decimals))
    if match["exponent"]:
        return NumberFormat("SCIENTIFIC", "0.00E+00")
    if not match["whole"].isdecimal() and match["whole"]:
        return NumberFormat("NUMBER", f"#,##0{decimals}")
    return None


@lru_cache
def _dates(locale: Locale) -> tuple[tuple[re.Pattern[str], str], ...]:
    """What a date looks like there, and the pattern that it is shown by then."""
    parts = {"y": _YEAR, "m": r"(?P<month>\d{1,2})", "d": r"(?P<day>\d{1,2})"}
    marks = "[/-]" if locale.is_american else "[./-]"
    first, second, third = (parts[letter] for letter in locale.order)
    name = r"(?P<name>[^\W\d_]{3,12})\.?"
    shapes = (
        (r"(?P<year>\d{4})-(?P<month>\d{1,2})-(?P<day>\d{1,2})", "yyyy-mm-dd"),
        (r"(?P<year>\d{4})/(?P<month>\d{1,2})/(?P<day>\d{1,2})", "yyyy/mm/dd"),
        (f"{first}(?P<mark>{marks}){second}(?P=mark){third}", locale.date),
        (rf"{name} (?P<day>\d{{1,2}}),? (?P<year>\d{{4}})", "mmm d, yyyy"),
        (rf"(?P<day>\d{{1,2}})\.?[ -]{name}[ -](?P<year>\d{{4}})", "d mmm yyyy"),
        *_partial_dates(locale, name),
    )
    return tuple((re.compile(rf"{shape}(?:[ T]\s*{_TIME})?", re.IGNORECASE), shown) for shape, shown in shapes)


def _partial_dates(locale: Locale, name: str) -> Iterator[tuple[str, str]]:
    """Dates without a year, or without a day, and shown so."""
    parts = {"m": r"(?P<month>\d{1,2})", "d": r"(?P<day>\d{1,2})"}
    first, second = (letter for letter in locale.order if letter != "y")
    for mark in "/-" if locale.is_american else "./-":
        end = r"\.?" if mark == "." else ""
        yield f"{parts[first]}{re.escape(mark)}{parts[second]}{end}", f"{first}{mark}{second}"
    yield rf"{name} (?P<day>\d{{1,2}})", "mmm d"
    yield rf"(?P<day>\d{{1,2}})\.? {name}", "d mmm"
    yield rf"(?P<day>\d{{1,2}})-{name}", "d-mmm"
    yield rf"{name} (?P<year>\d{{4}})", "mmm yyyy"


def _date(text: str, typing: Typing) -> Entry | None:
    locale = typing.locale
    for pattern, shown in _dates(locale):
        match = pattern.fullmatch(text)
        if match is None:
            continue
        fields = {"day": "1", "year": str(typing.year or ""), **match.groupdict()}
        month = _month(fields["name"], locale) if fields.get("name") else int(fields["month"])
        clock = _clock(fields) if fields["hour"] else 0.0
        if month is None or clock is None or not fields["year"]:
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


def _month(name: str, locale: Locale) -> int | None:
    """The month of that name or its short one, there or in English."""
    for names in (locale.months, locale.short_months, EN_US.months, EN_US.short_months):
        for number, known in enumerate(names, 1):
            if name.casefold() == known.casefold():
                return number
    return None


def _time(text: str) -> Entry | None:
    match = _TIME_ALONE.fullmatch(text)
    clock = _clock(match.groupdict()) if match else None
    if match is None or clock is None:
        return _hour(text) or _duration(text)
    shown = "h:mm:ss am/pm" if match["half"] else "h:mm:ss" if match["second"] else "h:mm"
    return Entry(clock, number_format=NumberFormat("TIME", shown))


def _hour(text: str) -> Entry | None:
    """`3 pm`"""
    match = _HOUR.fullmatch(text)
    clock = _clock(match.groupdict()) if match else None
    return None if clock is None else Entry(clock, number_format=NumberFormat("TIME", "h:mm:ss am/pm"))


def _duration(text: str) -> Entry | None:
    """`25:00`: more hours than a day has."""
    match = _DURATION.fullmatch(text)
    if match is None:
        return None
    seconds = int(match["hour"]) * 3600 + int(match["minute"]) * 60 + float(match["second"] or 0)
    return Entry(seconds / 86_400, number_format=NumberFormat("TIME", "[h]:mm:ss"))


def _clock(parts: Mapping[str, str | None]) -> float | None:
    """The time of day as a fraction of a day, or None where there is no such time."""
    hour, minute, second = int(parts["hour"] or 0), int(parts.get("minute") or 0), float(parts.get("second") or 0)
    half = parts.get("half")
    if half:
        if not 1 <= hour <= 12:
            return None
        hour = hour % 12 + (12 if half.lower() == "pm" else 0)
    if hour > 23 or minute > 59 or second >= 60:
        return None
    return (hour * 3600 + minute * 60 + second) / 86_400
