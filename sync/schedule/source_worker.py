"""One source's runs, one at a time: the dirty flag of a source is this task's event.

Whoever wants a run only says so. Wakes that come before the run begins are one run; those that come while it goes on
are one more, at once. Nothing here knows why anybody wants a run.
"""

import asyncio
from collections.abc import Callable
from datetime import datetime
from typing import Final, Protocol
from uuid import UUID

from db.runs import RunTrigger
from sync.schedule.run_line import RunLine
from sync.urgency import Urgency, urgency_of

_STRENGTH: Final = (
    RunTrigger.SCHEDULE,
    RunTrigger.CHANGE,
    RunTrigger.START,
    RunTrigger.HOOK,
    RunTrigger.MANUAL,
)
"""What wakes for several reasons runs for the strongest."""

_PATIENT: Final = frozenset({RunTrigger.SCHEDULE, RunTrigger.CHANGE})
"""These wait while a source that could not be reached is left alone for a while; people don't."""


class Runner(Protocol):
    """Carries out one run, and says when to look at the source again."""

    async def __call__(self, source_id: UUID, trigger: RunTrigger) -> None:
        """Run once. What it raises ends the worker, and its owner."""
        ...


class SourceWorker:
    """`serve` runs until `stop`, or until a run raises. All workers' runs wait in one `line`.

    `lock` is the source's: where a worker was stopped amid a run, the source's next one waits for that run's end.
    """

    def __init__(
        self,
        source_id: UUID,
        run: Runner,
        lock: asyncio.Lock,
        line: RunLine,
        clock: Callable[[], datetime],
    ) -> None:
        self.source_id: Final = source_id
        self._run = run
        self._lock = lock
        self._line = line
        self._clock = clock
        self._wanted: RunTrigger | None = None
        self._woken = asyncio.Event()
        self._running = False
        self._stopped = False
        self._quiet_until: datetime | None = None

    def wake(self, trigger: RunTrigger) -> None:
        """Want a run that begins from now on. A poll's wish is met by a run that goes on already."""
        if trigger is RunTrigger.SCHEDULE and self._running:
            return
        if trigger in _PATIENT and self._quiet_until is not None and self._clock() < self._quiet_until:
            return
        if self._wanted is None or _STRENGTH.index(trigger) > _STRENGTH.index(self._wanted):
            self._wanted = trigger
            self._line.hurry(self.source_id, urgency_of(trigger))
        self._woken.set()

    def leave_alone(self, until: datetime | None) -> None:
        """No polls and no changes before that time."""
        self._quiet_until = until

    def stop(self) -> None:
        """End when the run that goes on, if any, has ended."""
        self._stopped = True
        self._woken.set()

    async def serve(self) -> None:
        """The runs, one after the other."""
        while True:
            await self._woken.wait()
            async with self._lock, self._line.turn(self.source_id, self._urgency()):
                if self._stopped:
                    return
                # Cleared only now: what came while others had their turn is part of this run.
                self._woken.clear()
                trigger, self._wanted = self._wanted, None
                assert trigger is not None
                self._running = True
                try:
                    await self._run(self.source_id, trigger)
                finally:
                    self._running = False

    def _urgency(self) -> Urgency:
        # Nothing is wanted where it was only woken to stop.
        return Urgency.NOW if self._wanted is None else urgency_of(self._wanted)
