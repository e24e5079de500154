"""How numbers and dates are written where a spreadsheet is at home, from Unicode's data (CLDR)."""

from dataclasses import dataclass
from functools import lru_cache

import babel
from babel import dates, numbers

# What Sheets calls TRUE and FALSE; CLDR has no words for them.
_TRUTHS = {
    "de": ("WAHR", "FALSCH"),
    "es": ("VERDADERO", "FALSO"),
    "fr": ("VRAI", "FAUX"),
    "it": ("VERO", "FALSO"),
    "nl": ("WAAR", "ONWAAR"),
    "pt": ("VERDADEIRO", "FALSO"),
}
_SPACES = ("\u00a0", "\u202f", " ")


@dataclass(frozen=True, slots=True)
class Locale:
    """`order` is that of year, month and day in short dates (`mdy`, `dmy`, `ymd`), `date` their pattern. `groups` are
    the marks between thousands that are read, the first is the one that is shown."""

    name: str
    decimal: str
    groups: tuple[str, ...]
    order: str
    date: str
    currency: str
    currency_before: bool
    months: tuple[str, ...]
    short_months: tuple[str, ...]
    days: tuple[str, ...]
    short_days: tuple[str, ...]
    truths: tuple[str, str]

    @property
    def is_american(self) -> bool:
        return self.order == "mdy"

    def money(self, decimals: str) -> str:
        """The pattern of amounts, with these decimals (`.00` or none)."""
        return (
            f'"{self.currency}"#,##0{decimals}' if self.currency_before else f'#,##0{decimals}\u00a0"{self.currency}"'
        )


def is_known(name: str) -> bool:
    """Whether there is such a locale: a language, and a country if need be (`de`, `de_DE`)."""
    try:
        babel.Locale.parse(name)
    except (ValueError, babel.UnknownLocaleError):
        return False
    return True


@lru_cache
def locale(name: str) -> Locale:
    """The locale of that name; American English where there is none."""
    found = babel.Locale.parse(name if is_known(name) else "en_US")
    if found.territory is None:
        found = babel.Locale.parse(f"{found.language}_{_HOMES.get(found.language, found.language.upper())}")
    short = dates.get_date_format("short", found).pattern
    order = "".join(sorted("ymd", key=short.lower().index))
    group = numbers.get_group_symbol(found)
    money = numbers.get_territory_currencies(found.territory or "US")
    months = dates.get_month_names("wide", locale=found)
    short_months = dates.get_month_names("abbreviated", locale=found)
    days = dates.get_day_names("wide", locale=found)
    short_days = dates.get_day_names("abbreviated", locale=found)
    return Locale(
        name,
        numbers.get_decimal_symbol(found),
        (group, *(space for space in _SPACES if group in _SPACES and space != group)),
        order,
        "m/d/yyyy" if order == "mdy" else short.lower().replace("yy", "y").replace("y", "yyyy"),
        numbers.get_currency_symbol(money[0] if money else "USD", found),
        found.currency_formats["standard"].pattern.startswith("¤"),
        tuple(str(months[number]) for number in range(1, 13)),
        tuple(str(short_months[number]).rstrip(".") for number in range(1, 13)),
        tuple(str(days[number]) for number in range(7)),
        tuple(str(short_days[number]).rstrip(".") for number in range(7)),
        _TRUTHS.get(found.language, ("TRUE", "FALSE")),
    )


# Where the country isn't called as the language is.
_HOMES = {"en": "US", "ja": "JP", "zh": "CN", "ko": "KR", "sv": "SE", "da": "DK", "cs": "CZ", "el": "GR", "uk": "UA"}
EN_US = locale("en_US")
