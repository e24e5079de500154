"""The whole: a real server on a fresh database, a real sandbox, the demo's sheet."""

from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest

from sandbox.server import Sandbox
from tests.e2e.customers import Customers, Sheet
from tests.server import ProcessServer, ThreadServer, server_settings


@pytest.fixture
def sandbox() -> Iterator[Sandbox]:
    with Sandbox() as running:
        yield running


@pytest.fixture
def sheet(sandbox: Sandbox) -> Iterator[Sheet]:
    made = Sheet(sandbox)
    yield made
    made.close()


@pytest.fixture
async def server(database: str, sandbox: Sandbox, tmp_path: Path) -> AsyncIterator[ThreadServer]:
    running = ThreadServer(server_settings(database, tmp_path, sandbox))
    await running.start()
    yield running
    await running.stop()


@pytest.fixture
async def customers(server: ThreadServer, sheet: Sheet, database: str) -> Customers:
    """Registered and imported."""
    made = Customers(server, sheet, database)
    await made.register()
    return made


@pytest.fixture
async def process(database: str, sandbox: Sandbox, tmp_path: Path) -> AsyncIterator[ProcessServer]:
    """A server as a process of its own, ready."""
    made = ProcessServer(server_settings(database, tmp_path, sandbox))
    await made.start()
    yield made
    await made.kill()
