"""The whole: a real server on a fresh database, a real sandbox, the demo's sheet."""

from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest

from sandbox.server import Sandbox
from tests.e2e.customers import Customers, Sheet
from tests.server import ProcessServer, ThreadServer, server_settings
from tests.shared_sandbox import emptied_sandbox


@pytest.fixture
def sandbox() -> Iterator[Sandbox]:
    with emptied_sandbox() as emptied:
        yield emptied


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


FIRST, SECOND = (f"{name}@rowcast-sandbox.iam.gserviceaccount.com" for name in ("first", "second"))


async def _process(database: str, sheet: Sheet, folder: Path, account: str) -> ProcessServer:
    await sheet.share(account)
    folder.mkdir()  # noqa: ASYNC240 - a temporary folder
    return ProcessServer(server_settings(database, folder, sheet.sandbox, account))


@pytest.fixture
async def process(database: str, sheet: Sheet, tmp_path: Path) -> AsyncIterator[ProcessServer]:
    """A server as a process of its own, ready; it calls the sheet as FIRST."""
    made = await _process(database, sheet, tmp_path / "first", FIRST)
    await made.start()
    yield made
    await made.kill()


@pytest.fixture
async def second(database: str, sheet: Sheet, tmp_path: Path) -> AsyncIterator[ProcessServer]:
    """Another one on the same database, not yet started; it calls the sheet as SECOND."""
    made = await _process(database, sheet, tmp_path / "second", SECOND)
    yield made
    await made.kill()
