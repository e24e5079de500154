"""The `changes` subscription: a snapshot or a cursor, then the log, by the hub, for as long as the client listens.

The rules are in `schema.feed`; here is where rows, cursors and the log come from.
"""

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator, Collection, Coroutine, Sequence
from contextlib import aclosing, asynccontextmanager
from copy import copy
from dataclasses import dataclass, replace
from functools import partial
from typing import Annotated, Protocol

import psycopg
import strawberry
import structlog
from psycopg import sql

from db.changes import Operation, WireRow
from db.cursor import Cursor, View
from db.errors import BadUserInput, Conflict, CursorExpired, Forbidden, NotFound, Unavailable
from db.notify import DELETED, Notifications, Resynchronise
from db.position import Position
from db.rows import RowTable, behind_now, stream_rows
from db.session import Connection
from db.snapshot import Snapshot
from db.sources import Source, source_by_id
from db.view import view
from replication.hub import CaughtUp, LogSlice
from schema.change_types import Change, ChangeBatch
from schema.coalesce import Coalescer
from schema.context import Context, Info
from schema.feed import Batch, Delta, Feed, Shown, snapshot_batch
from schema.filter_input import RowFilter, read_filter
from schema.filter_predicate import matcher
from schema.filter_sql import Parameters, condition
from schema.filters import And, Filter
from schema.pace import paced
from schema.rows import SourceName, Where
from schema.scalars import JSON, BigInt, CursorText
from schema.sources import Opened, open_source
from schema.table_errors import table_errors
from schema.unless import unless

log = structlog.get_logger(__name__)

CHUNK = 500
"""Rows of a snapshot in one batch at most."""

QUIET_S = 60.0
"""A filter that lets nothing through gets a newer cursor after this long."""

MAX_INTERVAL_MS = 3_600_000
"""The longest `minIntervalMs`."""

ASK_AGAIN_S = 5.0
"""How often to look whether columns that the source doesn't have are its by now."""

_AGAIN_S = 1.0
_SEES_NOTHING = Snapshot(0, 0, frozenset())

Operations = Annotated[
    list[Operation] | None, strawberry.argument(description="Only these are sent, as the filter shows them; none: all.")
]
Columns = Annotated[list[str] | None, strawberry.argument(description="Only these columns; none: all.")]
Behind = Annotated[
    CursorText | None, strawberry.argument(description="Resume behind this cursor; none: from now on, or a snapshot.")
]
WithSnapshot = Annotated[
    bool, strawberry.argument(description="Send the matching rows first, and again where `after` can't be resumed.")
]
Interval = Annotated[
    int | None,
    strawberry.argument(
        description="Send at most one batch in so many milliseconds: the newest state of each row that changed."
    ),
]


@dataclass(frozen=True, slots=True)
class Wanted:
    """The arguments of `changes`, as they were given."""

    source: str
    where: RowFilter | None = None
    operations: Collection[Operation] | None = None
    columns: Sequence[str] | None = None
    after: str | None = None
    snapshot: bool = False
    min_interval_ms: int | None = None


@dataclass(frozen=True, slots=True)
class Place:
    """Where a live subscription goes on in the log, and as what.

    `within`: of a commit a part was sent, and its end not yet.
    """

    cursor: Cursor
    within: bool
    subscriber: "Subscriber"


class Join(Protocol):
    """Takes over a subscription that has caught up, for live delivery together with others like it."""

    def __call__(self, subscriber: "Subscriber", feed: Feed, position: Position) -> bool:
        """False where it can't at this point: the subscription goes on alone, and offers itself again.

        It has everything up to `position` and every slice that was handed on since. Never waits.
        """


async def changes(
    info: Info,
    source: SourceName,
    where: Where = None,
    operations: Operations = None,
    columns: Columns = None,
    after: Behind = None,
    snapshot: WithSnapshot = False,
    min_interval_ms: Interval = 0,
) -> AsyncGenerator[ChangeBatch, None]:
    """Batches without end; see the contract's text on the subscription."""
    activity = info.context.activity
    wanted = Wanted(source, where, operations, columns, after, snapshot, min_interval_ms)
    async with aclosing(follow(info.context, wanted)) as batches:
        activity.subscriptions += 1
        try:
            async for batch in batches:
                activity.delivery(len(batch.changes))
                yield batch
        finally:
            activity.subscriptions -= 1


