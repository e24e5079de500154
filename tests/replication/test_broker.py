"""Several processes and a real broker between them: while it is away, and when it is back, nothing is late for long."""

import asyncio
from collections.abc import AsyncIterator, Callable, Coroutine
from contextlib import aclosing, asynccontextmanager

import pytest
from redis.asyncio import Redis

from db.cursor import Cursor
from db.notify import Listener
from db.session import make_pool
from replication.bus import BroadcastBus
from replication.hub import Hub
from replication.log_events import CaughtUp
from replication.relay import hear_notified, send_unheard
from tests.broker import Broker, made_broker
from tests.replication.leader import bind, execute, hub_of, leading, stop, until
from tests.replication.reading import settled
from tests.replication.test_hub import following, keys

NEVER_S = 1e6


@pytest.fixture
async def broker() -> AsyncIterator[Broker]:
    with made_broker() as made:
        await made.start()
        yield made


@asynccontextmanager
async def running(*parts: Coroutine[object, object, None]) -> AsyncIterator[None]:
    """Beside the block."""
    tasks = [asyncio.create_task(part) for part in parts]
    try:
        yield
    finally:
        for task in tasks:
            await stop(task)


@asynccontextmanager
async def another_process(
    dsn: str, broker: Broker, *, heard: bool = True, **settings: float
) -> AsyncIterator[tuple[Hub, BroadcastBus]]:
    """A leader, and a hub that hears of it by the broker alone, or in its silence looks at the database.

    `heard`: the first beat came.
    """
    await bind(dsn, "t", "id integer PRIMARY KEY, body text")
    async with (
        leading(dsn, broadcast=broker.url),
        BroadcastBus(broker.url) as bus,
        hub_of(dsn, bus, **settings) as hub,
    ):
        await settled(dsn, hub)
        if heard:
            await until(lambda: _hears(bus))
        yield hub, bus


async def _hears(bus: BroadcastBus) -> bool:
    return bus.silent_s() < 0.5


async def test_a_commit_is_told_of_by_the_broker(database: str, broker: Broker) -> None:
    async with (
        another_process(database, broker, silence_s=NEVER_S) as (hub, _),
        aclosing(hub.subscribe("public.t", Cursor(hub.frontier))) as events,
    ):
        assert isinstance(await following(events), CaughtUp)
        for id_ in range(5):
            await execute(database, f"INSERT INTO t VALUES ({id_})")
            assert keys(await following(events)) == [f'["{id_}"]']


@pytest.mark.parametrize("silence", [Broker.freeze, Broker.kill])
async def test_the_last_commit_before_a_broker_is_silent_needs_no_successor(
    database: str, broker: Broker, silence: Callable[[Broker], None]
) -> None:
    async with (
        another_process(database, broker) as (hub, _),
        aclosing(hub.subscribe("public.t", Cursor(hub.frontier))) as events,
    ):
        assert isinstance(await following(events), CaughtUp)
        await execute(database, "INSERT INTO t VALUES (1)")
        assert keys(await following(events)) == ['["1"]']
        silence(broker)
        # Nothing tells of it, and nothing comes after it.
        await execute(database, "INSERT INTO t VALUES (2)")
        assert keys(await following(events)) == ['["2"]']


async def test_a_commit_that_a_hanging_broker_does_not_tell_of_is_told_of_by_postgres(
    database: str, broker: Broker
) -> None:
    await bind(database, "t", "id integer PRIMARY KEY, body text")
    async with (
        leading(database, broadcast=broker.url) as leader,
        Listener(database, "rowcast test") as listener,
        # It never finds out that the broker hangs.
        BroadcastBus(broker.url, silence_s=NEVER_S) as bus,
        hub_of(database, bus, silence_s=NEVER_S) as hub,
        make_pool(database, "rowcast test relay") as pool,
        running(send_unheard(pool, leader.bus), hear_notified(listener, bus)),
    ):
        await settled(database, hub)
        await until(lambda: _hears(bus))
        async with aclosing(hub.subscribe("public.t", Cursor(hub.frontier))) as events:
            assert isinstance(await following(events), CaughtUp)
            broker.freeze()
            for id_ in range(3):
                await execute(database, f"INSERT INTO t VALUES ({id_})")
                assert keys(await following(events)) == [f'["{id_}"]']
            assert bus.works


@pytest.mark.parametrize(("end", "again"), [(Broker.kill, Broker.start), (Broker.freeze, Broker.thaw)])
async def test_a_broker_that_is_gone_and_back_is_used_again(
    database: str, broker: Broker, end: Callable[[Broker], None], again: Callable[[Broker], object]
) -> None:
    async with (
        another_process(database, broker) as (hub, bus),
        aclosing(hub.subscribe("public.t", Cursor(hub.frontier))) as events,
    ):
        assert isinstance(await following(events), CaughtUp)
        end(broker)

        async def silent() -> bool:
            return bus.silent_s() > 2

        await until(silent)
        for id_ in range(3):
            await execute(database, f"INSERT INTO t VALUES ({id_})")
            assert keys(await following(events)) == [f'["{id_}"]']
        began = again(broker)
        if asyncio.iscoroutine(began):
            await began

        async def heard() -> bool:
            return bus.silent_s() < 1

        await until(heard)
        await execute(database, "INSERT INTO t VALUES (9)")
        assert keys(await following(events)) == ['["9"]']


async def test_without_its_broker_a_process_starts_and_follows(database: str) -> None:
    with made_broker() as broker:
        async with another_process(database, broker, heard=False) as (hub, bus):
            async with aclosing(hub.subscribe("public.t", Cursor(hub.frontier))) as events:
                assert isinstance(await following(events), CaughtUp)
                await execute(database, "INSERT INTO t VALUES (1)")
                assert keys(await following(events)) == ['["1"]']
            assert bus.failures


async def test_a_large_commit_is_told_of_by_its_position_and_read_from_the_log(database: str, broker: Broker) -> None:
    async with (
        another_process(database, broker, silence_s=NEVER_S) as (hub, _),
        Redis(port=broker.port) as client,
        client.pubsub() as channel,
    ):
        await channel.subscribe("rowcast")
        async with aclosing(hub.subscribe("public.t", Cursor(hub.frontier))) as events:
            assert isinstance(await following(events), CaughtUp)
            await execute(database, "INSERT INTO t VALUES (1, repeat('secret', 1000000))")
            assert keys(await following(events)) == ['["1"]']
            await execute(database, "INSERT INTO t VALUES (2)")
            assert keys(await following(events)) == ['["2"]']
        sizes: list[int] = []
        while (
            message := await channel.get_message(ignore_subscribe_messages=True, timeout=0)
        ) is not None or not sizes:
            if message is not None:
                assert b"secret" not in message["data"]
                sizes.append(len(message["data"]))
    assert max(sizes) < 200
