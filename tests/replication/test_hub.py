"""The hub on a real log: join live, fall back, lost messages, silence, quiet subscriptions, expiry."""

import asyncio
from collections.abc import AsyncGenerator
from contextlib import aclosing

import pytest

from db.cursor import Cursor
from db.errors import CursorExpired, Unavailable
from db.log import LogState
from db.position import Position
from db.session import make_pool
from db.view import view
from replication import session
from replication.bus import Beat, BroadcastBus
from replication.hub import Hub
from replication.log_events import CaughtUp, LogEvent, LogSlice
from tests.replication.leader import DEADLINE_S, bind, execute, hub_of, leading, value
from tests.replication.reading import settled, state_of


async def following(events: AsyncGenerator[LogEvent, None]) -> LogEvent:
    return await asyncio.wait_for(anext(events), DEADLINE_S)


def keys(event: LogEvent) -> list[str | None]:
    assert isinstance(event, LogSlice)
    return [change.key for change in event.transaction.changes]


async def test_a_slow_subscription_reads_the_log_and_misses_nothing(database: str) -> None:
    await bind(database, "t", "id integer PRIMARY KEY")
    async with leading(database) as leader, hub_of(database, leader.bus, queue_size=3) as hub:
        await settled(database, hub)
        start = Cursor(hub.frontier)
        async with (
            aclosing(hub.subscribe("public.t", start)) as slow,
            aclosing(hub.subscribe("public.t", start)) as fast,
        ):
            assert isinstance(await following(slow), CaughtUp)
            assert isinstance(await following(fast), CaughtUp)
            assert hub.subscriptions == 2
            for id_ in range(20):
                await execute(database, f"INSERT INTO t VALUES ({id_})")
                assert keys(await following(fast)) == [f'["{id_}"]']
            for id_ in range(20):
                assert keys(await following(slow)) == [f'["{id_}"]']
        assert hub.subscriptions == 0


async def test_a_process_in_which_nobody_leads_watches_the_database(database: str) -> None:
    await bind(database, "t", "id integer PRIMARY KEY")
    async with leading(database), BroadcastBus("memory://") as silent, hub_of(database, silent, silence_s=0.1) as hub:
        await settled(database, hub)
        async with aclosing(hub.subscribe("public.t", Cursor(hub.frontier))) as events:
            assert isinstance(await following(events), CaughtUp)
            await execute(database, "INSERT INTO t VALUES (1)")
            assert keys(await following(events)) == ['["1"]']