async def follow(
    context: Context, wanted: Wanted, join: Join | None = None, place: Place | None = None
) -> AsyncGenerator[ChangeBatch, None]:
    """What `changes` sends. Without end, unless `join` takes the subscription over: then it ends.

    `place`: one that was taken over goes on from there, on its own again.
    """
    interval_s = _interval(wanted.min_interval_ms)
    cursor = None if wanted.after is None else Cursor.decode(wanted.after)
    async with context.listener.subscribe(DELETED) as notifications:
        if place is None:
            opened = await _shared(context, wanted.source)
            where = And((opened.visible, read_filter(wanted.where, opened.filterable)))
            # Merged changes are picked by their operation after they were merged.
            each = replace(wanted, operations=None) if interval_s else wanted
            subscriber = Subscriber(context, opened, where, each, join)
        else:
            subscriber = place.subscriber.alone(join, place)
        async with (
            _beside(_refuse_deleted(context, subscriber.source, notifications, look=place is not None)) as deleted,
            aclosing(subscriber.batches(cursor, snapshot=wanted.snapshot)) as single,
            aclosing(paced(single, Coalescer(wanted.operations), interval_s, QUIET_S, context.clock)) as merged,
        ):
            batches = merged if interval_s else single
            while (batch := await unless(deleted, anext(batches, None))) is not None:
                yield as_batch(batch)


async def _shared(context: Context, name: str) -> Opened:
    """The source, with the columns that the log has: the same object for all who may see the same, as long as it is."""
    seen = name, context.principal.on(name)
    opened = await context.together.ask(("source", seen), partial(_open, context, name))
    if context.opened.get(seen) != opened:
        context.opened[seen] = opened
    return context.opened[seen]


async def _open(context: Context, name: str) -> Opened:
    async with context.pool.connection() as connection:
        opened = await open_source(connection, name, context.principal)
    return replace(opened, table=_logged(opened.table))


async def _now(context: Context) -> Cursor:
    async with view(context.pool) as (_, cursor):
        return cursor


async def _behind_now(context: Context) -> Position:
    async with context.pool.connection() as connection:
        return await behind_now(connection)


def _interval(milliseconds: int | None) -> float:
    if not 0 <= (milliseconds or 0) <= MAX_INTERVAL_MS:
        raise BadUserInput(f"minIntervalMs is a number of milliseconds from 0 to {MAX_INTERVAL_MS}.")
    return (milliseconds or 0) / 1000


@asynccontextmanager
async def _beside(work: Coroutine[None, None, None]) -> AsyncIterator["asyncio.Task[None]"]:
    """Runs until the block ends, at most. Its error is for the block to take."""
    task = asyncio.create_task(work)
    try:
        yield task
    finally:
        task.cancel()
        await asyncio.wait({task})
        if not task.cancelled():
            task.exception()


async def until_deleted(context: Context, source: Source) -> None:
    """Waits until the source is deleted, then NotFound; at once where it was before."""
    async with context.listener.subscribe(DELETED) as notifications:
        await _refuse_deleted(context, source, notifications, look=True)


async def _refuse_deleted(context: Context, source: Source, notifications: Notifications, *, look: bool) -> None:
    """NotFound once the source is deleted: nothing of its table is logged from then on. `look` first whether it is."""
    if look and await _is_gone(context, source):
        raise _deleted(source)
    async for payload in notifications:
        if isinstance(payload, Resynchronise):
            gone = await _is_gone(context, source)
        else:
            gone = payload == str(source.id)
        if gone:
            raise _deleted(source)


def _deleted(source: Source) -> NotFound:
    return NotFound(f'The source "{source.name}" was deleted.')


async def _is_gone(context: Context, source: Source) -> bool:
    while True:
        try:
            async with context.pool.connection() as connection:
                return await source_by_id(connection, source.id) is None
        except psycopg.OperationalError as error:
            log.warning("can't look whether a source still exists, trying again", error=str(error).strip())
        await asyncio.sleep(_AGAIN_S)


