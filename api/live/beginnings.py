"""Subscriptions that want what is to come and nothing older: those to one source begin together.

A few questions to the database and one reader of the log serve all who come at the same time, however different their
filters are. When the reader has caught up, each gets what of its part concerns it, and joins its group, all between two
awaits. Whatever is unusual about one is left to `schema.following`, by which it then begins alone.
"""

import asyncio
from collections.abc import Mapping, Sequence
from contextlib import aclosing
from dataclasses import dataclass
from functools import partial
from typing import Protocol

import structlog

from db.cursor import Cursor
from db.errors import Forbidden, RowcastError
from db.position import Position
from replication.log_events import LogSlice
from schema.access import Grant
from schema.context import Context
from schema.feed import Batch, Feed, Shown
from schema.filters import FilterColumn
from schema.followed_source import followed_source, shown_columns
from schema.following import filter_of
from schema.sources import Opened
from schema.subscriber import Subscriber, Wanted, now

_log = structlog.stdlib.get_logger(__name__)

AT_ONCE = 4
"""Rounds under way, each to another source or by another grant."""

APART_S = 0.1
"""From one round's beginning to the next's, of the same source, unless that is full: what asks the database costs the
same for one as for many. Who comes when nobody did just before doesn't wait.
"""

SIZE = 64
"""Subscriptions of a round."""

_SLICES = 100
"""Of the log while a round catches up; with more, each reads it alone."""

_Key = tuple[str, Grant]


class Beginner(Protocol):
    """Who asks to begin. It is told one of the two, once. Neither waits."""

    def take(self, subscriber: Subscriber, feed: Feed, batches: Sequence[Batch], position: Position) -> None:
        """Sends the batches, and then takes over the subscription, which has everything up to `position`."""

    def alone(self) -> None:
        """It has to begin alone, after all. Nothing was sent."""


@dataclass(frozen=True, slots=True, eq=False)
class _Asked:
    context: Context
    wanted: Wanted
    beginner: Beginner

    def begin(
        self,
        opened: Opened,
        columns: Mapping[str, FilterColumn],
        whole: Shown,
        slices: Sequence[LogSlice],
        names: frozenset[str],
        caught_up: Batch,
    ) -> bool:
        """False where it has to begin alone. `columns`: the filterable ones. `whole`: all columns. `names`: of the
        slices.
        """
        try:
            where = filter_of(opened, self.wanted, columns)
            shown = whole if self.wanted.columns is None else None
            subscriber = Subscriber(self.context, opened, where, self.wanted, shown=shown)
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
        self.beginner.take(subscriber, feed, batches, caught_up.cursor.position)
        return True


class Beginnings:
    """All of a process."""

    def __init__(self) -> None:
        self._admission = asyncio.Semaphore(AT_ONCE)
        self._gathering: dict[_Key, list[_Asked]] = {}
        self._rounds: dict[_Key, asyncio.Task[None]] = {}  # of each the last
        self._under_way: list[list[_Asked]] = []

    @property
    def waiting(self) -> int:
        """How many wait to begin."""
        return sum(map(len, self._under_way))

    def begin(self, context: Context, wanted: Wanted, beginner: Beginner) -> bool:
        """The beginner is told. False where it has to begin alone at once, and is told nothing."""
        try:
            key = wanted.source, context.principal.on(wanted.source)
        except Forbidden:
            return False
        gathering = self._gathering.get(key)
        if gathering is None or len(gathering) >= SIZE:
            gathering = self._gathering[key] = []
            self._under_way.append(gathering)
            task = asyncio.create_task(
                context.hub.turns.each(self._run(key, gathering, context, self._rounds.get(key)))
            )
            self._rounds[key] = task
            task.add_done_callback(partial(self._over, key))
        gathering.append(_Asked(context, wanted, beginner))
        return True

    async def _run(self, key: _Key, asked: list[_Asked], context: Context, before: "asyncio.Task[None] | None") -> None:
        if before is not None:
            await asyncio.wait({before})
        clock = asyncio.get_running_loop().time
        next_at = clock() + APART_S
        try:
            async with self._admission:
                # Who comes from now on may know of a commit that these would be sent.
                if self._gathering.get(key) is asked:
                    del self._gathering[key]
                await _begin(asked, context, key[0])
        except RowcastError:
            pass  # Each is told alone.
        except Exception:  # noqa: BLE001 - logged with its trace
            _log.exception("subscriptions could not begin together", source=key[0])
        finally:
            self._under_way.remove(asked)
            for each in asked:
                each.beginner.alone()
        if len(self._gathering.get(key, ())) < SIZE:
            await asyncio.sleep(next_at - clock())

    def _over(self, key: _Key, task: "asyncio.Task[None]") -> None:
        if self._rounds.get(key) is task:
            del self._rounds[key]


async def _begin(asked: list[_Asked], context: Context, source: str) -> None:
    """Who has begun is no longer in the list."""
    opened = await followed_source(context, source)
    columns, whole = opened.filterable, shown_columns(opened, None)
    slices: list[LogSlice] = []
    names = frozenset[str]()

    def join(position: Position) -> bool | None:
        # One of them, and then whatever else the loop has to do.
        if not asked[0].begin(opened, columns, whole, slices, names, Batch(Cursor(position), up_to_date=True)):
            asked[0].beginner.alone()
        del asked[0]
        return None if asked else True

    async with aclosing(context.hub.subscribe(opened.source.logged_as, await now(context), join)) as events:
        async for event in events:
            if isinstance(event, LogSlice):
                slices.append(event)
                names |= event.transaction.names()
            if len(slices) > _SLICES:
                return
