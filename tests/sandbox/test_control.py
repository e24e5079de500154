"""The control API: faults, the record of calls, a person's edits and the triggers that they fire, feeds, reset."""

import asyncio
import json
from typing import Any

import httpx
import pytest
import requests

from sandbox.demo import SPREADSHEET_ID
from sandbox.server import Sandbox
from sandbox.triggers import sign
from tests.loopback import LOOPBACK
from tests.sandbox.client import Api, refusal
from tests.sandbox.receiver import receiving


class Control:
    """`/_sandbox` of a sandbox."""

    def __init__(self, sandbox: Sandbox) -> None:
        self._url = f"{sandbox.url}/_sandbox"

    def __call__(self, method: str, path: str, body: Any = None) -> Any:
        response = httpx.request(method, f"{self._url}/{path}", json=body, **LOOPBACK)
        assert response.is_success, response.text
        return response.json() if response.content else None

    def refused(self, path: str, body: Any, status: int = 400) -> str:
        response = httpx.post(f"{self._url}/{path}", json=body, **LOOPBACK)
        assert response.status_code == status, response.text
        return str(response.json()["error"])


@pytest.fixture
def control(sandbox: Sandbox) -> Control:
    return Control(sandbox)


def test_a_status_for_so_many_times(api: Api, file_id: str, control: Control) -> None:
    control("POST", "faults", {"match": "GET .*/values/", "status": 503, "times": 2})
    api.write(file_id, "A1", [[1]])
    for left in (1, 0):
        refused = refusal(api.sheets("GET", f"/{file_id}/values/A1"))
        assert refused == (503, "UNAVAILABLE", "The service is currently unavailable.")
        assert [fault["times"] for fault in control("GET", "faults")] == ([left] if left else [])
    assert api.read(file_id, "A1") == [[1]]


def test_a_lost_response_was_carried_out(api: Api, file_id: str, control: Control) -> None:
    for fault in ({"status": 500}, {"drop": True}, {"delaySeconds": 0.01}):
        control("POST", "faults", {"match": "PUT ", "afterApply": True, **fault})
        kind = next(iter(fault))
        if kind == "drop":
            with pytest.raises(requests.ConnectionError):
                api.write(file_id, "A1", [[kind]])
        elif kind == "status":
            body = {"values": [[kind]]}
            assert api.sheets("PUT", f"/{file_id}/values/A1", body, valueInputOption="RAW").status_code == 500
        else:
            api.write(file_id, "A1", [[kind]])
        assert api.read(file_id, "A1") == [[kind]]


def test_a_dropped_or_refused_call_was_not_carried_out(api: Api, file_id: str, control: Control) -> None:
    control("POST", "faults", {"match": "PUT ", "drop": True})
    with pytest.raises(requests.ConnectionError):
        api.write(file_id, "A1", [["x"]])
    control("POST", "faults", {"match": "PUT ", "status": 429, "delaySeconds": 0.01})
    body = {"values": [["x"]]}
    assert refusal(api.sheets("PUT", f"/{file_id}/values/A1", body, valueInputOption="RAW"))[1] == "RESOURCE_EXHAUSTED"
    assert api.read(file_id, "A1") == []
    statuses = [call["status"] for call in control("GET", "requests") if call["method"] == "PUT"]
    assert statuses == [None, 429]


def test_a_person_edits_right_after_a_read(api: Api, file_id: str, control: Control) -> None:
    edit = {"spreadsheet": file_id, "worksheet": "Sheet1", "range": "B2", "values": [["50%", "'007"], [None, 3]]}
    control("POST", "faults", {"match": "values/A1", "edit": edit})
    assert control("GET", "faults")[0]["edit"]["values"] == [["50%", "'007"], [None, "3"]]
    assert api.read(file_id, "A1:C3") == []
    assert api.read(file_id, "A1:C3") == [[], ["", 0.5, "007"], ["", "", 3]]


