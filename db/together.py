"""One answer for all who ask the same at the same time.

Whoever asks gets an answer to a question that was put after it asked, never an older one. So a storm of askers costs
a question every now and then, and nobody can tell that others asked too.
"""

import asyncio
from collections.abc import Awaitable, Callable, Hashable
from typing import Any, TypeVar, cast

T = TypeVar("T")

APART_S = 0.02
"""From one question to the next that is the same. Who asks when nobody did just before doesn't wait."""


class Together:
    """Questions by key; the same key must always be the same question."""

    def __init__(self, apart_s: float = APART_S) -> None:
        self._apart_s = apart_s
        self._asked: dict[Hashable, asyncio.Task[Any]] = {}
        self._next: dict[Hashable, asyncio.Task[Any]] = {}
        self._put_lately: dict[Hashable, asyncio.TimerHandle] = {}

    async def ask(self, key: Hashable, question: Callable[[], Awaitable[T]]) -> T:
        """The answer, or what the question raises. It goes on for the others if this one is cancelled."""
        waiting = self._next.get(key)
        if waiting is None:
            waiting = self._next[key] = asyncio.create_task(self._put(key, question))
            # Everybody may be gone by the time that it fails.
            waiting.add_done_callback(lambda task: task.cancelled() or task.exception())
        return cast("T", await asyncio.shield(waiting))

    async def _put(self, key: Hashable, question: Callable[[], Awaitable[T]]) -> T:
        loop = asyncio.get_running_loop()
        before = self._asked.get(key)
        if before is not None:
            await asyncio.wait({before})
        if (lately := self._put_lately.get(key)) is not None:
            await asyncio.sleep(lately.when() - loop.time())
        self._put_lately[key] = loop.call_later(self._apart_s, self._put_lately.pop, key, None)
        own = self._asked[key] = self._next.pop(key)
        try:
            return await question()
        finally:
            if self._asked[key] is own:
                del self._asked[key]
