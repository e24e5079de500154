"""Rows as clients see them."""

from datetime import datetime

import strawberry

from schema.enums import OrderDirection
from schema.scalars import JSON, BigInt, CursorText


@strawberry.type(description="A row of a source's table.")
class Row:
    key: JSON = strawberry.field(description="The key columns with their values, an object.")
    data: JSON = strawberry.field(description="The source's columns with their values, an object.")
    updated_at: datetime | None = strawberry.field(
        description="When the row was last committed, as far back as the log reaches."
    )
    absent_in_source: bool = strawberry.field(
        description="True where the source no longer has the row, but it was kept."
    )


@strawberry.type(description="A page of rows.")
class RowConnection:
    nodes: list[Row] = strawberry.field(description="The rows.")
    as_of: CursorText = strawberry.field(
        description="What the rows show: changes(after: asOf) misses and repeats nothing."
    )
    end_cursor: str | None = strawberry.field(description="Give it as `after` for the next page.")
    has_next_page: bool = strawberry.field(description="Whether more rows follow.")
    total_count: BigInt = strawberry.field(description="How many rows match, on all pages.")


@strawberry.type(description="What a write did. It was one transaction.")
class WriteResult:
    transaction_id: BigInt = strawberry.field(description="Postgres' 64-bit transaction id.")
    cursor: CursorText = strawberry.field(description="A position at or after the commit.")
    rows: list[Row] = strawberry.field(description="The rows as they are now, in the order given; none for deletes.")
    deleted: int = strawberry.field(description="How many rows were deleted.")


@strawberry.input(description="One column to order by. The key breaks ties.")
class RowOrder:
    column: str = strawberry.field(description="The column's name.")
    direction: OrderDirection = strawberry.field(default=OrderDirection.ASC, description="The direction.")
