"""Requests that no honest program sends: far too long, far too deep, not what they claim to be. Each is refused, and
the sandbox goes on."""

import socket
from typing import Any

import httpx
import pytest

from sandbox.recorder import RecordedCall, Recorder
from sandbox.server import Sandbox
from sandbox.settings import system_clock
from tests.loopback import LOOPBACK
from tests.sandbox.client import Api, refusal

DIGITS = "1" * 6000
START = {"sheetId": 0, "rowIndex": 0, "columnIndex": 0}


def test_a_row_of_thousands_of_figures(api: Api, file_id: str) -> None:
    assert refusal(api.sheets("GET", f"/{file_id}/values/A{DIGITS}"))[2].startswith("Unable to parse range: A1")
    api.write(file_id, "A1", [[f"=A{DIGITS}"], [f"=SUM(1:{DIGITS})"], ["=1+1"], [f"1e{DIGITS}"]], "USER_ENTERED")
    (first,), (second,), third, fourth = api.read(file_id, "A1:A4")
    assert first.startswith("#")
    assert second.startswith("#")
    assert (third, fourth) == ([2], [f"1e{DIGITS}"])
    assert api.batch(file_id, {"insertDimension": {"range": {"dimension": "ROWS", "startIndex": 0, "endIndex": 1}}}).ok


@pytest.mark.parametrize("name", ["pageToken", "pageSize"])
def test_a_page_of_thousands_of_figures(api: Api, name: str) -> None:
    assert refusal(api.drive("GET", "files", **{name: DIGITS}))[0] == 400


def test_ids_of_thousands_of_figures(api: Api, file_id: str) -> None:
    assert refusal(api.sheets("GET", f"/{file_id}/developerMetadata/{DIGITS}"))[0] == 400
    body = {"destinationSpreadsheetId": file_id}
    assert refusal(api.sheets("POST", f"/{file_id}/sheets/{DIGITS}:copyTo", body))[0] == 400


def test_a_channel_until_the_end_of_time(api: Api, file_id: str) -> None:
    channel = {"id": "x", "type": "web_hook", "address": "http://127.0.0.1:9/", "expiration": str(10**18)}
    assert refusal(api.drive("POST", f"files/{file_id}/watch", channel))[0] == 400


@pytest.mark.parametrize("depth", [200, 1000, 100_000])
@pytest.mark.parametrize("opened", ['{"a":', "["])
def test_a_body_that_is_too_deep(api: Api, file_id: str, depth: int, opened: str) -> None:
    closed = "}" if opened.startswith("{") else "]"
    text = '{"values": ' + opened * depth + "1" + closed * depth + "}"
    sheets = f"https://sheets.googleapis.com/v4/spreadsheets/{file_id}/values/A1?valueInputOption=RAW"
    drive = f"https://www.googleapis.com/drive/v3/files/{file_id}"
    headers = {"Content-Type": "application/json"}
    for method, url, message in (("PUT", sheets, "Message too deep."), ("PATCH", drive, "Parse Error")):
        response = api.session.request(method, url, data=text, headers=headers)  # type: ignore[no-untyped-call]
        assert response.status_code == 400
        assert message in refusal(response)[2]


def test_a_mask_and_a_query_that_are_too_deep(api: Api, file_id: str) -> None:
    assert refusal(api.sheets("GET", f"/{file_id}", fields="a(" * 3000 + "b" + ")" * 3000))[0] == 400
    for query in ("(" * 3000, "not " * 3000 + "trashed = true"):
        assert refusal(api.drive("GET", "files", q=query))[0] == 400


def test_bytes_that_are_no_ascii_in_the_address(sandbox: Sandbox, api: Api, file_id: str) -> None:
    api.write(file_id, "A1", [["x"]])
    rename = {"updateSheetProperties": {"properties": {"title": "Übersicht"}, "fields": "title"}}
    assert api.batch(file_id, rename).ok
    port, token = int(sandbox.url.rpartition(":")[2]), api.session.credentials.token
    head = f"GET /v4/spreadsheets/{file_id}/values/Übersicht!A1 HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n"
    with socket.create_connection(("127.0.0.1", port), timeout=60) as connection:
        connection.sendall(f"{head}Authorization: Bearer {token}\r\n\r\n".encode())
        answer = b"".join(iter(lambda: connection.recv(65_536), b""))
    assert answer.startswith((b"HTTP/1.1 200 ", b"HTTP/1.1 400 "))


