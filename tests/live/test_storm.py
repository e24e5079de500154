"""All clients come back at once after a restart: each with another cursor, and all end in the same few groups."""

import asyncio
import json
from collections.abc import AsyncIterator, Sequence
from contextlib import AsyncExitStack
from pathlib import Path
from typing import Any

import psycopg
import pytest
from websockets.asyncio.client import ClientConnection

from db.cursor import Cursor
from db.log import log_state
from db.position import Position
from db.session import connect
from tests.live.client import EVERYTHING, TABLE, Json, Live, seen, shared
from tests.live.conftest import bind
from tests.live.test_delivery import joined
from tests.server import Client, ProcessServer, ThreadServer, eventually, server_settings

_MATCHING = 100
"""Of so many commits one concerns the clients. Each number of clients is a multiple of it."""
_AT_ONCE = 500
"""Handshakes that a client machine has under way."""


async def counted(server: Client, name: str) -> int:
    """A counter's value."""
    lines = (await server.get("/metrics")).text.splitlines()
    [line] = [line for line in lines if line.startswith(f"{name} ")]
    return int(float(line.split()[1]))


async def test_many_that_begin_with_the_same_rows_share_reads(live: ThreadServer, sql: psycopg.AsyncConnection) -> None:
    await sql.execute(f"INSERT INTO {TABLE} SELECT n, 'n', n % 3 FROM generate_series(1, 1200) n".encode())
    before = await counted(live, "rowcast_snapshot_reads_total")
    variables = {"snapshot": True, "where": {"column": "age", "eq": 1}}
    async with AsyncExitStack() as stack:

        async def one() -> Live:
            return await stack.enter_async_context(shared(live, variables=variables))

        async with sql.transaction():
            # Nobody can read it now: those who come wait for the reads that are under way, or for the next.
            await sql.execute(f"LOCK TABLE {TABLE} IN ACCESS EXCLUSIVE MODE".encode())
            clients = await asyncio.gather(*(one() for _ in range(60)))

            async def begun() -> bool:
                return await counted(live, "rowcast_subscriptions") == len(clients)

            await eventually(begun)
        for client in clients:
            batches = await client.up_to_date()
            assert seen(batches) == [("INSERT", n) for n in range(1, 1201, 3)]
        assert await counted(live, "rowcast_snapshot_reads_total") - before < len(clients) / 2
        await joined(live, len(clients), 1)
        await sql.execute(f"INSERT INTO {TABLE} VALUES (5000, 'n', 1)".encode())
        for client in clients:
            assert seen([await client.batch()]) == [("INSERT", 5000)]


class Returning:
    """A client that comes back with a cursor, and what it has got since."""

    def __init__(self, number: int, cursor: Position) -> None:
        self.id = f"client {number}"
        self.cursor = cursor
        self.ids: list[int] = []
        self.up_to_date = False
        self._connection: ClientConnection | None = None

    async def come(self, server: Client, stack: AsyncExitStack) -> None:
        """Connect, and subscribe to what concerns it."""
        connection = await stack.enter_async_context(server.websocket(compression=None, open_timeout=None))
        await connection.send(json.dumps({"type": "connection_init"}))
        assert json.loads(await connection.recv())["type"] == "connection_ack"
        variables = {"where": {"column": "age", "eq": 1}, "after": Cursor(self.cursor).encode()}
        payload = {"query": EVERYTHING, "variables": variables}
        await connection.send(json.dumps({"id": self.id, "type": "subscribe", "payload": payload}))
        self._connection = connection
        while not self.up_to_date:
            await self._hear()

    async def until(self, id_: int) -> None:
        """Until it has that row."""
        while self.ids[-1:] != [id_]:
            await self._hear()

    async def _hear(self) -> None:
        assert self._connection is not None
        message: Json = json.loads(await self._connection.recv())
        assert (message["type"], message["id"]) == ("next", self.id), message
        batch = message["payload"]["data"]["changes"]
        assert not batch["reset"]
        self.up_to_date = self.up_to_date or batch["upToDate"]
        self.ids.extend(change["row"]["id"] for change in batch["changes"])


async def commit(dsn: str, first: int, last: int, rows: int = 1) -> None:
    """Commits of so many rows each; one row of `_MATCHING` concerns the clients."""
    async with await psycopg.AsyncConnection.connect(dsn, autocommit=True) as connection:
        await connection.execute(
            f"""DO $$ BEGIN FOR begun IN {first}..{last} BY {rows} LOOP
                  INSERT INTO {TABLE} SELECT n, 'n', CASE WHEN n % {_MATCHING} = 0 THEN 1 ELSE 2 END
                    FROM generate_series(begun, begun + {rows} - 1) n;
                  COMMIT;
                END LOOP; END $$""".encode()
        )


async def places(dsn: str, count: int) -> Sequence[tuple[Position, int]]:
    """Where the log has each of so many rows, and which it is: within a commit, too, a cursor may be."""
    async with await connect(dsn, "rowcast test") as connection:

        async def all_there() -> list[tuple[Any, ...]]:
            rows = await connection.execute(
                "SELECT epoch, lsn, index, (after ->> 'id')::int FROM rowcast.changes ORDER BY epoch, lsn, index"
            )
            found = await rows.fetchall()
            return found if len(found) == count else []

        rows = await eventually(all_there, 300)
        state = await log_state(connection)
    assert state is not None
    assert {row[0] for row in rows} == {state.epoch}
    return [(Position(epoch, lsn, index), id_) for epoch, lsn, index, id_ in rows]


@pytest.fixture
async def server(database: str, tmp_path: Path) -> AsyncIterator[ProcessServer]:
    made = ProcessServer(server_settings(database, tmp_path, log_level="warning"))
    await made.start()
    await bind(database)
    yield made
    await made.kill()


@pytest.mark.parametrize(
    ("count", "rows"),
    [
        pytest.param(300, 1, marks=pytest.mark.timeout(600)),
        pytest.param(10_000, 10, marks=[pytest.mark.soak, pytest.mark.timeout(3600)]),
    ],
)
async def test_after_a_restart_all_come_back_at_once(
    server: ProcessServer, database: str, count: int, rows: int
) -> None:
    await commit(database, 1, count, rows)
    known = await places(database, count)
    await server.stop()
    # What happens meanwhile, and while they come, concerns them too.
    await commit(database, count + 1, count + 2 * _MATCHING)
    await server.start()
    clients = [Returning(number, place) for number, (place, _) in enumerate(known)]
    before = await counted(server, "rowcast_log_reads_total")
    handshakes = asyncio.Semaphore(_AT_ONCE)
    async with AsyncExitStack() as stack:

        async def come(client: Returning) -> None:
            async with handshakes:
                await client.come(server, stack)

        writing = asyncio.create_task(commit(database, count + 2 * _MATCHING + 1, count + 4 * _MATCHING))
        async with asyncio.TaskGroup() as group:
            for client in clients:
                group.create_task(come(client))
        await writing
        await joined(server, count, 1)
        last = count + 5 * _MATCHING
        await commit(database, last, last)
        async with asyncio.TaskGroup() as group:
            for client in clients:
                group.create_task(client.until(last))
        # The pages that the cursors span, and what was handed on meanwhile; alone each would have asked.
        assert await counted(server, "rowcast_log_reads_total") - before < count / 2
    for client, (_, id_) in zip(clients, known, strict=True):
        first = id_ - id_ % _MATCHING + _MATCHING
        assert client.ids == [*range(first, count + 4 * _MATCHING + 1, _MATCHING), last], client.id
