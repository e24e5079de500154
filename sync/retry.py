"""When to call a service again after a failure, and when to give up. Pure: the shells sleep."""

import random
from dataclasses import dataclass
from typing import Final

from db.errors import SourceUnreachable
from sync.counted import counted

LONGEST_REST_S: Final = 3600.0
"""A server that wants to be left alone for longer is asked once an hour."""


@dataclass(frozen=True, slots=True)
class RetryPolicy:
    """Full jitter: before attempt n a random wait between 0 and `base_s` doubled n times, at most `cap_s`.

    `attempts` counts the first one. A wait that the server asks for (Retry-After) is kept: where it is longer than
    `cap_s` nobody waits for it, and the next run comes after it (`gave_up`).
    """

    attempts: int = 6
    base_s: float = 0.5
    cap_s: float = 32.0

    def delay(self, failed: int, rng: random.Random, retry_after_s: float | None = None) -> float | None:
        """Seconds to wait after `failed` attempts; None to give up."""
        asked = retry_after_s or 0.0
        if failed >= self.attempts or asked > self.cap_s:
            return None
        return max(asked, rng.uniform(0, min(self.cap_s, self.base_s * 2**failed)))


def gave_up(error: SourceUnreachable, failed: int, retry_after_s: float | None) -> SourceUnreachable:
    """The error of a run that gave up after so many attempts; the next comes no sooner than the server asked for."""
    rest = min(retry_after_s or 0.0, LONGEST_REST_S)
    later = f", after the {rest:,.0f} s that it was asked to wait" if rest > 0 else ""
    message = f"{error} Gave up after {counted(failed, 'attempt')}; the next run tries again by itself{later}."
    return SourceUnreachable(message, rest_s=rest)
