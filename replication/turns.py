"""Turns of the event loop, for whatever can wait a little: above all, the beginnings of clients that all come at once.

After a restart thousands connect, subscribe and read the log, while others are there already. A delivery to those goes
through the loop a dozen times between the commit and the socket, and each time waits for whatever else is ready. So of
everything that waits here there is one step in each turn of the loop, and none for a while when a delivery has come.
"""

import asyncio
import time
import types
from collections import deque
from collections.abc import Awaitable, Callable, Generator
from typing import Any, Final, TypeVar

_T = TypeVar("_T")

LONGEST_S: Final = 0.00025
"""Within so long of a step's beginning there may be more in the same turn of the loop."""

HELD_S: Final = 0.005
"""That steps wait for a delivery. For as long after that they wait for none, so half of the time is theirs at least."""

CALLS_EVERY: Final = 8
"""Of the steps is an arrival's where others wait: who has begun is soon done, and who comes is not kept out."""

PATIENT_EVERY: Final = 4
"""Of the steps is that of one who has many before it, where others wait: hundreds that read a long part of the log kept
those who came from saying a word in time."""


class Turns:
    """One a process. Steps have their turns in the order in which they came."""

    def __init__(self, clock: Callable[[], float] = time.perf_counter) -> None:
        self._clock = clock
        self._waiting: deque[asyncio.Future[None]] = deque()
        self._patient: deque[asyncio.Future[None]] = deque()
        self._calls: deque[Callable[[], None]] = deque()
        self._served = 0
        self._given: asyncio.Future[None] | None = None
        self._coming: asyncio.Handle | None = None
        self._began: float | None = None  # the first step of this turn of the loop
        self._held_until = self._free_until = float("-inf")

    @property
    def waiting(self) -> int:
        """How many steps wait."""
        return len(self._waiting) + len(self._patient) + len(self._calls)

    def soon(self, call: Callable[[], None]) -> None:
        """It is called soon. For what begins and ends connections."""
        self._calls.append(call)
        self._go_on()

    async def share(self, *, patient: bool = False) -> None:
        """Returns when the next step may be done. Call it between two steps that wait for nothing else.

        `patient`: of many steps, so that those who have few go before.
        """
        if self._spent(patient=patient):
            await self._line_up(self._patient if patient else self._waiting)
        self._begin()

    async def each(self, work: Awaitable[_T]) -> _T:
        """Does the work: every step of it, from one wait to the next, has a turn."""
        result: _T = await self._stepwise(work.__await__())
        return result

    def hold(self) -> None:
        """A delivery is on its way."""
        now = self._clock()
        if now >= self._free_until:
            self._held_until, self._free_until = now + HELD_S, now + 2 * HELD_S

    def release(self) -> None:
        """It has arrived."""
        if self._held_s() > 0:
            self._held_until = float("-inf")
            if self._coming is not None:
                self._coming.cancel()
                self._coming = None
            self._go_on()

    @types.coroutine
    def _stepwise(self, steps: Generator[Any, Any, Any]) -> Generator[Any, Any, Any]:
        """Stands between a task and what it runs: for the task it is that."""
        awaited: object = None
        error: BaseException | None = None
        while True:
            # Who waited for a turn within the work needs no other.
            if awaited is None or awaited is not self._given:
                try:
                    if self._spent():
                        yield from self._line_up(self._waiting)
                    self._begin()
                except asyncio.CancelledError as cancelled:
                    error = cancelled
            try:
                awaited = steps.send(None) if error is None else steps.throw(error)
            except StopIteration as end:
                return end.value
            error = None
            try:
                yield awaited
            except GeneratorExit:
                steps.close()
                raise
            except BaseException as thrown:  # noqa: BLE001 - it is for the work to take
                error = thrown

    def _line_up(self, line: deque[asyncio.Future[None]]) -> "asyncio.Future[None]":
        turn: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        line.append(turn)
        self._go_on()
        return turn

    def _held_s(self) -> float:
        return self._held_until - self._clock()

    def _spent(self, *, patient: bool = False) -> bool:
        now = self._clock()
        if now < self._held_until:
            return True
        if self._began is not None:
            return now - self._began >= LONGEST_S
        return bool(self._waiting or (patient and (self._patient or self._calls)))

    def _begin(self) -> None:
        if self._began is None:
            self._began = self._clock()
            asyncio.get_running_loop().call_soon(self._over)

    def _over(self) -> None:
        self._began = None

    def _go_on(self) -> None:
        if self._coming is None and self.waiting:
            loop, held_s = asyncio.get_running_loop(), self._held_s()
            self._coming = loop.call_later(held_s, self._next) if held_s > 0 else loop.call_soon(self._next)

    def _next(self) -> None:
        self._coming = None
        try:
            if self._held_s() <= 0:
                self._serve()
        finally:
            self._go_on()

    def _serve(self) -> None:
        self._served += 1
        others = bool(self._waiting or self._calls)
        if self._patient and not (others and self._served % PATIENT_EVERY):
            self._give(self._patient)
        elif self._calls and (not self._waiting or self._served % CALLS_EVERY == 1):
            self._begin()
            self._calls.popleft()()
        else:
            self._give(self._waiting)

    def _give(self, line: deque[asyncio.Future[None]]) -> None:
        while line:
            turn = line.popleft()
            if not turn.done():  # as it is of one who gave up
                self._given = turn
                turn.set_result(None)
                return
