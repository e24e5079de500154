"""Apps Scripts in the sandbox: the engine's bounds, the services, dialogs, and the triggers that run them."""

import asyncio
from collections.abc import AsyncIterator
from typing import Any

import httpx
import pytest

from sandbox.demo import SPREADSHEET_ID
from sandbox.office import Office
from sandbox.script.pool import Call, ScriptFailed, ScriptPool
from sandbox.server import Sandbox
from tests.loopback import LOOPBACK
from tests.sandbox.client import Api
from tests.sandbox.receiver import receiving
from tests.server import eventually


class Project:
    """The script of the demo's workbook."""

    def __init__(self, client: httpx.AsyncClient) -> None:
        self._client = client

    async def call(self, method: str, path: str, body: Any = None, status: int = 200) -> Any:
        response = await self._client.request(method, path, json=body)
        assert response.status_code == status, response.text
        return response.json()

    async def run(self, script: str, function: str = "f", **more: Any) -> Any:
        body = {"spreadsheet": SPREADSHEET_ID, "script": script, "function": function, **more}
        return await self.call("POST", "scripts", body)

    async def value(self, expression: str, **more: Any) -> Any:
        execution = await self.run(f"function f() {{ return {expression} }}", **more)
        assert execution["error"] is None
        return execution["value"]

    async def type(self, value: str, a1: str = "B2") -> None:
        edit = {"spreadsheet": SPREADSHEET_ID, "worksheet": "products", "range": a1, "values": [[value]]}
        await self.call("POST", "edit", edit)

    async def executions(self, function: str, count: int) -> Any:
        """That many of a function, once they have ended."""

        async def ended() -> Any:
            found = [e for e in await self.call("GET", "scripts") if e["function"] == function]
            return found if len(found) >= count else None

        return await eventually(ended)


@pytest.fixture
async def project(sandbox: Sandbox) -> AsyncIterator[Project]:
    async with httpx.AsyncClient(base_url=f"{sandbox.url}/_sandbox", **LOOPBACK, timeout=30) as client:
        yield Project(client)


@pytest.mark.parametrize(
    ("expression", "value"),
    [
        ("[1, 'ä', null, {a: true}]", [1, "ä", None, {"a": True}]),
        ("undefined", None),
        ("SpreadsheetApp.getActive().getId()", SPREADSHEET_ID),
        ("SpreadsheetApp.getActive().getSheets().map((s) => s.getName())", ["customers", "products"]),
        ("SpreadsheetApp.getActive().getSheetByName('products').getSheetId()", 1),
        ("SpreadsheetApp.getActive().getSheetByName('none')", None),
        ("Session.getEffectiveUser().getEmail()", "person@rowcast-sandbox.example"),
        ("Utilities.base64Encode('rowcäst')", "cm93Y8Okc3Q="),
        ("Utilities.base64Encode([-1, 0, 127])", "/wB/"),
        ("Utilities.base64EncodeWebSafe([-1, 0, 127])", "_wB_"),
        ("Utilities.base64Decode('/wB/')", [-1, 0, 127]),
        (
            "Utilities.computeHmacSha256Signature('what do ya want for nothing?', 'Jefe').slice(0, 4)",  # RFC 4231
            [0x5B, 0xDC - 256, 0xC1 - 256, 0x46],
        ),
        ("Utilities.getUuid().length", 36),
        ("PropertiesService.getScriptProperties().getProperty('none')", None),
        ("CacheService.getScriptCache().get('none')", None),
        ("LockService.getUserLock().hasLock()", False),
        ("typeof __host + typeof require + typeof process", "undefinedundefinedundefined"),
    ],
)
async def test_what_scripts_see(project: Project, expression: str, value: object) -> None:
    assert await project.value(expression) == value


