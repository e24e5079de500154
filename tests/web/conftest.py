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
from tests.server import ProcessServer, server_settings


@pytest.fixture(scope="session")
def built() -> None:
    """Fails where the pages aren't built: `make test` builds them."""
    if not (static.DIST / "index.html").is_file():
        pytest.fail("The pages aren't built. Run `make web`.", pytrace=False)


@pytest_asyncio.fixture
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
    with Sandbox() as running:
        yield running


@pytest_asyncio.fixture
async def server(built: None, database: str, sandbox: Sandbox, tmp_path: Path) -> AsyncIterator[ProcessServer]:
    """A server without sources, as a process of its own: a page outlives it."""
    made = ProcessServer(server_settings(database, tmp_path, sandbox))
    await made.start()
    yield made
    await made.kill()


@pytest_asyncio.fixture
async def customers(server: ProcessServer, sandbox: Sandbox, database: str) -> AsyncIterator[Customers]:
    """The demo's sheet, registered and imported."""
    sheet = Sheet(sandbox)
    made = Customers(server, sheet, database)
    await made.register()
    yield made
    sheet.close()
