"""The demo's supervisor: one at a time, children started again, everything stopped, leftovers ended."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import gspread
import httpx
import psutil
import pytest
from google.auth.transport.requests import AuthorizedSession, Request
from google.oauth2.service_account import Credentials
from requests import Session

from api.demo_children import Program, end_leftovers, keep_within, running_demo, sole_demo
from api.demo_setup import NAME
from api.settings import Settings
from sandbox.accounts import SCOPES
from sandbox.clients import Redirected
from sandbox.demo import SPREADSHEET_ID
from tests.loopback import LOOPBACK
from tests.ports import free_port, taken_port
from tests.postgres import HELD, embedded_folder

CHECKOUT = Path(__file__).parents[2]
DEADLINE_S = 120

# Five starts of three processes.
pytestmark = pytest.mark.timeout(400)


@dataclass(frozen=True, slots=True)
class Place:
    """A demo's own folder and ports."""

    folder: Path
    settings: Mapping[str, str]

    @property
    def server(self) -> str:
        return f"http://127.0.0.1:{self.settings['ROWCAST_PORT']}"

    @property
    def sandbox(self) -> str:
        return f"http://127.0.0.1:{self.settings['ROWCAST_SANDBOX_PORT']}"

    def pid(self, name: str) -> int:
        return int((self.folder / "run" / f"{name}.pid").read_text())

    def graphql(self, query: str) -> dict[str, object]:
        answer = httpx.post(f"{self.server}/graphql", json={"query": query}, **LOOPBACK, timeout=30)
        document = answer.json()
        assert "errors" not in document, document
        data: dict[str, object] = document["data"]
        return data


@pytest.fixture
def place() -> Iterator[Place]:
    with embedded_folder() as postgres:
        settings = {
            "ROWCAST_DATA_DIR": str(postgres.parent),
            "ROWCAST_PORT": str(free_port()),
            "ROWCAST_SANDBOX_PORT": str(free_port()),
            "ROWCAST_PG_PORT": str(free_port()),
        }
        yield Place(postgres.parent, settings)


class Demo:
    """`python -m api demo` as a process, and what it printed."""

    def __init__(self, place: Place, **settings: str) -> None:
        kept = {name: value for name, value in os.environ.items() if not name.startswith("ROWCAST_")}
        self.place = place
        self._output = place.folder / "output"
        with self._output.open("wb") as output:
            self.process = subprocess.Popen(
                [sys.executable, "-m", "api", "demo"],
                cwd=CHECKOUT,
                env={**kept, **place.settings, **settings},
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
            )

    @property
    def printed(self) -> str:
        return self._output.read_text()

    def await_that(self, condition: Callable[[], bool]) -> None:
        until = time.monotonic() + DEADLINE_S
        while not condition():
            assert self.process.poll() is None, self.printed
            assert time.monotonic() < until, self.printed
            time.sleep(0.05)

    def await_ready(self) -> None:
        self.await_that(lambda: "Ctrl-C stops everything." in self.printed)

    def stop(self, number: signal.Signals = signal.SIGINT) -> int:
        self.process.send_signal(number)
        return self.process.wait(DEADLINE_S)


@contextmanager
def demo(place: Place, **settings: str) -> Iterator[Demo]:
    running = Demo(place, **settings)
    try:
        yield running
    finally:
        if running.process.poll() is None:
            running.stop()


def dead(pid: int) -> bool:
    return not psutil.pid_exists(pid) or psutil.Process(pid).status() == psutil.STATUS_ZOMBIE


def test_the_demo_from_its_start_to_its_second_stop(place: Place) -> None:
    children = ("postgres", "sandbox", "server")
    with demo(place) as first:
        first.await_ready()
        assert place.server in first.printed
        data = place.graphql(f'{{ source(name: "{NAME}") {{ state rowCount }} }}')
        assert data == {"source": {"state": "ACTIVE", "rowCount": "200"}}
        for feed, count in (("orders", "40"), ("rates", "19")):
            assert f"{place.sandbox}/feeds/{feed}/edit" in first.printed
            found = place.graphql(f'{{ source(name: "{feed}") {{ kind direction state rowCount }} }}')
            assert found == {"source": {"kind": "FEED", "direction": "TWO_WAY", "state": "ACTIVE", "rowCount": count}}

        # Any gspread program works with the file that the demo writes.
        assert first_cell(place) == "1"

        second = Demo(place)
        assert second.process.wait(DEADLINE_S) == 1
        assert f"The demo runs already, as process {first.process.pid}: {place.server}" in second.printed

        # What dies is started again, under its own name.
        for name in ("server", "postgres", "sandbox"):
            before = place.pid(name)
            os.kill(before, signal.SIGKILL)
            first.await_that(lambda name=name, before=before: place.pid(name) != before)  # type: ignore[misc]
        first.await_that(lambda: _ready(place))
        pids = [place.pid(name) for name in children]
        assert first.stop() == 0
        assert all(dead(pid) for pid in pids)
        assert list((place.folder / "run").glob("*.pid")) == []
        words = (place.folder / "run" / "server.log").read_text()

    with demo(place) as third:
        third.await_ready()
        assert place.graphql(f'{{ source(name: "{NAME}") {{ rowCount }} }}') == {"source": {"rowCount": "200"}}
        assert third.stop(signal.SIGTERM) == 0
        # The log of the one before is still to be read.
        assert (place.folder / "run" / "server.log").read_text().startswith(words)


