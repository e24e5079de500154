"""The built pages, served as the server serves them."""

import asyncio
import socket
from collections.abc import AsyncIterator

import pytest
import pytest_asyncio
import uvicorn
from starlette.applications import Starlette

from api import static


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
