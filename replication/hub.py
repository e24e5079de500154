"""The hub of every process that serves subscriptions: reads each new part of the log once, and hands it on.

It learns from the bus, or in silence from the database, how far the log goes. A subscription begins by reading the
log from its cursor and joins the live path where it has caught up; one that is too slow goes back to reading the log.
Many that are alike may be served by one `LiveTable`, without a task or a queue for each.
"""

import asyncio
import random
import time
from collections import defaultdict
from collections.abc import AsyncGenerator, Awaitable, Callable, Collection, Iterable, Iterator
from contextlib import aclosing, contextmanager
from dataclasses import dataclass, replace
from functools import partial
from typing import Protocol, Self

import psycopg
import structlog

from db.changes import Transaction
from db.cursor import Cursor
from db.errors import CursorExpired, Unavailable
from db.log import PAGE, LogState, log_state, read_entries
from db.log_append import heartbeat
from db.position import Position
from db.session import Pool
from db.slices import LogEntry, Slicer
from db.together import Together
from replication.bus import Beat, BroadcastBus, BusBroken
from replication.live_queue import LiveQueue

log = structlog.get_logger(__name__)

_NOWHERE = Position(0, 0, 0)
_RESTART_S = 0.5
_NUDGE_S = 0.05
_LONGEST_NUDGE_S = 1.0


@dataclass(frozen=True, slots=True)
class LogSlice:
    """One commit of the table behind the subscription's cursor, or a slice of it; `cursor` has read it."""

    transaction: Transaction
    cursor: Cursor


@dataclass(frozen=True, slots=True)
class CaughtUp:
    """Nothing older is to come. Again after each quiet minute, with a newer cursor."""

    cursor: Cursor


LogEvent = LogSlice | CaughtUp


class LiveTable(Protocol):
    """Takes a table's part of the log for many subscriptions at once. Slices come in order; some may come again."""

    async def take(self, transaction: Transaction) -> None:
        """The next slice. The log waits for it, so it may give way to others, and never wait for a reader."""

    async def reached(self, position: Position) -> None:
        """Every slice before the position was given to `take`."""

    def expire(self) -> None:
        """The log can't be followed any further from where it is. Never waits."""


