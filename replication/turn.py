"""A turn of the event loop, shared by those who read much that is in memory already: none of that would ever wait."""

import asyncio
import time
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

    async def share(self) -> None:
        """Returns at once where there is still time in this turn, else in a later one. Call it between two steps."""
        while self._began is not None and self._clock() - self._began >= self._longest_s:  # noqa: ASYNC110 - see above
            await asyncio.sleep(0)
        if self._began is None:
            self._began = self._clock()
            asyncio.get_running_loop().call_soon(self._over)

    def _over(self) -> None:
        self._began = None
