"""The script that users paste, run for real: its menu, its triggers, its calls, and what many editors do to it."""

import asyncio
import json
import time
from collections.abc import AsyncIterator
from typing import Any

import httpx
import pytest

from api.hook_signature import objection
from sandbox.accounts import PERSON
from sandbox.demo import SPREADSHEET_ID
from sandbox.office import Office
from sandbox.server import Sandbox
from sync.apps_script import CODE, MANIFEST
from tests.loopback import LOOPBACK
from tests.sandbox.checked import CheckedSandbox
from tests.sandbox.receiver import Receiver, receiving
from tests.server import eventually

OTHER = "other@example.com"


class Editors:
    """People before the demo's spreadsheet, which has the script. `pauses` are what the sandbox was to sleep."""

    def __init__(self, client: httpx.AsyncClient, pauses: list[float]) -> None:
        self._client = client
        self.pauses = pauses

    async def control(self, method: str, path: str, body: Any = None) -> Any:
        response = await self._client.request(method, path, json=body)
        assert response.is_success, response.text
        return response.json()

    async def choose(self, function: str, *answers: str | None, user: str = PERSON) -> Any:
        """Runs a function of the menu; what it showed last."""
        body = {"spreadsheet": SPREADSHEET_ID, "function": function, "answers": answers, "user": user}
        execution = await self.control("POST", "scripts", body)
        assert execution["error"] is None
        return execution["dialogs"][-1]["text"] if execution["dialogs"] else None

    async def set_up(self, receiver: Receiver, *answers: str, name: str = "customers", user: str = PERSON) -> str:
        """Sets a source's hook up, and takes the test's call from the receiver."""
        url = f"{receiver.base}/hooks/sheets/{name}"
        return str(await self.choose("rowcastSetUp", url, f"secret of {name}", *answers, user=user))

    async def triggers(self) -> dict[str, set[str]]:
        """The ids of each owner's triggers."""
        found: dict[str, set[str]] = {}
        for trigger in await self.control("GET", "triggers"):
            found.setdefault(trigger["owner"], set()).add(trigger["id"])
        return found

    async def type(self, value: str) -> None:
        edit = {"spreadsheet": SPREADSHEET_ID, "worksheet": "products", "range": "B2", "values": [[value]]}
        await self.control("POST", "edit", edit)

    async def handled(self, count: int) -> list[str | None]:
        """The errors of that many executions of triggers, once they have ended."""

        async def ended() -> Any:
            found = [e for e in await self.control("GET", "scripts") if e["function"].startswith("rowcastOn")]
            return found if len(found) >= count else None

        return [execution["error"] for execution in await eventually(ended)]


@pytest.fixture(scope="module")
def paused() -> list[float]:
    return []


@pytest.fixture(scope="module")
def running(paused: list[float]) -> Any:
    async def pause(seconds: float) -> None:
        paused.append(seconds)

    with CheckedSandbox(sleep=pause) as sandbox:
        yield sandbox


@pytest.fixture
async def editors(running: Sandbox, paused: list[float]) -> AsyncIterator[Editors]:
    def empty(office: Office) -> None:
        office.triggers.keep_only(set())
        office.scripts.keep_only(set())
        assert office.scripts._shared is not None
        office.scripts._shared.caches.clear()

    running.do(empty)
    paused.clear()
    async with httpx.AsyncClient(base_url=f"{running.url}/_sandbox", **LOOPBACK, timeout=30) as client:
        editors = Editors(client, paused)
        code = CODE.read_text(encoding="utf-8")
        await editors.control("POST", "scripts", {"spreadsheet": SPREADSHEET_ID, "script": code})
        yield editors


def parts(call: tuple[dict[str, str], bytes]) -> tuple[str, Any]:
    """The source's name and the body of a call that is signed with the source's secret."""
    headers, body = call
    name = headers["path"].removeprefix("/hooks/sheets/")
    signature = headers["x-rowcast-timestamp"], headers["x-rowcast-signature"]
    assert objection([f"secret of {name}"], *signature, body, time.time()) is None
    return name, json.loads(body)


def taken(receiver: Receiver) -> list[tuple[str, Any]]:
    """The calls that have come."""
    return [parts(receiver.calls.get_nowait()) for _ in range(receiver.calls.qsize())]


async def test_the_menu_sets_up_once_and_tests(editors: Editors) -> None:
    body = {"spreadsheet": SPREADSHEET_ID, "function": "onOpen"}
    [menu] = (await editors.control("POST", "scripts", body))["menus"]
    assert [item["function"] for item in menu["items"]] == ["rowcastSetUp", "rowcastTest", "rowcastRemove"]
    assert "choose rowcast > Set up" in await editors.choose("rowcastTest")
    async with receiving() as receiver:
        assert "it works" in await editors.set_up(receiver)
        assert taken(receiver) == [("customers", {"event": "test", "spreadsheetId": SPREADSHEET_ID})]
        installed = await editors.triggers()
        assert [len(ids) for ids in installed.values()] == [2]
        await editors.set_up(receiver)
        await editors.set_up(receiver, name="orders")
        assert await editors.triggers() == installed
        taken(receiver)
        shown = await editors.choose("rowcastTest")
        assert shown.count("it works") == 2
        assert f"The triggers are {PERSON}'s" in shown
        await editors.choose("rowcastRemove")
        assert await editors.triggers() == {}
        assert "No source is set up" in await editors.choose("rowcastTest")