class Hub:
    """`async with Hub(pool, bus) as hub`, one a process; see the module's text."""

    def __init__(
        self,
        pool: Pool,
        bus: BroadcastBus,
        *,
        quiet_s: float = 60.0,
        silence_s: float = 2.0,
        poll_s: float = 0.25,
        queue_size: int = 100,
        clock: Callable[[], float] = time.monotonic,
        sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
        jitter: Callable[[], float] = random.random,
    ) -> None:
        """`quiet_s`: when a quiet subscription gets a newer cursor. `silence_s`: of the bus, before the database is
        asked every `poll_s`. `queue_size`: slices that a subscription may lag behind before it reads the log itself.
        """
        self._pool = pool
        self._bus = bus
        self._quiet_s = quiet_s
        self._silence_s = silence_s
        self._poll_s = poll_s
        self._queue_size = queue_size
        self._clock = clock
        self._sleep = sleep
        self._jitter = jitter
        self._frontier = _NOWHERE
        self._head = _NOWHERE
        self._handed = _NOWHERE  # every entry before it was put into the queues
        self._handing = _NOWHERE  # what is being put into the queues ends here
        self._heard = float("-inf")
        self._queues: defaultdict[str, set[LiveQueue]] = defaultdict(set)
        self._tables: dict[str, LiveTable] = {}
        self._together = Together()
        self._moved = asyncio.Event()
        self._wanted = asyncio.Event()
        self._reaching: list[tuple[int, asyncio.Future[None]]] = []
        self._tasks: list[asyncio.Task[None]] = []

    async def __aenter__(self) -> Self:
        for part in (self._listen, self._watch, self._hand_on, self._nudge):
            self._tasks.append(asyncio.create_task(self._keep(part), name=f"hub {part.__name__}"))
        return self

    async def __aexit__(self, *_: object) -> None:
        for task in self._tasks:
            task.cancel()
        await asyncio.wait(self._tasks)

    @property
    def frontier(self) -> Position:
        """Behind everything that the log is known to hold. Epoch 0 before it was first heard of."""
        return self._frontier

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
        join: Callable[[Position], bool] | None = None,
        *,
        caught_up: bool = False,
    ) -> AsyncGenerator[LogEvent, None]:
        """The table's commits behind the cursor, each once and in order, without end. Close it: `aclosing`.

        `join` is asked with its position whenever a subscription that has caught up has nothing left to read: where it
        is True, this ends, and the table that is attached takes what comes.
        CaughtUp comes once the log has reached the cursor's view, or what it held when this began, unless it had
        `caught_up` before, and after each quiet minute. CursorExpired when the log no longer reaches back to the
        cursor, also later.
        """
        goal = await self._goal(cursor)
        while True:
            with self._joined(relation) as queue:
                async with aclosing(self._read(relation, cursor.position, queue.start)) as older:
                    async for transaction in older:
                        event, cursor = _advance(cursor, transaction)
                        if event is not None:
                            yield event
                cursor = cursor.advanced(queue.start)
                queue.goal = None if caught_up else goal
                quiet = False
                while not queue.overflowed:
                    live = queue.take()
                    if live is not None:
                        event, cursor = _advance(cursor, live)
                        if event is not None:
                            yield event
                        continue
                    cursor = cursor.advanced(self._handed)
                    if caught_up and join is not None and self._handed >= queue.start and join(cursor.position):
                        return
                    if quiet if caught_up else self._handed >= goal:
                        caught_up, queue.goal, quiet = True, None, False
                        yield CaughtUp(cursor)
                    else:
                        quiet = not await self._changed(queue)

    async def reach(self, lsn: int, timeout: float) -> None:  # noqa: ASYNC109 - the error names what was waited for
        """Wait until every commit below the LSN is in the log. Unavailable after `timeout` seconds."""
        if self._frontier.lsn >= lsn:
            return
        waiting: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        entry = lsn, waiting
        self._reaching.append(entry)
        self._wanted.set()
        try:
            async with asyncio.timeout(timeout):
                await waiting
        except TimeoutError as error:
            raise Unavailable("The change log did not get that far in time: replication lags, try again.") from error
        finally:
            self._reaching.remove(entry)

    async def reach_cursor(self, cursor: Cursor, timeout: float) -> None:  # noqa: ASYNC109 - as `reach`
        """Wait until the log has all that the cursor is behind. CursorExpired where it can't; else as `reach`."""
        try:
            async with asyncio.timeout(timeout):
                while self._frontier == _NOWHERE:
                    await self._observed()
        except TimeoutError as error:
            raise Unavailable("The change log is not open yet: try again in a moment.") from error
        position = cursor.position
        if position.epoch != self._frontier.epoch or position > self._frontier:
            await self._check_ahead(position)
        lsn = position.lsn + (position.index > 0)
        await self.reach(lsn if cursor.view is None else max(lsn, cursor.view.until), timeout)

    async def _goal(self, cursor: Cursor) -> Position:
        """Where a subscription that begins now has caught up."""
        while self._frontier == _NOWHERE:
            await self._observed()
        if cursor.position > self._frontier:
            await self._check_ahead(cursor.position)
        until = Position(self._frontier.epoch, 0 if cursor.view is None else cursor.view.until, 0)
        return max(self._frontier, cursor.position, until)

    async def _check_ahead(self, position: Position) -> None:
        """The cursor of a write may be ahead of the log, but not of the WAL: then it is of another history."""
        async with self._pool.connection() as connection:
            state = await log_state(connection)
            row = await (await connection.execute("SELECT (pg_current_wal_insert_lsn() - '0/0')::bigint")).fetchone()
        assert row is not None
        if state is not None:
            self._observe_state(state)
            state.check(position)
        if position.lsn > row[0]:
            raise CursorExpired("This cursor is ahead of the database, which was set back: take a new snapshot.")

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
            self._wanted.set()
        try:
            async with asyncio.timeout(self._quiet_s):
                await queue.changed.wait()
        except TimeoutError:
            return False
        return True

    async def _read(self, relation: str, after: Position, until: Position) -> AsyncGenerator[Transaction, None]:
        slicer = Slicer(PAGE)
        while after < until:
            rows = await self._entries(after, (relation,), until)
            for row in rows:
                for transaction in slicer.add(row):
                    yield transaction
            if len(rows) < PAGE:
                break
            after = rows[-1].change.position
        for transaction in slicer.end():
            yield transaction

    async def _entries(self, after: Position, relations: Collection[str], until: Position) -> list[LogEntry]:
        """A page of the log; while Postgres is away the reader waits."""
        while True:
            try:
                return await self._together.ask(
                    (after, frozenset(relations), until), partial(self._page, after, relations, until)
                )
            except psycopg.OperationalError as error:
                log.warning("can't read the log now, trying again", error=str(error).strip())
            await self._sleep(_RESTART_S * (0.5 + self._jitter()))

    async def _page(self, after: Position, relations: Collection[str], until: Position) -> list[LogEntry]:
        async with self._pool.connection() as connection:
            return await read_entries(connection, after, relations, until)

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

    async def _listen(self) -> None:
        try:
            async with aclosing(self._bus.listen()) as beats:
                async for beat in beats:
                    self._observe_beat(beat)
        except BusBroken as error:
            log.warning("connecting to the broadcast backend again", error=str(error), cause=repr(error.__cause__))
            await self._bus.reconnect()

    async def _watch(self) -> None:
        while True:
            silent = self._clock() - self._heard
            if silent >= self._silence_s:
                async with self._pool.connection() as connection:
                    state = await log_state(connection)
                if state is not None:
                    self._observe_state(state)
                await self._sleep(self._poll_s)
            else:
                await self._sleep(self._silence_s - silent)

    async def _hand_on(self) -> None:
        while True:
            while self._handed >= self._frontier:
                await self._observed()
            after, until, relations = self._handed, self._frontier, frozenset({*self._queues, *self._tables})
            self._handing = until
            if relations and self._head >= after:
                await self._hand(after, until, relations)
            if until.epoch != self._frontier.epoch:
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
        slicer = Slicer(PAGE)
        while True:
            try:
                rows = await self._entries(after, relations, until)
            except CursorExpired as error:
                # Who joined meanwhile begins behind this.
                self._expire((queue for queue in self._live() if queue.start < until), error)
                return
            complete = [transaction for row in rows for transaction in slicer.add(row)]
            if len(rows) < PAGE:
                complete.extend(slicer.end())
            for transaction in complete:
                if until.epoch != self._frontier.epoch:
                    return
                await self._give(transaction)
            if len(rows) < PAGE:
                return
            after = rows[-1].change.position

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

    async def _nudge(self) -> None:
        """Has WAL flushed and decoded when somebody waits for it and nothing else moves it."""
        pause = _NUDGE_S
        while True:
            goal = self._farthest()
            if goal <= self._frontier.lsn:
                pause = _NUDGE_S
                self._wanted.clear()
                await self._wanted.wait()
                continue
            before = self._frontier
            await self._sleep(pause)
            if self._frontier == before:
                async with self._pool.connection() as connection:
                    await heartbeat(connection)
                pause = min(pause * 2, _LONGEST_NUDGE_S)
            else:
                pause = _NUDGE_S

    def _farthest(self) -> int:
        goals = [queue.goal.lsn for queues in self._queues.values() for queue in queues if queue.goal is not None]
        return max([*goals, *(lsn for lsn, _ in self._reaching)], default=0)

    # ---- how far the log goes

    def _observe_beat(self, beat: Beat) -> None:
        self._heard = self._clock()
        if beat.previous > self._head and beat.previous.epoch == self._head.epoch:
            log.debug("a broadcast was lost: its entries are read from the log now")
        self._observe(beat.head, beat.frontier)

    def _observe_state(self, state: LogState) -> None:
        self._observe(state.head, state.frontier)

    def _observe(self, head: Position, frontier: Position) -> None:
        if frontier <= self._frontier:
            return
        if self._frontier.epoch != frontier.epoch:
            # Nothing of another epoch is handed on, and who joins from now on reads the log up to here.
            self._handed = self._handing = frontier
            self._expire(
                self._live(),
                CursorExpired(
                    "The change log had to begin anew (its slot or its server changed): take a new snapshot."
                ),
            )
        self._head, self._frontier = max(head, self._head), frontier
        self._moved.set()
        self._moved = asyncio.Event()
        for lsn, waiting in self._reaching:
            if lsn <= frontier.lsn and not waiting.done():
                waiting.set_result(None)

    async def _observed(self) -> None:
        await self._moved.wait()


def _advance(cursor: Cursor, transaction: Transaction) -> tuple[LogSlice | None, Cursor]:
    """What the cursor admits of a slice, and the cursor behind it."""
    changes = tuple(change for change in transaction.changes if cursor.admits(change.position, transaction.xid))
    cursor = cursor.advanced(transaction.position)
    if not changes:
        return None, cursor
    whole = len(changes) == len(transaction.changes)
    return LogSlice(transaction if whole else replace(transaction, changes=changes), cursor), cursor
