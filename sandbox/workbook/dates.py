"""Serial days: dates as Sheets counts them, in days since 1899-12-30, without a zone."""

from datetime import datetime, timedelta

EPOCH = datetime(1899, 12, 30)  # noqa: DTZ001 - serial days have no zone
_LAST_SERIAL = 2_958_466  # the first day after year 9999


def to_serial(moment: datetime) -> float:
    """Days since the epoch, the time of day as their fraction."""
    delta = moment - EPOCH
    return delta.days + (delta.seconds + delta.microseconds / 1e6) / 86_400


def from_serial(serial: float) -> datetime | None:
    """The moment to the millisecond, or None where a serial is no date of the years 1 to 9999."""
    if not -693_593 <= serial < _LAST_SERIAL:
        return None
    return EPOCH + timedelta(milliseconds=round(serial * 86_400_000))
