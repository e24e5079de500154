"""The connections of feeds over runs, dry runs, changes of settings and deletes."""

import asyncio
from collections.abc import AsyncIterator
from dataclasses import dataclass, replace
from datetime import UTC, datetime

import pytest

from db.feeds import FeedBinding, FeedFormat
from db.runs import RunState
from db.secrets import Keyring
from db.session import Pool, make_pool
from db.sources import Column, Source, delete_source, insert_source
from db.tables import Relation, publish
from db.wire import ColumnType
from sync.adapters import Adapters
from sync.address_guard import Allowed, Guard
from sync.feeds.client import FeedLimits
from sync.feeds.connections import Feeds
from sync.runs.dry_run import DryRuns
from tests.grace import GRACE
from tests.sync.feeds import make_source
from tests.sync.http_lines import Lines, answer, lines

COLUMNS = (Column("id", ColumnType.INTEGER, "id"),)
RECORDS = answer(b'[{"id": 1}, {"id": 2}]')


@dataclass
class Ground:
    server: Lines
    pool: Pool
    feeds: Feeds
    source: Source


@pytest.fixture
async def ground(database: str) -> AsyncIterator[Ground]:
    async with lines() as server, make_pool(database, "rowcast test", max_size=4) as pool:
        guard = Guard(Allowed.parse([f"127.0.0.1:{server.port}"]))
        feeds = Feeds(pool, Keyring.derive("a secret key for tests"), guard, FeedLimits())
        source = make_source(FeedBinding(f"{server.url}/orders", FeedFormat.JSON, "@"), COLUMNS, "id")
        async with pool.connection() as connection:
            await connection.execute("CREATE TABLE orders (id integer PRIMARY KEY)")
            await connection.execute("ALTER TABLE orders REPLICA IDENTITY FULL")
            await publish(connection, Relation("public", "orders"))
            await insert_source(connection, source)
        server.on("/orders", RECORDS)
        yield Ground(server, pool, feeds, source)
        await feeds.close()


async def test_the_runs_of_a_feed_share_a_connection_until_its_settings_change(ground: Ground) -> None:
    first = await ground.feeds.connection(ground.source)
    assert await ground.feeds.connection(ground.source) is first
    assert ground.source.feed is not None
    changed = replace(ground.source, feed=replace(ground.source.feed, url=f"{ground.server.url}/others"))
    assert await ground.feeds.connection(changed) is not first
    assert first.client.closed


async def test_a_change_of_settings_does_not_cut_a_dry_run_off(ground: Ground) -> None:
    before = await ground.feeds.connection(ground.source)
    asked, goes_on = asyncio.Event(), asyncio.Event()

    async def hold() -> None:
        asked.set()
        await goes_on.wait()

    ground.server.before = hold
    adapters = Adapters({}, feeds=ground.feeds)
    dry_runs = DryRuns(ground.pool, adapters.reading(), lambda: datetime.now(UTC), GRACE)
    async with asyncio.TaskGroup() as group:
        dry = group.create_task(dry_runs.run(ground.source, None))
        await asked.wait()
        assert ground.source.feed is not None
        changed = replace(ground.source, feed=replace(ground.source.feed, url=f"{ground.server.url}/others"))
        await ground.feeds.connection(changed)
        goes_on.set()
    run = dry.result()
    assert run is not None
    assert (run.state, run.counts.rows_read) == (RunState.SUCCEEDED, 2)
    assert before.client.closed
    assert before.pages == (), "what a dry run read is nothing that a run may count on"


async def test_what_was_kept_for_a_deleted_source_is_let_go(ground: Ground) -> None:
    kept = await ground.feeds.connection(ground.source)
    await ground.feeds.close_deleted()
    assert not kept.client.closed
    async with ground.pool.connection() as connection:
        await delete_source(connection, ground.source.id)
    await ground.feeds.close_deleted()
    assert kept.client.closed
