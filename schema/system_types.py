"""The system itself as clients see it: events, numbers, access."""

from datetime import datetime

import strawberry
from strawberry import UNSET

from db.events import EventKind
from schema.enums import Role
from schema.filter_input import RowFilter
from schema.scalars import JSON, BigInt


@strawberry.type(description="Something that the system did or noticed.")
class Event:
    id: strawberry.ID = strawberry.field(description="Rises with time.")
    kind: EventKind = strawberry.field(description="What it tells of.")
    source: str | None = strawberry.field(description="The source that it is about, if any.")
    at: datetime = strawberry.field(description="When it happened.")
    message: str = strawberry.field(description="For people.")
    detail: JSON = strawberry.field(description="The same for programs, an object.")


@strawberry.type(description="A page of events, newest first.")
class EventConnection:
    nodes: list[Event] = strawberry.field(description="The events.")
    end_cursor: str | None = strawberry.field(description="Give it as `after` for the next page.")
    has_next_page: bool = strawberry.field(description="Whether older ones follow.")


@strawberry.type(description="How far a quota of an external API is used up.")
class Quota:
    name: str = strawberry.field(description="What is counted.")
    limit: int = strawberry.field(description="How much is allowed in a period.")
    used: int = strawberry.field(description="How much is used.")
    resets_at: datetime | None = strawberry.field(description="When the period ends, where known.")


@strawberry.type(
    description="Numbers of now. Connections, subscriptions and rates are those of the process that answers."
)
class Stats:
    sources: int = strawberry.field(description="Registered sources.")
    subscriptions: int = strawberry.field(description="Live subscriptions.")
    connections: int = strawberry.field(description="Open WebSocket connections.")
    changes_per_second: float = strawberry.field(description="Changes sent to subscribers, over the last 10 s.")
    deliveries_per_second: float = strawberry.field(description="Batches sent to subscribers, over the last 10 s.")
    slot_lag_bytes: BigInt = strawberry.field(description="WAL that the replication slot has not confirmed yet.")
    slot_lag_seconds: float = strawberry.field(description="How long ago the log was last known to be complete.")
    pending_writes: int = strawberry.field(description="Rows whose database state has not reached their source.")
    open_conflicts: int = strawberry.field(description="Conflicts that wait.")
    open_failures: int = strawberry.field(description="Failures that wait.")
    api_quota: list[Quota] = strawberry.field(description="Quotas of external APIs, where this process calls them.")


@strawberry.input(description="What a token may see of one source.")
class GrantInput:
    source: str = strawberry.field(description="The source's name.")
    where: RowFilter | None = strawberry.field(default=UNSET, description="Only rows that match; none: all.")
    columns: list[str] | None = strawberry.field(default=UNSET, description="Only these columns; none: all.")
    write: bool = strawberry.field(default=False, description="Whether rows may be written.")


@strawberry.input(description="A new token.")
class CreateTokenInput:
    name: str = strawberry.field(description="Shown as the actor of what it does.")
    role: Role = strawberry.field(description="What it may do.")
    grants: list[GrantInput] | None = strawberry.field(default=UNSET, description="Narrows it; none: all sources.")
    expires_at: datetime | None = strawberry.field(default=UNSET, description="When it ends; none: never.")


@strawberry.type(description="A token for programs.")
class Token:
    id: strawberry.ID = strawberry.field(description="Names it for revokeToken.")
    name: str = strawberry.field(description="Shown as the actor of what it does.")
    role: Role = strawberry.field(description="What it may do.")
    grants: JSON = strawberry.field(description="What it is narrowed to, a list.")
    created_at: datetime = strawberry.field(description="When it was created.")
    expires_at: datetime | None = strawberry.field(description="When it ends.")
    revoked_at: datetime | None = strawberry.field(description="When it was revoked.")
    last_used_at: datetime | None = strawberry.field(description="When it was last used.")


@strawberry.type(description="A token, just created.")
class CreatedToken:
    token: Token = strawberry.field(description="The token.")
    secret: str = strawberry.field(description="Shown this once.")


@strawberry.type(description="What signs calls of a source's hook.")
class HookSecret:
    url: str = strawberry.field(description="The hook's URL.")
    secret: str = strawberry.field(description="Shown this once.")


@strawberry.type(description="Who asks.")
class Viewer:
    name: str = strawberry.field(description="The principal's name.")
    role: Role = strawberry.field(description="What it may do.")
