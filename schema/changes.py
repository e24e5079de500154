"""The `changes` subscription: a snapshot or a cursor, then the log, by the hub, for as long as the client listens.

The rules are in `schema.feed`; here is where rows, cursors and the log come from.
"""

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator, Collection, Coroutine, Sequence
from contextlib import aclosing, asynccontextmanager
from dataclasses import replace
from typing import Annotated

import psycopg
import strawberry
import structlog
from psycopg import sql

from db.changes import Operation, WireRow
from db.cursor import Cursor, View
from db.errors import BadUserInput, Conflict, CursorExpired, NotFound, Unavailable
from db.notify import DELETED, Notifications, Resynchronise
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
from schema.filter_input import read_filter
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

_AGAIN_S = 1.0
_ASK_AGAIN_S = 5.0
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
    interval_s = _interval(min_interval_ms)
    context = info.context
    cursor = None if after is None else Cursor.decode(after)
    async with context.listener.subscribe(DELETED) as notifications:
        async with context.pool.connection() as connection:
            opened = await open_source(connection, source)
        wanted = And((opened.visible, read_filter(where, opened.filterable)))
        # Merged changes are picked by their operation after they were merged.
        picked = None if interval_s else operations
        subscriber = _Subscriber(context, opened, wanted, picked, columns)
        async with (
            _beside(_refuse_deleted(context, opened.source, notifications)) as deleted,
            aclosing(subscriber.batches(cursor, snapshot=snapshot)) as each,
            aclosing(paced(each, Coalescer(operations), interval_s, QUIET_S, context.clock)) as merged,
        ):
            batches = merged if interval_s else each
            activity = context.activity
            activity.subscriptions += 1
            try:
                while True:
                    batch = await unless(deleted, anext(batches))
                    activity.delivery(len(batch.deltas))
                    yield _as_batch(batch)
            finally:
                activity.subscriptions -= 1


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


async def _refuse_deleted(context: Context, source: Source, notifications: Notifications) -> None:
    """NotFound once the source is deleted: nothing of its table is logged from then on."""
    async for payload in notifications:
        if isinstance(payload, Resynchronise):
            gone = await _is_gone(context, source)
        else:
            gone = payload == str(source.id)
        if gone:
            raise NotFound(f'The source "{source.name}" was deleted.')


async def _is_gone(context: Context, source: Source) -> bool:
    while True:
        try:
            async with context.pool.connection() as connection:
                return await source_by_id(connection, source.id) is None
        except psycopg.OperationalError as error:
            log.warning("can't look whether a source still exists, trying again", error=str(error).strip())
        await asyncio.sleep(_AGAIN_S)


class _Subscriber:
    """One subscription to a source's table, with the filter read against the columns as they were when it began."""

    def __init__(
        self,
        context: Context,
        opened: Opened,
        where: Filter,
        operations: Collection[Operation] | None,
        columns: Sequence[str] | None,
    ) -> None:
        self._context = context
        self._source = opened.source
        self._where = where
        self._table = _logged(opened.table)
        self._shown = _shown(opened.source, self._table, columns)
        self._operations = operations
        self._ignored = frozenset[str]()
        self._asked_at = context.clock()

    async def batches(self, cursor: Cursor | None, *, snapshot: bool) -> AsyncGenerator[Batch, None]:
        """Everything behind the cursor, without end. CursorExpired where that can't be and no snapshot is wanted."""
        reset = False
        if cursor is not None:
            cursor = await self._until_now(cursor)
        if cursor is not None and cursor.partial:
            if not snapshot:
                raise CursorExpired(
                    "This cursor is from within a snapshot that was not sent to its end: begin again with a snapshot."
                )
            cursor, reset = None, True
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
            feed = Feed(self._shown, matcher(self._where), self._operations)
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

    async def _until_now(self, cursor: Cursor) -> Cursor:
        """The cursor with a view up to now, so that `upToDate` says that every earlier commit was sent.

        Its snapshot is the old one, or one that sees nothing: what the cursor admits stays the same.
        """
        async with self._context.pool.connection() as connection:
            now = await behind_now(connection)
        held = cursor.view or View(_SEES_NOTHING, 0)
        return replace(cursor, view=replace(held, until=max(held.until, now.lsn)))

    async def _now(self) -> Cursor:
        """What everything that isn't committed yet is behind."""
        async with view(self._context.pool) as (_, cursor):
            return _opened_log(cursor)

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
        tail = sql.SQL("WHERE {}").format(condition(self._where, parameters))
        needed = {*self._shown.key, *self._shown.columns}
        table = replace(self._table, columns={n: each for n, each in self._table.columns.items() if n in needed})
        with table_errors(self._source):
            async with aclosing(stream_rows(connection, table, tail, parameters.values, CHUNK)) as chunks:
                async for chunk in chunks:
                    yield [(row.key, row.data) for row in chunk]

    async def _follow(self, feed: Feed, cursor: Cursor) -> AsyncGenerator[Batch, None]:
        clock = self._context.clock
        sent = clock()
        async with aclosing(self._context.hub.subscribe(self._source.relation, cursor)) as events:
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
        if unknown <= self._ignored and (not unknown or now - self._asked_at < _ASK_AGAIN_S):
            return False
        self._ignored |= unknown
        self._asked_at = now
        return True

    async def _widen(self, feed: Feed) -> None:
        """Go on with the columns that the source has now: it may have got some since."""
        while True:
            try:
                async with self._context.pool.connection() as connection:
                    opened = await open_source(connection, self._source.name)
            except (NotFound, Conflict) as error:
                log.info("a subscription goes on with the columns that it has", reason=str(error))
                return
            except psycopg.OperationalError as error:
                log.warning("can't look for new columns of a source, trying again", error=str(error).strip())
                await asyncio.sleep(_AGAIN_S)
                continue
            if opened.source.id == self._source.id:
                self._source, self._table = opened.source, _logged(opened.table)
                feed.shown = self._shown = _shown(self._source, self._table, None)
            return


def _logged(table: RowTable) -> RowTable:
    """Without its generated columns, which are not in the log: so snapshots leave them out too."""
    return replace(table, columns={name: column for name, column in table.columns.items() if not column.generated})


def _shown(source: Source, table: RowTable, columns: Sequence[str] | None) -> Shown:
    """What is sent of a row. BadUserInput for a column that the log doesn't have."""
    if columns is None:
        return Shown(source.key, tuple(table.columns))
    if unknown := [name for name in columns if name not in table.columns]:
        known = ", ".join(table.columns)
        raise BadUserInput(f'There is no column "{unknown[0]}" to follow: use some of {known}.')
    return Shown(source.key, tuple(dict.fromkeys(columns)), chosen=True)


def _opened_log(cursor: Cursor) -> Cursor:
    if cursor.position.epoch == 0:
        raise Unavailable("The change log is not open yet: try again in a moment.")
    return cursor


def _as_batch(batch: Batch) -> ChangeBatch:
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