@pytest.mark.parametrize("delimiter", ["\n", "\r", '"'])
def test_what_cannot_part_cells(api: Api, file_id: str, delimiter: str) -> None:
    paste = {"pasteData": {"coordinate": START, "data": "a", "delimiter": delimiter}}
    assert api.batch(file_id, paste).status_code in (200, 400)


def test_a_pasted_cell_that_is_too_long(api: Api, file_id: str) -> None:
    paste = {"pasteData": {"coordinate": START, "data": f'"{"x" * 200_000}"', "delimiter": ","}}
    assert "maximum of 50000 characters" in refusal(api.batch(file_id, paste))[2]


def test_lines_end_as_they_do_anywhere(api: Api, file_id: str) -> None:
    assert api.batch(file_id, {"pasteData": {"coordinate": START, "data": "a\rb\r\nc", "delimiter": ","}}).ok
    assert api.read(file_id, "A1:A3") == [["a"], ["b"], ["c"]]


def test_html_that_names_an_encoding(api: Api, file_id: str) -> None:
    data = '<?xml version="1.0" encoding="iso-8859-1"?><table><tr><td colspan="1e9">ä</td></tr></table>'
    assert api.batch(file_id, {"pasteData": {"coordinate": START, "data": data, "html": True}}).ok
    assert api.read(file_id, "A1") == [["ä"]]


def test_a_group_that_an_expression_has_not(api: Api, file_id: str) -> None:
    api.write(file_id, "A1", [["a1"]])
    find = {"find": "a(.)", "replacement": "$1$9", "searchByRegex": True, "allSheets": True}
    assert api.batch(file_id, {"findReplace": find}).ok
    assert api.read(file_id, "A1") == [["1$9"]]


@pytest.mark.parametrize(
    "rule", [{}, {"condition": {"type": "ONE_OF_RANGE"}}, {"condition": {"type": "BLANK", "values": []}}]
)
def test_a_rule_that_cannot_be_one_is_refused_wherever_it_comes_in(api: Api, file_id: str, rule: Any) -> None:
    cell = {"dataValidation": {"strict": True, **rule}}
    update = {"updateCells": {"start": START, "rows": [{"values": [cell]}], "fields": "dataValidation"}}
    assert refusal(api.batch(file_id, update))[0] == 400


def test_a_condition_whose_formula_gives_no_number(api: Api, file_id: str, sandbox: Sandbox) -> None:
    condition = {"type": "NUMBER_GREATER", "values": [{"userEnteredValue": "=A9"}]}
    rule = {"condition": condition, "strict": True}
    done = api.batch(
        file_id,
        {"setDataValidation": {"range": {"sheetId": 0, "endRowIndex": 1, "endColumnIndex": 1}, "rule": rule}},
        {"setBasicFilter": {"filter": {"range": {"sheetId": 0}, "criteria": {"0": {"condition": condition}}}}},
    )
    assert done.ok, done.text
    body = {"spreadsheet": file_id, "worksheet": "Sheet1", "range": "A1", "values": [[5]]}
    answer = httpx.post(f"{sandbox.url}/_sandbox/edit", json=body, **LOOPBACK)
    assert answer.status_code == 400
    assert "violates the data validation rules" in answer.json()["error"]


def test_large_calls_are_not_all_kept() -> None:
    recorder = Recorder()
    for number in range(9):
        recorder.add(RecordedCall(system_clock(), "PUT", f"/{number}", "", "", 200, b"x" * 30_000_000, system_clock()))
    assert [call.path for call in recorder.calls] == ["/6", "/7", "/8"]
    recorder.clear()
    recorder.add(RecordedCall(system_clock(), "PUT", "/huge", "", "", 200, b"x" * 200_000_000, system_clock()))
    assert [call.path for call in recorder.calls] == ["/huge"]
