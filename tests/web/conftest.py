"""The built pages: alone, and with the whole server, its sandbox and its database behind them."""

import asyncio
import socket
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest
import pytest_asyncio
import uvicorn
from starlette.applications import Starlette

from api import static
from sandbox.server import Sandbox
from tests.e2e.customers import Customers, Sheet
from tests.server import ProcessServer, ThreadServer, server_settings
from tests.shared_sandbox import emptied_sandbox


@pytest_asyncio.fixture(loop_scope="session")
async def pages_alone(built: None) -> AsyncIterator[str]:
    """The URL of a server that has the pages and nothing behind them: every other path is a 404."""
    listener = socket.create_server(("127.0.0.1", 0))
    application = Starlette(routes=static.routes())
    server = uvicorn.Server(uvicorn.Config(application, log_config=None, lifespan="off"))
    serving = asyncio.create_task(server.serve([listener]))
    yield f"http://127.0.0.1:{listener.getsockname()[1]}"
    server.should_exit = True
    await serving
    listener.close()


@pytest.fixture
def sandbox() -> Iterator[Sandbox]:
    with emptied_sandbox() as running:
        yield running


@pytest.fixture
def sheet(sandbox: Sandbox) -> Iterator[Sheet]:
    made = Sheet(sandbox)
    yield made
    made.close()


@pytest_asyncio.fixture(loop_scope="session")
async def server(built: None, database: str, sandbox: Sandbox, tmp_path: Path) -> AsyncIterator[ThreadServer]:
    """A server without sources."""
    made = ThreadServer(server_settings(database, tmp_path, sandbox))
    await made.start()
    yield made
    await made.stop()


@pytest_asyncio.fixture(loop_scope="session")
async def customers(server: ThreadServer, sheet: Sheet, database: str) -> Customers:
    """The demo's sheet, registered and imported."""
    made = Customers(server, sheet, database)
    await made.register()
    return made


@pytest_asyncio.fixture(loop_scope="session")
async def process(built: None, database: str, sandbox: Sandbox, tmp_path: Path) -> AsyncIterator[ProcessServer]:
    """A server that a page outlives."""
    made = ProcessServer(server_settings(database, tmp_path, sandbox))
    await made.start()
    yield made
    await made.kill()