class Subscriber:
    """One subscription to a source's table, with the filter read against the columns as they were when it began."""

    def __init__(
        self,
        context: Context,
        opened: Opened,
        where: Filter,
        wanted: Wanted,
        join: Join | None = None,
    ) -> None:
        self._context = context
        self.source = opened.source
        self.where = where
        self.operations = None if wanted.operations is None else frozenset(wanted.operations)
        self.ignored = frozenset[str]()
        self._table = opened.table
        self._shown = _shown(opened, wanted.columns)
        self.principal = context.principal
        self.join = join
        self.place: Place | None = None
        self.asked_at = context.clock()

    def alone(self, join: Join | None = None, place: Place | None = None) -> "Subscriber":
        """Another that knows what this one knows of the source, and goes on at the place."""
        other = copy(self)
        other.join, other.place = join, place
        return other

    async def batches(self, cursor: Cursor | None, *, snapshot: bool) -> AsyncGenerator[Batch, None]:
        """Everything behind the cursor, until it is joined to others. CursorExpired where that can't be and no snapshot
        is wanted.
        """
        place, reset = self.place, False
        if place is None:
            cursor, reset = await self._start(cursor, snapshot=snapshot)
        else:
            cursor = place.cursor
        while True:
            fresh = cursor is None
            if cursor is None and not snapshot:
                cursor = await self._now()
            elif cursor is None:
                async with aclosing(self._snapshot(reset=reset)) as chunks:
                    async for batch in chunks:
                        cursor = batch.cursor
                        yield batch
                assert cursor is not None
            feed = Feed(self._shown, matcher(self.where), self.operations)
            if place is not None:
                feed.within, feed.up_to_date, place = place.within, True, None
            try:
                async with aclosing(self._follow(feed, cursor)) as following:
                    async for batch in following:
                        yield batch
            except CursorExpired as error:
                if not snapshot:
                    raise
                if fresh and not feed.up_to_date:
                    raise Unavailable("The change log began anew twice in a row: try again in a while.") from error
                cursor, reset = None, True
            else:
                return

    async def _start(self, cursor: Cursor | None, *, snapshot: bool) -> tuple[Cursor | None, bool]:
        """The cursor to go on from, None for a new snapshot, and whether that is a reset."""
        if cursor is None:
            return None, False
        if not cursor.partial:
            return await self._until_now(cursor), False
        if not snapshot:
            raise CursorExpired(
                "This cursor is from within a snapshot that was not sent to its end: begin again with a snapshot."
            )
        return None, True

    async def _until_now(self, cursor: Cursor) -> Cursor:
        """The cursor with a view up to now, so that `upToDate` says that every earlier commit was sent.

        Its snapshot is the old one, or one that sees nothing: what the cursor admits stays the same.
        """
        now = await self._context.together.ask("behind now", partial(_behind_now, self._context))
        held = cursor.view or View(_SEES_NOTHING, 0)
        return replace(cursor, view=replace(held, until=max(held.until, now.lsn)))

    async def _now(self) -> Cursor:
        """What everything that isn't committed yet is behind."""
        return _opened_log(await self._context.together.ask("now", partial(_now, self._context)))

    async def _snapshot(self, *, reset: bool) -> AsyncGenerator[Batch, None]:
        """The matching rows in chunks; only the last one's cursor can be resumed from."""
        taken: asyncio.Queue[Batch] = asyncio.Queue(maxsize=1)
        async with _beside(self._read_snapshot(taken, reset=reset)) as reading:
            while True:
                batch = await unless(reading, taken.get())
                yield batch
                if batch.last:
                    return

    async def _read_snapshot(self, taken: "asyncio.Queue[Batch]", *, reset: bool) -> None:
        """Reads ahead by a chunk. Unavailable where the client stops taking: it may not keep the others waiting."""

        async def hand_on(batch: Batch) -> None:
            try:
                async with asyncio.timeout(self._context.snapshot_stall_s):
                    await taken.put(batch)
            except TimeoutError as error:
                raise Unavailable("The snapshot was not read in time: begin again, and read faster.") from error

        waiting: list[tuple[str, WireRow]] = []
        async with self._context.snapshots, view(self._context.pool) as (connection, cursor):
            partial = replace(_opened_log(cursor), partial=True)
            if reset:
                await hand_on(Batch(partial, reset=True, last=False))
            async with aclosing(self._rows(connection)) as chunks:
                async for rows in chunks:
                    # One chunk behind: only then is it known which is the last.
                    if waiting and rows:
                        await hand_on(snapshot_batch(partial, waiting, self._shown, last=False))
                    waiting = rows or waiting
        await taken.put(snapshot_batch(cursor, waiting, self._shown, last=True))

    async def _rows(self, connection: Connection) -> AsyncGenerator[list[tuple[str, WireRow]], None]:
        parameters = Parameters()
        tail = sql.SQL("WHERE {}").format(condition(self.where, parameters))
        needed = {*self._shown.key, *self._shown.columns}
        table = replace(self._table, columns={n: each for n, each in self._table.columns.items() if n in needed})
        with table_errors(self.source):
            async with aclosing(stream_rows(connection, table, tail, parameters.values, CHUNK)) as chunks:
                async for chunk in chunks:
                    yield [(row.key, row.data) for row in chunk]

    async def _follow(self, feed: Feed, cursor: Cursor) -> AsyncGenerator[Batch, None]:
        clock = self._context.clock
        sent = clock()
        join = None if self.join is None else partial(self.join, self, feed)
        async with aclosing(
            self._context.hub.subscribe(self.source.relation, cursor, join, caught_up=feed.up_to_date)
        ) as events:
            async for event in events:
                batch: Batch | None
                match event:
                    case LogSlice(transaction, reached):
                        if not feed.shown.chosen and self._may_be_new(feed.unknown(transaction)):
                            await self._widen(feed)
                        batch = feed.slice(transaction, reached)
                        if batch is None and clock() - sent >= QUIET_S:
                            batch = feed.passed(reached)
                    case CaughtUp(reached):
                        batch = feed.caught_up(reached)
                if batch is not None:
                    sent = clock()
                    yield batch

    def _may_be_new(self, unknown: frozenset[str]) -> bool:
        """Whether to ask if columns that the subscriber doesn't get are the source's by now: at first, then rarely."""
        now = self._context.clock()
        if unknown <= self.ignored and (not unknown or now - self.asked_at < ASK_AGAIN_S):
            return False
        self.ignored |= unknown
        self.asked_at = now
        return True

    async def _widen(self, feed: Feed) -> None:
        """Go on with the columns that the source has now: it may have got some since."""
        while True:
            try:
                async with self._context.pool.connection() as connection:
                    opened = await open_source(connection, self.source.name, self.principal)
            except (NotFound, Conflict, Forbidden) as error:
                log.info("a subscription goes on with the columns that it has", reason=str(error))
                return
            except psycopg.OperationalError as error:
                log.warning("can't look for new columns of a source, trying again", error=str(error).strip())
                await asyncio.sleep(_AGAIN_S)
                continue
            if opened.source.id == self.source.id:
                self.source, self._table = opened.source, _logged(opened.table)
                feed.shown = self._shown = _shown(opened, None)
            return


