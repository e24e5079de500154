"""A server that is late itself: what clients have said in time counts."""

import asyncio
import json
from collections.abc import Iterator

import pytest

from api import graphql
from replication import turns
from tests.api.edge import edge_app
from tests.postgres import Server as PostgresServer
from tests.server import Server, ThreadServer, server_settings

INIT_S = 1.0


@pytest.fixture
def late(
    postgres_server: PostgresServer, database_template: str, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[ThreadServer]:
    database = postgres_server.create(template=database_template)
    settings = server_settings(database, tmp_path_factory.mktemp("late"))
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(graphql, "INIT_S", INIT_S)
        server = ThreadServer(settings, edge_app(settings), ready_path="/healthz")
    asyncio.run(server.start())
    yield server
    asyncio.run(server.stop())
    postgres_server.drop(database)


async def test_who_says_connection_init_in_time_is_not_closed_for_it(
    late: ThreadServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with late.websocket() as connection:
        monkeypatch.setattr(turns, "HELD_S", 3 * INIT_S)
        hold(late)
        await connection.send(json.dumps({"type": "connection_init"}))
        assert json.loads(await connection.recv()) == {"type": "connection_ack"}
    assert await closes(late, 4408) == 0


def hold(server: ThreadServer) -> None:
    """A delivery is on its way."""
    [protocol] = server.connections
    protocol.app_state["runtime"].context.hub.turns.hold()


async def closes(server: Server, code: int) -> int:
    text = (await server.get("/metrics")).text
    return sum(f'code="{code}"' in line for line in text.splitlines())
