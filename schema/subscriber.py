"""One subscription to a source's table: a snapshot or a cursor, then the log, for as long as somebody listens.

The rules are in `schema.feed`; here is where rows, cursors and the log come from.
"""

import asyncio
from collections.abc import AsyncGenerator, Collection, Sequence
from contextlib import aclosing
from copy import copy
from dataclasses import dataclass, replace
from functools import partial
from typing import Protocol
from uuid import UUID

import psycopg
import structlog
from psycopg import sql

from db.changes import Operation, WireRow
from db.cursor import Cursor, View
from db.errors import Conflict, CursorExpired, Forbidden, NotFound, Unavailable
from db.logged_from import LoggedFrom, logged_from
from db.position import Position
from db.rows import behind_now, stream_rows
from db.session import Connection
from db.snapshot import Snapshot
from db.tables import Relation
from db.view import flush_by_commit, flush_seen, view
from replication.log_events import CaughtUp, LogSlice
from schema.alike import Alike
from schema.context import Context
from schema.feed import Batch, Feed, Shown, snapshot_batch
from schema.filter_input import RowFilter
from schema.filter_predicate import matcher, unfit
from schema.filter_sql import Parameters, condition
from schema.filters import Filter, FilterColumn, columns_of
from schema.followed_source import followed_source, shown_columns
from schema.snapshot_reads import LeftBehind
from schema.sources import MARK, Opened
from schema.table_errors import table_errors

log = structlog.get_logger(__name__)

CHUNK = 500
"""Rows of a snapshot in one batch at most."""

QUIET_S = 60.0
"""A filter that lets nothing through gets a newer cursor after this long."""

ASK_AGAIN_S = 5.0
"""How often to look whether columns that the source doesn't have are its by now."""

_AGAIN_S = 1.0
_MOST_VAIN = 2
"""Snapshots in a row after which the log began anew before the subscription was up to date."""
_SEES_NOTHING = Snapshot(0, 0, frozenset())


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
    """Where a live subscription goes on in the log, and as what."""

    cursor: Cursor
    subscriber: "Subscriber"


class Join(Protocol):
    """Takes over a subscription that has caught up, for live delivery together with others like it."""

    def __call__(self, subscriber: "Subscriber", feed: Feed, position: Position) -> bool:
        """False where it can't at this point: the subscription goes on alone, and offers itself again.

        It has everything up to `position` and every slice that was handed on since. Never waits.
        """


