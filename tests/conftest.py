"""Fixtures that all tests share. `ROWCAST_TEST_DATABASE_URL` names a Postgres to run against instead of our own."""

import gc
import os
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import settings

from db.embedded import EmbeddedPostgres
from sandbox import exchanges
from tests import plain_log
from tests.postgres import Server, copied_server, initialised_cluster, migrated_template, running_server
from tests.sandbox.checked import Record
from tests.shared_sandbox import stop_sandboxes

pytest_plugins = ["tests.browser"]

# Speed is never asserted: the machine is shared.
settings.register_profile("rowcast", deadline=None, print_blob=True)
settings.load_profile("rowcast")
plain_log.configure()
# Until all is collected: what is loaded stays, and to look for cycles in it took a third of that time.
gc.disable()


def pytest_collection_finish() -> None:
    gc.freeze()
    gc.enable()


@pytest.fixture(scope="session", autouse=True)
def _sandboxes_end() -> Iterator[None]:
    yield
    stop_sandboxes()


@pytest.fixture(scope="session")
def _recorded(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Record]:
    """What is exchanged with sandboxes in processes of their own: the demo's, the command line's, those of the docs."""
    path = tmp_path_factory.mktemp("record") / "exchanges"
    os.environ[exchanges.VARIABLE] = str(path)
    yield Record(path)
    del os.environ[exchanges.VARIABLE]


@pytest.fixture(autouse=True)
def _record_is_checked(_recorded: Record) -> Iterator[None]:
    yield
    _recorded.check()


@pytest.fixture(scope="session")
def postgres_server() -> Iterator[Server]:
    with running_server(os.environ.get("ROWCAST_TEST_DATABASE_URL")) as server:
        yield server


@pytest.fixture(scope="session")
def database_template(postgres_server: Server) -> Iterator[str]:
    with migrated_template(postgres_server) as dsn:
        yield dsn


@pytest.fixture
def database(postgres_server: Server, database_template: str) -> Iterator[str]:
    """The DSN of a migrated database of the test's own; dropped after it, with its slots."""
    dsn = postgres_server.create(template=database_template)
    yield dsn
    postgres_server.drop(dsn)


@pytest.fixture(scope="session")
def read_only_database(postgres_server: Server, database_template: str) -> Iterator[str]:
    """The DSN of a migrated database for tests that only ask: it refuses what would change it."""
    dsn = postgres_server.create(template=database_template, read_only=True)
    yield dsn
    postgres_server.drop(dsn)


@pytest.fixture
def empty_database(postgres_server: Server) -> Iterator[str]:
    """The DSN of a database that was never migrated."""
    dsn = postgres_server.create()
    yield dsn
    postgres_server.drop(dsn)


@pytest.fixture(scope="session")
def postgres_cluster() -> Iterator[Path]:
    with initialised_cluster() as cluster:
        yield cluster


@pytest.fixture
def own_postgres(postgres_cluster: Path) -> Iterator[EmbeddedPostgres]:
    """A server of the test's own, running, for tests that stop, restart or kill it. Its database is migrated."""
    with copied_server(postgres_cluster) as server:
        yield server
