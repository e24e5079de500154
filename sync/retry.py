"""When to call a service again after a failure, and when to give up. Pure: the shells sleep."""

import random
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class RetryPolicy:
    """Full jitter: before attempt n a random wait between 0 and `base_s` doubled n times, at most `cap_s`.

    `attempts` counts the first one. A wait that the server asks for (Retry-After) is kept, up to `cap_s`.
    """

    attempts: int = 6
    base_s: float = 0.5
    cap_s: float = 32.0

    def delay(self, failed: int, rng: random.Random, retry_after_s: float | None = None) -> float | None:
        """Seconds to wait after `failed` attempts; None to give up."""
        if failed >= self.attempts:
            return None
        jittered = rng.uniform(0, min(self.cap_s, self.base_s * 2**failed))
        return max(jittered, min(retry_after_s or 0.0, self.cap_s))