def test_faults_are_cleared_and_checked(control: Control) -> None:
    control("POST", "faults", {"match": "x", "status": 500})
    control("DELETE", "faults")
    assert control("GET", "faults") == []
    for body, message in (
        ({"status": 500}, "match is missing"),
        ({"match": "("}, "no regular expression"),
        ({"match": "x"}, "one of status, delaySeconds, drop or edit"),
        ({"match": "x", "status": 200}, "an error's"),
        ({"match": "x", "drop": True, "times": 0}, "1 or more"),
        ({"match": "x", "delay": 3}, 'Unknown name "delay"'),
    ):
        assert message in control.refused("faults", body)
    assert control("GET", "faults") == []


def test_calls_are_recorded(sandbox: Sandbox, api: Api, file_id: str, control: Control) -> None:
    control("DELETE", "requests")
    api.write(file_id, "A1", [[1]])
    httpx.get(f"{sandbox.url}/v4/spreadsheets/x?a=b", **LOOPBACK)
    written, refused = control("GET", "requests")
    assert (written["method"], written["path"], written["status"]) == (
        "PUT",
        f"/v4/spreadsheets/{file_id}/values/A1",
        200,
    )
    assert written["query"] == "valueInputOption=RAW"
    assert written["body"] == {"values": [[1]]}
    assert written["account"].startswith("demo@")
    assert (refused["account"], refused["status"], refused["query"]) == ("", 403, "a=b")


def test_edits_of_a_person(api: Api, file_id: str, control: Control) -> None:
    def edit(**changes: Any) -> dict[str, Any]:
        return {"spreadsheet": file_id, "worksheet": "sheet1", "range": "A1", "values": [["=1+1", True]], **changes}

    control("POST", "edit", edit())
    control("POST", "edit", edit(range="AB1002", values=[["far"]]))
    assert api.read(file_id, "A1:B1") == [[2, True]]
    assert api.read(file_id, "AB1002") == [["far"]]
    assert "no worksheet 'Nowhere', only 'Sheet1'" in control.refused("edit", edit(worksheet="Nowhere"), 404)
    assert "No spreadsheet has the id" in control.refused("edit", edit(spreadsheet="x"), 404)
    assert "range must be cells" in control.refused("edit", edit(range="Other"))
    assert "Nothing to enter" in control.refused("edit", edit(values=[]))
    assert "list of rows" in control.refused("edit", edit(values=["x"]))
    assert "A cell takes" in control.refused("edit", edit(values=[[{}]]))


def test_accounts(sandbox: Sandbox, control: Control) -> None:
    info = control("POST", "accounts", {"email": "new@example.com"})
    assert info == control("POST", "accounts", {"email": "new@example.com"})
    assert info["token_uri"] == f"{sandbox.url}/token"
    assert control("POST", "accounts")["client_email"].endswith(".iam.gserviceaccount.com")
    assert "no email address" in control.refused("accounts", {"email": "x"})


def test_feeds(sandbox: Sandbox, control: Control) -> None:
    url = f"{sandbox.url}/_sandbox/feeds/orders"
    assert httpx.get(url, **LOOPBACK).status_code == 404
    httpx.put(url, content=b"<a>\n</a>", headers={"Content-Type": "application/xml"}, **LOOPBACK)
    answer = httpx.get(url, **LOOPBACK)
    assert (answer.content, answer.headers["content-type"]) == (b"<a>\n</a>", "application/xml")
    control("POST", "faults", {"match": "GET /_sandbox/feeds", "status": 502})
    assert httpx.get(url, **LOOPBACK).status_code == 502


def test_reset(api: Api, file_id: str, control: Control) -> None:
    api.write(SPREADSHEET_ID, "customers!B2", [["changed"]])
    control("POST", "faults", {"match": "x", "status": 500})
    control("POST", "quota", {"reads": 0, "writes": 0, "perSeconds": 9})
    control("POST", "reset")
    assert control("GET", "faults") == []
    assert control("GET", "requests") == []
    assert api.sheets("GET", f"/{file_id}").status_code == 404
    assert api.read(SPREADSHEET_ID, "customers!B2") == [["Grace Thompson"]]
    assert "perSeconds more than 0" in control.refused("quota", {"perSeconds": 0})


