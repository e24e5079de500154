"""Sources as clients see them."""

from datetime import datetime
from typing import Self

import strawberry

import schema.enums  # noqa: F401 - exposes the enums that the types here name
from db.runs import get_run
from db.source_status import SourceStatus, changed_since, row_count
from db.sources import ConflictPolicy, DeletePolicy, Direction, DriftPolicy, SourceKind, SourceState
from db.sources import Source as StoredSource
from db.wire import ColumnType
from schema.context import Info
from schema.feed_types import FeedSettings, feed_settings
from schema.fields import resolver
from schema.run_types import SyncRun
from schema.scalars import JSON, BigInt
from schema.table_errors import table_errors


@strawberry.type(description="A column of a source's table.")
class Column:
    name: str = strawberry.field(description="Its name in the table and in row values.")
    field: str | None = strawberry.field(description="The header or path it is bound to; null: the table's alone.")
    type: ColumnType = strawberry.field(description="Its type.")
    read_only: bool = strawberry.field(description="True: values are not written to it, such as formulas.")
    is_key: bool = strawberry.field(description="Whether it belongs to the key.")


@strawberry.type(description="Where a sheet is.")
class SheetSettings:
    spreadsheet: str = strawberry.field(description="The spreadsheet's id.")
    worksheet: str = strawberry.field(description="The worksheet's title.")
    header_row: int = strawberry.field(description="The row of the headers, counted from 1.")
    credential: str | None = strawberry.field(description="The named credential; null: the server's own.")


@strawberry.type(description="A sheet or feed that is kept in step with a table.")
class Source:
    stored: strawberry.Private[StoredSource]
    id: strawberry.ID = strawberry.field(description="Stays the same for good.")
    name: str = strawberry.field(description="Names it everywhere.")
    description: str | None = strawberry.field(description="For people.")
    kind: SourceKind = strawberry.field(description="What it is.")
    state: SourceState = strawberry.field(description="How it is doing.")
    state_reason: str | None = strawberry.field(description="Why it is HELD or FAILING, and what mends it.")
    direction: Direction = strawberry.field(description="Which side's edits travel.")
    table: str = strawberry.field(description="Its table, as schema.table.")
    key: list[str] = strawberry.field(description="The key's columns.")
    columns: list[Column] = strawberry.field(description="The table's columns.")
    sheet: SheetSettings | None = strawberry.field(description="Where the sheet is; null for a feed.")
    feed: FeedSettings | None = strawberry.field(description="Where the feed is; null for a sheet.")
    poll_seconds: int = strawberry.field(description="Seconds between looks at the source.")
    conflict_policy: ConflictPolicy = strawberry.field(description="Who wins a conflict.")
    delete_policy: DeletePolicy = strawberry.field(description="What a row's disappearance from the source does.")
    drift_policy: DriftPolicy = strawberry.field(description="What a new column in the source does.")
    max_delete_share: float = strawberry.field(
        description="A run that would delete a larger share of either side holds the source."
    )
    created_at: datetime = strawberry.field(description="When it was registered.")
    updated_at: datetime = strawberry.field(description="When its settings or state last changed.")

    @resolver("The sheet's or the feed's URL, without secrets.")
    def url(self, info: Info) -> str:
        sheet, feed = self.stored.sheet, self.stored.feed
        if feed is not None:
            return feed.url
        assert sheet is not None
        return f"{info.context.sheets_url}/spreadsheets/d/{sheet.spreadsheet}/edit#gid={sheet.sheet_id}"

    @resolver("Where a call, signed with the hook secret, says that the source changed.")
    def hook_url(self, info: Info) -> str:
        return hook_url(info, self.stored)

    @resolver("The run that waits for confirmDeletes, where the source is HELD.")
    async def held_run(self, info: Info) -> SyncRun | None:
        status = await self._status(info)
        return await _run(info, None if status is None else status.held_run)

    @resolver("The newest run.")
    async def last_run(self, info: Info) -> SyncRun | None:
        status = await self._status(info)
        return await _run(info, None if status is None else status.last_run)

    @resolver("Whether secrets are stored for it. They go in and never come out.")
    async def has_secret(self, info: Info) -> bool:
        status = await self._status(info)
        return status is not None and status.has_secret

    @resolver("How many rows the table has.")
    async def row_count(self, info: Info) -> BigInt:
        if await self._status(info) is None:
            return BigInt(0)
        async with info.context.pool.connection() as connection:
            with table_errors(self.stored):
                return BigInt(await row_count(connection, self.stored))

    @resolver("Rows whose database state has not reached the source.")
    async def pending_writes(self, info: Info) -> int:
        status = await self._status(info)
        return 0 if status is None else await pending_writes(info, self.stored, status)

    @resolver("Conflicts that wait.")
    async def open_conflicts(self, info: Info) -> int:
        status = await self._status(info)
        return 0 if status is None else status.open_conflicts

    @resolver("Failures that wait.")
    async def open_failures(self, info: Info) -> int:
        status = await self._status(info)
        return 0 if status is None else status.open_failures

    async def _status(self, info: Info) -> SourceStatus | None:
        """None for a source that was just deleted."""
        return await info.context.statuses.load(self.stored.id)

    @classmethod
    def of(cls, source: StoredSource) -> Self:
        sheet = source.sheet
        return cls(
            stored=source,
            id=strawberry.ID(str(source.id)),
            name=source.name,
            description=source.description,
            kind=source.kind,
            state=source.state,
            state_reason=source.state_reason,
            direction=source.direction,
            table=source.relation,
            key=list(source.key),
            columns=[
                Column(name=c.name, field=c.field, type=c.type, read_only=c.read_only, is_key=c.name in source.key)
                for c in source.columns
            ],
            sheet=None
            if sheet is None
            else SheetSettings(
                spreadsheet=sheet.spreadsheet,
                worksheet=sheet.worksheet,
                header_row=sheet.header_row,
                credential=sheet.credential,
            ),
            feed=None if source.feed is None else feed_settings(source.feed),
            poll_seconds=source.poll_seconds,
            conflict_policy=source.conflict_policy,
            delete_policy=source.delete_policy,
            drift_policy=source.drift_policy,
            max_delete_share=source.max_delete_share,
            created_at=source.created_at,
            updated_at=source.updated_at,
        )