async def test_what_is_no_hook_is_refused_and_nothing_is_kept(editors: Editors) -> None:
    for answers in (("http://127.0.0.1:1/graphql",), (None,), ("http://127.0.0.1:1/hooks/sheets/a", None)):
        await editors.choose("rowcastSetUp", *answers)
    assert await editors.triggers() == {}
    assert "No source is set up" in await editors.choose("rowcastTest")


async def test_an_edit_is_told_signed_to_every_hook(editors: Editors) -> None:
    async with receiving() as receiver:
        for name in ("customers", "orders"):
            await editors.set_up(receiver, name=name)
        taken(receiver)
        await editors.type("a")
        assert await editors.handled(2) == [None, None]
        calls = taken(receiver)
        assert {name for name, _ in calls} == {"customers", "orders"}
        told = {"spreadsheetId": SPREADSHEET_ID, "event": "edit", "sheetId": 1, "sheet": "products", "range": "B2"}
        change = {"spreadsheetId": SPREADSHEET_ID, "event": "change", "changeType": "EDIT"}
        assert all(body in (told, change) for _, body in calls)


async def test_a_busy_server_is_called_again_and_a_refusal_is_not(editors: Editors) -> None:
    async with receiving(202, 503, 500, 429) as receiver:
        await editors.set_up(receiver)
        await editors.type("a")
        assert await editors.handled(2) == [None, None]
        assert len(editors.pauses) == 3
        assert all(low <= pause <= 2 * low for pause, low in zip(editors.pauses, (0.125, 0.25, 0.5), strict=True))
        taken(receiver)
        receiver.statuses[:] = [401, 404]
        await editors.type("b")
        errors = (await editors.handled(4))[2:]
        assert len(taken(receiver)) == 2
        assert len(editors.pauses) == 3
        assert all("rowcast was not told of an edit; its next poll finds it" in str(error) for error in errors)
        assert any("rotateHookSecret" in str(error) for error in errors)


async def test_who_gives_up_says_so(editors: Editors) -> None:
    async with receiving() as receiver:
        await editors.set_up(receiver)
    await editors.type("a")
    for error in await editors.handled(2):
        assert "no connection" in str(error)
        assert "its next poll finds it" in str(error)
    assert len(editors.pauses) == 8


async def test_edits_that_come_together_are_told_together(editors: Editors) -> None:
    async with receiving() as receiver:
        await editors.set_up(receiver)
        taken(receiver)
        receiver.gate.clear()
        await editors.type("first")
        await asyncio.wait_for(receiver.calls.get(), 30)
        await editors.type("second")
        # The other three triggers find the lock taken, and leave it to whoever holds it to look again.
        assert await editors.handled(3) == [None] * 3
        receiver.gate.set()
        assert await editors.handled(4) == [None] * 4
        assert len(taken(receiver)) == 1


async def test_the_last_edit_of_a_storm_is_told_after_it_was_made(editors: Editors) -> None:
    async with receiving() as receiver:
        await editors.set_up(receiver)
        taken(receiver)
        await asyncio.gather(*(editors.type(str(number)) for number in range(12)))
        before = receiver.calls.qsize()
        assert await editors.handled(24) == [None] * 24
        assert before < receiver.calls.qsize() <= 24


async def test_one_set_of_triggers_serves_many_editors(editors: Editors) -> None:
    async with receiving() as receiver:
        await editors.set_up(receiver)
        mine = await editors.triggers()
        # Another one adds his source, and leaves the triggers as they are.
        assert f"The triggers are {PERSON}'s" in await editors.set_up(receiver, "NO", name="orders", user=OTHER)
        assert await editors.triggers() == mine
        # He takes over: the first one's triggers go on firing, and say nothing.
        assert f"The triggers are {OTHER}'s" in await editors.set_up(receiver, "YES", name="orders", user=OTHER)
        both = await editors.triggers()
        assert {owner: len(ids) for owner, ids in both.items()} == {PERSON: 2, OTHER: 2}
        taken(receiver)
        await editors.type("a")
        await editors.handled(4)
        calls = taken(receiver)
        assert len(calls) in (2, 4)  # each source's hook, once where edit and change were told together
        # The first one's own are cleared away when he sets up again.
        await editors.set_up(receiver, "YES")
        assert len((await editors.triggers())[PERSON]) == 2
        assert not (await editors.triggers())[PERSON] & both[PERSON]
        await editors.choose("rowcastRemove", user=OTHER)
        taken(receiver)
        await editors.type("b")
        await editors.handled(6)
        assert taken(receiver) == []


def test_the_manifest_asks_for_no_more_than_the_script_uses() -> None:
    manifest = json.loads(MANIFEST.read_text())
    code = CODE.read_text(encoding="utf-8")
    needed = {
        "spreadsheets.currentonly": "SpreadsheetApp.getActive",
        "script.external_request": "UrlFetchApp",
        "script.scriptapp": "ScriptApp.newTrigger",
        "userinfo.email": "getEffectiveUser",
    }
    assert {scope.rpartition("/")[2] for scope in manifest["oauthScopes"]} == needed.keys()
    assert all(use in code for use in needed.values())
