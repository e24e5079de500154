"""Which sources run at once: by urgency, in turns, and so that no sick service holds all of the places."""

import asyncio
from collections.abc import AsyncIterator, Callable, Hashable
from contextlib import asynccontextmanager
from typing import Final
from uuid import UUID

from sync.urgency import Urgency
from sync.waiting_line import WaitingLine

_AGING_S: Final = 30.0


class RunLine:
    """`places` runs at once, `share` of them of one service at most. `clock` gives seconds; a source waits once."""

    def __init__(
        self, places: int, share: int, service: Callable[[UUID], Hashable], clock: Callable[[], float]
    ) -> None:
        self._line: WaitingLine[UUID] = WaitingLine(places, share, _AGING_S)
        self._service = service
        self._clock = clock
        self._admitted: dict[UUID, asyncio.Event] = {}

    @asynccontextmanager
    async def turn(self, source_id: UUID, urgency: Urgency) -> AsyncIterator[None]:
        """Waits until the source may run; around its run."""
        admitted = self._admitted[source_id] = asyncio.Event()
        self._line.join(source_id, source_id, urgency, self._clock(), group=self._service(source_id))
        try:
            self._admit()
            await admitted.wait()
            yield
        finally:
            self._line.leave(source_id)
            del self._admitted[source_id]
            self._admit()

    def hurry(self, source_id: UUID, urgency: Urgency) -> None:
        """What waits, if it does, is wanted sooner than it was thought."""
        self._line.hurry(source_id, urgency)

    def _admit(self) -> None:
        while (source_id := self._line.next(self._clock())) is not None:
            self._admitted[source_id].set()
