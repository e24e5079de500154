"""Who is next, where more want to go than may at once: hooks and writes before polls, polls before first imports.

Between owners (sources) turns are taken, so that a busy one holds up nobody, and each, or each group of them, holds
only its share of the places. Who waits long enough counts as more urgent, so that nobody waits for ever. Pure: moments
are given, nobody is told; whoever owns the line asks `next` after each change.
"""

from collections import OrderedDict
from collections.abc import Callable, Hashable, Iterator
from dataclasses import dataclass, replace
from typing import Final, Generic, TypeVar

from sync.urgency import Urgency

T = TypeVar("T", bound=Hashable)

_REMEMBERED: Final = 1000
"""Owners whose last turn is known; one served before these counts as never served, which is nearly true."""


@dataclass(frozen=True, slots=True)
class _Entry:
    owner: Hashable
    group: Hashable
    urgency: Urgency
    since: float
    number: int


class WaitingLine(Generic[T]):
    """`places` at once, of which one group holds `share` at most. Who waited `aging_s` counts as one urgency higher."""

    def __init__(self, places: int, share: int, aging_s: float) -> None:
        self._places = places
        self._share = share
        self._aging_s = aging_s
        self._waiting: dict[T, _Entry] = {}
        self._held: dict[T, Hashable] = {}
        self._served: OrderedDict[Hashable, int] = OrderedDict()
        self._count = 0

    def __len__(self) -> int:
        """How many wait."""
        return len(self._waiting)

    def join(self, ticket: T, owner: Hashable, urgency: Urgency, now: float, group: Hashable = None) -> None:
        """Wait from now on. `group` None: the owner is one by itself."""
        self._count += 1
        self._waiting[ticket] = _Entry(owner, owner if group is None else group, urgency, now, self._count)

    def hurry(self, ticket: T, urgency: Urgency) -> None:
        """What waits is wanted sooner than it was thought."""
        entry = self._waiting.get(ticket)
        if entry is not None and urgency < entry.urgency:
            self._waiting[ticket] = replace(entry, urgency=urgency)

    def next(self, now: float, ready: Callable[[T], bool] = lambda _: True) -> T | None:
        """Whose turn it is: the ticket holds a place from now on. None: nobody's that is `ready`."""
        for ticket in self.candidates(now):
            if ready(ticket):
                entry = self._waiting.pop(ticket)
                self._held[ticket] = entry.group
                self._count += 1
                self._served[entry.owner] = self._count
                self._served.move_to_end(entry.owner)
                if len(self._served) > _REMEMBERED:
                    self._served.popitem(last=False)
                return ticket
        return None

    def candidates(self, now: float) -> Iterator[T]:
        """Those that a place is free for, in the order of their turns."""
        if len(self._held) >= self._places:
            return
        holders = list(self._held.values())
        for ticket, entry in sorted(self._waiting.items(), key=lambda item: self._order(item[1], now)):
            if holders.count(entry.group) < self._share:
                yield ticket

    def leave(self, ticket: T) -> None:
        """Give the place back, or wait no longer."""
        self._waiting.pop(ticket, None)
        self._held.pop(ticket, None)

    def _order(self, entry: _Entry, now: float) -> tuple[int, int, int]:
        aged = max(0, entry.urgency - int((now - entry.since) / self._aging_s))
        return aged, self._served.get(entry.owner, 0), entry.number
