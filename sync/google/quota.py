"""Google's quotas a minute, kept on our side: token buckets for reads and for writes, of each user and each project.

Pure but for their own counters: moments come in as arguments, in seconds, and the caller waits. Google's defaults are
300 reads and 300 writes a minute for a project, and 60 and 60 for a user, which a service account is; Drive's quota is
far larger and not counted. Source: https://developers.google.com/workspace/sheets/api/limits
"""

from collections import deque
from dataclasses import dataclass
from enum import StrEnum
from typing import Final

PERIOD_S: Final = 60.0
_WINDOW_S: Final = 62.0
"""More than Google's minute: calls arrive later than they were made, one by more than the other."""
_BURST: Final = 4
"""A fourth of a minute's calls may be made at once; the others come evenly, so that a call never waits for long."""
_LEAST_SHARE: Final = 1 / 8
_RECOVERY_S: Final = 300.0
"""How long it takes from nothing to the whole quota again, after Google said that it was too much."""
_SAME_REFUSAL_S: Final = 5.0
_NEARLY_ONE: Final = 1 - 1e-9


class CallKind(StrEnum):
    """What quota a call counts against."""

    READ = "read"
    WRITE = "write"
    DRIVE = "drive"


@dataclass(frozen=True, slots=True)
class QuotaLimits:
    """Calls a minute: of a user, and of a project with all its users."""

    reads: int = 60
    writes: int = 60
    project_reads: int = 300
    project_writes: int = 300


@dataclass(frozen=True, slots=True)
class QuotaUse:
    """`used` calls in the last minute of `limit`, which is less for a while after Google refused one; the last of
    those calls counts no more after `resets_in_s` seconds."""

    limit: int
    used: int
    resets_in_s: float


class TokenBucket:
    """Never more than `limit` calls in any minute. A refusal halves that for a while."""

    def __init__(self, limit: int, now: float) -> None:
        self._limit = limit
        self._burst = max(1, limit // _BURST)
        self._tokens = float(self._burst)
        self._at = now
        self._share = 1.0
        self._refused_at = -_SAME_REFUSAL_S
        self._made: deque[float] = deque(maxlen=limit)

    def ready_in(self, now: float) -> float:
        """Seconds until a call may be made; 0: now."""
        self._refill(now)
        missing = _NEARLY_ONE - self._tokens
        return 0.0 if missing <= 0 else (1 - self._tokens) / self._rate()

    def take(self, now: float) -> None:
        """A call is made now."""
        self._refill(now)
        self._tokens -= 1
        self._made.append(now)

    def refused(self, now: float) -> None:
        """Google said that it was too much. Calls that were under way together are refused together: that is once."""
        self._refill(now)
        if now - self._refused_at >= _SAME_REFUSAL_S:
            self._share = max(_LEAST_SHARE, self._share / 2)
        self._refused_at = now
        self._tokens = min(self._tokens, 0.0)

    def use(self, now: float) -> QuotaUse:
        """What is used now."""
        self._refill(now)
        recent = [at for at in self._made if at > now - PERIOD_S]
        resets = recent[-1] + PERIOD_S - now if recent else 0.0
        return QuotaUse(max(1, round(self._limit * self._share)), len(recent), resets)

    def _rate(self) -> float:
        """Tokens a second. With the burst, and one call at the window's very edge, they make up the limit."""
        return (self._limit - self._burst + 1) * self._share / _WINDOW_S

    def _refill(self, now: float) -> None:
        passed = max(0.0, now - self._at)
        self._share = min(1.0, self._share + passed / _RECOVERY_S)
        self._tokens = min(max(1.0, self._burst * self._share), self._tokens + passed * self._rate())
        self._at = max(self._at, now)


class Buckets:
    """The buckets of one user or one project, by the kind of call; Drive's calls have none."""

    def __init__(self, reads: int, writes: int, now: float) -> None:
        self._by_kind = {CallKind.READ: TokenBucket(reads, now), CallKind.WRITE: TokenBucket(writes, now)}

    def of(self, kind: CallKind) -> TokenBucket | None:
        """None: not counted."""
        return self._by_kind.get(kind)

    def use(self, now: float) -> dict[CallKind, QuotaUse]:
        """What is used now."""
        return {kind: bucket.use(now) for kind, bucket in self._by_kind.items()}
