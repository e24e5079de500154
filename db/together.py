"""One answer for all who ask the same at the same time.

Whoever asks gets an answer to a question that was put after it asked, never an older one. So a storm of askers costs
two questions at a time, and nobody can tell that others asked too.
"""

import asyncio
from collections.abc import Awaitable, Callable, Hashable
from typing import Any, TypeVar, cast

T = TypeVar("T")


class Together:
    """Questions by key; the same key must always be the same question."""

    def __init__(self) -> None:
        self._asked: dict[Hashable, asyncio.Task[Any]] = {}
        self._next: dict[Hashable, asyncio.Task[Any]] = {}

    async def ask(self, key: Hashable, question: Callable[[], Awaitable[T]]) -> T:
        """The answer, or what the question raises. It goes on for the others if this one is cancelled."""
        waiting = self._next.get(key)
        if waiting is None:
            waiting = self._next[key] = asyncio.create_task(self._put(key, question))
            # Everybody may be gone by the time that it fails.
            waiting.add_done_callback(lambda task: task.cancelled() or task.exception())
        return cast("T", await asyncio.shield(waiting))

    async def _put(self, key: Hashable, question: Callable[[], Awaitable[T]]) -> T:
        before = self._asked.get(key)
        if before is not None:
            await asyncio.wait({before})
        own = self._asked[key] = self._next.pop(key)
        try:
            return await question()
        finally:
            if self._asked[key] is own:
                del self._asked[key]