async def test_a_persons_edit_fires_a_signed_trigger_and_the_api_none(sandbox: Sandbox, control: Control) -> None:
    api = Api(sandbox)
    file_id = api.sheets("POST", "", {}).json()["spreadsheetId"]
    async with receiving() as receiver:
        trigger = {"spreadsheet": file_id, "event": "edit", "url": receiver.url, "secret": "s", "source": "customers"}
        control("POST", "triggers", trigger)
        control("POST", "triggers", trigger)
        assert len(control("GET", "triggers")) == 1
        await asyncio.to_thread(api.write, file_id, "A1", [["by a program"]])
        for value in ("one", "two"):
            edit = {"spreadsheet": file_id, "worksheet": "Sheet1", "range": "A1", "values": [[value]]}
            await asyncio.to_thread(control, "POST", "edit", edit)
        headers, body = await asyncio.wait_for(receiver.calls.get(), 30)
        assert headers["x-rowcast-signature"] == sign("s", headers["x-rowcast-timestamp"], body)
        event = json.loads(body)
        assert (event["spreadsheetId"], event["sheet"], event["range"]) == (file_id, "Sheet1", "A1")
        assert (event["changeType"], event["source"]) == ("EDIT", "customers")
        assert (event["oldValue"], event["value"]) == ("by a program", "one")
        second = await receiver.next()
        assert (second["oldValue"], second["value"]) == ("one", "two")
        assert receiver.calls.empty()
    api.close()


async def test_a_trigger_is_tried_again_in_order(sandbox: Sandbox, control: Control) -> None:
    async with receiving(503, 404) as receiver:
        control("POST", "triggers", {"spreadsheet": SPREADSHEET_ID, "event": "change", "url": receiver.url})
        for value in "abc":
            edit = {"spreadsheet": SPREADSHEET_ID, "worksheet": "products", "range": "B2", "values": [[value]]}
            await asyncio.to_thread(control, "POST", "edit", edit)
        # a: refused for now; a: refused for good, which isn't repeated; then b and c.
        assert [(await receiver.next())["value"] for _ in range(4)] == ["a", "a", "b", "c"]


async def test_structure_fires_only_change(sandbox: Sandbox, control: Control) -> None:
    async with receiving() as edits, receiving() as changes:
        for event, receiver in (("edit", edits), ("change", changes)):
            control("POST", "triggers", {"spreadsheet": SPREADSHEET_ID, "event": event, "url": receiver.url})
        actions = f"{sandbox.url}/spreadsheets/d/{SPREADSHEET_ID}/actions"
        async with httpx.AsyncClient(**LOOPBACK) as client:
            for action, body in (
                ("insert", {"sheet": 1, "dimension": "COLUMNS", "at": 1}),
                ("delete", {"sheet": 1, "dimension": "ROWS", "at": 3, "count": 2}),
                ("addSheet", {"title": "New"}),
                ("type", {"sheet": 1, "row": 0, "column": 0, "values": [["a", "b"]]}),
            ):
                assert (await client.post(f"{actions}/{action}", json={"edit": body})).status_code == 200
        shown = [await changes.next() for _ in range(4)]
        assert [(event["changeType"], event["range"]) for event in shown] == [
            ("INSERT_COLUMN", "B:B"),
            ("REMOVE_ROW", "4:5"),
            ("INSERT_GRID", ""),
            ("EDIT", "A1:B1"),
        ]
        assert (await edits.next())["range"] == "A1:B1"
        assert edits.calls.empty()


def test_triggers_are_checked(control: Control) -> None:
    good = {"spreadsheet": SPREADSHEET_ID, "event": "edit", "url": "http://127.0.0.1:1/"}
    assert "must begin with http" in control.refused("triggers", {**good, "url": "ftp://x"})
    assert "only loopback addresses" in control.refused("triggers", {**good, "url": "https://example.com/hook"})
    assert "Invalid value at 'event'" in control.refused("triggers", {**good, "event": "open"})
    assert "No spreadsheet" in control.refused("triggers", {**good, "spreadsheet": "x"}, 404)
