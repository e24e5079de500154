"""Clients of both ways: `graphql-transport-ws`, which is delivered together, and its predecessor, which never is."""

import asyncio
import json
import os
import signal
from asyncio.subprocess import PIPE, Process
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from contextlib import asynccontextmanager
from typing import Any

from websockets.asyncio.client import ClientConnection

from tests.server import Client

TABLE = "customers"
DEADLINE_S = 60.0
LARGE = "(SELECT string_agg(md5(random()::text), '') FROM generate_series(1, 4000))"
"""128 kB that don't compress."""
Json = Any

EVERYTHING = """subscription($where: RowFilter, $operations: [Operation!], $columns: [String!], $after: Cursor,
    $snapshot: Boolean! = false) {
  changes(source: "customers", where: $where, operations: $operations, columns: $columns, after: $after,
      snapshot: $snapshot) {
    cursor transactionId committedAt cause actor snapshot reset last upToDate
    changes { operation moved key row before changed }
  }
}"""


class Live:
    """A connection with one subscription."""

    def __init__(self, connection: ClientConnection, names: Mapping[str, str], id_: str) -> None:
        self.connection = connection
        self._names = names
        self._id = id_

    async def message(self) -> Json:
        """The next one of the operation."""
        async with asyncio.timeout(DEADLINE_S):
            while True:
                message = json.loads(await self.connection.recv())
                if message["type"] == "ping":
                    await self.connection.send('{"type":"pong"}')
                elif message["type"] != "ka":
                    assert message["id"] == self._id
                    return {**message, "type": self._names.get(message["type"], message["type"])}

    async def batch(self) -> Json:
        """The next batch."""
        message = await self.message()
        assert message["type"] == "next", message
        assert "errors" not in message["payload"], message
        [value] = message["payload"]["data"].values()
        return value

    async def up_to_date(self) -> list[Json]:
        """All batches up to the first that says so."""
        return await self.until(lambda batch: bool(batch["upToDate"]))

    async def until(self, condition: Callable[[Json], bool]) -> list[Json]:
        """All batches up to the first that fulfils it."""
        batches = [await self.batch()]
        while not condition(batches[-1]):
            batches.append(await self.batch())
        return batches

    async def complete(self) -> None:
        await self.connection.send(json.dumps({"type": self._names.get("complete", "complete"), "id": self._id}))


@asynccontextmanager
async def shared(
    server: Client, query: str = EVERYTHING, variables: Mapping[str, Json] | None = None, id_: str = "1", **how: Any
) -> AsyncIterator[Live]:
    """What current clients do."""
    async with server.websocket(**how) as connection:
        await _begin(connection, "subscribe", query, variables, id_)
        yield Live(connection, {}, id_)


@asynccontextmanager
async def stock(
    server: Client, query: str = EVERYTHING, variables: Mapping[str, Json] | None = None, id_: str = "1"
) -> AsyncIterator[Live]:
    """What older ones do; the same server executes each of them for itself."""
    async with server.websocket("graphql-ws") as connection:
        await _begin(connection, "start", query, variables, id_)
        yield Live(connection, {"data": "next", "complete": "stop"}, id_)


@asynccontextmanager
async def node_client(
    server: Client, *, count: int, compress: str = "true", retries: int = 5
) -> AsyncIterator[Process]:
    """npm's graphql-ws, subscribed to `EVERYTHING`: see the script. Each `line` is a result."""
    url = server.url.replace("http", "ws", 1) + "/graphql"
    arguments = url, EVERYTHING, str(count), compress, str(retries)
    # `node` may be a wrapper around another process: signals are the group's.
    process = await asyncio.create_subprocess_exec(
        "node", "tests/live/graphql_ws_client.cjs", *arguments, stdout=PIPE, start_new_session=True
    )
    try:
        yield process
    finally:
        if process.returncode is None:
            os.killpg(process.pid, signal.SIGKILL)
            await process.wait()


async def line(process: Process) -> Json:
    """What it printed next."""
    assert process.stdout is not None
    async with asyncio.timeout(DEADLINE_S):
        return json.loads(await process.stdout.readline())


async def _begin(
    connection: ClientConnection, begin: str, query: str, variables: Mapping[str, Json] | None, id_: str
) -> None:
    await connection.send(json.dumps({"type": "connection_init"}))
    assert json.loads(await connection.recv())["type"] == "connection_ack"
    payload = {"query": query, "variables": dict(variables or {})}
    await connection.send(json.dumps({"id": id_, "type": begin, "payload": payload}))


def seen(batches: Sequence[Json]) -> list[tuple[str, int]]:
    """Operations and ids, in order."""
    return [(change["operation"], change["key"]["id"]) for batch in batches for change in batch["changes"]]
