"""Many hooks of one source are few wakes: the first is acted on at once, the rest together, some time later.

Knows nothing of HTTP and of databases. Who calls is answered when what covers his call is done, so that nothing which
was acknowledged is lost with this process.
"""

import asyncio
import time
from collections.abc import Awaitable, Callable, Hashable

WINDOW_S = 0.25
"""Between two wakes of one source. Twice it, and a run, are within the second that an edit may take."""

Act = Callable[[float], Awaitable[None]]
"""Is told how many seconds ago the last of those that it covers came."""


class Debounce:
    """`clock` is monotonic, in seconds."""

    def __init__(
        self,
        window_s: float = WINDOW_S,
        clock: Callable[[], float] = time.monotonic,
        sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
    ) -> None:
        self._window_s = window_s
        self._clock = clock
        self._sleep = sleep
        self._waiting: dict[Hashable, asyncio.Task[None]] = {}
        self._arrived: dict[Hashable, float] = {}
        self._acted: dict[Hashable, float] = {}

    async def __call__(self, key: Hashable, act: Act) -> None:
        """Returns, or raises, when an `act` of the key that began after this call has done so."""
        self._arrived[key] = self._clock()
        task = self._waiting.get(key)
        if task is None:
            task = self._waiting[key] = asyncio.create_task(self._act(key, act))
        # Others may wait for it, too: one who goes away must not take it with him.
        await asyncio.shield(task)

    async def _act(self, key: Hashable, act: Act) -> None:
        try:
            rest = self._acted.get(key, -self._window_s) + self._window_s - self._clock()
            if rest > 0:
                await self._sleep(rest)
        finally:
            del self._waiting[key]
            arrived = self._arrived.pop(key)
        now = self._clock()
        self._acted = {one: at for one, at in self._acted.items() if now - at < self._window_s}
        self._acted[key] = now
        await act(now - arrived)
