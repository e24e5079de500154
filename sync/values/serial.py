"""Dates and times as sheets keep them: days since 1899-12-30 as a double, without a zone, exact to a millisecond.

>>> serial_of_date(dt.date(2026, 1, 31))
46053.0
>>> datetime_of_serial(46053.5)
datetime.datetime(2026, 1, 31, 12, 0)
"""

import datetime as dt

_EPOCH = dt.datetime(1899, 12, 30)  # noqa: DTZ001 - a serial has no zone
_DAY_MS = 86_400_000
_MS = dt.timedelta(milliseconds=1)


def datetime_of_serial(serial: float) -> dt.datetime:
    """The naive time of a serial, rounded to a millisecond. OverflowError beyond the years 1 to 9999."""
    return _EPOCH + dt.timedelta(milliseconds=round(serial * _DAY_MS))


def serial_of_date(day: dt.date) -> float:
    """The serial of a day."""
    return float((day - _EPOCH.date()).days)


def serial_of_datetime(moment: dt.datetime) -> float | None:
    """The serial of a naive time; None where it is finer than a millisecond, which a serial can't hold."""
    elapsed = moment - _EPOCH
    if elapsed % _MS:
        return None
    return elapsed // _MS / _DAY_MS


def time_of_serial(serial: float) -> dt.time | None:
    """The time of day of a serial without a day; None where it isn't one."""
    milliseconds = round(serial * _DAY_MS)
    if not 0 <= milliseconds < _DAY_MS:
        return None
    return (_EPOCH + dt.timedelta(milliseconds=milliseconds)).time()


def serial_of_time(time: dt.time) -> float | None:
    """The serial of a time of day; None where it is finer than a millisecond."""
    return serial_of_datetime(dt.datetime.combine(_EPOCH.date(), time))
