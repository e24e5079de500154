"""Credentials: by name, read again as their files change; one that Google refuses is a state and no storm of calls."""

import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
import structlog

from db.errors import BadUserInput, SourceUnreachable
from sandbox.server import Sandbox
from sync.adapters import Adapters
from sync.breaker import Breakers, CircuitOpen
from sync.circuit import CircuitState
from sync.google.errors import CredentialRefused
from sync.google.named_credentials import CredentialPlaces, Credentials
from sync.google.quota import CallKind
from sync.google.session import GoogleSession
from sync.registration.input import WantedSheet
from sync.sheets.calls import fetch_workbook
from tests.shared_sandbox import emptied_sandbox
from tests.sync.sheets import allow

PROJECT = "rowcast-sandbox.iam.gserviceaccount.com"
SALES, OTHER = f"sales@{PROJECT}", f"other@{PROJECT}"


@dataclass
class World:
    sandbox: Sandbox
    folder: Path
    credentials: Credentials
    breakers: Breakers
    book: str
    now: list[float]

    def put(self, name: str, email: str) -> str:
        """The account's key as it is now, in the folder; its text."""
        text = json.dumps(self.sandbox.service_account_info(email))
        (self.folder / f"{name}.json").write_text(text)
        return text

    def later(self) -> None:
        self.now[0] += 2

    async def title(self, session: GoogleSession) -> str:
        workbook, _ = await session.read(CallKind.READ, lambda client: fetch_workbook(client, self.book), allow)
        return workbook.title

    def calls(self) -> int:
        return self.sandbox.do(lambda office: len(office.recorder.calls))


@pytest.fixture
def world(tmp_path: Path) -> Iterator[World]:
    with emptied_sandbox() as sandbox:
        folder = tmp_path / "keys"
        folder.mkdir()
        sales = json.dumps(sandbox.service_account_info(SALES))
        (folder / "sales.json").write_text(sales)
        sandbox.service_account_info(OTHER)
        now = [0.0]
        breakers = Breakers()
        places = CredentialPlaces(json.dumps(sandbox.service_account_info()), folder)
        credentials = Credentials(places, breakers, api_url=sandbox.url, clock=lambda: now[0])
        yield World(sandbox, folder, credentials, breakers, sandbox.workbook_id("Shared"), now)
        credentials.close()


async def test_several_by_name(world: World) -> None:
    assert sorted(world.credentials) == ["default", "sales"]
    assert world.credentials["sales"].email == SALES
    assert await world.title(world.credentials["sales"]) == "Shared"
    assert world.credentials.quotas()["sales"][CallKind.READ].used == 1
    assert world.credentials.quotas()["default"][CallKind.READ].used == 0
    assert world.credentials.quotas()["project rowcast-sandbox"][CallKind.READ].used == 1


async def test_an_unknown_one_is_refused_with_the_names_there_are(world: World) -> None:
    adapters = Adapters(world.credentials)
    with pytest.raises(BadUserInput, match="no credential “slaes”: there are default, sales"):
        await adapters.inspect(WantedSheet(world.book, credential="slaes"))
    assert (await adapters.inspect(WantedSheet(world.book, credential="sales"))).title == "Shared"


async def test_files_are_read_again_without_a_restart(world: World) -> None:
    session = world.credentials["sales"]
    world.put("more", OTHER)
    assert "more" not in world.credentials, "looked at a moment ago"
    world.later()
    assert world.credentials["more"].email == OTHER
    assert world.credentials.changed() == {"more"}

    (world.folder / "sales.json").write_text("{half")
    world.later()
    with pytest.raises(SourceUnreachable, match=r"“sales” can't be used\. .*sales\.json: .*no JSON"):
        world.credentials["sales"]
    world.put("sales", OTHER)
    world.later()
    assert (world.credentials["sales"].email, session.email) == (OTHER, OTHER), "also for a run that goes on"
    assert world.credentials.changed() == {"sales"}

    (world.folder / "sales.json").unlink()
    world.later()
    assert list(world.credentials.problems()) == ["sales"]
    with pytest.raises(SourceUnreachable, match=r"sales\.json is gone: put a key there"):
        world.credentials["sales"]
    world.put("sales", SALES)
    world.later()
    assert await world.title(world.credentials["sales"]) == "Shared"
    assert world.credentials.problems() == {}


async def test_a_refused_key_stops_all_calls_until_it_is_read_again(world: World) -> None:
    session = world.credentials["sales"]
    assert await world.title(session) == "Shared"
    old = (world.folder / "sales.json").read_text()
    world.sandbox.do(lambda office: office.revoke(SALES))
    with structlog.testing.capture_logs() as logs:
        before = world.calls()
        with pytest.raises(
            CredentialRefused, match=r"refused the key .* put it in the place of .*sales\.json"
        ) as caught:
            await world.title(session)
        refused = world.calls() - before
        assert refused <= 3, "the call, its token, and no more"
        for _ in range(20):
            with pytest.raises(CircuitOpen, match=r"refused the key .* No call is made until .* UTC, then one to see"):
                await world.title(session)
        assert world.calls() - before == refused
    assert world.breakers.states()["google sales"] is CircuitState.OPEN
    assert await world.title(world.credentials["default"]) == "Shared", "others go on"
    key = json.loads(old)["private_key"]
    assert key not in str(logs)
    assert key not in str(caught.value)

    world.put("sales", SALES)
    world.later()
    assert await world.title(world.credentials["sales"]) == "Shared"
    assert world.breakers.states()["google sales"] is CircuitState.CLOSED
    assert world.credentials.changed() == {"sales"}
    assert world.breakers.recovered() == {"google sales"}
    assert world.breakers.recovered() == frozenset()


def test_the_setting_goes_before_the_folder_and_may_be_a_file(tmp_path: Path) -> None:
    with emptied_sandbox() as sandbox:
        for name, email in (("default", SALES), ("given", OTHER)):
            (tmp_path / f"{name}.json").write_text(json.dumps(sandbox.service_account_info(email)))
    for default, email in ((None, SALES), (str(tmp_path / "given.json"), OTHER)):
        credentials = Credentials(CredentialPlaces(default, tmp_path), Breakers())
        assert sorted(credentials) == ["default", "given"]
        assert credentials["default"].email == email
        credentials.close()
    assert not list(Credentials(CredentialPlaces(), Breakers()))
