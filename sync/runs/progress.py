"""How far a run is, told while it goes on: events RUN_PROGRESS, at most one in EVERY, none of a run that takes less.

They are committed at once, beside the run's own transactions, and say nothing of what those will come to.
"""

from collections.abc import Awaitable, Callable
from datetime import datetime, timedelta
from typing import Final

from db.changes import WireValue
from db.events import EventKind, insert_event
from db.session import Pool
from sync.counted import counted

EVERY: Final = timedelta(seconds=2)

STEP: Final = 200
"""So many rows are worth a look at the clock."""

Tell = Callable[[int], Awaitable[None]]
"""Takes how many rows are done by now."""


async def tell_nobody(rows: int) -> None:
    """Of who doesn't want to know."""


class Progress:
    """Of one run, from its beginning on. `clock` gives the time with a zone."""

    def __init__(self, pool: Pool, source: str, run_id: int, clock: Callable[[], datetime]) -> None:
        self._pool = pool
        self._source = source
        self._run_id = run_id
        self._clock = clock
        self._told_at = clock()
        self._read = self._compared = self._written = 0

    async def read(self, rows: int) -> None:
        """The source was read."""
        self._read = rows
        await self._tell()

    async def compared(self, rows: int) -> None:
        """So many rows were compared."""
        self._compared = rows
        await self._tell()

    async def written(self, rows: int) -> None:
        """So many more rows were written, to either side."""
        self._written += rows
        await self._tell()

    async def _tell(self) -> None:
        now = self._clock()
        if now - self._told_at < EVERY:
            return
        self._told_at = now
        done = f"{counted(self._read, 'row')} read, {self._compared:,} compared, {self._written:,} written so far"
        message = f"Run {self._run_id}: {done}."
        detail: dict[str, WireValue] = {
            "run": str(self._run_id),
            "rowsRead": self._read,
            "rowsCompared": self._compared,
            "rowsWritten": self._written,
        }
        async with self._pool.connection() as connection:
            await insert_event(connection, EventKind.RUN_PROGRESS, self._source, message, detail)
