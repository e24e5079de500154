"""A turn of the event loop, shared by those who read much that is in memory already: none of that would ever wait."""

import asyncio
import time
from collections import deque
from collections.abc import Callable
from typing import Final

LONGEST_S: Final = 0.001
"""That they keep the loop from everything else, all of them together, but for what each is amid."""


class Turn:
    """One a process, or one for each kind of work that may do so."""

    def __init__(self, longest_s: float = LONGEST_S, clock: Callable[[], float] = time.perf_counter) -> None:
        self._longest_s = longest_s
        self._clock = clock
        self._began: float | None = None
        self._waiting: deque[asyncio.Future[None]] = deque()
        self._next: asyncio.Future[None] | None = None
        """Of those who waited, whose turn comes: while there is none, `_over` is still to be called."""

    async def share(self) -> None:
        """Returns at once where there is still time in this turn, else in a later one, in the order in which they come.
        Call it between two steps.
        """
        if self._began is not None and self._clock() - self._began >= self._longest_s:
            await self._later()
        if self._began is None:
            self._began = self._clock()
            asyncio.get_running_loop().call_soon(self._over)

    async def _later(self) -> None:
        self._wake()
        place = asyncio.get_running_loop().create_future()
        try:
            if self._next is None:
                # Nobody else waits.
                self._next = place
                await asyncio.sleep(0)
            else:
                self._waiting.append(place)
                await place
        except asyncio.CancelledError:
            if self._next is place:
                self._next = None
                self._wake()
            raise
        self._next = None

    def _over(self) -> None:
        self._began = None
        self._wake()

    def _wake(self) -> None:
        # One: to wake all, of whom few find time, would take longer than what these do with it.
        while self._next is None and self._waiting:
            place = self._waiting.popleft()
            if not place.done():
                place.set_result(None)
                self._next = place
