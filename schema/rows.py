"""Reading rows: pages of a source's table, and one row by its key."""

from collections.abc import Sequence
from typing import Annotated

import strawberry
from psycopg import sql

from db.cursor import Cursor
from db.rows import Selected, absent_keys, by_key, count_rows, last_commits, select_rows
from db.session import Connection
from db.view import flush_seen
from schema.context import Info
from schema.filter_input import RowFilter, read_filter
from schema.filter_sql import Parameters, condition, operand_sql
from schema.filters import And
from schema.keys import key_of_row, key_texts
from schema.paging import page_size
from schema.read_after import view_behind
from schema.row_page import after_sql, encode_place, order_sql, read_order
from schema.row_types import Row, RowConnection, RowOrder
from schema.scalars import JSON, BigInt, CursorText
from schema.selection import selects
from schema.sources import Opened, open_source
from schema.table_errors import table_errors

SourceName = Annotated[str, strawberry.argument(description="The source's name.")]
Where = Annotated[RowFilter | None, strawberry.argument(description="Which rows; none: all.")]
First = Annotated[int | None, strawberry.argument(description="How many, 1000 at most.")]
After = Annotated[str | None, strawberry.argument(description="The endCursor of the page before.")]
Key = Annotated[JSON, strawberry.argument(description='The row\'s key, an object such as {"id": 7}.')]
Order = Annotated[
    list[RowOrder] | None, strawberry.argument(description="The order; the key breaks ties. None: by key.")
]
WaitFor = Annotated[CursorText | None, strawberry.argument(description="Answer once the log has reached this cursor.")]


async def rows(
    info: Info,
    source: SourceName,
    where: Where = None,
    order_by: Order = None,
    first: First = 100,
    after: After = None,
    wait_for: WaitFor = None,
) -> RowConnection:
    """A page of rows, with the cursor that they are the state of."""
    size = page_size(first, 100)
    behind = None if wait_for is None else Cursor.decode(wait_for)
    async with view_behind(info.context, source, behind) as (connection, cursor):
        opened = await open_source(connection, source, info.context.principal)
        with table_errors(opened.source):
            parameters = Parameters()
            wanted = condition(And((opened.visible, read_filter(where, opened.filterable))), parameters)
            total = None
            if selects(info, "totalCount"):
                total = await count_rows(connection, opened.table, wanted, parameters.values)
            order = read_order(order_by, opened.table.key, opened.orderable)
            if after is not None:
                place = after_sql(opened.source.name, order, after, parameters)
                wanted = sql.SQL("{} AND {}").format(wanted, place)
            tail = sql.SQL("WHERE {} ORDER BY {} LIMIT {}").format(wanted, order_sql(order), sql.Literal(size + 1))
            further = [operand_sql(each.column) for each in order]
            found = await select_rows(connection, opened.table, tail, parameters.values, further)
        page = found[:size]
        nodes = await as_rows(connection, info, opened, page)
        if selects(info, "asOf"):
            await flush_seen(connection, cursor)
    return RowConnection(
        nodes=nodes,
        as_of=CursorText(cursor.encode()),
        end_cursor=encode_place(opened.source.name, order, page[-1].further) if page else None,
        has_next_page=len(found) > size,
        total_count=BigInt(0 if total is None else total),
    )


async def row(info: Info, source: SourceName, key: Key) -> Row | None:
    """One row by its key."""
    async with info.context.pool.connection() as connection:
        opened = await open_source(connection, source, info.context.principal)
        texts = key_texts(opened.source, opened.table.types, key)
        parameters = Parameters(list(texts))
        tail = sql.SQL("WHERE {} AND {}").format(by_key(opened.table), condition(opened.visible, parameters))
        with table_errors(opened.source):
            found = await select_rows(connection, opened.table, tail, parameters.values)
        nodes = await as_rows(connection, info, opened, found)
    return nodes[0] if nodes else None


async def as_rows(connection: Connection, info: Info, opened: Opened, found: Sequence[Selected]) -> list[Row]:
    """The rows for clients; what has to be looked up is, where it is selected."""
    keys = [each.key for each in found]
    source = opened.source
    updated = await last_commits(connection, source.logged_as, keys) if keys and selects(info, "updatedAt") else {}
    absent = await absent_keys(connection, source.id, keys) if keys and selects(info, "absentInSource") else set()
    return [
        Row(
            key=key_of_row(source, each.data, each.key),
            data=JSON(each.data),
            updated_at=updated.get(each.key),
            absent_in_source=each.key in absent,
        )
        for each in found
    ]
