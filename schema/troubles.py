"""Conflicts and failures: reading them, and settling conflicts."""

from typing import Annotated, cast
from uuid import UUID

import strawberry
from strawberry import UNSET

from db.changes import WireValue
from db.conflicts import ConflictChoice, ConflictState, choose, get_conflict, list_conflicts
from db.errors import NotFound
from db.failures import FailureState, list_failures
from db.session import Connection
from db.source_status import database_now
from db.sources import Source, SourceState, all_sources, source_by_id
from schema.context import Info
from schema.paging import decode_id, page_size, read_id
from schema.rows import After, First
from schema.runs import run_since
from schema.scalars import JSON
from schema.sources import require_source
from schema.trouble_types import Conflict, ConflictConnection, FailureConnection

OptionalSource = Annotated[str | None, strawberry.argument(description="Of this source only; none: of all.")]
InConflictState = Annotated[ConflictState | None, strawberry.argument(description="In this state; null: in any.")]
InFailureState = Annotated[FailureState | None, strawberry.argument(description="In this state; null: in any.")]
ConflictId = Annotated[strawberry.ID, strawberry.argument(description="The conflict's id.")]
Choice = Annotated[ConflictChoice, strawberry.argument(description="How to settle it.")]
Value = Annotated[
    JSON | None,
    strawberry.argument(
        description="With VALUE: the cell's value, or for a conflict of the row the row as an object; null deletes it."
    ),
]


async def conflicts(
    info: Info,
    source: OptionalSource = None,
    state: InConflictState = ConflictState.OPEN,
    first: First = 100,
    after: After = None,
) -> ConflictConnection:
    """A page of conflicts."""
    size, behind = page_size(first, 100), decode_id("conflicts", after)
    async with info.context.pool.connection() as connection:
        of = await _source_id(connection, source)
        page = await list_conflicts(connection, source_id=of, state=state, first=size, after=behind)
        return ConflictConnection.of(page, await _by_id(connection))


async def failures(
    info: Info,
    source: OptionalSource = None,
    state: InFailureState = FailureState.OPEN,
    first: First = 100,
    after: After = None,
) -> FailureConnection:
    """A page of failures."""
    size, behind = page_size(first, 100), decode_id("failures", after)
    async with info.context.pool.connection() as connection:
        of = await _source_id(connection, source)
        page = await list_failures(connection, source_id=of, state=state, first=size, after=behind)
        return FailureConnection.of(page, await _by_id(connection))


async def resolve_conflict(info: Info, id: ConflictId, choice: Choice, value: Value = UNSET) -> Conflict:  # noqa: A002
    """Settles it by the next run, and waits for that unless the source is paused or held."""
    number = read_id(id)
    if number is None:
        raise NotFound(f"There is no conflict {id}.")
    has_value = value is not UNSET and (value is not None or choice is ConflictChoice.VALUE)
    wire = cast("WireValue", value) if has_value else None
    context = info.context
    async with context.pool.connection() as connection:
        record = await choose(connection, number, choice, wire, has_value, context.principal.name)
        source = await source_by_id(connection, record.source_id)
        since = await database_now(connection)
    if source is None:
        raise NotFound("The source was deleted meanwhile.")
    if source.state not in (SourceState.PAUSED, SourceState.HELD):
        await run_since(context, source.id, since)
    async with context.pool.connection() as connection:
        settled = await get_conflict(connection, number)
    return Conflict.of(record if settled is None else settled, source)


async def _source_id(connection: Connection, name: str | None) -> UUID | None:
    return None if name is None else (await require_source(connection, name)).id


async def _by_id(connection: Connection) -> dict[UUID, Source]:
    return {source.id: source for source in await all_sources(connection)}
