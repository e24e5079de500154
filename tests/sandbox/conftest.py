"""A sandbox for each test, and gspread as its users have it: only the hosts are rewritten."""

from collections.abc import Iterator

import gspread
import pytest

from sandbox.server import Sandbox
from tests.sandbox.client import client_for


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
def book(client: gspread.Client) -> gspread.Spreadsheet:
    return client.create("Test")
