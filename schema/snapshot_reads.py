"""One read of a snapshot for all who ask for the same one before it begins.

A storm of subscribers that begin with their rows costs a few reads, not one each. Nobody can tell that others read
along: the rows are never older than its question. Who takes them too slowly, such as a client that doesn't read its
socket, is waited for aside, where it keeps nobody waiting but others that are slow.
"""

import asyncio
from collections import deque
from collections.abc import AsyncGenerator, Callable, Hashable
from contextlib import aclosing

from db.errors import Unavailable
from schema.feed import Batch

Chunks = Callable[[], AsyncGenerator[Batch, None]]
"""Begins to read; the last batch, and no other, says `last`."""

_AHEAD = 1
"""Chunks that wait for one who reads along."""


class LeftBehind(Exception):
    """The others went on: what was taken so far is of a snapshot that can't be had to its end."""


class _Reader:
    """One who reads along."""

    def __init__(self, taken: asyncio.Event) -> None:
        self._taken = taken
        self._waiting: deque[Batch] = deque()
        self._changed = asyncio.Event()
        self._error: BaseException | None = None

    @property
    def full(self) -> bool:
        """Whether it has to take something first."""
        return len(self._waiting) >= _AHEAD

    def put(self, batch: Batch) -> None:
        self._waiting.append(batch)
        self._changed.set()

    def fail(self, error: BaseException) -> None:
        """It gets that next."""
        self._error = error
        self._changed.set()

    async def take(self) -> Batch:
        """The next one."""
        while not self._waiting and self._error is None:
            self._changed.clear()
            await self._changed.wait()
        if self._error is not None:
            raise self._error
        batch = self._waiting.popleft()
        self._taken.set()
        return batch


class _Read:
    """A read under way, or about to be. `places`: it has one of these."""

    def __init__(self, places: asyncio.Semaphore) -> None:
        self.places = places
        self.readers: set[_Reader] = set()
        self.taken = asyncio.Event()
        self.task: asyncio.Task[None] | None = None

    def hand_on(self, batch: Batch) -> None:
        for reader in self.readers:
            reader.put(batch)

    def fail(self, error: BaseException) -> None:
        for reader in self.readers:
            reader.fail(error)

    def leave_behind(self) -> None:
        """Those that have to take something first."""
        for reader in [reader for reader in self.readers if reader.full]:
            self.readers.discard(reader)
            reader.fail(LeftBehind())

    async def taken_by_all(self, seconds: float) -> bool:
        """Whether all take what they have in time."""
        return await self._within(seconds, lambda: not any(reader.full for reader in self.readers))

    async def taken_by_any(self, seconds: float) -> bool:
        """Whether one does."""
        return await self._within(seconds, lambda: not self.stuck)

    @property
    def stuck(self) -> bool:
        """Whether nobody has taken what there is."""
        return all(reader.full for reader in self.readers)

    async def _within(self, seconds: float, condition: Callable[[], bool]) -> bool:
        try:
            async with asyncio.timeout(seconds):
                while not condition():
                    self.taken.clear()
                    await self.taken.wait()
        except TimeoutError:
            return False
        return True


class SnapshotReads:
    """All of a process."""

    def __init__(self, at_once: int = 4, aside: int = 4, stall_s: float = 30.0, patience_s: float = 1.0) -> None:
        """`at_once`: reads, each of which holds a connection for as long as its readers take; `aside`: and so many that
        are slow, which wait for each other alone. `stall_s`: how long until one of which nobody takes anything is
        ended. `patience_s`: how long the fast ones wait for the slow.
        """
        self._places = asyncio.Semaphore(at_once)
        self._aside = asyncio.Semaphore(aside)
        self._stall_s = stall_s
        self._patience_s = min(patience_s, stall_s)
        self._gathering: dict[Hashable, _Read] = {}
        self.begun = 0
        """Reads so far."""

    async def read(self, key: Hashable, chunks: Chunks, *, aside: bool = False) -> AsyncGenerator[Batch, None]:
        """The chunks of a read that begins after this was called; the same key must always be the same question.

        LeftBehind where others would have to wait: ask again with `aside` then, and a key of one's own. Unavailable
        where nobody took anything; and what the read raises.
        """
        read = self._gathering.get(key)
        if read is None:
            read = self._gathering[key] = _Read(self._aside if aside else self._places)
            read.task = asyncio.create_task(self._run(key, read, chunks))
        reader = _Reader(read.taken)
        read.readers.add(reader)
        try:
            while True:
                batch = await reader.take()
                yield batch
                if batch.last:
                    return
        finally:
            read.readers.discard(reader)
            read.taken.set()
            if not read.readers:
                await self._give_up(key, read)

    async def _run(self, key: Hashable, read: _Read, chunks: Chunks) -> None:
        await read.places.acquire()
        try:
            # Who comes from now on may know of a commit that this read doesn't see.
            self._forget(key, read)
            self.begun += 1
            async with aclosing(chunks()) as batches:
                async for batch in batches:
                    if not batch.last:
                        await self._room(read)
                    read.hand_on(batch)
        except Exception as error:  # noqa: BLE001 - it is the readers' to hear of, whatever it is
            read.fail(error)
        finally:
            read.places.release()

    async def _room(self, read: _Read) -> None:
        """Waits for all to take what they have. Who does not in time is left behind where others do; where nobody does,
        they are waited for aside, and left behind where it is full there."""
        if await read.taken_by_all(self._patience_s):
            return
        if read.stuck and read.places is not self._aside:
            if self._aside.locked():
                raise LeftBehind
            await self._aside.acquire()
            read.places.release()
            read.places = self._aside
        if not await read.taken_by_any(self._stall_s):
            raise Unavailable("The snapshot was not read in time: begin again, and read faster.")
        read.leave_behind()

    async def _give_up(self, key: Hashable, read: _Read) -> None:
        """Nobody is left to read for."""
        self._forget(key, read)
        assert read.task is not None
        read.task.cancel()
        await asyncio.wait({read.task})

    def _forget(self, key: Hashable, read: _Read) -> None:
        if self._gathering.get(key) is read:
            del self._gathering[key]
