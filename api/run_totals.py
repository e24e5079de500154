"""Counts the runs that this process led, for the metrics."""

from collections import Counter

from db.runs import Run, RunState, RunTrigger


class RunTotals:
    """For as long as the process lives."""

    def __init__(self) -> None:
        self.ended: Counter[tuple[RunState, RunTrigger]] = Counter()
        self.api_calls = 0

    def count(self, run: Run) -> None:
        """A run came to its end."""
        self.ended[run.state, run.trigger] += 1
        self.api_calls += run.counts.api_calls
