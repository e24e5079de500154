"""The source that a subscription follows: opened once for all who ask at the same time, with the log's columns."""

import asyncio
from collections.abc import Sequence
from dataclasses import replace
from functools import partial

from db.errors import BadUserInput, Conflict, Unavailable
from db.logged_tables import settled
from db.sources import DELETED_AT
from schema.context import Context
from schema.feed import Shown
from schema.sources import Opened, open_source

_PATIENCE_S = 10.0
_AGAIN_S = 0.1


async def followed_source(context: Context, name: str) -> Opened:
    """The source, with the columns that the log has: the same object for all who may see the same, as long as it is.

    As `open_source`; Conflict too where nothing of its table is logged. Waits for the leader to notice what became of
    it: until then the log may tell of another table.
    """
    seen = name, context.principal.on(name)
    opened = await context.together.ask(("source", seen), partial(_open, context, name))
    if context.opened.get(seen) != opened:
        context.opened[seen] = opened
    return context.opened[seen]


async def _open(context: Context, name: str) -> Opened:
    until = context.clock() + _PATIENCE_S
    while True:
        async with context.pool.connection() as connection:
            opened = await open_source(connection, name, context.principal)
            source = opened.source
            is_settled, reason = await settled(connection, source.logged_as, source.relation)
        if is_settled and reason is None:
            return logged(opened)
        late = context.clock() >= until
        if reason is not None and (is_settled or late):
            raise Conflict(reason)
        if late:
            raise Unavailable(f"{source.relation} was altered, and the log has not noticed yet: try again in a while.")
        await asyncio.sleep(_AGAIN_S)


def logged(opened: Opened) -> Opened:
    """Without its generated columns, which are not in the log: so snapshots leave them out too."""
    columns = {name: column for name, column in opened.table.columns.items() if not column.generated}
    return replace(opened, table=replace(opened.table, columns=columns))


def shown_columns(opened: Opened, columns: Sequence[str] | None) -> Shown:
    """What is sent of a row of a followed source. BadUserInput for a column that the log doesn't have."""
    key, known = opened.source.key, tuple(opened.table.columns)
    types = tuple(opened.table.columns[name].type for name in key)
    if columns is None:
        hidden = (DELETED_AT,) if opened.source.hides_deleted else ()
        return Shown(key, known, opened.cut, types, hidden)
    if unknown := [name for name in columns if name not in known]:
        raise BadUserInput(f'There is no column "{unknown[0]}" to follow: use some of {", ".join(known)}.')
    return Shown(key, tuple(dict.fromkeys(columns)), True, types)