def test_where_every_request_needs_a_token_the_demo_has_one(place: Place) -> None:
    with demo(place, ROWCAST_REQUIRE_TOKEN="1") as first:
        first.await_ready()
        path = place.folder / "demo-token"
        assert f"the demo's own is in {path}" in first.printed
        assert path.stat().st_mode & 0o777 == 0o600
        query, secret = {"query": f'{{ source(name: "{NAME}") {{ rowCount }} }}'}, path.read_text().strip()
        with httpx.Client(base_url=place.server, trust_env=False, timeout=DEADLINE_S) as client:
            assert client.post("/graphql", json=query).status_code == 401
            answer = client.post("/graphql", json=query, headers={"Authorization": f"Bearer {secret}"})
        assert answer.json()["data"] == {"source": {"rowCount": "200"}}
        assert first.stop() == 0


def test_a_log_that_grew_large_begins_anew_beside_the_last(tmp_path: Path) -> None:
    log = tmp_path / "server.log"
    keep_within(log, 10)
    for text in ("the first words", "the next words"):
        log.write_text(text)
        keep_within(log, 100)
        assert log.read_text() == text
        keep_within(log, 10)
        assert not log.exists()
        assert (tmp_path / "server.log.1").read_text() == text


def first_cell(place: Place) -> str | None:
    """As gspread reads it with the demo's account file, Google's hosts being redirected."""
    credentials = Credentials.from_service_account_file(  # type: ignore[no-untyped-call]
        str(place.folder / "service-account.json"), scopes=SCOPES
    )
    with Session() as tokens, AuthorizedSession(credentials, auth_request=Request(tokens)) as session:  # type: ignore[no-untyped-call]
        for one in (tokens, session):
            one.mount("https://", Redirected(place.sandbox))
        client = gspread.Client(credentials, session=session)
        return client.open_by_key(SPREADSHEET_ID).worksheet(NAME).acell("A2").value


def _ready(place: Place) -> bool:
    try:
        return httpx.get(f"{place.server}/readyz", **LOOPBACK).is_success
    except httpx.TransportError:
        return False


@pytest.mark.parametrize("variable", ["ROWCAST_PORT", "ROWCAST_SANDBOX_PORT", "ROWCAST_PG_PORT"])
def test_a_taken_port_is_named(place: Place, variable: str) -> None:
    with taken_port() as port, demo(place, **{variable: port}) as running:
        assert running.process.wait(DEADLINE_S) == 1
        message = f"Port {port} is in use by another program: set {variable} to a free one."
        assert running.printed.splitlines()[-1] == message


@pytest.mark.parametrize(
    ("first", "second"),
    [
        ("ROWCAST_PORT", "ROWCAST_SANDBOX_PORT"),
        ("ROWCAST_PORT", "ROWCAST_PG_PORT"),
        ("ROWCAST_SANDBOX_PORT", "ROWCAST_PG_PORT"),
    ],
)
def test_one_port_for_two_is_refused_before_anything_starts(place: Place, first: str, second: str) -> None:
    port = place.settings[first]
    with demo(place, **{second: port}) as running:
        assert running.process.wait(DEADLINE_S) == 2
        assert running.printed == f"{first} and {second} are both {port}: give each a port of its own.\n"
    assert {path.name for path in place.folder.iterdir()} == {"output", HELD}


def test_the_embedded_servers_port_is_nobodys_where_a_database_is_given(place: Place) -> None:
    unreachable = "postgresql://user@127.0.0.1:1/shop"
    same = place.settings["ROWCAST_PORT"]
    with demo(place, ROWCAST_DATABASE_URL=unreachable, ROWCAST_PG_PORT=same) as running:
        assert running.process.wait(DEADLINE_S) == 1
        assert "Postgres at 127.0.0.1:1/shop can't be reached" in running.printed


def test_a_demo_that_was_killed_leaves_nothing_in_the_way(place: Place) -> None:
    with demo(place) as first:
        first.await_that((place.folder / "run" / "sandbox.pid").exists)
        left = [place.pid("sandbox"), place.pid("postgres")]
        first.stop(signal.SIGKILL)
        # As where the kernel doesn't end them: a leftover that still runs, under its own name.
        leftover = Program(load_settings_of(place), "sandbox", dict(place.settings))
        first_gone = [psutil.Process(pid) for pid in left if not dead(pid)]
        psutil.wait_procs(first_gone, timeout=DEADLINE_S)
        leftover.start()
        assert leftover.pid is not None
        (place.folder / "run" / "sandbox.pid").write_text(f"{leftover.pid}\n")
    with demo(place) as second:
        second.await_that(lambda: "Starting the sandbox." in second.printed)
        assert not leftover.alive()
        second.await_that((place.folder / "run" / "sandbox.pid").exists)
        assert second.stop(signal.SIGTERM) == 0


def test_a_pid_file_never_names_a_stranger(place: Place) -> None:
    stranger = subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE)
    try:
        (place.folder / "run").mkdir()
        for name in ("postgres", "sandbox", "server"):
            (place.folder / "run" / f"{name}.pid").write_text(f"{stranger.pid}\n")
        settings = load_settings_of(place)
        with sole_demo(settings):
            assert running_demo(settings) == os.getpid()
            end_leftovers(settings)
        assert running_demo(settings) is None
        assert stranger.poll() is None
        assert not (place.folder / "run" / "server.pid").exists()
    finally:
        stranger.communicate(b"\n")


def load_settings_of(place: Place) -> Settings:
    return Settings(data_dir=place.folder, sandbox_port=int(place.settings["ROWCAST_SANDBOX_PORT"]))