def _logged(table: RowTable) -> RowTable:
    """Without its generated columns, which are not in the log: so snapshots leave them out too."""
    return replace(table, columns={name: column for name, column in table.columns.items() if not column.generated})


def _shown(opened: Opened, columns: Sequence[str] | None) -> Shown:
    """What is sent of a row. BadUserInput for a column that the log doesn't have."""
    key, known = opened.source.key, tuple(_logged(opened.table).columns)
    if columns is None:
        return Shown(key, known, chosen=opened.cut)
    if unknown := [name for name in columns if name not in known]:
        raise BadUserInput(f'There is no column "{unknown[0]}" to follow: use some of {", ".join(known)}.')
    return Shown(key, tuple(dict.fromkeys(columns)), chosen=True)


def _opened_log(cursor: Cursor) -> Cursor:
    if cursor.position.epoch == 0:
        raise Unavailable("The change log is not open yet: try again in a moment.")
    return cursor


def as_batch(batch: Batch) -> ChangeBatch:
    commit = batch.commit
    return ChangeBatch(
        cursor=CursorText(batch.cursor.encode()),
        transaction_id=None if commit is None else BigInt(commit.xid),
        committed_at=None if commit is None else commit.committed_at,
        cause=None if commit is None else commit.cause,
        actor=None if commit is None else commit.actor,
        snapshot=batch.snapshot,
        reset=batch.reset,
        last=batch.last,
        up_to_date=batch.up_to_date,
        changes=[_as_change(delta) for delta in batch.deltas],
    )


def _as_change(delta: Delta) -> Change:
    return Change(
        operation=delta.operation,
        moved=delta.moved,
        key=None if delta.identity is None else JSON(delta.identity),
        row=None if delta.row is None else JSON(delta.row),
        before=None if delta.before is None else JSON(delta.before),
        changed=list(delta.changed),
    )
