"""What `changes` sends: a subscriber's batches, at most so often, until its source or its filter's columns are gone."""

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator, Coroutine, Mapping
from contextlib import aclosing, asynccontextmanager, suppress
from dataclasses import replace

from db.cursor import Cursor
from db.errors import BadUserInput, CursorExpired, NotFound
from schema.coalesce import Coalescer
from schema.context import Context
from schema.feed import Batch
from schema.filter_input import read_filter
from schema.filters import And, Filter, FilterColumn
from schema.followed_source import followed_source
from schema.pace import paced
from schema.source_ending import CHANNELS, refuse_ended, refuse_gone
from schema.sources import Opened
from schema.subscriber import QUIET_S, Join, Place, Subscriber, Wanted
from schema.unless import unless, until

MAX_INTERVAL_MS = 3_600_000
"""The longest `minIntervalMs`."""

_REST_S = 10.0
"""How long the log may take to get to where a source was deleted."""


async def follow(
    context: Context, wanted: Wanted, join: Join | None = None, place: Place | None = None
) -> AsyncGenerator[Batch, None]:
    """What `changes` sends. Without end, unless `join` takes the subscription over: then it ends.

    `place`: one that was taken over goes on from there, on its own again.
    """
    interval_s = _interval(wanted.min_interval_ms)
    cursor = None if wanted.after is None else Cursor.decode(wanted.after)
    async with context.listener.subscribe(*CHANNELS) as notifications:
        if place is None:
            opened = await followed_source(context, wanted.source)
            # Merged changes are picked by their operation after they were merged.
            each = replace(wanted, operations=None) if interval_s else wanted
            subscriber = Subscriber(context, opened, filter_of(opened, wanted, opened.filterable), each, join)
        else:
            subscriber = place.subscriber.alone(join, place)
        sent = None if place is None else Batch(place.cursor, up_to_date=True)
        async with (
            _beside(refuse_ended(context, subscriber.source, notifications, subscriber.check_filter)) as ended,
            aclosing(subscriber.batches(cursor, snapshot=wanted.snapshot)) as single,
            aclosing(paced(single, Coalescer(wanted.operations, cursor), interval_s, QUIET_S, context.clock)) as merged,
        ):
            batches = merged if interval_s else single
            try:
                if place is not None:
                    # Else it might be taken over again and again before it is told.
                    await refuse_gone(context, subscriber.source)
                    await subscriber.check_filter()
                while (batch := await unless(ended, context.hub.turns.each(anext(batches, None)))) is not None:
                    sent = batch
                    yield batch
            except NotFound:
                if sent is not None and not sent.cursor.partial:
                    coalescer = Coalescer(wanted.operations, sent.cursor) if interval_s else None
                    async with aclosing(_rest(subscriber, sent, coalescer)) as rest:
                        async for batch in rest:
                            yield batch
                raise


async def _rest(subscriber: Subscriber, sent: Batch, coalescer: Coalescer | None) -> AsyncGenerator[Batch, None]:
    """What was committed before the source was deleted, as far as the log has it soon; merged by `coalescer`."""
    merged = False
    with suppress(CursorExpired):
        async with (
            _beside(asyncio.sleep(_REST_S)) as late,
            aclosing(subscriber.rest(sent)) as items,
            aclosing(until(late, items)) as batches,
        ):
            async for batch in batches:
                if coalescer is None:
                    yield batch
                    continue
                coalescer.add(batch)
                merged = True
                if coalescer.full and (full := coalescer.take()) is not None:
                    merged = False
                    yield full
    if coalescer is not None and merged and (last := coalescer.take()) is not None:
        yield last


def filter_of(opened: Opened, wanted: Wanted, columns: Mapping[str, FilterColumn]) -> Filter:
    """Which rows are sent. `columns`: the source's filterable ones. BadUserInput."""
    return And((opened.visible, read_filter(wanted.where, columns)))


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
