"""How late the event loop is: a loop that is blocked delays every subscriber alike."""

import asyncio
import time
from collections.abc import Awaitable, Callable

INTERVAL_S = 0.5


class LoopLag:
    """`run` it beside everything else; `seconds` is by how much the last tick came late."""

    def __init__(
        self,
        clock: Callable[[], float] = time.monotonic,
        sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
    ) -> None:
        self._clock = clock
        self._sleep = sleep
        self._late = 0.0

    def seconds(self) -> float:
        """Never negative."""
        return self._late

    async def run(self) -> None:
        """Until cancelled."""
        while True:
            begun = self._clock()
            await self._sleep(INTERVAL_S)
            self._late = max(0.0, self._clock() - begun - INTERVAL_S)
