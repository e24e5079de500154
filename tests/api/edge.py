"""A small schema behind the real edge, to try every transport without waiting for data."""

import asyncio
import time
from collections.abc import AsyncIterator, Collection, Sequence
from contextlib import asynccontextmanager
from datetime import UTC, datetime

import strawberry
from starlette.applications import Starlette

from api.app import assemble
from api.authentication import Authentication
from api.live.groups import Live
from api.loop_lag import LoopLag
from api.run_totals import RunTotals
from api.runtime import LeaderStatus, Runtime
from api.settings import Settings
from db.errors import SourceUnreachable
from db.feeds import FeedSecrets
from db.notify import Listener
from db.secrets import Keyring
from db.session import make_pool
from db.sources import SheetBinding, Source
from replication.bus import BroadcastBus
from replication.hub import Hub
from schema.activity import Activity
from schema.context import Context, Info
from sync.feeds.input import WantedFeed
from sync.feeds.inspection import FeedInspection
from sync.registration.input import WantedSheet
from sync.registration.inspection import SheetInspection
from sync.registration.registrar import Registration
from sync.runs.dry_run import DryRuns
from sync.source import Reading, SourceAdapter
from tests.grace import GRACE


@strawberry.type
class Query:
    @strawberry.field
    def echo(self, text: str = "hello") -> str:
        return text

    @strawberry.field
    def big(self, value: float) -> float:
        return value

    @strawberry.field
    def by_get(self, info: Info) -> bool:
        return info.context.by_get

    @strawberry.field
    def who(self, info: Info) -> str:
        return info.context.principal.name

    @strawberry.field
    def connections(self, info: Info) -> int:
        return info.context.activity.connections


@strawberry.type
class Mutation:
    @strawberry.mutation
    def touch(self) -> bool:
        return True


@strawberry.type
class Subscription:
    @strawberry.subscription
    async def count(self, to: int) -> AsyncIterator[int]:
        for number in range(to):
            yield number

    @strawberry.subscription
    async def named(self, info: Info) -> AsyncIterator[str]:
        yield info.context.principal.name

    @strawberry.subscription
    async def forever(self) -> AsyncIterator[int]:
        yield 0
        await asyncio.Event().wait()

    @strawberry.subscription
    async def broken(self) -> AsyncIterator[int]:
        yield 0
        raise ValueError("broken")


def no_sheets(source: Source) -> SourceAdapter:
    raise SourceUnreachable(f"{source.name} is nowhere.")


class NoSheets:
    async def inspect(self, sheet: WantedSheet) -> SheetInspection:  # noqa: ARG002
        raise SourceUnreachable("There are no sheets here.")

    async def inspect_feed(self, feed: WantedFeed, extra: Sequence[str], keyed: Collection[str]) -> FeedInspection:  # noqa: ARG002
        raise SourceUnreachable("There are no feeds here.")

    async def read_feed(self, source: Source, secrets: FeedSecrets) -> Reading:  # noqa: ARG002
        raise SourceUnreachable("There are no feeds here.")

    async def add_managed_key(self, binding: SheetBinding) -> None:  # noqa: ARG002
        raise SourceUnreachable("There are no sheets here.")


def edge_app(settings: Settings) -> Starlette:
    @asynccontextmanager
    async def running() -> AsyncIterator[Runtime]:
        assert settings.database_url is not None
        assert settings.secret_key is not None
        keyring = Keyring.derive(settings.secret_key)
        async with (
            make_pool(settings.database_url, "edge") as pool,
            Listener(settings.database_url, "edge") as listener,
            BroadcastBus("memory://") as bus,
            Hub(pool, bus) as hub,
        ):
            context = Context(
                pool=pool,
                hub=hub,
                listener=listener,
                keyring=keyring,
                registration=Registration(pool, keyring, NoSheets()),
                dry_runs=DryRuns(pool, no_sheets, lambda: datetime.now(UTC), GRACE),
                activity=Activity(time.monotonic),
                public_url=settings.base_url,
                sheets_url=settings.sheets_url,
                replication=lambda: None,
            )
            authentication = Authentication(
                pool,
                listener,
                required=settings.require_token,
                operations_per_second=settings.token_operations_per_second,
            )
            hearing = asyncio.create_task(authentication.run())
            yield Runtime(
                context=context,
                live=Live(context),
                leader=lambda: LeaderStatus(leading=False, scheduling=False, replication=None),
                runs=RunTotals(),
                loop_lag_s=LoopLag().seconds,
                circuits=dict,
                authentication=authentication,
                bus=bus,
            )
            hearing.cancel()
            await asyncio.wait({hearing})

    return assemble(settings, strawberry.Schema(Query, Mutation, Subscription), running)
