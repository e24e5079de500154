"""Reading no earlier state than a cursor's: read your own writes, on any process.

That the log has a commit is not enough. Commits become visible in another order than they stand in the WAL, so a
subscriber may hear of one that a query made at once doesn't see yet: the rows are read by a snapshot that sees it all.
"""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from db.cursor import Cursor
from db.errors import CursorExpired, Unavailable
from db.position import Position
from db.session import Connection
from db.tables import Relation
from db.view import sees_all, view
from schema.context import Context
from schema.sources import find_source

_LOOK_AGAIN_S = 0.005


@asynccontextmanager
async def view_behind(context: Context, source: str, wanted: Cursor | None) -> AsyncIterator[tuple[Connection, Cursor]]:
    """A `view` of the source's table, if there is such a source, that sees every commit that `wanted` is behind; None:
    any.

    CursorExpired where the log began anew since, Unavailable where replication or visibility takes too long.
    """
    if wanted is None:
        async with view(context.pool, await _table(context, source)) as seen:
            yield seen
        return
    await context.hub.reach_cursor(wanted, context.wait_s)
    position = wanted.position
    if wanted.view is not None:
        position = max(position, Position(position.epoch, wanted.view.until, 0))
    until = context.clock() + context.wait_s
    while True:
        async with view(context.pool, await _table(context, source)) as (connection, cursor):
            if cursor.position.epoch != position.epoch:
                raise CursorExpired("The change log had to begin anew after this cursor: leave `waitFor` out.")
            if await sees_all(connection, cursor, position):
                yield connection, cursor
                return
        if context.clock() >= until:
            raise Unavailable("A commit before this cursor is not visible yet: try again.")
        await asyncio.sleep(_LOOK_AGAIN_S)


async def _table(context: Context, name: str) -> Relation | None:
    # Not by the view's own connection: that would take its snapshot before the table is locked.
    async with context.pool.connection() as connection:
        source = await find_source(connection, name)
    return None if source is None else Relation.parse(source.relation)
