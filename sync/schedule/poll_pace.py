"""How often to look at what is quiet: the longer nothing happened, the more rarely, up to a bound. Pure.

A change of a source that was quiet for an hour may be seen a tenth of that later, not more than that: whoever edits
regularly is polled regularly. Hooks, and changes of the database, don't wait for polls.
"""

from collections.abc import Hashable
from typing import Final

_SHARE_OF_QUIET: Final = 0.1
_MOST_TIMES: Final = 8
_LONGEST_S: Final = 300.0


def rest_s(every_s: float, quiet_s: float) -> float:
    """Seconds between two polls of what was quiet for that long: `every_s`, or up to 8 times that, or 5 minutes."""
    bound = max(every_s, min(every_s * _MOST_TIMES, _LONGEST_S))
    return min(bound, max(every_s, quiet_s * _SHARE_OF_QUIET))


class PollPace:
    """Of all that is polled by one clock, each by its own name. Moments are in seconds."""

    def __init__(self) -> None:
        self._stirred_at: dict[Hashable, float] = {}
        self._polled_at: dict[Hashable, float] = {}

    def stirred(self, name: Hashable, now: float) -> None:
        """Something happened there."""
        self._stirred_at[name] = now

    def due(self, name: Hashable, every_s: float, now: float) -> bool:
        """Whether to poll, asked about every `every_s` seconds; it counts as polled then."""
        quiet = now - self._stirred_at.setdefault(name, now)
        rest = rest_s(every_s, quiet)
        # Asked at a moment near the rest's end, it is nearer than the next one.
        if rest > every_s and now - self._polled_at.get(name, now - rest) < rest - every_s / 2:
            return False
        self._polled_at[name] = now
        return True

    def forget(self, name: Hashable) -> None:
        """It is polled no more."""
        self._stirred_at.pop(name, None)
        self._polled_at.pop(name, None)
