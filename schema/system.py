"""The system itself: its numbers, its events, who asks."""

from collections.abc import AsyncGenerator, Collection
from contextlib import aclosing
from typing import Annotated

import strawberry

from db.events import Event as StoredEvent
from db.events import EventKind, event_by_id, events_after, list_events, recent_event_ids
from db.notify import EVENTS, Resynchronise
from db.session import Pool
from db.source_status import slot_lag, source_statuses
from db.sources import all_sources
from schema.context import Info
from schema.enums import Role
from schema.paging import decode_id, encode_after, page_size
from schema.rows import After, First
from schema.scalars import JSON, BigInt
from schema.seen_events import REACH, SeenEvents
from schema.source_types import pending_writes
from schema.sources import require_source
from schema.system_types import Event, EventConnection, Quota, Stats, Viewer

OptionalSource = Annotated[str | None, strawberry.argument(description="About this source only; none: about all.")]
Kinds = Annotated[list[EventKind] | None, strawberry.argument(description="Of these kinds only; none: of all.")]

_PAGE = 100


async def stats(info: Info) -> Stats:
    """Numbers of now."""
    context = info.context
    context.principal.require_whole(None)
    async with context.pool.connection() as connection:
        sources = await all_sources(connection)
        statuses = await source_statuses(connection, [source.id for source in sources])
        lag = await slot_lag(connection)
    pending = [await pending_writes(info, source, statuses[source.id]) for source in sources if source.id in statuses]
    leading = context.replication()
    return Stats(
        sources=len(sources),
        subscriptions=context.activity.subscriptions,
        connections=context.activity.connections,
        changes_per_second=context.activity.changes.per_second(),
        deliveries_per_second=context.activity.deliveries.per_second(),
        slot_lag_bytes=BigInt(lag.bytes if leading is None else leading.lag_bytes),
        slot_lag_seconds=lag.seconds if leading is None else leading.lag_seconds,
        pending_writes=sum(pending),
        open_conflicts=sum(status.open_conflicts for status in statuses.values()),
        open_failures=sum(status.open_failures for status in statuses.values()),
        api_quota=[Quota(name=q.name, limit=q.limit, used=q.used, resets_at=q.resets_at) for q in context.quotas()],
    )


def viewer(info: Info) -> Viewer:
    """Who asks."""
    return Viewer(name=info.context.principal.name, role=Role(info.context.principal.role))


async def past_events(
    info: Info, source: OptionalSource = None, kinds: Kinds = None, first: First = 100, after: After = None
) -> EventConnection:
    """A page of what was told; of a source that is gone too."""
    size, behind = page_size(first, 100), decode_id("events", after)
    info.context.principal.require_whole(source)
    async with info.context.pool.connection() as connection:
        found = await list_events(connection, source, kinds, first=size + 1, after=behind)
    return EventConnection(
        nodes=[_as_event(event) for event in found[:size]],
        end_cursor=encode_after("events", [found[:size][-1].id]) if found[:size] else None,
        has_next_page=len(found) > size,
    )


async def events(info: Info, source: OptionalSource = None, kinds: Kinds = None) -> AsyncGenerator[Event, None]:
    """Events from now on, each once."""
    context = info.context
    context.principal.require_whole(source)
    context.activity.subscriptions += 1
    try:
        async with context.listener.subscribe(EVENTS) as notifications:
            async with context.pool.connection() as connection:
                if source is not None:
                    await require_source(connection, source)
                seen = SeenEvents(await recent_event_ids(connection, REACH))
            async for payload in notifications:
                missed = isinstance(payload, Resynchronise)
                pages = _missed(context.pool, seen) if missed else _named(context.pool, str(payload))
                async with aclosing(pages):
                    async for page in pages:
                        for event in page:
                            if seen.first_time(event.id, missed=missed) and _wanted(event, source, kinds):
                                context.activity.delivery(0)
                                yield _as_event(event)
    finally:
        context.activity.subscriptions -= 1


async def _named(pool: Pool, payload: str) -> AsyncGenerator[list[StoredEvent], None]:
    """Anybody may notify: what is no id of an event names none."""
    if not (payload.isascii() and payload.isdigit() and len(payload) <= 18):
        return
    async with pool.connection() as connection:
        event = await event_by_id(connection, int(payload))
    if event is not None:
        yield [event]


async def _missed(pool: Pool, seen: SeenEvents) -> AsyncGenerator[list[StoredEvent], None]:
    """Pages of everything that may be new, after notifications were missed."""
    after = seen.look_after
    while True:
        # No connection is kept while the client reads.
        async with pool.connection() as connection:
            page = await events_after(connection, after, _PAGE)
        if not page:
            return
        yield page
        after = page[-1].id


def _wanted(event: StoredEvent, source: str | None, kinds: Collection[EventKind] | None) -> bool:
    return (source is None or event.source == source) and (kinds is None or event.kind in kinds)


def _as_event(event: StoredEvent) -> Event:
    return Event(
        id=strawberry.ID(str(event.id)),
        kind=event.kind,
        source=event.source,
        at=event.at,
        message=event.message,
        detail=JSON(dict(event.detail)),
    )
