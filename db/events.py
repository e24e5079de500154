"""What the system itself did: runs, conflicts, failures, states, gaps in the log. For people, and for `events`.

An insert notifies `rowcast_events` with the event's id, by a trigger.
"""

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from psycopg.abc import Params
from psycopg.types.json import Jsonb

from db.changes import WireValue
from db.session import Connection


class EventKind(StrEnum):
    """What an event is about."""

    RUN_STARTED = "RUN_STARTED"
    RUN_PROGRESS = "RUN_PROGRESS"
    RUN_FINISHED = "RUN_FINISHED"
    CONFLICT = "CONFLICT"
    FAILURE = "FAILURE"
    DRIFT = "DRIFT"
    STATE = "STATE"
    SYSTEM = "SYSTEM"


@dataclass(frozen=True, slots=True)
class Event:
    """One event. `source` is the name that the source had; None where it is about the whole."""

    id: int
    kind: EventKind
    source: str | None
    at: datetime
    message: str
    detail: Mapping[str, WireValue]


async def insert_event(
    connection: Connection,
    kind: EventKind,
    source: str | None,
    message: str,
    detail: Mapping[str, WireValue] | None = None,
) -> int:
    """Store an event in the caller's transaction; it is announced when that commits. Returns its id."""
    cursor = await connection.execute(
        "INSERT INTO rowcast.events (kind, source, message, detail) VALUES (%s, %s, %s, %s) RETURNING id",
        (kind, source, message, Jsonb(dict(detail or {}))),
    )
    row = await cursor.fetchone()
    assert row is not None
    return int(row[0])


async def event_by_id(connection: Connection, id_: int) -> Event | None:
    """The event of a `rowcast_events` notification; None if retention took it."""
    events = await _fetch(connection, "WHERE id = %s", (id_,))
    return events[0] if events else None


async def events_after(connection: Connection, id_: int, limit: int = 100) -> list[Event]:
    """Events with a higher id, oldest first. Ids are given before the commit: a lower one can appear later."""
    return await _fetch(connection, "WHERE id > %s ORDER BY id LIMIT %s", (id_, limit))


async def list_events(
    connection: Connection, source: str | None, kinds: Collection[EventKind] | None, *, first: int, after: int | None
) -> list[Event]:
    """At most `first` events, newest first; None: of all sources, of all kinds. `after`: the id of the last seen."""
    return await _fetch(
        connection,
        "WHERE (%(source)s::text IS NULL OR source = %(source)s)"
        " AND (%(kinds)s::text[] IS NULL OR kind = ANY(%(kinds)s))"
        " AND (%(after)s::bigint IS NULL OR id < %(after)s) ORDER BY id DESC LIMIT %(first)s",
        {
            "source": source,
            "kinds": None if kinds is None else [kind.value for kind in kinds],
            "after": after,
            "first": first,
        },
    )


async def recent_event_ids(connection: Connection, count: int) -> list[int]:
    """The ids of the newest events that are there, oldest first."""
    cursor = await connection.execute("SELECT id FROM rowcast.events ORDER BY id DESC LIMIT %s", (count,))
    return [id_ for (id_,) in reversed(await cursor.fetchall())]


async def _fetch(connection: Connection, clause: str, parameters: Params) -> list[Event]:
    query = f"SELECT id, kind, source, at, message, detail FROM rowcast.events {clause}"  # noqa: S608 - ours, above
    cursor = await connection.execute(query.encode(), parameters)
    return [
        Event(id_, EventKind(kind), source, at, message, detail)
        for id_, kind, source, at, message, detail in await cursor.fetchall()
    ]