class Subscriber:
    """One subscription to a source's table, with the filter read against the columns as they were when it began."""

    __slots__ = (
        "_context",
        "_shown",
        "_table",
        "asked_at",
        "ignored",
        "join",
        "operations",
        "place",
        "principal",
        "source",
        "where",
    )

    def __init__(
        self,
        context: Context,
        opened: Opened,
        where: Filter,
        wanted: Wanted,
        join: Join | None = None,
        shown: Shown | None = None,
    ) -> None:
        """`shown`: what the wanted columns are, where that is known."""
        self._context = context
        self.source = opened.source
        self.where = where
        self.operations = None if wanted.operations is None else frozenset(wanted.operations)
        self.ignored = frozenset[str]()
        self._table = opened.table
        self._shown = shown or shown_columns(opened, wanted.columns)
        self.principal = context.principal
        self.join = join
        self.place: Place | None = None
        self.asked_at = context.clock()

    def alone(self, join: Join | None = None, place: Place | None = None) -> "Subscriber":
        """One that knows what this one knows of the source, and goes on at the place."""
        if self.join is join and self.place is place:
            return self
        other = copy(self)
        other.join, other.place = join, place
        return other

    def feed(self) -> Feed:
        """A new view of the log."""
        return Feed(self._shown, matcher(self.where), self.operations)

    async def batches(self, cursor: Cursor | None, *, snapshot: bool) -> AsyncGenerator[Batch, None]:
        """Everything behind the cursor, until it is joined to others. CursorExpired where that can't be and no snapshot
        is wanted. Conflict where the table is no longer what it could follow.
        """
        place, reset, vain = self.place, False, 0
        if place is None:
            cursor, reset = await self._start(cursor, snapshot=snapshot)
        else:
            cursor = place.cursor
        while True:
            fresh = cursor is None
            if cursor is None and not snapshot:
                cursor = await now(self._context)
            elif cursor is None:
                async with aclosing(self._snapshot(reset=reset)) as chunks:
                    async for batch in chunks:
                        cursor = batch.cursor
                        yield batch
                assert cursor is not None
            feed = self.feed()
            feed.resume(cursor)
            if place is not None:
                feed.up_to_date, place = True, None
            try:
                async with aclosing(self._follow(feed, cursor)) as following:
                    async for batch in following:
                        yield batch
            except CursorExpired as error:
                # The table may be another one now.
                await self._renew()
                if not snapshot:
                    raise
                vain = vain + 1 if fresh and not feed.up_to_date else 0
                if vain > _MOST_VAIN:
                    raise Unavailable("The change log began anew again and again: try again in a while.") from error
                cursor, reset = None, True
            else:
                return

    async def rest(self, sent: Batch) -> AsyncGenerator[Batch, None]:
        """What was committed until now and is behind the batch. CursorExpired where the log no longer has it."""
        cursor = await self._until_now(sent.cursor)
        feed = self.feed()
        feed.resume(cursor)
        feed.up_to_date = sent.up_to_date
        async with aclosing(self._context.hub.subscribe(self.source.logged_as, cursor)) as events:
            async for event in events:
                if isinstance(event, CaughtUp):
                    return
                batch = feed.slice(event.transaction, event.cursor)
                if batch is not None:
                    yield batch

    async def _start(self, cursor: Cursor | None, *, snapshot: bool) -> tuple[Cursor | None, bool]:
        """The cursor to go on from, None for a new snapshot, and whether that is a reset."""
        if cursor is None:
            return None, False
        if cursor.partial:
            reason = "This cursor is from within a snapshot that was not sent to its end: begin again with a snapshot."
        elif not await self._is_logged_since(cursor):
            reason = (
                f"{self.source.name} was registered after this cursor, and changes before that are in no log: take a "
                "new snapshot."
            )
        else:
            return await self._until_now(cursor), False
        if not snapshot:
            raise CursorExpired(reason)
        return None, True

    async def _is_logged_since(self, cursor: Cursor) -> bool:
        """Whether the log has all of the table's changes behind the cursor, as far as its epoch goes."""
        question = partial(_logged_from, self._context, self.source.id)
        begun = await self._context.together.ask(("logged from", self.source.id), question)
        return begun is None or cursor.position.epoch != begun.position.epoch or begun.precedes(cursor)

    async def _until_now(self, cursor: Cursor) -> Cursor:
        """The cursor with a view up to now, so that `upToDate` says that every earlier commit was sent.

        Its snapshot is the old one, or one that sees nothing: what the cursor admits stays the same.
        """
        behind = await self._context.together.ask("behind now", partial(_behind_now, self._context))
        held = cursor.view or View(_SEES_NOTHING, 0)
        return replace(cursor, view=replace(held, until=max(held.until, behind.lsn)))

    async def _snapshot(self, *, reset: bool) -> AsyncGenerator[Batch, None]:
        """The matching rows in chunks; only the last one's cursor can be resumed from."""
        key: tuple[object, ...] = (id(self._table), self.where, self._shown)
        aside = False
        while True:
            try:
                async with aclosing(self._context.snapshots.read(key, self._read_snapshot, aside=aside)) as chunks:
                    async for batch in chunks:
                        if reset:
                            yield Batch(replace(batch.cursor, partial=True), reset=True, last=False)
                            reset = False
                        yield batch
            except LeftBehind:
                # Alone, at its own pace.
                key, aside, reset = (*key, object()), True, True
            else:
                return

    async def _read_snapshot(self) -> AsyncGenerator[Batch, None]:
        waiting: list[tuple[str, WireRow]] = []
        async with view(self._context.pool, Relation.parse(self.source.relation)) as (connection, cursor):
            partial = replace(_opened_log(cursor), partial=True)
            async with aclosing(self._rows(connection)) as chunks:
                async for rows in chunks:
                    # One chunk behind: only then is it known which is the last.
                    if waiting and rows:
                        yield snapshot_batch(partial, waiting, self._shown, last=False)
                    waiting = rows or waiting
            await flush_seen(connection, cursor)
        yield snapshot_batch(cursor, waiting, self._shown, last=True)

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
        filtered, there = columns_of(self.where), frozenset({MARK} if self.source.hides_deleted else ())
        join = None if self.join is None else partial(self.join, self, feed)
        alike = self._alike(feed)
        async with aclosing(
            self._context.hub.subscribe(self.source.logged_as, cursor, join, caught_up=feed.up_to_date)
        ) as events:
            async for event in events:
                batch: Batch | None
                match event:
                    case LogSlice(transaction, reached):
                        if not feed.shown.chosen and self._may_be_new(feed.unknown(transaction.names())):
                            await self._widen(feed)
                            alike = self._alike(feed)
                        if alike.passed(transaction) and not feed.within:
                            batch = None
                        else:
                            asked = filtered - there
                            altered = unfit(transaction.changes, asked) if asked else asked
                            if altered:
                                await self._refuse_altered(altered)
                                there |= altered
                            batch = feed.slice(transaction, reached)
                            if batch is None and not altered:
                                alike.passes(transaction)
                        if batch is None and clock() - sent >= QUIET_S:
                            batch = feed.passed(reached)
                    case CaughtUp(reached):
                        batch = feed.caught_up(reached)
                if batch is not None:
                    sent = clock()
                    yield batch

    def _alike(self, feed: Feed) -> Alike:
        return Alike(self.source.id, self.where, feed.shown, self.operations)

    def _may_be_new(self, unknown: frozenset[str]) -> bool:
        """Whether to ask if columns that the subscriber doesn't get are the source's by now: at first, then rarely."""
        clock = self._context.clock()
        if unknown <= self.ignored and (not unknown or clock - self.asked_at < ASK_AGAIN_S):
            return False
        self.ignored |= unknown
        self.asked_at = clock
        return True

    async def _widen(self, feed: Feed) -> None:
        """Go on with the columns that the source has now: it may have got some since."""
        opened = await self._opened_now()
        if opened is not None:
            self.source, self._table = opened.source, opened.table
            feed.shown = self._shown = shown_columns(opened, None)

    async def gains(self, columns: frozenset[str]) -> bool:
        """Whether some of these, which it isn't sent, are the source's columns by now."""
        opened = await self._opened_now()
        return opened is not None and not columns.isdisjoint(opened.table.columns)

    async def _opened_now(self) -> Opened | None:
        """The source as it is now; None where it can't be had."""
        try:
            opened = await self._opened_again()
        except (NotFound, Conflict, Forbidden) as error:
            log.info("a subscription goes on with the columns that it has", reason=str(error))
            return None
        return opened if opened.source.id == self.source.id else None

    async def _renew(self) -> None:
        """Take the table for what it is now. Conflict where it can't be followed as it was."""
        opened = await self._opened_again()
        if opened.source.id != self.source.id:
            return  # deleted: it is about to be told
        refuse_altered(columns_of(self.where) - {MARK}, opened)
        shown = shown_columns(opened, None)
        if self._shown.chosen:
            there = tuple(name for name in self._shown.columns if name in shown.columns)
            shown = replace(shown, columns=there, chosen=True, hidden=())
        self.source, self._table, self._shown = opened.source, opened.table, shown

    async def check_filter(self) -> None:
        """Conflict where its columns are others by now. Values may fit both types, and mean something else: "30" and
        "30.0" are the same number."""
        columns = columns_of(self.where) - {MARK}
        opened = await self._opened_now() if columns else None
        if opened is not None:
            refuse_altered(columns, opened)

    async def _refuse_altered(self, columns: frozenset[FilterColumn]) -> None:
        """Conflict where the table has a filter's columns no longer, or with another type, so that nothing would match
        it, in silence. Rows of before they were added or altered don't fit either."""
        refuse_altered(columns, await self._opened_again())

    async def _opened_again(self) -> Opened:
        """The source as it is now, once the database answers."""
        while True:
            try:
                # Together: all who follow a table see its new column at the same moment.
                return await followed_source(self._context, self.source.name)
            except psycopg.OperationalError as error:
                log.warning("can't look at a source's columns, trying again", error=str(error).strip())
            await asyncio.sleep(_AGAIN_S)


