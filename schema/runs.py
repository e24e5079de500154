"""Runs: reading them, asking for one and waiting for its outcome, and letting held deletes go."""

import asyncio
from datetime import datetime
from typing import Annotated
from uuid import UUID

import strawberry

from db.errors import Conflict, NotFound, Unavailable
from db.held import confirm_deletes as release
from db.notify import RUNS, wake
from db.runs import Run, RunTrigger, get_run, list_runs
from db.source_status import database_now, finished_run_since
from db.sources import Side, SourceState, source_by_id
from schema.context import Context, Info
from schema.not_implemented import missing
from schema.paging import decode_id, page_size, read_id
from schema.rows import After, First, SourceName
from schema.run_types import SyncRun, SyncRunConnection
from schema.sources import require_source

RunId = Annotated[strawberry.ID, strawberry.argument(description="The run's id.")]
Name = Annotated[str, strawberry.argument(description="The source's name.")]
Winner = Annotated[Side | None, strawberry.argument(description="This side overwrites the other wholesale.")]
DryRun = Annotated[bool, strawberry.argument(description="True: say what would be done, and do nothing.")]


async def runs(info: Info, source: SourceName, first: First = 20, after: After = None) -> SyncRunConnection:
    """A page of a source's runs."""
    size, behind = page_size(first, 20), decode_id("runs", after)
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
    return None if found is None else SyncRun.of(found)


async def sync_source(info: Info, name: Name, winner: Winner = None, dry_run: DryRun = False) -> SyncRun:
    """Waits for a run that began after the call."""
    if winner is not None:
        missing("Mutation.syncSource(winner)")
    if dry_run:
        missing("Mutation.syncSource(dryRun: true)")
    async with info.context.pool.connection() as connection:
        source = await require_source(connection, name)
        if source.state is SourceState.PAUSED:
            raise Conflict(f"{name} is paused: resumeSource first.")
        since = await database_now(connection)
        await wake(connection, source.id, RunTrigger.MANUAL)
    return SyncRun.of(await run_since(info.context, source.id, since))


async def confirm_deletes(info: Info, run: RunId) -> SyncRun:
    """Lets the deletes of a held run go, and waits for the run that does it."""
    number = read_id(run)
    if number is None:
        raise NotFound(f"There is no run {run}.")
    async with info.context.pool.connection() as connection:
        held = await release(connection, number)
        since = await database_now(connection)
    # A run that is under way may see the confirmation, and be the one that carries it out.
    return SyncRun.of(await run_since(info.context, held.source_id, since, deleting=True))


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
                        raise NotFound("The source was deleted meanwhile.")
                await anext(notifications)
    except TimeoutError as error:
        raise Unavailable(
            f"No run ended within {context.run_deadline_s:.0f} s; it goes on: look at the source's lastRun."
        ) from error
