"""A sandbox for the tests, emptied before each, and its clients. A test that needs a clock or a file starts its own."""

from collections.abc import Iterator

import gspread
import pytest

from sandbox.demo import SPREADSHEET_ID
from sandbox.server import Sandbox
from tests.sandbox.checked import CheckedSandbox
from tests.sandbox.client import Api, client_for
from tests.shared_sandbox import empty


@pytest.fixture(scope="session")
def running() -> Iterator[tuple[CheckedSandbox, Api]]:
    with CheckedSandbox() as sandbox:
        api = Api(sandbox)
        yield sandbox, api
        api.close()


@pytest.fixture
def sandbox(running: tuple[CheckedSandbox, Api]) -> Iterator[CheckedSandbox]:
    """As one that has just been started: the demo's workbook alone. What is exchanged with it is checked after."""
    running[0].do(empty)
    running[0].exchanges.clear()
    yield running[0]
    running[0].check()


@pytest.fixture
def api(sandbox: Sandbox, running: tuple[CheckedSandbox, Api]) -> Api:
    return running[1]


@pytest.fixture
def client(sandbox: Sandbox) -> Iterator[gspread.Client]:
    made = client_for(sandbox)
    yield made
    made.http_client.session.close()


@pytest.fixture
def book(client: gspread.Client) -> gspread.Spreadsheet:
    return client.create("Test")


@pytest.fixture
def worksheet(sandbox: Sandbox) -> gspread.Worksheet:
    """The demo's products."""
    return client_for(sandbox).open_by_key(SPREADSHEET_ID).worksheet("products")


@pytest.fixture
def file_id(api: Api) -> str:
    """A new spreadsheet of the account."""
    return str(api.sheets("POST", "", {"properties": {"title": "Test"}}).json()["spreadsheetId"])
