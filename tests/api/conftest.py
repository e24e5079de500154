"""The edge alone (`edge`, shared by the tests of a file), and the whole server (`server`)."""

import asyncio
from collections.abc import Iterator

import pytest

from tests.api.edge import edge_app
from tests.postgres import Server as PostgresServer
from tests.server import Server, ThreadServer, server_settings


@pytest.fixture(scope="module")
def edge(
    postgres_server: PostgresServer, database_template: str, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Server]:
    database = postgres_server.create(template=database_template)
    settings = server_settings(
        database,
        tmp_path_factory.mktemp("edge"),
        allowed_hosts=("rowcast.example",),
        allowed_origins=("https://app.example",),
        # What a test left half open is gone before the next one's deadline.
        ping_seconds=10,
    )
    server = ThreadServer(settings, edge_app(settings), ready_path="/healthz")
    asyncio.run(server.start())
    yield server
    asyncio.run(server.stop())
    postgres_server.drop(database)
