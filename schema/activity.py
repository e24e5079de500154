"""What this process delivers, counted for `stats` and the metrics. The transports and subscriptions report here."""

from collections import Counter, deque
from collections.abc import Callable

WINDOW_S = 10.0
"""Rates are means over this many seconds."""


class Rate:
    """Events a second over the last WINDOW_S, in buckets of a second: bounded, whatever the load."""

    def __init__(self, clock: Callable[[], float]) -> None:
        self._clock = clock
        self._buckets: deque[tuple[int, int]] = deque()

    def add(self, count: int = 1) -> None:
        """Count events that happened now."""
        second = int(self._clock())
        if self._buckets and self._buckets[-1][0] == second:
            self._buckets[-1] = (second, self._buckets[-1][1] + count)
        else:
            self._buckets.append((second, count))
            self._forget(second)

    def per_second(self) -> float:
        """The mean over the window."""
        self._forget(int(self._clock()))
        return sum(count for _, count in self._buckets) / WINDOW_S

    def _forget(self, now: int) -> None:
        while self._buckets and self._buckets[0][0] <= now - WINDOW_S:
            self._buckets.popleft()


class Activity:
    """The process' live counters. `connections`, what is `closed` (WebSockets, by the code that we closed with) and
    refused (by the status), and how often a client was `slowed`, are kept by the transports, the rest by subscriptions.
    """

    def __init__(self, clock: Callable[[], float]) -> None:
        self.connections = 0
        self.subscriptions = 0
        self.changes = Rate(clock)
        self.deliveries = Rate(clock)
        self.delivered = 0
        self.delivered_changes = 0
        self.slow = 0
        self.slowed = 0
        self.closed: Counter[int] = Counter()
        self.refused_requests: Counter[int] = Counter()
        self.refused_hooks: Counter[int] = Counter()
        self.refused_operations = 0

    def delivery(self, changes: int, to: int = 1) -> None:
        """One batch with that many changes went to so many subscribers."""
        if to:
            self.deliveries.add(to)
            self.delivered += to
        if changes and to:
            self.delivered_changes += changes * to
            self.changes.add(changes * to)