@pytest.mark.parametrize(
    ("script", "error"),
    [
        ("function f() { throw new Error('so') }", "Error: so"),
        ("function g() {}", "Script function not found: f"),
        ("function f( {", "SyntaxError"),
        ("function f() { f() }", "Maximum call stack"),
        ("function f() { const a = []; for (;;) a.push(new Array(99999).fill(a)) }", "out of memory"),
        ("function f() { Utilities.sleep('long') }", "method signature for sleep"),
        ("function f() { Utilities.base64Decode('*') }", "Could not decode"),
        ("function f() { UrlFetchApp.fetch('https://example.com') }", "only loopback addresses such as 127.0.0.1"),
        ("function f() { UrlFetchApp.fetch('http://127.0.0.1:1/') }", "Address unavailable"),
        ("function f() { ScriptApp.newTrigger('f').forSpreadsheet('other').onEdit().create() }", "their own spreadsh"),
        ("function f() { SpreadsheetApp.getUi().prompt('Who?') }", "Nobody answers the dialog “Who?”"),
    ],
)
async def test_what_goes_wrong_is_said(project: Project, script: str, error: str) -> None:
    execution = await project.run(script)
    assert error in execution["error"]
    assert (await project.call("GET", "scripts"))[-1] == execution


async def test_an_execution_ends_in_time_and_the_next_one_runs() -> None:
    pool = ScriptPool(limit_s=1)

    async def service(name: str, arguments: object) -> None:
        raise AssertionError(name)

    with pytest.raises(ScriptFailed, match="Exceeded maximum execution time"):
        await pool.run(Call("function f() { for (;;) {} }", "f", {"user": "a@b.c", "spreadsheet": {}}), service)
    assert await pool.run(Call("const f = 1; function g() { return f }", "g", {"user": "a@b.c"}), service) == 1
    await pool.close()


async def test_what_is_kept_outlives_the_execution_and_the_lock_does_not(project: Project) -> None:
    properties = "PropertiesService.getDocumentProperties()"
    await project.value(f"{properties}.setProperty('a', 1).setProperties({{b: 'x', c: 2}}).deleteProperty('c')")
    assert await project.value(f"{properties}.getProperties()") == {"a": "1", "b": "x"}
    assert await project.value(f"{properties}.deleteAllProperties().getKeys()") == []
    await project.value("CacheService.getDocumentCache().put('k', 5)")
    cache = "CacheService.getDocumentCache()"
    assert await project.value(f"{cache}.get('k')") == "5"
    assert await project.value(f"[{cache}.remove('k'), {cache}.get('k')]") == [None, None]
    for _ in range(2):
        assert await project.value("LockService.getDocumentLock().tryLock(0)")


async def test_a_lock_keeps_the_others_out(project: Project, sandbox: Sandbox) -> None:
    async with receiving() as receiver:
        receiver.gate.clear()
        lock = "const lock = LockService.getDocumentLock(); "
        first = f"function f() {{ {lock} lock.waitLock(0); UrlFetchApp.fetch('{receiver.url}', {{method: 'post'}}) }}"
        second = f"function g() {{ {lock} return [lock.tryLock(0), lock.hasLock(), lock.waitLock(1)] }}"
        holding = asyncio.create_task(project.run(first + second))
        await asyncio.wait_for(receiver.calls.get(), 30)
        assert "Lock timeout" in (await project.run(first + second, "g"))["error"]
        receiver.gate.set()
        assert (await holding)["error"] is None
        assert (await project.run(first + second, "g"))["value"] == [True, True, None]


async def test_fetch(project: Project) -> None:
    async with receiving(404, 500) as receiver:
        script = """
            function f(url) {
              const first = { url: URL_, method: 'post', payload: { a: 'b c' }, muteHttpExceptions: true };
              const all = UrlFetchApp.fetchAll([first]);
              const codes = all.map((response) => response.getResponseCode());
              try { UrlFetchApp.fetch(URL_, { method: 'post' }) } catch (error) { codes.push(error.message) }
              const options = { method: 'post', contentType: 'text/plain', payload: 'ä', headers: { 'X-A': '1' } };
              const last = UrlFetchApp.fetch(URL_, options);
              return [...codes, last.getResponseCode(), last.getContentText(), last.getHeaders()['content-length']];
            }""".replace("URL_", f"'{receiver.url}'")
        codes = (await project.run(script))["value"]
        assert (codes[0], codes[2:]) == (404, [202, "", "0"])
        assert "returned code 500" in codes[1]
        calls = [receiver.calls.get_nowait() for _ in range(3)]
        assert [body for _, body in calls] == [b"a=b%20c", b"", "ä".encode()]
        assert calls[0][0]["content-type"] == "application/x-www-form-urlencoded"
        assert (calls[2][0]["content-type"], calls[2][0]["x-a"]) == ("text/plain", "1")


