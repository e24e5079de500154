"""What ends whatever follows a source: nothing of its table is logged once it is deleted, and a filter means nothing
once its columns are others."""

import asyncio
from collections.abc import Awaitable, Callable
from functools import partial

import psycopg
import structlog

from db.errors import NotFound
from db.notify import ALTERED, DELETED, Notifications, Resynchronise
from db.sources import Source, source_by_id
from schema.context import Context

log = structlog.get_logger(__name__)

CHANNELS = (DELETED, ALTERED)
"""What to listen to for it."""

_AGAIN_S = 1.0


async def until_deleted(context: Context, source: Source, altered: Callable[[], Awaitable[None]]) -> None:
    """As `refuse_ended`, and at once where it was deleted before."""
    async with context.listener.subscribe(*CHANNELS) as notifications:
        await refuse_gone(context, source)
        await altered()
        await refuse_ended(context, source, notifications, altered)


async def refuse_gone(context: Context, source: Source) -> None:
    """NotFound where the source is deleted."""
    if await context.together.ask(("gone", source.id), partial(_is_gone, context, source)):
        raise NotFound(f'The source "{source.name}" was deleted.')


async def refuse_ended(
    context: Context, source: Source, notifications: Notifications, altered: Callable[[], Awaitable[None]]
) -> None:
    """NotFound once the source is deleted: nothing of its table is logged from then on. What `altered` raises once its
    columns may be others. `notifications`: of `CHANNELS`.
    """
    async for payload in notifications:
        if isinstance(payload, Resynchronise) or payload == str(source.id):
            await refuse_gone(context, source)
            await altered()


async def _is_gone(context: Context, source: Source) -> bool:
    while True:
        try:
            async with context.pool.connection() as connection:
                return await source_by_id(connection, source.id) is None
        except psycopg.OperationalError as error:
            log.warning("can't look whether a source still exists, trying again", error=str(error).strip())
        await asyncio.sleep(_AGAIN_S)
