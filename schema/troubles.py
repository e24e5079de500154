"""Conflicts and failures: reading them, settling conflicts, trying failures again and giving them up."""

from typing import Annotated, cast
from uuid import UUID

import strawberry
from strawberry import UNSET

from db.changes import WireValue
from db.conflicts import ConflictChoice, ConflictState, choose, get_conflict, list_conflicts
from db.errors import NotFound
from db.failures import FailureState, discard, get_failure, list_failures, retry
from db.session import Connection
from db.source_status import database_now
from db.sources import Source, SourceState, all_sources, source_by_id
from schema.context import Info
from schema.paging import decode_id, page_size, read_id
from schema.rows import After, First
from schema.runs import run_since
from schema.scalars import JSON
from schema.sources import require_source
from schema.trouble_types import Conflict, ConflictConnection, Failure, FailureConnection

OptionalSource = Annotated[str | None, strawberry.argument(description="Of this source only; none: of all.")]
InConflictState = Annotated[ConflictState | None, strawberry.argument(description="In this state; null: in any.")]
InFailureState = Annotated[FailureState | None, strawberry.argument(description="In this state; null: in any.")]
ConflictId = Annotated[strawberry.ID, strawberry.argument(description="The conflict's id.")]
FailureId = Annotated[strawberry.ID, strawberry.argument(description="The failure's id.")]
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
        info.context.principal.require_whole(source)
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
        info.context.principal.require_whole(source)
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
        source = await _writable(info, connection, record.source_id)
        since = await database_now(connection)
    if source.state not in (SourceState.PAUSED, SourceState.HELD):
        await run_since(context, source.id, since)
    async with context.pool.connection() as connection:
        settled = await get_conflict(connection, number)
    return Conflict.of(record if settled is None else settled, source)


async def retry_failure(info: Info, id: FailureId) -> Failure:  # noqa: A002
    """Tries it in the next run, and waits for that unless the source is paused or held."""
    context, number = info.context, _failure_id(id)
    async with context.pool.connection() as connection:
        record = await retry(connection, number)
        source = await _writable(info, connection, record.source_id)
        since = await database_now(connection)
    if source.state not in (SourceState.PAUSED, SourceState.HELD):
        await run_since(context, source.id, since)
    async with context.pool.connection() as connection:
        tried = await get_failure(connection, number)
    return Failure.of(record if tried is None else tried, source)


async def discard_failure(info: Info, id: FailureId) -> Failure:  # noqa: A002
    """Gives it up as it stands."""
    async with info.context.pool.connection() as connection:
        record = await discard(connection, _failure_id(id))
        return Failure.of(record, await _writable(info, connection, record.source_id))


def _failure_id(id_: str) -> int:
    number = read_id(id_)
    if number is None:
        raise NotFound(f"There is no failure {id_}.")
    return number


async def _writable(info: Info, connection: Connection, id_: UUID) -> Source:
    """The source, before the transaction is over: Forbidden undoes it where the principal may not write all of it."""
    source = await source_by_id(connection, id_)
    if source is None:
        raise NotFound("The source was deleted meanwhile.")
    info.context.principal.require_writing_whole(source.name)
    return source


async def _source_id(connection: Connection, name: str | None) -> UUID | None:
    return None if name is None else (await require_source(connection, name)).id


async def _by_id(connection: Connection) -> dict[UUID, Source]:
    return {source.id: source for source in await all_sources(connection)}
