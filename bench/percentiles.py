"""Times as people read them."""

import math
from collections.abc import Sequence
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Percentiles:
    """Seconds, of `count` times."""

    count: int
    p50: float
    p95: float
    p99: float
    worst: float

    @classmethod
    def of(cls, times: Sequence[float]) -> "Percentiles":
        """At least one time. By nearest rank: each percentile is one that was measured."""
        ordered = sorted(times)
        p50, p95, p99 = (ordered[math.ceil(len(ordered) * share) - 1] for share in (0.50, 0.95, 0.99))
        return cls(len(ordered), p50, p95, p99, ordered[-1])

    def __str__(self) -> str:
        return f"{self.count:5} of them  p50 {self.p50:7.3f} s  p95 {self.p95:7.3f} s  p99 {self.p99:7.3f} s"
