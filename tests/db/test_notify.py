"""Hints by NOTIFY, and the events that are announced by them."""

import asyncio
from uuid import uuid4

import pytest

from db.events import EventKind, event_by_id, events_after, insert_event, recent_event_ids
from db.notify import EVENTS, RUNS, WAKE, Listener, Notifications, Resynchronise, notify_run, read_wake, wake
from db.session import connect
from tests.replication.leader import DEADLINE_S, execute


async def following(notifications: Notifications) -> str | Resynchronise:
    return await asyncio.wait_for(anext(notifications), DEADLINE_S)


async def test_events_runs_and_wakes_are_heard(database: str) -> None:
    source = uuid4()
    async with (
        Listener(database, "rowcast test listener") as listener,
        listener.subscribe(EVENTS) as events,
        listener.subscribe(WAKE) as wakes,
        listener.subscribe(RUNS) as runs,
        await connect(database, "rowcast test") as connection,
    ):
        for notifications in (events, wakes, runs):
            assert isinstance(await following(notifications), Resynchronise)
        id_ = await insert_event(connection, EventKind.SYSTEM, "customers", "It happened.", {"n": 1})
        await wake(connection, source, "HOOK")
        await notify_run(connection, 7)
        assert await following(events) == str(id_)
        payload = await following(wakes)
        assert isinstance(payload, str)
        assert read_wake(payload) == (source, "HOOK")
        assert await following(runs) == "7"
        event = await event_by_id(connection, id_)
        assert event is not None
        assert (event.kind, event.source, event.message, event.detail) == (
            EventKind.SYSTEM,
            "customers",
            "It happened.",
            {"n": 1},
        )
        assert await events_after(connection, id_ - 1) == [event]
        assert await recent_event_ids(connection, 1) == [id_]
        assert await event_by_id(connection, id_ + 1) is None


async def test_after_a_lost_connection_subscribers_are_told_to_look(database: str) -> None:
    async with Listener(database, "rowcast test listener") as listener, listener.subscribe(RUNS) as runs:
        assert isinstance(await following(runs), Resynchronise)
        await execute(
            database,
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name = 'rowcast test listener' "
            "AND datname = current_database()",
        )
        assert isinstance(await following(runs), Resynchronise)
        await execute(database, "NOTIFY rowcast_runs, '8'")
        assert await following(runs) == "8"


async def test_a_quiet_connection_is_checked(database: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("db.notify._CHECK_S", 0.1)
    async with Listener(database, "rowcast test listener") as listener, listener.subscribe(RUNS) as runs:
        assert isinstance(await following(runs), Resynchronise)
        with pytest.raises(TimeoutError):
            await asyncio.wait_for(anext(runs), 0.5)
        await execute(database, "NOTIFY rowcast_runs, '9'")
        assert await following(runs) == "9"


async def test_who_is_too_slow_is_told_to_look() -> None:
    notifications = Notifications()
    for number in range(1001):
        notifications.put(str(number))
    notifications.put("after")
    assert isinstance(await anext(notifications), Resynchronise)
    assert await anext(notifications) == "after"


@pytest.mark.parametrize("payload", ["", "null", "[]", "{}", '{"source": 1, "trigger": "X"}', '{"source": "x"}'])
def test_what_is_no_wake_is_refused(payload: str) -> None:
    with pytest.raises(ValueError, match=r".*"):
        read_wake(payload)
