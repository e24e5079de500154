"""The hub of every process that serves subscriptions: reads each new part of the log once, and hands it on.

It learns from its `Frontier` how far the log goes. A subscription begins by reading the log from its cursor and joins
the live path where it has caught up; one that is too slow goes back to reading the log. Many that are alike may be
served by one `LiveTable`, without a task or a queue for each.
"""

import asyncio
import random
import time
from collections import defaultdict
from collections.abc import AsyncGenerator, Awaitable, Callable, Collection, Iterable, Iterator, Sequence
from contextlib import aclosing, contextmanager
from typing import Self

import psycopg
import structlog

from db.changes import Transaction
from db.cursor import Cursor
from db.errors import CursorExpired
from db.log import PAGE
from db.position import Position
from db.session import Pool
from db.slices import LogEntry, Slicer
from replication.bus import BroadcastBus
from replication.frontier import NOWHERE, Frontier
from replication.live_queue import LiveQueue
from replication.log_events import LiveTable, LogEvent, Progress
from replication.log_pages import LogPages
from replication.log_reader import LogReader
from replication.recent import Recent
from replication.turns import Turns

log = structlog.get_logger(__name__)

_RESTART_S = 0.5


class Hub:
    """`async with Hub(pool, bus) as hub`, one a process; see the module's text."""

    def __init__(
        self,
        pool: Pool,
        bus: BroadcastBus,
        recent: Recent | None = None,
        turns: Turns | None = None,
        *,
        quiet_s: float = 60.0,
        silence_s: float = 0.5,
        poll_s: float = 0.02,
        queue_size: int = 100,
        clock: Callable[[], float] = time.monotonic,
        sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
        jitter: Callable[[], float] = random.random,
    ) -> None:
        """`recent`: what this process appends to the log itself, where it does. `quiet_s`: when a quiet subscription
        gets a newer cursor. `silence_s`: of a bus that seems to work, before the database is asked every `poll_s`.
        `queue_size`: slices that a subscription may lag behind before it reads the log itself.
        """
        self._recent = recent or Recent()
        self._quiet_s = quiet_s
        self._queue_size = queue_size
        self._sleep = sleep
        self._jitter = jitter
        self._known = Frontier(
            pool,
            bus,
            silence_s=silence_s,
            poll_s=poll_s,
            clock=clock,
            sleep=sleep,
            goals=self._goals,
            begun_anew=self._begun_anew,
        )
        self._log = LogReader(pool, head=lambda: self._known.head, sleep=sleep, jitter=jitter)
        self._pages = LogPages(self._log)
        self._handed = NOWHERE  # every entry before it was put into the queues
        self._handing = NOWHERE  # what is being put into the queues ends here
        self._queues: defaultdict[str, set[LiveQueue]] = defaultdict(set)
        self._tables: dict[str, LiveTable] = {}
        self._tasks: list[asyncio.Task[None]] = []
        self.turns = turns or Turns()
        """Of the process."""

    async def __aenter__(self) -> Self:
        for part in (self._known.listen, self._known.watch, self._hand_on, self._known.nudge):
            self._tasks.append(asyncio.create_task(self._keep(part), name=f"hub {part.__name__}"))
        return self

    async def __aexit__(self, *_: object) -> None:
        for task in self._tasks:
            task.cancel()
        await asyncio.wait(self._tasks)

    @property
    def frontier(self) -> Position:
        """Behind everything that the log is known to hold. Epoch 0 before it was first heard of."""
        return self._known.at

    @property
    def pages_read(self) -> int:
        """How many pages of the log were asked of the database for those who had to read it themselves."""
        return self._pages.asked

    @property
    def subscriptions(self) -> int:
        """How many are on the live path now."""
        return sum(len(queues) for queues in self._queues.values())

    def attach(self, relation: str, table: LiveTable) -> None:
        """Give every further slice of the table to `table`, of which there is one at most, until it is detached."""
        assert relation not in self._tables
        self._tables[relation] = table

    def detach(self, relation: str) -> None:
        """Give it nothing more."""
        del self._tables[relation]

    async def subscribe(
        self,
        relation: str,
        cursor: Cursor,
        join: Callable[[Position], bool | None] | None = None,
        *,
        caught_up: bool = False,
    ) -> AsyncGenerator[LogEvent, None]:
        """The table's commits behind the cursor, each once and in order, without end. Close it: `aclosing`.

        `join` is asked with its position whenever a subscription that has caught up has nothing left to read: where it
        is True, this ends, and the table that is attached takes what comes; where it is None, it is asked again, after
        what comes meanwhile.
        CaughtUp comes once everything was sent up to the cursor's view, or to what the log held when this began, and
        before what is later, unless it had `caught_up` before; and after each quiet minute. CursorExpired when the log
        no longer reaches back to the cursor, also later.
        """
        goal = await self._goal(cursor)
        progress = Progress(cursor, None if caught_up else goal)
        while True:
            with self._joined(relation) as queue:
                async with aclosing(self._pages.read(relation, progress.cursor.position, queue.start)) as older:
                    async for transaction in older:
                        await self.turns.share(patient=True)
                        for event in progress.take(transaction):
                            yield event
                progress.passed(queue.start)
                quiet = False
                while not queue.overflowed:
                    live = queue.take()
                    if live is not None:
                        for event in progress.take(live):
                            yield event
                        continue
                    progress.passed(self._handed)
                    if progress.goal is None and join is not None and self._handed >= queue.start:
                        joined = join(progress.cursor.position)
                        if joined:
                            return
                        if joined is None:
                            await self.turns.share()
                            continue
                    if quiet if progress.goal is None else self._handed >= progress.goal:
                        quiet = False
                        yield progress.caught_up(self._handed)
                    else:
                        queue.goal = progress.goal
                        quiet = not await self._changed(queue)

    async def reach(self, lsn: int, timeout: float) -> None:  # noqa: ASYNC109 - as `Frontier.reach`
        """Wait until every commit below the LSN is in the log. Unavailable after `timeout` seconds."""
        await self._known.reach(lsn, timeout)

    async def reach_cursor(self, cursor: Cursor, timeout: float) -> None:  # noqa: ASYNC109 - as `Frontier.reach`
        """Wait until the log has all that the cursor is behind. CursorExpired where it can't; else as `reach`."""
        await self._known.reach_cursor(cursor, timeout)

    async def _goal(self, cursor: Cursor) -> Position:
        """Where a subscription that begins now has caught up."""
        await self._known.known()
        if cursor.position > self._known.at:
            await self._known.check_ahead(cursor.position)
        until = Position(self._known.at.epoch, 0 if cursor.view is None else cursor.view.until, 0)
        return max(self._known.at, cursor.position, until)

    @contextmanager
    def _joined(self, relation: str) -> Iterator[LiveQueue]:
        queue = LiveQueue(relation, max(self._handed, self._handing), self._queue_size)
        self._queues[relation].add(queue)
        try:
            yield queue
        finally:
            self._queues[relation].discard(queue)
            if not self._queues[relation]:
                del self._queues[relation]

    async def _changed(self, queue: LiveQueue) -> bool:
        """Wait until there is something to do for the queue; False: the quiet time is over."""
        if queue.goal is not None:
            self._known.hurry()
        try:
            async with asyncio.timeout(self._quiet_s):
                await queue.changed.wait()
        except TimeoutError:
            return False
        return True

    # ---- the parts that run as long as the hub

    async def _keep(self, part: Callable[[], Awaitable[None]]) -> None:
        while True:
            try:
                await part()
            except psycopg.OperationalError as error:
                log.warning("the hub was interrupted", part=part.__name__, error=str(error).strip())
            except Exception:
                # Whatever it is: subscriptions must not fall silent. Everything is read again from the log.
                log.exception("a part of the hub failed, beginning again", part=part.__name__)
            await self._sleep(_RESTART_S * (0.5 + self._jitter()))

    async def _hand_on(self) -> None:
        while True:
            if self._handed >= self._known.at:
                self.turns.release()
            while self._handed >= self._known.at:
                await self._known.moved()
            self.turns.hold()
            after, until, relations = self._handed, self._known.at, frozenset({*self._queues, *self._tables})
            self._handing = until
            if relations and self._known.head >= after:
                await self._hand(after, until, relations)
            else:
                self._pages.add(relations, after, until, (), ())
            if until.epoch != self._known.at.epoch:
                continue
            self._handed = until
            for queues in self._queues.values():
                for queue in queues:
                    # Those that join wait for the handing during which they came.
                    if queue.start == until or (queue.goal is not None and until >= queue.goal):
                        queue.changed.set()
            for table in tuple(self._tables.values()):
                await table.reached(until)

    async def _hand(self, after: Position, until: Position, relations: Collection[str]) -> None:
        slicer, whole = Slicer(PAGE), True
        while True:
            try:
                rows = await self._page(after, relations, until)
            except CursorExpired as error:
                # Who joined meanwhile begins behind this.
                self._expire((queue for queue in self._live() if queue.start < until), error)
                return
            complete = [transaction for row in rows for transaction in slicer.add(row)]
            if len(rows) < PAGE:
                complete.extend(slicer.end())
            if whole and len(rows) < PAGE:
                self._pages.add(relations, after, until, rows, complete)
            whole = False
            for transaction in complete:
                if until.epoch != self._known.at.epoch:
                    return
                await self._give(transaction)
            if len(rows) < PAGE:
                return
            after = rows[-1].change.position

    async def _page(self, after: Position, relations: Collection[str], until: Position) -> Sequence[LogEntry]:
        """As of the log; what this process appended just now it needn't be asked for."""
        recent = self._recent.between(after, until)
        if recent is None or len(recent) >= PAGE:
            return await self._log.page(after, relations, until)
        return [entry for entry in recent if entry.change.relation in relations]

    async def _give(self, transaction: Transaction) -> None:
        relation = transaction.changes[0].relation
        for queue in self._queues.get(relation, ()):
            # Who joined meanwhile reads the log up to where this handing ends.
            if queue.start < transaction.position:
                queue.put(transaction)
        table = self._tables.get(relation)
        if table is not None:
            # Nothing may come between: whoever joins the table has emptied its queue.
            await table.take(transaction)

    def _live(self) -> Iterator[LiveQueue]:
        return (queue for queues in self._queues.values() for queue in queues)

    def _expire(self, queues: Iterable[LiveQueue], error: CursorExpired) -> None:
        for queue in queues:
            queue.expire(error)
        for table in tuple(self._tables.values()):
            table.expire()

    def _goals(self) -> Iterator[int]:
        return (queue.goal.lsn for queue in self._live() if queue.goal is not None)

    def _begun_anew(self, frontier: Position) -> None:
        # Nothing of another epoch is handed on, and who joins from now on reads the log up to here.
        self._handed = self._handing = frontier
        error = CursorExpired("The change log had to begin anew (its slot or its server changed): take a new snapshot.")
        self._expire(self._live(), error)
