"""The end of whatever follows a source: nothing of its table is logged once it is deleted."""

import asyncio
from functools import partial

import psycopg
import structlog

from db.errors import NotFound
from db.notify import DELETED, Notifications, Resynchronise
from db.sources import Source, source_by_id
from schema.context import Context

log = structlog.get_logger(__name__)

_AGAIN_S = 1.0


async def until_deleted(context: Context, source: Source) -> None:
    """Waits until the source is deleted, then NotFound; at once where it was before."""
    async with context.listener.subscribe(DELETED) as notifications:
        await refuse_gone(context, source)
        await refuse_deleted(context, source, notifications)


async def refuse_gone(context: Context, source: Source) -> None:
    """NotFound where the source is deleted."""
    if await context.together.ask(("gone", source.id), partial(_is_gone, context, source)):
        raise _deleted(source)


async def refuse_deleted(context: Context, source: Source, notifications: Notifications) -> None:
    """NotFound once the source is deleted: nothing of its table is logged from then on."""
    async for payload in notifications:
        if isinstance(payload, Resynchronise):
            gone = await _is_gone(context, source)
        else:
            gone = payload == str(source.id)
        if gone:
            raise _deleted(source)


def _deleted(source: Source) -> NotFound:
    return NotFound(f'The source "{source.name}" was deleted.')


async def _is_gone(context: Context, source: Source) -> bool:
    while True:
        try:
            async with context.pool.connection() as connection:
                return await source_by_id(connection, source.id) is None
        except psycopg.OperationalError as error:
            log.warning("can't look whether a source still exists, trying again", error=str(error).strip())
        await asyncio.sleep(_AGAIN_S)
