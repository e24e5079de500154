"""Time zones of spreadsheets: those of the tz database, and fixed ones as `GMT-07:00`."""

import re
from datetime import timedelta, timezone, tzinfo
from functools import lru_cache
from zoneinfo import ZoneInfo

_FIXED = re.compile(r"GMT(?P<sign>[+-])(?P<hours>\d{1,2}):(?P<minutes>[0-5]\d)")


@lru_cache
def zone(name: str) -> tzinfo | None:
    """The zone of that name; None where there is none."""
    fixed = _FIXED.fullmatch(name)
    try:
        if fixed is not None:
            ahead = timedelta(hours=int(fixed["hours"]), minutes=int(fixed["minutes"]))
            return timezone(-ahead if fixed["sign"] == "-" else ahead)
        return ZoneInfo(name)
    except (ValueError, KeyError, OSError):
        return None
