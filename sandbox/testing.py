"""A pytest plugin for other projects' tests: `pytest_plugins = ["sandbox.testing"]` in their conftest.py."""

from collections.abc import Iterator

import gspread
import pytest

from sandbox import clients
from sandbox.server import Sandbox


@pytest.fixture(scope="session")
def google_sandbox() -> Iterator[Sandbox]:
    """One sandbox for all tests, in memory."""
    with Sandbox() as sandbox:
        yield sandbox


@pytest.fixture
def gspread_client(google_sandbox: Sandbox) -> Iterator[gspread.Client]:
    """A client of a service account that owns nothing yet, or what other tests made."""
    session = clients.session(google_sandbox.url, google_sandbox.service_account_info("tests@example.com"))
    client = gspread.Client(session.credentials, session=session)
    client.set_timeout(30)
    yield client
    session.close()  # type: ignore[no-untyped-call]
