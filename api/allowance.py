"""How fast a client may send: a generic cell rate algorithm, which needs one number of memory a client. Pure."""

from typing import Final

BURST_S: Final = 10.0
"""Seconds of an allowance that may be used at once, such as when a client subscribes anew to all it had."""


class Allowance:
    """`rate` units a second, and BURST_S of them at once."""

    __slots__ = ("_paid_until", "_rate")

    def __init__(self, rate: float) -> None:
        self._rate = rate
        self._paid_until = 0.0

    def take(self, units: float, now: float) -> None:
        """Use units, more than there are left, too: they came already."""
        self._paid_until = max(self._paid_until, now) + units / self._rate

    def wait(self, now: float) -> float:
        """The seconds until more may be used; 0.0: at once."""
        return max(0.0, self._paid_until - now - BURST_S)
