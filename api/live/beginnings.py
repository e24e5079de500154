"""Subscriptions that want what is to come and nothing older: those to one source begin together.

A few questions to the database and one reader of the log serve all who come at the same time, however different their
filters are. When the reader has caught up, each gets what of its part concerns it, and joins its group, all between two
awaits. Whatever is unusual about one is left to `schema.following`, by which it then begins alone.
"""

import asyncio
from collections.abc import Mapping, Sequence
from contextlib import aclosing
from dataclasses import dataclass
from typing import Protocol

import structlog

from db.cursor import Cursor
from db.errors import Forbidden, RowcastError
from db.position import Position
from replication.log_events import LogSlice
from schema.access import Grant
from schema.context import Context
from schema.feed import Batch, Feed
from schema.filters import FilterColumn
from schema.followed_source import followed_source
from schema.following import filter_of
from schema.sources import Opened
from schema.subscriber import Subscriber, Wanted, now

_log = structlog.stdlib.get_logger(__name__)

AT_ONCE = 2
"""Rounds under way."""

SIZE = 64
"""Subscriptions of a round: they join at one stroke, during which nothing else is delivered."""

_SLICES = 100
"""Of the log while a round catches up; with more, each reads it alone."""

_Key = tuple[str, Grant]


class Take(Protocol):
    """Sends the batches, and then takes over the subscription, which has everything up to `position`. Never waits."""

    def __call__(self, subscriber: Subscriber, feed: Feed, batches: Sequence[Batch], position: Position) -> None: ...


@dataclass(frozen=True, slots=True, eq=False)
class _Beginner:
    context: Context
    wanted: Wanted
    take: Take
    begun: "asyncio.Future[bool]"

    def begin(
        self,
        opened: Opened,
        columns: Mapping[str, FilterColumn],
        slices: Sequence[LogSlice],
        names: frozenset[str],
        caught_up: Batch,
    ) -> bool:
        """False where it has to begin alone, after all. `columns`: the filterable ones. `names`: of the slices."""
        try:
            subscriber = Subscriber(self.context, opened, filter_of(opened, self.wanted, columns), self.wanted)
        except RowcastError:
            return False
        feed = subscriber.feed()
        if not feed.shown.chosen and feed.unknown(names):
            return False
        found = [feed.slice(each.transaction, each.cursor) for each in slices]
        if feed.within:
            return False
        feed.up_to_date = True
        batches = [*(batch for batch in found if batch is not None), caught_up]
        self.take(subscriber, feed, batches, caught_up.cursor.position)
        return True


class Beginnings:
    """All of a process."""

    def __init__(self) -> None:
        self._admission = asyncio.Semaphore(AT_ONCE)
        self._gathering: dict[_Key, list[_Beginner]] = {}
        self._rounds: set[asyncio.Task[None]] = set()

    async def begin(self, context: Context, wanted: Wanted, take: Take) -> bool:
        """Until `take` has it. False where it has to begin alone; nothing was sent then."""
        try:
            key = wanted.source, context.principal.on(wanted.source)
        except Forbidden:
            return False
        gathering = self._gathering.get(key)
        if gathering is None or len(gathering) >= SIZE:
            gathering = self._gathering[key] = []
            task = asyncio.create_task(self._run(key, gathering, context))
            self._rounds.add(task)
            task.add_done_callback(self._rounds.discard)
        beginner = _Beginner(context, wanted, take, asyncio.get_running_loop().create_future())
        gathering.append(beginner)
        return await beginner.begun

    async def _run(self, key: _Key, beginners: list[_Beginner], context: Context) -> None:
        try:
            async with self._admission:
                # Who comes from now on may know of a commit that these would be sent.
                if self._gathering.get(key) is beginners:
                    del self._gathering[key]
                await _begin(beginners, context, key[0])
        except RowcastError:
            pass  # Each is told alone.
        except Exception:  # noqa: BLE001 - logged with its trace
            _log.exception("subscriptions could not begin together", source=key[0])
        finally:
            for beginner in beginners:
                if not beginner.begun.done():
                    beginner.begun.set_result(False)


async def _begin(beginners: Sequence[_Beginner], context: Context, source: str) -> None:
    opened = await followed_source(context, source)
    columns = opened.filterable
    slices: list[LogSlice] = []

    def join(position: Position) -> bool:
        caught_up = Batch(Cursor(position), up_to_date=True)
        names = frozenset[str]().union(*(each.transaction.names() for each in slices))
        for beginner in beginners:
            if not beginner.begun.done():
                beginner.begun.set_result(beginner.begin(opened, columns, slices, names, caught_up))
        return True

    async with aclosing(context.hub.subscribe(opened.source.logged_as, await now(context), join)) as events:
        async for event in events:
            if isinstance(event, LogSlice):
                slices.append(event)
            if len(slices) > _SLICES:
                return
