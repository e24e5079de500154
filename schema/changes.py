"""The `changes` subscription and its arguments. What is sent is `schema.following`'s."""

from collections.abc import AsyncGenerator
from contextlib import aclosing
from typing import Annotated

import strawberry

from db.changes import Operation
from schema.change_types import ChangeBatch, as_batch
from schema.context import Info
from schema.following import follow
from schema.rows import SourceName, Where
from schema.scalars import CursorText
from schema.subscriber import Wanted

Operations = Annotated[
    list[Operation] | None, strawberry.argument(description="Only these are sent, as the filter shows them; none: all.")
]
Columns = Annotated[list[str] | None, strawberry.argument(description="Only these columns; none: all.")]
Behind = Annotated[
    CursorText | None, strawberry.argument(description="Resume behind this cursor; none: from now on, or a snapshot.")
]
WithSnapshot = Annotated[
    bool, strawberry.argument(description="Send the matching rows first, and again where `after` can't be resumed.")
]
Interval = Annotated[
    int | None,
    strawberry.argument(
        description="Send at most one batch in so many milliseconds: the newest state of each row that changed."
    ),
]


async def changes(
    info: Info,
    source: SourceName,
    where: Where = None,
    operations: Operations = None,
    columns: Columns = None,
    after: Behind = None,
    snapshot: WithSnapshot = False,
    min_interval_ms: Interval = 0,
) -> AsyncGenerator[ChangeBatch, None]:
    """Batches without end; see the contract's text on the subscription."""
    activity = info.context.activity
    wanted = Wanted(source, where, operations, columns, after, snapshot, min_interval_ms)
    async with aclosing(follow(info.context, wanted)) as batches:
        activity.subscriptions += 1
        try:
            async for batch in batches:
                activity.delivery(len(batch.deltas))
                yield as_batch(batch)
        finally:
            activity.subscriptions -= 1
