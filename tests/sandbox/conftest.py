"""A sandbox for each test, and its clients."""

from collections.abc import Iterator

import gspread
import pytest

from sandbox.server import Sandbox
from tests.sandbox.client import Api, client_for


@pytest.fixture
def sandbox() -> Iterator[Sandbox]:
    with Sandbox() as running:
        yield running


@pytest.fixture
def client(sandbox: Sandbox) -> Iterator[gspread.Client]:
    made = client_for(sandbox)
    yield made
    made.http_client.session.close()


@pytest.fixture
def api(sandbox: Sandbox) -> Iterator[Api]:
    made = Api(sandbox)
    yield made
    made.close()


@pytest.fixture(scope="module")
def untouched() -> Iterator[tuple[Api, str]]:
    """One spreadsheet for all tests of a module that only have requests refused."""
    with Sandbox() as running:
        made = Api(running)
        yield made, str(made.sheets("POST", "", {"properties": {"title": "Test"}}).json()["spreadsheetId"])
        made.close()


@pytest.fixture
def book(client: gspread.Client) -> gspread.Spreadsheet:
    return client.create("Test")


@pytest.fixture
def file_id(api: Api) -> str:
    """A new spreadsheet of the account."""
    return str(api.sheets("POST", "", {"properties": {"title": "Test"}}).json()["spreadsheetId"])
