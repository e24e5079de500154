"""The ground that schema tests stand on: a real leader, hub and listener, a table with a source, the real schema."""

import asyncio
from collections.abc import AsyncIterator, Callable, Collection, Mapping, Sequence
from contextlib import AsyncExitStack, aclosing, asynccontextmanager
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import Any

from db.errors import SourceUnreachable
from db.feeds import FeedSecrets
from db.notify import Listener
from db.secrets import Keyring
from db.session import connect, make_pool
from db.sources import Column, SheetBinding, Source, insert_source
from db.wire import ColumnType
from replication.hub import Hub
from schema.activity import Activity
from schema.build import build_schema
from schema.context import Context
from sync.feeds.input import WantedFeed
from sync.feeds.inspection import FeedInspection
from sync.registration.input import WantedSheet
from sync.registration.inspection import SheetInspection
from sync.registration.registrar import Registration
from sync.runs.dry_run import DryRuns
from sync.source import Reading, SourceAdapter
from tests.grace import GRACE
from tests.replication.leader import ORIGIN_KEY, leading, source_of

DEADLINE_S = 60.0
Json = Any


class GraphQLFailed(AssertionError):
    """The answer had errors; `code` is the first one's."""

    def __init__(self, errors: Sequence[Any]) -> None:
        super().__init__("\n".join(error.message for error in errors))
        self.errors = errors
        self.code = (errors[0].extensions or {}).get("code")


def no_sheets(source: Source) -> SourceAdapter:
    raise SourceUnreachable(f"{source.name} is nowhere.")


class NoSheets:
    """These tests register nothing."""

    async def inspect(self, sheet: WantedSheet) -> SheetInspection:
        raise AssertionError(sheet)

    async def inspect_feed(self, feed: WantedFeed, extra: Sequence[str], keyed: Collection[str]) -> FeedInspection:
        raise AssertionError(feed, extra, keyed)

    async def read_feed(self, source: Source, secrets: FeedSecrets) -> Reading:
        raise AssertionError(source, secrets)

    async def add_managed_key(self, binding: SheetBinding) -> None:
        raise AssertionError(binding)


class Stream:
    """A subscription's results."""

    def __init__(self, results: Any) -> None:
        self._results = results

    async def next(self) -> Json:
        async with asyncio.timeout(DEADLINE_S):
            result = await anext(self._results)
        if result.errors:
            raise GraphQLFailed(result.errors)
        [value] = result.data.values()
        return value

    async def until_up_to_date(self) -> list[Json]:
        """Every batch up to the first that says so, that included."""
        batches = [await self.next()]
        while not batches[-1]["upToDate"]:
            batches.append(await self.next())
        return batches


@dataclass
class Ground:
    dsn: str
    context: Context

    async def run(self, query: str, variables: Mapping[str, Json] | None = None) -> Json:
        """The one field of the answer's data."""
        async with asyncio.timeout(DEADLINE_S):
            result = await build_schema().execute(query, dict(variables or {}), context_value=self.context)
        if result.errors:
            raise GraphQLFailed(result.errors)
        assert result.data is not None
        [value] = result.data.values()
        return value

    async def refused(self, query: str, variables: Mapping[str, Json] | None = None) -> GraphQLFailed:
        """The error of what must fail."""
        try:
            answer = await self.run(query, variables)
        except GraphQLFailed as failed:
            return failed
        raise AssertionError(answer)

    async def code(self, query: str) -> str | None:
        """The code of its error; None where it succeeds."""
        try:
            await self.run(query)
        except GraphQLFailed as failed:
            return failed.code
        return None

    @asynccontextmanager
    async def subscribe(self, query: str, variables: Mapping[str, Json] | None = None) -> AsyncIterator[Stream]:
        results = await build_schema().stream(query, dict(variables or {}), context_value=self.context)
        async with aclosing(results):
            yield Stream(results)

    async def sql(self, *statements: str) -> None:
        """All statements as one commit."""
        async with await connect(self.dsn, "rowcast test", autocommit=False) as connection:
            for statement in statements:
                await connection.execute(statement.encode())

    async def bind(self, name: str, columns: str, source_columns: Sequence[Column], **settings: Any) -> Source:
        """Make `public.<name>`, publish it and give it a source, as registration does."""
        source = replace(
            source_of(f"public.{name}"),
            name=name,
            columns=tuple(source_columns),
            sheet=SheetBinding(f"sheet-of-{name}", "Sheet1", 0, 1, None),
            **settings,
        )
        async with await connect(self.dsn, "rowcast test", autocommit=False) as connection:
            await connection.execute(f'CREATE TABLE public."{name}" ({columns})'.encode())
            await connection.execute(f'ALTER TABLE public."{name}" REPLICA IDENTITY FULL'.encode())
            await connection.execute(f'ALTER PUBLICATION rowcast_tables ADD TABLE public."{name}"'.encode())
            await insert_source(connection, source)
        return source


CUSTOMERS = (
    Column("id", ColumnType.INTEGER, "id"),
    Column("name", ColumnType.TEXT, "name"),
    Column("age", ColumnType.INTEGER, "age"),
    Column("total", ColumnType.BIGINT, "total", read_only=True),
)
CUSTOMERS_SQL = "id integer PRIMARY KEY, name text NOT NULL, age integer, total bigint"


@asynccontextmanager
async def standing(
    dsn: str,
    *,
    replicating: bool = True,
    adapter_for: Callable[[Source], SourceAdapter] = no_sheets,
    **settings: Any,
) -> AsyncIterator[Ground]:
    async with AsyncExitStack() as stack:
        leader = await stack.enter_async_context(leading(dsn, streaming=replicating))
        pool = await stack.enter_async_context(make_pool(dsn, "rowcast test"))
        hub = await stack.enter_async_context(Hub(pool, leader.bus))
        listener = await stack.enter_async_context(Listener(dsn, "rowcast test listener"))
        keyring = replace(Keyring.derive("a secret key for tests"), origin=ORIGIN_KEY)
        context = Context(
            pool=pool,
            hub=hub,
            listener=listener,
            keyring=keyring,
            registration=Registration(pool, keyring, NoSheets()),
            dry_runs=DryRuns(pool, adapter_for, lambda: datetime.now(UTC), GRACE),
            activity=Activity(asyncio.get_running_loop().time),
            public_url="http://127.0.0.1:8000",
            sheets_url="https://docs.google.com",
            replication=lambda: leader.replication.status,
            **settings,
        )
        yield Ground(dsn, context)