@strawberry.type(description="What registering would find.")
class SourcePreview:
    columns: list[Column] = strawberry.field(description="The columns as inferred.")
    key: list[str] = strawberry.field(description="The key's columns.")
    rows: list[JSON] = strawberry.field(description="The first rows.")
    row_count: BigInt = strawberry.field(description="How many rows the source has.")
    only_in_source: BigInt = strawberry.field(description="Rows that the table lacks.")
    only_in_database: BigInt = strawberry.field(description="Rows that the source lacks.")
    different: BigInt = strawberry.field(description="Rows that both have with different values.")
    problems: list[str] = strawberry.field(description="What is in the way, and what mends it.")


@strawberry.type(description="A page of sources, by name.")
class SourceConnection:
    nodes: list[Source] = strawberry.field(description="The sources.")
    end_cursor: str | None = strawberry.field(description="Give it as `after` for the next page.")
    has_next_page: bool = strawberry.field(description="Whether more follow.")
    total_count: int = strawberry.field(description="How many there are, on all pages.")


def hook_url(info: Info, source: StoredSource) -> str:
    """Where the source's hook is called."""
    kind = "sheets" if source.kind is SourceKind.SHEET else "feeds"
    return f"{info.context.public_url}/hooks/{kind}/{source.name}"


async def pending_writes(info: Info, source: StoredSource, status: SourceStatus) -> int:
    """Rows with a write under way, and rows changed since the last run; none where nothing is written to the source."""
    if source.direction is Direction.FROM_SOURCE:
        return 0
    if status.cursor is None:
        return status.unsettled
    async with info.context.pool.connection() as connection:
        return status.unsettled + await changed_since(connection, source, status.cursor)


async def _run(info: Info, id_: int | None) -> SyncRun | None:
    if id_ is None:
        return None
    async with info.context.pool.connection() as connection:
        run = await get_run(connection, id_)
    return None if run is None else SyncRun.of(run)
