"""Daemon threads for calls that block: as many as allowed, each for one call at a time.

asyncio's own executor is waited for at exit, so that one hung call would hold up the whole process.
"""

import asyncio
import queue
import threading
from collections.abc import Awaitable, Callable
from concurrent.futures import Future
from typing import Protocol, TypeVar

T = TypeVar("T")


class Compute(Protocol):
    """Runs what takes long off the event loop, as `DaemonThreads.run` does."""

    def __call__(self, function: Callable[[], T], /) -> Awaitable[T]: ...


class DaemonThreads:
    """Runs functions in at most `limit` threads, in order of arrival.

    A call that was cancelled before a thread took it is never carried out; one that a thread has begun goes on to its
    end, and keeps its thread until then.
    """

    def __init__(self, limit: int, name: str) -> None:
        self._limit = limit
        self._name = name
        self._work: queue.SimpleQueue[Callable[[], None] | None] = queue.SimpleQueue()
        self._threads: list[threading.Thread] = []
        self._idle = threading.Semaphore(0)
        self._closed = False

    async def run(self, function: Callable[[], T]) -> T:
        """What `function` returns or raises, called in one of the threads."""
        if self._closed:
            raise RuntimeError(f"the threads {self._name!r} are closed")
        future: Future[T] = Future()

        def work() -> None:
            if not future.set_running_or_notify_cancel():
                return
            try:
                result = function()
            except BaseException as error:  # noqa: BLE001 - raised again where it is awaited
                future.set_exception(error)
            else:
                future.set_result(result)

        if not self._idle.acquire(blocking=False) and len(self._threads) < self._limit:
            self._start_thread()
        self._work.put(work)
        return await asyncio.wrap_future(future)

    def close(self) -> None:
        """Ends the threads that are free; those in a call end after it, and nobody waits for them."""
        self._closed = True
        for _ in self._threads:
            self._work.put(None)

    def _start_thread(self) -> None:
        thread = threading.Thread(target=self._serve, name=f"{self._name}-{len(self._threads)}", daemon=True)
        self._threads.append(thread)
        thread.start()

    def _serve(self) -> None:
        while (work := self._work.get()) is not None:
            work()
            self._idle.release()
