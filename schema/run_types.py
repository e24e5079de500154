"""Runs as clients see them."""

from datetime import datetime
from typing import Annotated, Self

import strawberry

from db.errors import BadUserInput
from db.held import HeldDelete as StoredDelete
from db.held import held_deletes
from db.paging import Page
from db.runs import Run, RunState, RunTrigger
from db.sources import Side, Source, source_by_id
from schema.context import Info
from schema.fields import resolver
from schema.keys import key_object
from schema.paging import decode_after, encode_after, page_size
from schema.scalars import JSON


@strawberry.type(description="A row that a held run would delete.")
class HeldDelete:
    side: Side = strawberry.field(description="The side that would lose it.")
    key: JSON = strawberry.field(description="The row's key.")
    row: JSON = strawberry.field(description="The row as that side has it.")


@strawberry.type(description="A page of held deletes.")
class HeldDeleteConnection:
    nodes: list[HeldDelete] = strawberry.field(description="The deletes, by side and key.")
    end_cursor: str | None = strawberry.field(description="Give it as `after` for the next page.")
    has_next_page: bool = strawberry.field(description="Whether more follow.")
    total_count: int = strawberry.field(description="How many there are, on all pages.")

    @classmethod
    def of(cls, page: Page[StoredDelete], source: Source) -> Self:
        last = page.nodes[-1] if page.nodes else None
        return cls(
            nodes=[HeldDelete(side=d.side, key=key_object(source, d.key), row=JSON(d.row)) for d in page.nodes],
            end_cursor=None if last is None else encode_after("held", [last.side, last.key]),
            has_next_page=page.has_next_page,
            total_count=page.total,
        )


@strawberry.type(description="One reconciliation of a source.")
class SyncRun:
    stored: strawberry.Private[Run]
    id: strawberry.ID = strawberry.field(description="Rises with time.")
    source: str = strawberry.field(description="The source's name.")
    state: RunState = strawberry.field(description="Its outcome.")
    trigger: RunTrigger = strawberry.field(description="What made it begin.")
    started_at: datetime = strawberry.field(description="When it began.")
    finished_at: datetime | None = strawberry.field(description="When it ended; null while it is under way.")
    rows_read: int = strawberry.field(description="Rows read from the source.")
    database_upserts: int = strawberry.field(description="Rows written to the table.")
    database_deletes: int = strawberry.field(description="Rows deleted from the table.")
    source_upserts: int = strawberry.field(description="Rows written to the source.")
    source_deletes: int = strawberry.field(description="Rows deleted from the source.")
    conflicts: int = strawberry.field(description="Conflicts found.")
    failures: int = strawberry.field(description="Failures found.")
    api_calls: int = strawberry.field(description="Requests to the source.")
    message: str | None = strawberry.field(description="For people: why it failed, or was held.")

    @resolver("The deletes that this run showed: what confirmDeletes lets go.")
    async def held_deletes(
        self,
        info: Info,
        first: Annotated[int | None, strawberry.argument(description="How many, 1000 at most.")] = 100,
        after: Annotated[str | None, strawberry.argument(description="The endCursor of the page before.")] = None,
    ) -> HeldDeleteConnection:
        size = page_size(first, 100)
        async with info.context.pool.connection() as connection:
            page = await held_deletes(connection, self.stored.id, first=size, after=_decode_held(after))
            source = await source_by_id(connection, self.stored.source_id)
        if source is None:
            return HeldDeleteConnection(nodes=[], end_cursor=None, has_next_page=False, total_count=0)
        return HeldDeleteConnection.of(page, source)

    @classmethod
    def of(cls, run: Run) -> Self:
        counts = run.counts
        return cls(
            stored=run,
            id=strawberry.ID(str(run.id)),
            source=run.source,
            state=run.state,
            trigger=run.trigger,
            started_at=run.started_at,
            finished_at=run.finished_at,
            rows_read=counts.rows_read,
            database_upserts=counts.database_upserts,
            database_deletes=counts.database_deletes,
            source_upserts=counts.source_upserts,
            source_deletes=counts.source_deletes,
            conflicts=counts.conflicts,
            failures=counts.failures,
            api_calls=counts.api_calls,
            message=run.message,
        )


@strawberry.type(description="A page of runs, newest first.")
class SyncRunConnection:
    nodes: list[SyncRun] = strawberry.field(description="The runs.")
    end_cursor: str | None = strawberry.field(description="Give it as `after` for the next page.")
    has_next_page: bool = strawberry.field(description="Whether older ones follow.")

    @classmethod
    def of(cls, page: Page[Run]) -> Self:
        return cls(
            nodes=[SyncRun.of(run) for run in page.nodes],
            end_cursor=encode_after("runs", [page.nodes[-1].id]) if page.nodes else None,
            has_next_page=page.has_next_page,
        )


def _decode_held(after: str | None) -> tuple[Side, str] | None:
    if after is None:
        return None
    match decode_after("held", after):
        case [("SOURCE" | "DATABASE") as side, str(key)]:
            return Side(side), key
    raise BadUserInput("`after` is not from this list: use an endCursor as it was returned.")
