"""Looks at groups of sources: one at a time of each, and what is asked for while one goes on is one more."""

import asyncio
from collections.abc import Awaitable, Callable
from weakref import WeakValueDictionary


class LookLine:
    """Knows nothing of what a look is."""

    def __init__(self) -> None:
        self._locks: WeakValueDictionary[str, asyncio.Lock] = WeakValueDictionary()
        self._waiting: set[str] = set()

    async def look(self, group: str, look: Callable[[], Awaitable[None]]) -> None:
        """Look, once nobody else does. Whoever waits for that already looks for us, too: then nothing is done."""
        if group in self._waiting:
            return
        lock = self._locks.setdefault(group, asyncio.Lock())
        self._waiting.add(group)
        try:
            await lock.acquire()
        finally:
            self._waiting.discard(group)
        try:
            await look()
        finally:
            lock.release()
