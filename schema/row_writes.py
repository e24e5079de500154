"""Writing rows: upsertRows and deleteRows, each one transaction that all of the call is in, or nothing."""

from collections.abc import Sequence
from typing import Annotated

import strawberry

from db.changes import Cause, WireValue
from db.cursor import Cursor
from db.errors import BadUserInput, LimitExceeded
from db.keys import key_text
from db.origin import emit_origin
from db.row_writes import delete_row, upsert_row
from db.rows import Text, behind_now
from db.session import Pool
from db.wire import to_wire
from schema.comparable import Comparable, comparable
from schema.context import Info
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
    async with context.pool.connection() as connection:
        opened = await open_source(connection, source)
        wanted = [_read_row(opened, given, f"rows[{index}]") for index, given in enumerate(rows)]
        keyed = [values for values in wanted if all(name in values for name in opened.table.key)]
        _refuse_repeats(opened, [[values[name] for name in opened.table.key] for values in keyed])
        with table_errors(opened.source):
            xid = await emit_origin(connection, context.keyring.origin, Cause.API, context.principal.name)
            written = [await upsert_row(connection, opened.table, values) for values in wanted]
            # Deferred constraints are checked here, where their error can still be explained.
            await connection.execute("SET CONSTRAINTS ALL IMMEDIATE")
    async with context.pool.connection() as connection:
        nodes = await as_rows(connection, info, opened, written)
    return await write_result(context.pool, xid, nodes, 0)


async def delete_rows(info: Info, source: SourceName, keys: Keys) -> WriteResult:
    """Delete the rows of the keys."""
    _check_count(keys)
    context = info.context
    async with context.pool.connection() as connection:
        opened = await open_source(connection, source)
        wanted = [
            key_texts(opened.source, opened.table.types, given, f"keys[{index}]") for index, given in enumerate(keys)
        ]
        _refuse_repeats(opened, wanted)
        with table_errors(opened.source):
            xid = await emit_origin(connection, context.keyring.origin, Cause.API, context.principal.name)
            deleted = [await delete_row(connection, opened.table, key) for key in wanted]
            await connection.execute("SET CONSTRAINTS ALL IMMEDIATE")
    return await write_result(context.pool, xid, [], sum(deleted))


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
    column = opened.source.column(name)
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
