"""Which events a subscriber was already told of, so that each comes once though notifications get lost. Pure.

An id is given before the commit, so an event may appear below others that were sent long ago. After notifications were
missed the subscriber looks back that far, and what it was told of, or what was there before it began, is left out.
"""

from collections import deque
from collections.abc import Sequence

REACH = 1000
"""How many ids below the newest may still appear. Bounds what a subscriber remembers, too."""


class SeenEvents:
    """One subscriber's, from the ids of the newest REACH events that were there when it began, ascending."""

    def __init__(self, before: Sequence[int]) -> None:
        self._before = frozenset(before)
        self._newest = before[-1] if before else 0
        self._sent: set[int] = set()
        self._order: deque[int] = deque()

    @property
    def look_after(self) -> int:
        """The id behind which an event may be new."""
        return max(0, self._newest - REACH)

    def first_time(self, id_: int, *, missed: bool) -> bool:
        """Whether to send the event, which then counts as sent.

        `missed`: it was found by looking back, and not by its notification. Only then what was there before is old: a
        notification may come from a commit just before the subscriber looked.
        """
        if id_ in self._sent or (missed and id_ in self._before):
            return False
        self._newest = max(self._newest, id_)
        self._sent.add(id_)
        self._order.append(id_)
        # Twice the reach: look_after moves on with the newest, of which more may come than ids.
        if len(self._order) > 2 * REACH:
            self._sent.discard(self._order.popleft())
        return True
