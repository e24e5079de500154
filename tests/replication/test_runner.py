"""Replication on a real Postgres: what was committed is in the log, once, in order."""

import asyncio
from contextlib import aclosing

from db.changes import Operation, Transaction
from db.cursor import Cursor
from db.log import log_state, read_log
from db.position import Position
from db.session import connect
from replication.hub import Hub, LogSlice
from tests.replication.leader import DEADLINE_S, bind, execute, hub_of, leading, value


async def logged(dsn: str, relation: str = "public.t") -> list[Transaction]:
    async with await connect(dsn, "rowcast test") as connection:
        state = await log_state(connection)
        assert state is not None
        start = Position(state.epoch, state.floor, 0)
        return [transaction async for transaction in read_log(connection, start, (relation,))]


async def settled(dsn: str, hub: Hub) -> None:
    lsn = await value(dsn, "SELECT (pg_current_wal_insert_lsn() - '0/0')::bigint")
    assert isinstance(lsn, int)
    await hub.reach(lsn, DEADLINE_S)


async def test_every_kind_of_change_is_logged_with_values_keys_and_order(database: str) -> None:
    await bind(
        database,
        "t",
        "id integer PRIMARY KEY, name text, big bigint, ratio float, ok boolean, at timestamptz, doc jsonb",
    )
    async with leading(database) as leader, hub_of(database, leader.bus) as hub:
        await execute(
            database,
            "INSERT INTO t VALUES (1, 'Ada', 9007199254740993, 0.1, true, '2026-01-31 13:05+01', '{\"a\": [1, null]}')",
            "UPDATE t SET name = NULL WHERE id = 1",
            "UPDATE t SET id = 2 WHERE id = 1",
            "DELETE FROM t",
        )
        await settled(database, hub)
        changes = [change for transaction in await logged(database) for change in transaction.changes]
    row = {
        "id": 1,
        "name": "Ada",
        "big": "9007199254740993",
        "ratio": 0.1,
        "ok": True,
        "at": "2026-01-31T12:05:00+00:00",
        "doc": {"a": [1, None]},
    }
    unnamed = {**row, "name": None}
    assert [(c.operation, c.key, c.old_key, c.before, c.after) for c in changes] == [
        (Operation.INSERT, '["1"]', None, None, row),
        (Operation.UPDATE, '["1"]', None, row, unnamed),
        (Operation.UPDATE, '["2"]', '["1"]', unnamed, {**unnamed, "id": 2}),
        (Operation.DELETE, '["2"]', None, {**unnamed, "id": 2}, None),
    ]
    assert [c.position for c in changes] == sorted(c.position for c in changes)
    assert {c.position.index for c in changes} == {1}
    assert leader.appended
    assert set().union(*leader.appended) == {"public.t"}


async def test_subscriber_gets_a_commit_of_two_tables_by_table(database: str) -> None:
    await bind(database, "t", "id integer PRIMARY KEY")
    await bind(database, "u", "id integer PRIMARY KEY")
    async with leading(database) as leader, hub_of(database, leader.bus) as hub:
        await settled(database, hub)
        async with aclosing(hub.subscribe("public.u", Cursor(hub.frontier))) as events:
            await anext(events)
            await execute(database, "BEGIN; INSERT INTO t VALUES (1), (2); INSERT INTO u VALUES (7); COMMIT")
            event = await asyncio.wait_for(anext(events), DEADLINE_S)
    assert isinstance(event, LogSlice)
    assert [change.key for change in event.transaction.changes] == ['["7"]']
    assert event.transaction.changes[0].position.index == 3
