"""The queries: which there are. What each does is in its own module."""

from typing import Annotated

import strawberry

from db.sources import SourceKind, SourceState, all_sources
from schema.change_types import HistoryConnection
from schema.context import Info
from schema.fields import resolver
from schema.history import history
from schema.paging import decode_after, encode_after, page_size
from schema.preview import preview_source
from schema.row_types import Row, RowConnection
from schema.rows import After, First, row, rows
from schema.run_types import SyncRun, SyncRunConnection
from schema.runs import run, runs
from schema.source_types import Source, SourceConnection, SourcePreview
from schema.sources import find_source
from schema.system import past_events, stats, viewer
from schema.system_types import EventConnection, Stats, Token, Viewer
from schema.tokens import tokens
from schema.trouble_types import ConflictConnection, FailureConnection
from schema.troubles import conflicts, failures


@strawberry.type(description="What can be read.")
class Query:
    @resolver("The registered sources, by name.")
    async def sources(
        self,
        info: Info,
        first: First = 50,
        after: After = None,
        kind: Annotated[SourceKind | None, strawberry.argument(description="Of this kind; none: of any.")] = None,
        state: Annotated[SourceState | None, strawberry.argument(description="In this state; none: in any.")] = None,
    ) -> SourceConnection:
        size = page_size(first, 50)
        behind = "" if after is None else str(decode_after("sources", after)[0])
        async with info.context.pool.connection() as connection:
            found = [
                source
                for source in await all_sources(connection)
                if kind in (None, source.kind)
                and state in (None, source.state)
                and info.context.principal.sees_whole(source.name)
            ]
        rest = [source for source in found if source.name > behind]
        page = rest[:size]
        return SourceConnection(
            nodes=[Source.of(source) for source in page],
            end_cursor=encode_after("sources", [page[-1].name]) if page else None,
            has_next_page=len(rest) > size,
            total_count=len(found),
        )

    @resolver("One source; null if there is none of that name.")
    async def source(
        self, info: Info, name: Annotated[str, strawberry.argument(description="The source's name.")]
    ) -> Source | None:
        info.context.principal.require_whole(name)
        async with info.context.pool.connection() as connection:
            found = await find_source(connection, name)
        return None if found is None else Source.of(found)

    preview_source: SourcePreview = strawberry.field(
        resolver=preview_source,
        description="Reads a source, infers columns and key, saves nothing. Problems are data, not errors. POST only.",
    )

    rows: RowConnection = strawberry.field(resolver=rows, description="A page of a source's rows.")
    row: Row | None = strawberry.field(resolver=row, description="One row by its key; null if there is none.")
    history: HistoryConnection = strawberry.field(
        resolver=history, description="The audit trail, newest first; with `key`, of one row."
    )
    conflicts: ConflictConnection = strawberry.field(resolver=conflicts, description="Conflicts, newest first.")
    failures: FailureConnection = strawberry.field(resolver=failures, description="Failures, newest first.")
    runs: SyncRunConnection = strawberry.field(resolver=runs, description="A source's runs, newest first.")
    run: SyncRun | None = strawberry.field(resolver=run, description="One run; null if there is none of that id.")
    events: EventConnection = strawberry.field(
        resolver=past_events, description="What the subscription `events` told, newest first, as long as it is kept."
    )
    stats: Stats = strawberry.field(resolver=stats, description="Numbers of now.")
    viewer: Viewer = strawberry.field(resolver=viewer, description="Who asks.")

    tokens: list[Token] = strawberry.field(resolver=tokens, description="The tokens that were created. For an ADMIN.")
