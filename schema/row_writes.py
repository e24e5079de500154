"""Writing rows: upsertRows and deleteRows, each one transaction that all of the call is in, or nothing."""

from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from typing import Annotated

import strawberry
from psycopg import sql

from db.changes import Cause, WireValue
from db.cursor import Cursor
from db.errors import BadUserInput, Forbidden, LimitExceeded
from db.keys import key_text, key_values
from db.origin import emit_origin
from db.row_writes import delete_row, upsert_row
from db.rows import Selected, Text, behind_now, by_key, run
from db.session import Connection, Pool
from db.wire import to_wire
from schema.comparable import Comparable, comparable
from schema.context import Context, Info
from schema.filter_sql import Parameters, condition
from schema.filters import EVERYTHING
from schema.keys import fit_column, json_object, key_texts
from schema.row_types import Row, WriteResult
from schema.rows import SourceName, as_rows
from schema.scalars import JSON, BigInt, CursorText
from schema.sources import Opened, open_source
from schema.table_errors import table_errors

MAX_ROWS = 10_000
"""How many rows one call may write."""

Rows = Annotated[
    list[JSON],
    strawberry.argument(description="The rows, objects from column to value; an absent column keeps its value."),
]
Keys = Annotated[list[JSON], strawberry.argument(description="The keys; one that no row has is skipped.")]


async def upsert_rows(info: Info, source: SourceName, rows: Rows) -> WriteResult:
    """Insert or update the rows by key."""
    _check_count(rows)
    context = info.context
    async with writing(context, source) as (connection, opened):
        wanted = [_read_row(opened, given, f"rows[{index}]") for index, given in enumerate(rows)]
        keyed = [values for values in wanted if all(name in values for name in opened.table.key)]
        _refuse_repeats(opened, [[values[name] for name in opened.table.key] for values in keyed])
        with table_errors(opened.source):
            xid = await emit_origin(connection, context.keyring.origin, Cause.API, context.principal.name)
            written = [await _upsert(connection, opened, values) for values in wanted]
            # Deferred constraints are checked here, where their error can still be explained.
            await connection.execute("SET CONSTRAINTS ALL IMMEDIATE")
    async with context.pool.connection() as connection:
        nodes = await as_rows(connection, info, opened, written)
    return await write_result(context.pool, xid, nodes, 0)


async def delete_rows(info: Info, source: SourceName, keys: Keys) -> WriteResult:
    """Delete the rows of the keys."""
    _check_count(keys)
    context = info.context
    async with writing(context, source) as (connection, opened):
        wanted = [
            key_texts(opened.source, opened.table.types, given, f"keys[{index}]") for index, given in enumerate(keys)
        ]
        _refuse_repeats(opened, wanted)
        with table_errors(opened.source):
            xid = await emit_origin(connection, context.keyring.origin, Cause.API, context.principal.name)
            deleted = [await _delete(connection, opened, key) for key in wanted]
            await connection.execute("SET CONSTRAINTS ALL IMMEDIATE")
    return await write_result(context.pool, xid, [], sum(deleted))


@asynccontextmanager
async def writing(context: Context, source: str) -> AsyncIterator[tuple[Connection, Opened]]:
    """A transaction to write a source's rows in. Forbidden for whoever may not.

    Whoever may write some rows only has a snapshot, so that no row that somebody else makes meanwhile slips through.
    """
    grant = context.principal.require_writing(source)
    async with context.pool.connection() as connection:
        if not grant.whole:
            await connection.execute("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ")
        yield connection, await open_source(connection, source, context.principal)


async def _upsert(connection: Connection, opened: Opened, values: Mapping[str, Text]) -> Selected:
    table, keyed = opened.table, all(name in values for name in opened.table.key)
    if opened.allowed is EVERYTHING:
        return await upsert_row(connection, table, values)
    if keyed and not await _is_allowed(connection, opened, [str(values[name]) for name in table.key], absent=True):
        raise Forbidden(f"This token may not write the row of {opened.source.name} with the key that was given.")
    written = await upsert_row(connection, table, values)
    if not await _is_allowed(connection, opened, key_values(written.key), absent=False):
        raise Forbidden(f"This token's rows of {opened.source.name} are others: the row would not be among them.")
    return written


async def _delete(connection: Connection, opened: Opened, key: Sequence[str]) -> bool:
    """A row that the principal may not see is none to it."""
    if opened.allowed is not EVERYTHING and not await _is_allowed(connection, opened, key, absent=False):
        return False
    return await delete_row(connection, opened.table, key)


async def _is_allowed(connection: Connection, opened: Opened, key: Sequence[str], *, absent: bool) -> bool:
    """Whether the row of the key is among the principal's, and locks it; `absent` where there is none."""
    parameters = Parameters()
    allowed = condition(opened.allowed, parameters)
    query = sql.SQL("SELECT coalesce({}, false) FROM {} t WHERE {} FOR UPDATE").format(
        allowed, opened.table.identifier, by_key(opened.table, len(parameters.values) + 1)
    )
    result = await run(connection, query, [*parameters.values, *key])
    return result.get_value(0, 0) == b"t" if result.ntuples else absent


def _check_count(given: Sequence[object]) -> None:
    if len(given) > MAX_ROWS:
        raise LimitExceeded(f"One call writes at most {MAX_ROWS} rows: send several.")


def _read_row(opened: Opened, given: object, what: str) -> dict[str, Text]:
    """The texts of a row's columns. BadUserInput, naming what is wrong."""
    row = json_object(given, what)
    for name in opened.table.key:
        if name not in row and not opened.table.columns[name].has_default:
            raise BadUserInput(f'{what} lacks the key column "{name}": every row needs its key.')
    return {name: _read_value(opened, name, value, what) for name, value in row.items()}


def _read_value(opened: Opened, name: str, value: WireValue, what: str) -> Text:
    column = opened.source.column(name) if name in opened.table.columns else None
    if column is None:
        known = ", ".join(opened.table.columns)
        raise BadUserInput(f'{what}: {opened.source.name} has no column "{name}": use {known}.')
    if column.read_only or opened.table.columns[name].generated:
        raise BadUserInput(f'{what}: the column "{name}" is read only, its values are computed: leave it out.')
    if value is None and name in opened.table.key:
        raise BadUserInput(f'{what}: the key column "{name}" can\'t be null.')
    return fit_column(name, opened.table.columns[name].type, value, what)


def _refuse_repeats(opened: Opened, keys: Sequence[Sequence[Text]]) -> None:
    types = [opened.table.types[name] for name in opened.table.key]
    seen: set[tuple[Comparable | None, ...]] = set()
    for key in keys:
        compared = tuple(
            comparable(type_, None if text is None else to_wire(type_, text))
            for type_, text in zip(types, key, strict=True)
        )
        if compared in seen:
            raise BadUserInput(f"The key {key_text([text or '' for text in key])} is given twice: give each row once.")
        seen.add(compared)


async def write_result(pool: Pool, xid: int, rows: list[Row], deleted: int) -> WriteResult:
    """With a cursor behind the commit, which is over."""
    async with pool.connection() as connection:
        position = await behind_now(connection)
    return WriteResult(
        transaction_id=BigInt(xid),
        cursor=CursorText(Cursor(position).encode()),
        rows=rows,
        deleted=deleted,
    )
