"""Latencies as people read them."""

import math
from collections.abc import Sequence
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Percentiles:
    """Seconds, of `count` latencies."""

    count: int
    p50: float
    p95: float
    p99: float
    worst: float

    @classmethod
    def of(cls, latencies: Sequence[float]) -> "Percentiles":
        """At least one latency. By nearest rank: each percentile is one that was measured."""
        ordered = sorted(latencies)
        p50, p95, p99 = (ordered[math.ceil(len(ordered) * share) - 1] for share in (0.50, 0.95, 0.99))
        return cls(len(ordered), p50, p95, p99, ordered[-1])

    def __str__(self) -> str:
        return f"{self.count:5} edits  p50 {self.p50:7.3f} s  p95 {self.p95:7.3f} s  p99 {self.p99:7.3f} s"
