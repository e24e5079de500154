"""What is logged of refused hooks: whoever floods us with wrong ones must not flood the log."""

import time
from collections.abc import Callable

import structlog

EVERY_S = 10.0

_log = structlog.stdlib.get_logger(__name__)


class RefusalLog:
    """One line in `EVERY_S` at most, which says how many it stands for. `clock` is monotonic, in seconds."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._next = 0.0
        self._passed_over = 0

    def say(self, hook: str, reason: str) -> None:
        """`hook` is shortened: it may be anybody's text."""
        now = self._clock()
        if now < self._next:
            self._passed_over += 1
            return
        _log.warning("hook refused", hook=hook[:100], reason=reason, more_since_the_last=self._passed_over)
        self._next, self._passed_over = now + EVERY_S, 0
