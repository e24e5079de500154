"""Google's quotas a minute, kept on our side: a token bucket for reads and one for writes of a credential.

Pure but for its own counters: the clock comes in as an argument, and the caller waits. Google's defaults for a user
(a service account is one) are 60 reads and 60 writes a minute; Drive's quota is far larger and not counted.
Source: https://developers.google.com/workspace/sheets/api/limits
"""

from dataclasses import dataclass
from enum import StrEnum
from typing import Final

PERIOD_S: Final = 60.0


class CallKind(StrEnum):
    """What quota a call counts against."""

    READ = "read"
    WRITE = "write"
    DRIVE = "drive"


@dataclass(frozen=True, slots=True)
class QuotaLimits:
    """Calls a minute."""

    reads: int = 60
    writes: int = 60


@dataclass(frozen=True, slots=True)
class QuotaUse:
    """How much of a quota is used now; all of it is free again after `resets_in_s` seconds."""

    limit: int
    used: int
    resets_in_s: float


class TokenBucket:
    """`limit` calls at once, refilled evenly over a minute. Reservations may go below zero: they wait in line."""

    def __init__(self, limit: int, now: float) -> None:
        self._limit = limit
        self._tokens = float(limit)
        self._at = now

    def reserve(self, now: float) -> float:
        """Take one call; returns the seconds to wait before making it."""
        self._refill(now)
        self._tokens -= 1
        return max(0.0, -self._tokens * PERIOD_S / self._limit)

    def use(self, now: float) -> QuotaUse:
        """What is used now."""
        self._refill(now)
        used = self._limit - self._tokens
        return QuotaUse(self._limit, min(self._limit, round(used)), used * PERIOD_S / self._limit)

    def _refill(self, now: float) -> None:
        self._tokens = min(float(self._limit), self._tokens + (now - self._at) * self._limit / PERIOD_S)
        self._at = now