async def test_dialogs_and_menus(project: Project) -> None:
    script = """
        function f() {
          const ui = SpreadsheetApp.getUi();
          ui.createMenu('Tools').addItem('Go', 'go').addSeparator().addToUi();
          const name = ui.prompt('Name', 'Who?', ui.ButtonSet.OK_CANCEL);
          ui.alert('Hello');
          const sure = ui.alert('Sure?', 'Really', ui.ButtonSet.YES_NO) === ui.Button.YES;
          const closed = ui.prompt('Again').getSelectedButton();
          console.warn('done', { sure });
          return [name.getSelectedButton() === ui.Button.OK, name.getResponseText(), sure, closed];
        }"""
    execution = await project.run(script, answers=["Ada", "YES", None])
    assert execution["value"] == [True, "Ada", True, "CLOSE"]
    assert [(dialog["kind"], dialog["text"]) for dialog in execution["dialogs"]] == [
        ("prompt", "Who?"),
        ("alert", "Hello"),
        ("alert", "Really"),
        ("prompt", "Again"),
    ]
    assert execution["menus"] == [{"caption": "Tools", "items": [{"caption": "Go", "function": "go"}]}]
    assert execution["logs"] == ['warning: done {"sure":true}']
    assert "not “MAYBE”" in (await project.run(script, answers=["Ada", "MAYBE"]))["error"]


async def test_events_have_googles_fields(project: Project, api: Api, file_id: str) -> None:
    script = """
        function seen(e) {
          const { range, source, user, authMode, triggerUid, value, oldValue, changeType } = e;
          const fields = { authMode, triggerUid, value, oldValue, changeType };
          Object.assign(fields, { user: user.getEmail(), source: source.getId() });
          if (range) {
            const { rowStart, rowEnd, columnStart, columnEnd } = range;
            fields.range = [range.getA1Notation(), range.getSheet().getName(), range.getRow(), range.getLastColumn()];
            fields.numbers = [rowStart, rowEnd, columnStart, columnEnd, range.getNumRows(), range.getNumColumns()];
          }
          return fields;
        }
        function onEdit(e) { return seen(e); }
        function onChange(e) { return seen(e); }
    """
    trigger = {"spreadsheet": SPREADSHEET_ID, "script": script}
    uids = {}
    for event in ("edit", "change", "edit"):
        uids[event] = (await project.call("POST", "triggers", {**trigger, "event": event}, 201))["id"]
    assert len(await project.call("GET", "triggers")) == 2
    api.write(SPREADSHEET_ID, "products!B2", [["by a program"]])
    await project.type("by hand")
    both = {"user": "person@rowcast-sandbox.example", "source": SPREADSHEET_ID, "authMode": "FULL"}
    assert [execution["value"] for execution in await project.executions("onEdit", 1)] == [
        {
            **both,
            "triggerUid": uids["edit"],
            "value": "by hand",
            "oldValue": "by a program",
            "range": ["B2", "products", 2, 2],
            "numbers": [2, 2, 2, 2, 1, 1],
        }
    ]
    assert [execution["value"] for execution in await project.executions("onChange", 1)] == [
        {**both, "triggerUid": uids["change"], "changeType": "EDIT"}
    ]
    no_dialogs = script + "function onEdit() { SpreadsheetApp.getUi() }"
    await project.call("POST", "triggers", {**trigger, "event": "edit", "script": no_dialogs}, 201)
    await project.type("again")
    assert "Cannot call SpreadsheetApp.getUi()" in (await project.executions("onEdit", 2))[-1]["error"]


async def test_scripts_are_checked_and_go_with_their_spreadsheet(project: Project, sandbox: Sandbox) -> None:
    missing = {"spreadsheet": "x", "script": "1"}
    assert "No spreadsheet" in (await project.call("POST", "scripts", missing, 404))["error"]
    body = {"spreadsheet": SPREADSHEET_ID, "function": "f"}
    assert "no script yet" in (await project.call("POST", "scripts", body, 400))["error"]
    assert (
        "answers must be texts"
        in (await project.call("POST", "scripts", {**body, "script": "1", "answers": [1]}, 400))["error"]
    )
    await project.value("PropertiesService.getUserProperties().setProperty('a', 1)")

    def forget(office: Office) -> None:
        office.scripts.keep_only(set())

    sandbox.do(forget)
    assert "no script yet" in (await project.call("POST", "scripts", body, 400))["error"]
    assert await project.value("PropertiesService.getUserProperties().getProperty('a')") is None
