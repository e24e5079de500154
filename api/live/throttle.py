"""Lets so many subscriptions begin at the same time: after a restart all clients come back at once.

Each that is under way holds memory, and what it asks Postgres is one question with what the others ask. Who takes long,
to read a long part of the log or a slow table, doesn't keep the others from it.
"""

import asyncio

AT_ONCE = 64
LONGEST_S = 1.0
"""Then another may begin as well."""


class Turn:
    """Of one that begins, until it is over."""

    def __init__(self, turns: asyncio.Semaphore, longest_s: float) -> None:
        self._turns: asyncio.Semaphore | None = turns
        self._timer = asyncio.get_running_loop().call_later(longest_s, self.over)

    def over(self) -> None:
        """Lets the next one begin. Does nothing the second time."""
        self._timer.cancel()
        turns, self._turns = self._turns, None
        if turns is not None:
            turns.release()


class Throttle:
    """One a process."""

    def __init__(self, at_once: int = AT_ONCE, longest_s: float = LONGEST_S) -> None:
        self._turns = asyncio.Semaphore(at_once)
        self._longest_s = longest_s
        self.waiting = 0
        """How many wait for a turn."""

    async def turn(self) -> Turn:
        """Waits for one, in the order in which they come."""
        self.waiting += 1
        try:
            await self._turns.acquire()
        finally:
            self.waiting -= 1
        return Turn(self._turns, self._longest_s)