def refuse_altered(columns: frozenset[FilterColumn], opened: Opened) -> None:
    """Conflict where the source no longer has these columns of a filter, or has them with another type."""
    there = opened.filterable
    relation, by = opened.source.relation, "by which this subscription is filtered: subscribe anew, with a filter"
    if gone := sorted(each.name for each in columns if each.name not in there):
        raise Conflict(f"{relation} no longer has {', '.join(gone)}, {by} of columns that it has.")
    if retyped := sorted(each.name for each in columns if there[each.name].type is not each.type):
        raise Conflict(f"{relation} has other types now in {', '.join(retyped)}, {by} of its new type.")


async def now(context: Context) -> Cursor:
    """What everything that isn't committed yet is behind. Unavailable before the log is open."""
    return _opened_log(await context.together.ask("now", partial(_now, context)))


async def _now(context: Context) -> Cursor:
    async with view(context.pool) as (connection, cursor):
        await flush_seen(connection, cursor)
        return cursor


async def _behind_now(context: Context) -> Position:
    async with context.pool.connection() as connection:
        behind = await behind_now(connection)
        await flush_by_commit(connection, behind.lsn)
        return behind


async def _logged_from(context: Context, source_id: UUID) -> LoggedFrom | None:
    async with context.pool.connection() as connection:
        return await logged_from(connection, source_id)


def _opened_log(cursor: Cursor) -> Cursor:
    if cursor.position.epoch == 0:
        raise Unavailable("The change log is not open yet: try again in a moment.")
    return cursor
