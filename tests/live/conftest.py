"""The whole server with a table of customers, shared by the tests of a file, each with a range of rows of its own."""

import asyncio
from collections.abc import AsyncIterator, Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import psycopg
import pytest

from db.session import connect
from db.sources import SheetBinding, SourceState, insert_source
from tests.live.client import TABLE
from tests.postgres import Server as PostgresServer
from tests.replication.leader import source_of
from tests.schema.ground import CUSTOMERS, CUSTOMERS_SQL
from tests.server import ThreadServer, server_settings


async def bind(dsn: str, name: str = TABLE) -> None:
    source = replace(
        source_of(f"public.{name}"),
        name=name,
        columns=CUSTOMERS,
        state=SourceState.PAUSED,
        sheet=SheetBinding(f"sheet of {name}", "Sheet1", 0, 1, None),
    )
    async with await connect(dsn, "rowcast test", autocommit=False) as connection:
        await connection.execute(f"CREATE TABLE {name} ({CUSTOMERS_SQL})".encode())
        await connection.execute(f"ALTER TABLE {name} REPLICA IDENTITY FULL".encode())
        await connection.execute(f"ALTER PUBLICATION rowcast_tables ADD TABLE {name}".encode())
        await insert_source(connection, source)


@contextmanager
def serving(postgres: PostgresServer, template: str, folder: Path, **settings: Any) -> Iterator[ThreadServer]:
    """A server on a database of its own, with the table."""
    dsn = postgres.create(template=template)
    server = ThreadServer(server_settings(dsn, folder, **settings))
    asyncio.run(server.start())
    asyncio.run(bind(dsn))
    yield server
    asyncio.run(server.stop())
    postgres.drop(dsn)


@pytest.fixture(scope="module")
def live(
    postgres_server: PostgresServer, database_template: str, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[ThreadServer]:
    with serving(postgres_server, database_template, tmp_path_factory.mktemp("live")) as server:
        yield server


@pytest.fixture
async def sql(live: ThreadServer) -> AsyncIterator[psycopg.AsyncConnection]:
    """Each statement a commit, unless within `transaction()`. The table is empty when a test begins."""
    assert live.settings.database_url is not None
    async with await psycopg.AsyncConnection.connect(live.settings.database_url, autocommit=True) as connection:
        await connection.execute(f"DELETE FROM {TABLE}".encode())
        yield connection
