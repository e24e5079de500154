"""The polls of all sources, by the scheduler's timer: a feed's each by itself, those of sheets a credential at once.

What is quiet is polled more rarely (`sync.schedule.poll_pace`); a group goes by its busiest source.
"""

import asyncio
from collections.abc import Callable, Collection, Iterable, Mapping
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from typing import Final, Protocol
from uuid import UUID

import psycopg
import structlog
from apscheduler.schedulers.asyncio import AsyncIOScheduler
from psycopg_pool import PoolTimeout

from db.errors import LeadershipLost, SourceUnreachable
from db.runs import RunTrigger
from db.sources import Source
from sync.schedule.look_line import LookLine
from sync.schedule.poll_pace import PollPace
from sync.schedule.sheet_polls import Due

log = structlog.get_logger(__name__)

_JITTER_SHARE: Final = 0.1
_LONG_AGO: Final = datetime.min.replace(tzinfo=UTC)


class Polls(Protocol):
    """Looks at all sources of a group in one go. `sync.schedule.sheet_polls.SheetPolls` does."""

    def group(self, source: Source) -> str | None:
        """What a source is polled together with; None: by itself."""
        ...

    async def look(self, group: str, sources: Collection[Source]) -> Due:
        """Which of them are to run. Raises SourceUnreachable."""
        ...

    async def keep(self, group: str) -> None:
        """Those that are due have been woken."""
        ...

    def hinted(self, sources: Collection[Source], trigger: RunTrigger) -> None:
        """Something else than a poll wakes them."""
        ...

    def ended(self, source: Source) -> None:
        """A run of it ended."""
        ...


class PollClock:
    """`follow` the sources; `wake` is called for each that is to run. `lost` is told of a leadership that is over."""

    def __init__(
        self,
        timer: AsyncIOScheduler,
        polls: Polls,
        wake: Callable[[UUID, RunTrigger], None],
        lost: Callable[[LeadershipLost], None],
        clock: Callable[[], datetime],
    ) -> None:
        self._timer = timer
        self._polls = polls
        self._wake = wake
        self._lost = lost
        self._clock = clock
        self._pace = PollPace()
        self._looks = LookLine()
        self._sources: Mapping[UUID, Source] = {}
        self._every: dict[UUID | str, int] = {}
        self._polled_at: dict[UUID, datetime] = {}

    def follow(self, sources: Mapping[UUID, Source]) -> None:
        """Poll exactly these, each group as often as the most impatient of its sources wants."""
        for gone in self._sources.keys() - sources.keys():
            self._pace.forget(gone)
            self._polled_at.pop(gone, None)
        self._sources = sources
        every: dict[UUID | str, int] = {}
        for source in sources.values():
            name = self._polls.group(source) or source.id
            every[name] = min(source.poll_seconds, every.get(name, source.poll_seconds))
        for over in self._every.keys() - every.keys():
            self._timer.remove_job(_job(over))
            self._pace.forget(over)
        for name, seconds in every.items():
            if self._every.get(name) != seconds:
                self._poll_every(name, seconds)
        self._every = every

    def knows(self, group: str) -> bool:
        """Whether any source is polled with that group."""
        return group in self._every

    def stirred(self, source_id: UUID) -> None:
        """Something happened there: what is polled with it is polled as often as can be, too."""
        self._pace.stirred(source_id, self._seconds())
        source = self._sources.get(source_id)
        if source is not None and (group := self._polls.group(source)) is not None:
            self._pace.stirred(group, self._seconds())

    async def look(self, group: str, trigger: RunTrigger) -> None:
        """Look at a group now; those that differ run for that reason."""
        self._pace.stirred(group, self._seconds())
        await self._look_at(group, trigger)

    def _poll_every(self, name: UUID | str, seconds: int) -> None:
        jitter = seconds * _JITTER_SHARE
        self._timer.add_job(
            self._poll_group if isinstance(name, str) else self._poll,
            "interval",
            args=[name],
            seconds=seconds - jitter,
            jitter=jitter,
            id=_job(name),
            replace_existing=True,
            timezone=UTC,
        )

    async def _poll(self, source_id: UUID) -> None:
        source = self._sources.get(source_id)
        if source is not None and self._pace.due(source_id, source.poll_seconds, self._seconds()):
            self._polls.hinted([source], RunTrigger.SCHEDULE)
            self._wake(source_id, RunTrigger.SCHEDULE)

    async def _poll_group(self, group: str) -> None:
        if self._pace.due(group, self._every[group], self._seconds()):
            # Cut off by the timer's end, which would log it as a job's failure.
            with suppress(asyncio.CancelledError):
                await self._look_at(group, RunTrigger.SCHEDULE)

    async def _look_at(self, group: str, trigger: RunTrigger) -> None:
        await self._looks.look(group, lambda: self._look(group, trigger))

    async def _look(self, group: str, trigger: RunTrigger) -> None:
        sources = [source for source in self._sources.values() if self._polls.group(source) == group]
        try:
            due = await self._polls.look(group, sources)
            self._poll_now(source for source in sources if source.id in due.waiting)
            for source_id in due.changed:
                self._wake(source_id, trigger)
            await self._polls.keep(group)
        except LeadershipLost as error:
            self._lost(error)
        except SourceUnreachable as error:
            log.warning("sheets can't be polled together; each looks by itself", credential=group, reason=str(error))
            self._poll_now(sources)
        except (psycopg.OperationalError, PoolTimeout) as error:
            log.warning("the database can't be asked what to poll; the next poll comes", error=str(error).strip())

    def _poll_now(self, sources: Iterable[Source]) -> None:
        """Wake those that were not woken so for about their own pollSeconds."""
        now = self._clock()
        for source in sources:
            rest = timedelta(seconds=source.poll_seconds * (1 - 2 * _JITTER_SHARE))
            if now - self._polled_at.get(source.id, _LONG_AGO) >= rest:
                self._polled_at[source.id] = now
                self._wake(source.id, RunTrigger.SCHEDULE)

    def _seconds(self) -> float:
        return self._clock().timestamp()


def _job(name: UUID | str) -> str:
    return f"poll:{name}"
