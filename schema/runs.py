"""Runs: reading them, asking for one and waiting for its outcome, and letting held deletes go."""

import asyncio
from datetime import datetime
from typing import Annotated
from uuid import UUID

import strawberry

from db.errors import BadUserInput, Conflict, NotFound, Unavailable
from db.held import confirm_deletes as release
from db.held import no_run
from db.notify import RUNS, wake
from db.runs import Run, RunTrigger, get_run, list_runs
from db.source_status import database_now, finished_run_since
from db.sources import Direction, Side, SourceState, source_by_id
from db.sync_requests import is_withdrawn, request_sync, run_of_request, withdraw
from schema.context import Context, Info
from schema.paging import decode_id, page_size, read_id
from schema.rows import After, First, SourceName
from schema.run_types import SyncRun, SyncRunConnection
from schema.sources import require_source

RunId = Annotated[strawberry.ID, strawberry.argument(description="The run's id.")]
Name = Annotated[str, strawberry.argument(description="The source's name.")]
Winner = Annotated[Side | None, strawberry.argument(description="This side overwrites the other wholesale.")]
DryRun = Annotated[bool, strawberry.argument(description="True: say what would be done, and do nothing.")]

_NEVER = {Side.SOURCE: Direction.TO_SOURCE, Side.DATABASE: Direction.FROM_SOURCE}
_DELETED = "The source was deleted meanwhile."


async def runs(info: Info, source: SourceName, first: First = 20, after: After = None) -> SyncRunConnection:
    """A page of a source's runs."""
    size, behind = page_size(first, 20), decode_id("runs", after)
    info.context.principal.require_whole(source)
    async with info.context.pool.connection() as connection:
        found = await require_source(connection, source)
        return SyncRunConnection.of(await list_runs(connection, found.id, first=size, after=behind))


async def run(info: Info, id: RunId) -> SyncRun | None:  # noqa: A002 - the contract's name
    """One run."""
    number = read_id(id)
    if number is None:
        return None
    async with info.context.pool.connection() as connection:
        found = await get_run(connection, number)
    if found is None:
        return None
    info.context.principal.require_whole(found.source)
    return SyncRun.of(found)


async def sync_source(info: Info, name: Name, winner: Winner = None, dry_run: DryRun = False) -> SyncRun:
    """Waits for a run that began after the call; a dry run is made here."""
    info.context.principal.require_administering()
    context, asked = info.context, None
    async with context.pool.connection() as connection:
        source = await require_source(connection, name)
        if winner is not None and source.direction is _NEVER[winner]:
            raise BadUserInput(f"{name} is {source.direction}, so the {winner.lower()} can't overwrite the other side.")
        if source.state is SourceState.PAUSED and not dry_run:
            raise Conflict(f"{name} is paused: resumeSource first.")
        since = await database_now(connection)
        if not dry_run:
            asked = None if winner is None else await request_sync(connection, source.id, winner)
            await wake(connection, source.id, RunTrigger.MANUAL)
    if dry_run:
        tried = await context.dry_runs.run(source, winner)
        if tried is None:
            raise NotFound(_DELETED)
        return SyncRun.of(tried)
    return SyncRun.of(await (run_since(context, source.id, since) if asked is None else _run_for(context, asked)))


async def confirm_deletes(info: Info, run: RunId) -> SyncRun:
    """Lets the deletes of a held run go, and waits for the run that does it."""
    info.context.principal.require_administering()
    number = read_id(run)
    if number is None:
        raise NotFound(no_run(run))
    async with info.context.pool.connection() as connection:
        held = await release(connection, number)
        since = await database_now(connection)
    # A run that is under way may see the confirmation, and be the one that carries it out.
    return SyncRun.of(await run_since(info.context, held.source_id, since, deleting=True))


async def _run_for(context: Context, asked: int) -> Run:
    """The run that carried a request out, or failed to; it is withdrawn if none takes it up in time."""
    try:
        async with asyncio.timeout(context.run_deadline_s), context.listener.subscribe(RUNS) as notifications:
            while True:
                async with context.pool.connection() as connection:
                    id_ = await run_of_request(connection, asked)
                    found = None if id_ is None else await get_run(connection, id_)
                    if found is not None:
                        return found
                    if await is_withdrawn(connection, asked):
                        raise Conflict("The source was paused or deleted meanwhile: nothing was overwritten.")
                await anext(notifications)
    except TimeoutError as error:
        async with context.pool.connection() as connection:
            untouched = await withdraw(connection, asked)
        what = "nothing was done" if untouched else "it goes on: look at the source's lastRun"
        raise Unavailable(f"No run ended within {context.run_deadline_s:.0f} s; {what}.") from error


async def run_since(context: Context, source_id: UUID, since: datetime, *, deleting: bool = False) -> Run:
    """The first run of a source that began after `since` (or `deleting` was under way then) and has ended."""
    try:
        async with asyncio.timeout(context.run_deadline_s), context.listener.subscribe(RUNS) as notifications:
            while True:
                async with context.pool.connection() as connection:
                    id_ = await finished_run_since(connection, source_id, since, deleting=deleting)
                    found = None if id_ is None else await get_run(connection, id_)
                    if found is not None:
                        return found
                    if await source_by_id(connection, source_id) is None:
                        raise NotFound(_DELETED)
                await anext(notifications)
    except TimeoutError as error:
        raise Unavailable(
            f"No run ended within {context.run_deadline_s:.0f} s; it goes on: look at the source's lastRun."
        ) from error
