"""asyncio's Queue and Event in the little memory that most of a hundred thousand connections need of them.

asyncio's own hold five deques between them, of 0.6 kB each, whether anybody ever waits or not.
"""

import asyncio
from collections.abc import Callable
from typing import Generic, TypeVar

T = TypeVar("T")


class LeanEvent:
    """As `asyncio.Event`."""

    __slots__ = ("_set", "_waiting")

    def __init__(self) -> None:
        self._set = False
        self._waiting: list[asyncio.Future[None]] | None = None

    def is_set(self) -> bool:
        return self._set

    def set(self) -> None:
        self._set = True
        waiting, self._waiting = self._waiting, None
        for each in waiting or ():
            if not each.done():
                each.set_result(None)

    def clear(self) -> None:
        self._set = False

    async def wait(self) -> None:
        """Until it is set."""
        if self._set:
            return
        waiting = asyncio.get_running_loop().create_future()
        if self._waiting is None:
            self._waiting = []
        own = self._waiting
        own.append(waiting)
        try:
            await waiting
        finally:
            if self._waiting is own:
                own.remove(waiting)


class LeanQueue(Generic[T]):
    """As `asyncio.Queue` without a limit and with one reader; for few items at a time.

    `heard` is called for each item that is put, by which the reader needs not wait for it.
    """

    __slots__ = ("_arrived", "_items", "heard")

    def __init__(self) -> None:
        self._items: list[T] = []
        self._arrived: asyncio.Future[None] | None = None
        self.heard: Callable[[], None] | None = None

    def empty(self) -> bool:
        return not self._items

    def put_nowait(self, item: T) -> None:
        self._items.append(item)
        if self._arrived is not None and not self._arrived.done():
            self._arrived.set_result(None)
        if self.heard is not None:
            self.heard()

    async def get(self) -> T:
        """The first, once there is one."""
        while not self._items:
            self._arrived = asyncio.get_running_loop().create_future()
            try:
                await self._arrived
            finally:
                self._arrived = None
        return self._items.pop(0)
