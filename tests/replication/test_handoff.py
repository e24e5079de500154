"""The snapshot handoff under writers at full speed: the view's rows and what its cursor admits are each change once."""

import asyncio
import itertools
import json
from contextlib import aclosing

import psycopg
import pytest

from db.changes import Operation
from db.cursor import Cursor
from db.session import Pool, make_pool
from db.view import view
from replication.hub import Hub
from replication.log_events import CaughtUp, LogSlice
from tests.replication.leader import DEADLINE_S, bind, hub_of, leading, value

AT_ONCE = 8
ROWS = 40


async def write(dsn: str, writer: int, stop: asyncio.Event) -> None:
    """Commits as fast as it can: each raises the counter of a row, so a gap and a repeat both show."""
    async with await psycopg.AsyncConnection.connect(dsn, autocommit=True) as connection:
        for turn in itertools.count():
            if stop.is_set():
                return
            id_ = writer * ROWS + turn % ROWS
            await connection.execute(
                "INSERT INTO t VALUES (%s, 1) ON CONFLICT (id) DO UPDATE SET n = t.n + 1 RETURNING n", (id_,)
            )
            if turn % 97 == 96:
                await connection.execute("DELETE FROM t WHERE id = %s", (id_,))


async def hand_over(pool: Pool, hub: Hub) -> int:
    """One subscription with a snapshot, followed until it has seen some live commits; returns how many changes."""
    async with view(pool) as (connection, cursor):
        rows = dict(await (await connection.execute("SELECT id, n FROM t")).fetchall())
    seen = 0
    caught_up = False
    async with asyncio.timeout(DEADLINE_S), aclosing(hub.subscribe("public.t", cursor)) as events:
        async for event in events:
            assert cursor_grows(cursor, event.cursor)
            cursor = event.cursor
            if isinstance(event, CaughtUp):
                caught_up = True
                continue
            seen += apply(rows, event)
            if caught_up and seen >= 10:
                break
    # Another client resumes from the last cursor, as after a reconnect.
    async with (
        asyncio.timeout(DEADLINE_S),
        aclosing(hub.subscribe("public.t", Cursor.decode(cursor.encode()))) as events,
    ):
        async for event in events:
            if isinstance(event, CaughtUp):
                break
            seen += apply(rows, event)
    return seen


def cursor_grows(before: Cursor, after: Cursor) -> bool:
    return after.position >= before.position


def apply(rows: dict[int, int], event: LogSlice) -> int:
    for change in event.transaction.changes:
        assert change.key is not None
        id_ = int(json.loads(change.key)[0])
        if change.operation is Operation.INSERT:
            assert id_ not in rows, f"{id_} was inserted twice"
            rows[id_] = 1
        elif change.operation is Operation.UPDATE:
            assert change.after is not None
            assert change.after["n"] == rows[id_] + 1, f"a gap or a repeat at {id_}"
            rows[id_] += 1
        else:
            assert change.before is not None
            assert change.before["n"] == rows.pop(id_), f"a gap or a repeat at {id_}"
    return len(event.transaction.changes)


@pytest.mark.parametrize("handoffs", [150, pytest.param(1000, marks=pytest.mark.soak)])
async def test_handoffs_have_no_gap_and_no_repeat(database: str, handoffs: int) -> None:
    await bind(database, "t", "id integer PRIMARY KEY, n integer")
    stop = asyncio.Event()
    async with (
        leading(database) as leader,
        hub_of(database, leader.bus) as hub,
        make_pool(database, "rowcast test", max_size=AT_ONCE) as pool,
    ):
        writers = [asyncio.create_task(write(database, writer, stop)) for writer in range(4)]
        left = iter(range(handoffs))

        async def some() -> int:
            return sum([await hand_over(pool, hub) for _ in left])

        try:
            changes = await asyncio.gather(*(some() for _ in range(AT_ONCE)))
        finally:
            stop.set()
            await asyncio.gather(*writers)
        assert sum(changes) >= 10 * handoffs

        # And from the beginning to the end: the rows of an early view and the whole log are the table.
        lsn = await value(database, "SELECT (pg_current_wal_insert_lsn() - '0/0')::bigint")
        assert isinstance(lsn, int)
        await hub.reach(lsn, DEADLINE_S)
