"""Rolling back: rollbackRow and rollbackSource, each one ordinary transaction that goes the way of every change.

The state to go back to is told from the log, which lags behind the commits, while others go on writing. So that nothing
they commit is overwritten unseen, the rows are locked first, the log is awaited to where the WAL ends then, and only
then read: whoever wrote a locked row before has committed, and its commit lies before that end; whoever wants to write
it now waits until the rollback is over. A source's rows are locked by locking its table: rows that are still to be
inserted can't be locked themselves.
"""

from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from typing import Annotated, Final

import strawberry
from psycopg import errors, sql

from db.changes import Cause
from db.cursor import Cursor
from db.errors import Conflict, LimitExceeded, NotFound
from db.keys import key_values
from db.origin import emit_origin
from db.rollback import RolledBack, lock_rows, lock_table, restore
from db.rollback_reach import check_reach, refuse_begun_anew, refuse_truncated, refuse_unlogged, rollback_cursor
from db.rollback_rows import gather, is_known, last_begun_anew, last_truncate, linked_keys
from db.rows import Selected, behind_now, by_key, select_rows, stored_key
from db.session import Connection
from db.sources import DELETED_AT, Source
from schema.context import Context, Info
from schema.keys import key_texts
from schema.row_types import WriteResult
from schema.row_writes import MAX_ROWS, write_result
from schema.rows import Key, SourceName, as_rows
from schema.scalars import CursorText
from schema.selection import selects
from schema.sources import Opened, open_source, require_source
from schema.table_errors import table_errors

_PATIENCE_S: Final = 30.0
"""For the log to get to where it is to be read from, before anything is locked."""
_LOCKED_S: Final = 10.0
"""The same once rows are locked, which others may wait for."""
_MOST_ROUNDS: Final = 20
"""Rounds to find and lock a row's keys in: each begins anew since one was inserted or changed meanwhile."""

To = Annotated[CursorText, strawberry.argument(description="The state just after this commit.")]


async def rollback_source(info: Info, source: SourceName, to: To) -> WriteResult:
    """All rows of the table as they were."""
    info.context.principal.require_administering()
    cursor = rollback_cursor(to)
    async with _rolling_back(info, source, cursor) as (connection, found):
        await lock_table(connection, found.relation)
        await _log_caught_up(info.context, connection, _LOCKED_S)
        opened = await open_source(connection, source, info.context.principal)
        await gather(connection, opened.source.logged_as, cursor, None)
        await _refuse_unknown(connection, opened.source, cursor)
        xid, done = await _write(info, connection, opened)
        wanted = selects(info, "rows")
        if wanted and done.restored > len(done.rows):
            raise LimitExceeded(
                f"{done.restored} rows would be restored, and one answer has at most {MAX_ROWS}: leave `rows` out of "
                "what you select. Nothing was rolled back."
            )
        nodes = await as_rows(connection, info, opened, done.rows) if wanted else []
    return await write_result(info.context.pool, xid, nodes, done.deleted)


async def rollback_row(info: Info, source: SourceName, key: Key, to: To) -> WriteResult:
    """One row as it was, under the key that it had: where its key was changed since, under all of its keys."""
    info.context.principal.require_writing_whole(source)
    cursor = rollback_cursor(to)
    async with _rolling_back(info, source, cursor) as (connection, _):
        opened = await open_source(connection, source, info.context.principal)
        text = await stored_key(connection, opened.table, key_texts(opened.source, opened.table.types, key))
        if text is None:
            raise NotFound(f"No row of {source} can have that key.")
        keys = await _lock_keys(info.context, connection, opened, cursor, text)
        await gather(connection, opened.source.logged_as, cursor, keys)
        await _refuse_unknown(connection, opened.source, cursor)
        xid, done = await _write(info, connection, opened)
        rows = [row for one in sorted(keys) for row in await _row(connection, opened, one)]
        if not (rows or done.deleted or await is_known(connection, opened.source.logged_as, text)):
            raise NotFound(f"{source} has no row of that key, and the change log none either.")
        nodes = await as_rows(connection, info, opened, rows)
    return await write_result(info.context.pool, xid, nodes, done.deleted)


@asynccontextmanager
async def _rolling_back(info: Info, name: str, cursor: Cursor) -> AsyncIterator[tuple[Connection, Source]]:
    """A transaction to roll back in, begun once the log is as good as caught up: then locks are held shortly."""
    context = info.context
    async with context.rollbacks:
        async with context.pool.connection() as connection:
            await _log_caught_up(context, connection, _PATIENCE_S)
            await check_reach(connection, await require_source(connection, name), cursor)
        async with context.pool.connection() as connection:
            source = await require_source(connection, name)
            with table_errors(source):
                yield connection, source


@contextmanager
def _refusals(source: Source) -> Iterator[None]:
    """What the table refuses is not the caller's fault: the rows were good then."""
    try:
        yield
    except (errors.DataError, errors.IntegrityError, errors.RaiseException) as error:
        detail = f" {error.diag.message_detail}" if error.diag.message_detail else ""
        raise Conflict(
            f"{source.relation} refuses rows as they were then, so nothing was rolled back: "
            f"{error.diag.message_primary or error}.{detail} Mend that, or roll back to another commit."
        ) from error


async def _log_caught_up(context: Context, connection: Connection, patience_s: float) -> None:
    await context.hub.reach((await behind_now(connection)).lsn, patience_s)


async def _lock_keys(context: Context, connection: Connection, opened: Opened, cursor: Cursor, key: str) -> set[str]:
    """The keys to roll back, their rows locked. A row that was inserted while the log was awaited begins it anew."""
    keys, locked = {key}, set[str]()
    for _ in range(_MOST_ROUNDS):
        there = await lock_rows(connection, opened.table, keys)
        await _log_caught_up(context, connection, _LOCKED_S)
        linked = await linked_keys(connection, opened.source.logged_as, cursor, key)
        if there == locked and linked == keys:
            return keys
        keys, locked = linked, there
    raise Conflict("The row's key kept changing while it was rolled back, so nothing was: try again when that is over.")


async def _refuse_unknown(connection: Connection, source: Source, cursor: Cursor) -> None:
    """After the log was read: what retention took meanwhile is noticed."""
    await refuse_unlogged(connection, source)
    await check_reach(connection, source, cursor)
    await refuse_begun_anew(connection, source, await last_begun_anew(connection, source.logged_as, cursor))
    await refuse_truncated(connection, source, await last_truncate(connection, source.logged_as, cursor))


async def _write(info: Info, connection: Connection, opened: Opened) -> tuple[int, RolledBack]:
    xid = await emit_origin(connection, info.context.keyring.origin, Cause.ROLLBACK, info.context.principal.name)
    read_only = {column.name for column in opened.source.columns if column.read_only}
    with _refusals(opened.source):
        return xid, await restore(connection, opened.table, read_only, MAX_ROWS)


async def _row(connection: Connection, opened: Opened, key: str) -> list[Selected]:
    hidden = sql.SQL(" AND t.{} IS NULL").format(sql.Identifier(DELETED_AT)) if opened.table.hides else sql.SQL("")
    tail = sql.SQL("WHERE {}{}").format(by_key(opened.table), hidden)
    return await select_rows(connection, opened.table, tail, key_values(key))