async def test_such_a_process_hears_at_once_how_far_an_idle_log_goes(
    database: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with leading(database), BroadcastBus("memory://") as silent, hub_of(database, silent) as hub:
        # What the leader does once a second is not waited for.
        monkeypatch.setattr(session, "TICK_S", 3600.0)
        await settled(database, hub)
        await execute(database, "CREATE TABLE unpublished AS SELECT 1")
        await settled(database, hub)


async def test_a_quiet_subscription_gets_a_newer_cursor(database: str) -> None:
    await bind(database, "t", "id integer PRIMARY KEY")
    await bind(database, "other", "id integer PRIMARY KEY")
    async with leading(database) as leader, hub_of(database, leader.bus, quiet_s=0.3) as hub:
        await settled(database, hub)
        async with aclosing(hub.subscribe("public.t", Cursor(hub.frontier))) as events:
            first = await following(events)
            await execute(database, "INSERT INTO other VALUES (1)")
            await settled(database, hub)
            frontier = hub.frontier
            while (event := await following(events)).cursor.position < frontier:
                assert isinstance(event, CaughtUp)
        assert isinstance(first, CaughtUp)
        assert isinstance(event, CaughtUp)


async def test_caught_up_comes_once_the_view_is_reached_on_an_idle_server(database: str) -> None:
    await bind(database, "t", "id integer PRIMARY KEY")
    async with (
        leading(database) as leader,
        hub_of(database, leader.bus) as hub,
        make_pool(database, "rowcast test") as pool,
    ):
        await execute(database, "INSERT INTO t VALUES (1)")
        async with view(pool) as (connection, cursor):
            rows = await (await connection.execute("SELECT id FROM t")).fetchall()
        assert rows == [(1,)]
        async with aclosing(hub.subscribe("public.t", cursor)) as events:
            event = await following(events)
        # The insert is in the rows: the cursor does not admit it again.
        assert isinstance(event, CaughtUp)
        assert cursor.view is not None
        assert event.cursor.position.lsn >= cursor.view.until


@pytest.mark.parametrize("queue_size", [3, 100])
async def test_who_never_reads_as_fast_as_others_write_hears_that_it_has_caught_up(
    database: str, queue_size: int
) -> None:
    """From the queue, and from the log behind one that has overflowed."""
    await bind(database, "t", "id integer PRIMARY KEY")
    async with leading(database) as leader, hub_of(database, leader.bus, queue_size=queue_size) as hub:
        await settled(database, hub)
        start = Cursor(hub.frontier)
        await execute(database, "INSERT INTO t VALUES (0), (1)")
        await settled(database, hub)
        older = hub.frontier
        async with aclosing(hub.subscribe("public.t", start)) as events:
            seen = [await following(events)]
            for id_ in range(2, 12):
                # There is always more.
                await execute(database, f"INSERT INTO t VALUES ({id_})")
                await execute(database, f"INSERT INTO t VALUES ({id_ + 100})")
                await settled(database, hub)
                seen.append(await following(events))
        [caught_up] = [event for event in seen if isinstance(event, CaughtUp)]
        assert seen.index(caught_up) == 1
        # An idle log moves, too.
        assert older <= caught_up.cursor.position < seen[2].cursor.position
        assert keys(seen[2]) == ['["2"]']


async def test_a_cursor_ahead_of_the_log_waits_and_one_ahead_of_the_database_is_expired(database: str) -> None:
    await bind(database, "t", "id integer PRIMARY KEY")
    async with leading(database) as leader, hub_of(database, leader.bus) as hub:
        await settled(database, hub)
        await execute(database, "INSERT INTO t VALUES (1)")
        written = await value(database, "SELECT (pg_current_wal_insert_lsn() - '0/0')::bigint")
        assert isinstance(written, int)
        async with aclosing(hub.subscribe("public.t", Cursor(Position(hub.frontier.epoch, written, 0)))) as events:
            event = await following(events)
        assert isinstance(event, CaughtUp)
        assert event.cursor.position.lsn >= written
        for position in (Position(hub.frontier.epoch, written + 2**40, 0), Position(hub.frontier.epoch + 1, 1, 0)):
            async with aclosing(hub.subscribe("public.t", Cursor(position))) as events:
                with pytest.raises(CursorExpired):
                    await following(events)


async def test_a_cursor_below_the_floor_is_expired(database: str) -> None:
    await bind(database, "t", "id integer PRIMARY KEY")
    async with leading(database) as leader, hub_of(database, leader.bus) as hub:
        await settled(database, hub)
        cursor = Cursor(hub.frontier)
        await execute(database, "INSERT INTO t VALUES (1)")
        await settled(database, hub)
        await execute(database, "UPDATE rowcast.log_state SET floor_lsn = head_lsn + 1")
        async with aclosing(hub.subscribe("public.t", cursor)) as events:
            with pytest.raises(CursorExpired, match="no longer reaches back"):
                await following(events)


async def test_before_the_log_is_open_subscriptions_wait(database: str) -> None:
    await bind(database, "t", "id integer PRIMARY KEY")
    async with make_pool(database, "rowcast test") as pool:
        async with view(pool) as (_, cursor):
            pass
        async with (
            BroadcastBus("memory://") as bus,
            Hub(pool, bus, silence_s=0.1) as hub,
            aclosing(hub.subscribe("public.t", cursor)) as events,
        ):
            waiting = asyncio.ensure_future(anext(events))
            async with leading(database):
                with pytest.raises(CursorExpired):
                    await asyncio.wait_for(waiting, DEADLINE_S)


async def test_reach_says_when_replication_lags(database: str) -> None:
    async with leading(database) as leader, hub_of(database, leader.bus) as hub:
        await settled(database, hub)
        await hub.reach(hub.frontier.lsn, 0)
        with pytest.raises(Unavailable, match="replication lags"):
            await hub.reach(hub.frontier.lsn + 2**40, 0.2)


async def test_a_new_leader_goes_on_where_the_last_one_ended(database: str) -> None:
    await bind(database, "t", "id integer PRIMARY KEY")
    async with BroadcastBus("memory://") as own, hub_of(database, own, silence_s=0.1) as hub:
        async with leading(database):
            await settled(database, hub)
            cursor = Cursor(hub.frontier)
        async with aclosing(hub.subscribe("public.t", cursor)) as events:
            assert isinstance(await following(events), CaughtUp)
            await execute(database, "INSERT INTO t VALUES (1)")
            async with leading(database):
                assert keys(await following(events)) == ['["1"]']
    assert (await state_of(database)).head.epoch == cursor.position.epoch


async def test_the_hub_survives_a_failing_part(database: str, monkeypatch: pytest.MonkeyPatch) -> None:
    await bind(database, "t", "id integer PRIMARY KEY")
    async with leading(database) as leader, hub_of(database, leader.bus) as hub:
        await settled(database, hub)
        async with aclosing(hub.subscribe("public.t", Cursor(hub.frontier))) as events:
            assert isinstance(await following(events), CaughtUp)
            # The log's table gone for a moment is an error that nobody foresaw.
            await execute(database, "ALTER TABLE rowcast.log_state RENAME TO away")
            ended = await value(
                database,
                "SELECT count(pg_terminate_backend(pid)) FROM pg_stat_activity "
                "WHERE application_name = 'rowcast test hub' AND datname = current_database()",
            )
            assert ended
            await execute(database, "ALTER TABLE rowcast.away RENAME TO log_state", "INSERT INTO t VALUES (1)")
            assert keys(await following(events)) == ['["1"]']


async def test_beats_of_another_log_are_passed_over(database: str) -> None:
    """Of another rowcast that shares the broker."""
    await bind(database, "t", "id integer PRIMARY KEY")
    async with leading(database) as leader, hub_of(database, leader.bus) as hub:
        await settled(database, hub)
        async with aclosing(hub.subscribe("public.t", Cursor(hub.frontier))) as events:
            assert isinstance(await following(events), CaughtUp)
            for epochs in (-1, 1):
                theirs = Position(hub.frontier.epoch + epochs, hub.frontier.lsn + 2**40, 1)
                leader.bus.publish(Beat(theirs, theirs.lsn + 1))
                await execute(database, f"INSERT INTO t VALUES ({epochs})")
                assert keys(await following(events)) == [f'["{epochs}"]']


async def set_back(dsn: str, to: LogState) -> None:
    """What a crash of Postgres does to a log whose last appends were visible and not yet durable."""
    await execute(
        dsn,
        f"CREATE TABLE lost AS SELECT * FROM rowcast.log_entries WHERE lsn > {to.head.lsn}",
        "CREATE TABLE lost_state AS SELECT * FROM rowcast.log_state",
        f"DELETE FROM rowcast.log_entries WHERE lsn > {to.head.lsn}",
        f"UPDATE rowcast.log_state SET head_lsn = {to.head.lsn}, head_index = {to.head.index}, "
        f"decoded_to = {to.decoded_to}",
    )


@pytest.mark.parametrize("joined", [False, True])
async def test_what_a_crash_took_from_the_log_after_it_was_published_is_waited_for(database: str, joined: bool) -> None:
    await bind(database, "t", "id integer PRIMARY KEY")
    waited = 0

    async def sleep(seconds: float) -> None:
        nonlocal waited
        if seconds == 0.5:  # of a reader that can't go on
            waited += 1
            await execute(
                database,
                "INSERT INTO rowcast.log_entries SELECT * FROM lost",
                "UPDATE rowcast.log_state l SET head_lsn = o.head_lsn, head_index = o.head_index, "
                "decoded_to = o.decoded_to FROM lost_state o",
            )
        await asyncio.sleep(seconds)

    async with leading(database) as leader, hub_of(database, leader.bus) as hub:
        await settled(database, hub)
        before = await state_of(database)
        await execute(database, "INSERT INTO t VALUES (1)")
        await settled(database, hub)
    known = await state_of(database)
    await set_back(database, before)
    async with (
        BroadcastBus("memory://") as bus,
        hub_of(database, bus, silence_s=0.1, sleep=sleep, jitter=lambda: 0.5) as hub,
        aclosing(hub.subscribe("public.t", Cursor(before.frontier))) as events,
    ):
        if joined:
            assert isinstance(await following(events), CaughtUp)
        else:
            await hub.reach(before.decoded_to, DEADLINE_S)
        bus.publish(Beat(known.head, known.decoded_to))
        if not joined:
            await hub.reach(known.decoded_to, DEADLINE_S)
        assert keys(await following(events)) == ['["1"]']
    assert waited
