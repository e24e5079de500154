"""The calls of the sheet's page: what they refuse, and that an edit which is sent twice is carried out once."""

import json
from collections.abc import Iterator
from typing import Any
from uuid import uuid4

import httpx
import pytest

from sandbox.demo import SPREADSHEET_ID
from sandbox.server import Sandbox
from tests.sandbox.client import Api


class PageCalls:
    """A page, without the browser."""

    def __init__(self, sandbox: Sandbox) -> None:
        self._client = httpx.Client(
            base_url=f"{sandbox.url}/spreadsheets/d/{SPREADSHEET_ID}", trust_env=False, timeout=30
        )
        self.page = str(uuid4())
        self._number = 0

    def act(self, action: str, number: int | None = None, **edit: Any) -> httpx.Response:
        self._number += 1
        body = {"page": self.page, "name": "", "number": number or self._number, "edit": edit}
        return self._client.post(f"/actions/{action}", json=body)

    def get(self, what: str, **query: Any) -> Any:
        answer = self._client.get(f"/{what}", params=query)
        assert answer.status_code == 200, answer.text
        return answer.json()

    def status(self, what: str, **query: Any) -> int:
        return self._client.get(f"/{what}", params=query).status_code

    def column(self, letter: str = "B", rows: int = 5) -> list[str]:
        window = self.get("cells", sheet=1, first=1, end=1 + rows)
        return [cells.get(str(ord(letter) - 65), [""])[0] for _, cells in window["rows"]]

    def close(self) -> None:
        self._client.close()


@pytest.fixture
def calls(sandbox: Sandbox) -> Iterator[PageCalls]:
    made = PageCalls(sandbox)
    yield made
    made.close()


def test_a_window_has_its_rows_and_what_is_known_of_the_sheet(calls: PageCalls) -> None:
    window = calls.get("cells", sheet=1, first=1, end=3)
    assert [(uid > 0, cells["1"], cells["2"], cells["4"]) for uid, cells in window["rows"]] == [
        (True, ["Anvil", "Anvil", "text"], ["3.50", "3.5", "number"], ["FALSE", "FALSE", "boolean"]),
        (True, ["Bellows", "Bellows", "text"], ["5.75", "5.75", "number"], ["FALSE", "FALSE", "boolean"]),
    ]
    del window["rows"], window["version"]
    assert window == {
        "title": "Demo",
        "tabs": [{"id": 0, "title": "customers"}, {"id": 1, "title": "products"}],
        "sheet": 1,
        "rowCount": 200,
        "columnCount": 10,
        "usedRows": 21,
        "usedColumns": 5,
        "frozenRows": 1,
        "frozenColumns": 0,
        "columns": {},
        "rowPixels": [],
        "merges": [],
        "hiddenRows": [],
        "locked": [],
        "first": 1,
    }


def test_what_has_a_format_alone_is_not_in_use(calls: PageCalls, api: Api) -> None:
    bold = {"userEnteredFormat": {"textFormat": {"bold": True}}}
    area = {"sheetId": 1, "startRowIndex": 30, "endRowIndex": 31, "startColumnIndex": 8, "endColumnIndex": 9}
    request = {"repeatCell": {"range": area, "cell": bold, "fields": "userEnteredFormat.textFormat"}}
    assert api.batch(SPREADSHEET_ID, request).ok
    window = calls.get("cells", sheet=1, first=0, end=1)
    assert (window["usedRows"], window["usedColumns"]) == (21, 5)
    calls.act("clear", sheet=1, area=[0, 0, 200, 10])
    window = calls.get("cells", sheet=1, first=0, end=1)
    assert (window["usedRows"], window["usedColumns"]) == (0, 0)


def test_a_window_has_what_cells_and_lines_look_like(calls: PageCalls, api: Api) -> None:
    def band(dimension: str, start: int, end: int) -> dict[str, Any]:
        return {"sheetId": 1, "dimension": dimension, "startIndex": start, "endIndex": end}

    def lines(dimension: str, start: int, end: int, **properties: Any) -> dict[str, Any]:
        shape = {"range": band(dimension, start, end), "properties": properties, "fields": ",".join(properties)}
        return {"updateDimensionProperties": shape}

    red, area = {"red": 1, "green": 0.4}, {"sheetId": 1, "startRowIndex": 30, "endRowIndex": 31}
    text = {"bold": True, "italic": False, "fontSize": 20, "foregroundColor": {}, "fontFamily": "Georgia"}
    form = {"textFormat": text, "backgroundColor": red, "horizontalAlignment": "RIGHT", "wrapStrategy": "WRAP"}
    border = {"style": "SOLID_MEDIUM", "color": red}
    one_cell = area | {"startColumnIndex": 2, "endColumnIndex": 3}
    fields = "userEnteredFormat(textFormat,backgroundColor,horizontalAlignment,wrapStrategy)"
    assert api.batch(
        SPREADSHEET_ID,
        lines("ROWS", 3, 6, pixelSize=40),
        lines("ROWS", 6, 7, pixelSize=41),
        lines("ROWS", 9, 10, pixelSize=40),
        lines("COLUMNS", 1, 2, pixelSize=250, hiddenByUser=True),
        {"mergeCells": {"range": area | {"startColumnIndex": 4, "endColumnIndex": 6}, "mergeType": "MERGE_ALL"}},
        {"repeatCell": {"range": one_cell, "cell": {"userEnteredFormat": form}, "fields": fields}},
        {"updateBorders": {"range": one_cell, "bottom": border}},
    ).ok
    window = calls.get("cells", sheet=1, first=30, end=31)
    assert window["rowPixels"] == [[3, 3, 40], [6, 1, 41], [9, 1, 40]]
    assert window["columns"] == {"1": {"hidden": True, "pixels": 250}}
    assert window["merges"] == [[30, 4, 31, 6]]
    assert window["rows"][0][1] == {
        "2": ["", "", "text", {
            "bold": True, "size": 2.0, "color": "#000000", "font": "Georgia", "fill": "#ff6600",
            "align": "end", "wrap": True, "bottom": "2px solid #ff6600",
        }]
    }  # fmt: skip


def test_lines_are_sized_hidden_and_frozen_and_google_knows_it(calls: PageCalls, api: Api) -> None:
    assert calls.act("lines", sheet=1, dimension="COLUMNS", at=1, count=2, pixels=180).is_success
    assert calls.act("lines", sheet=1, dimension="COLUMNS", at=2, hidden=True).is_success
    assert calls.act("lines", sheet=1, dimension="ROWS", at=4, pixels=50).is_success
    assert calls.act("freeze", sheet=1, rows=2, columns=1).is_success
    shape = "sheets(properties.gridProperties,data(columnMetadata,rowMetadata(pixelSize)))"
    sheet = api.sheets("GET", f"/{SPREADSHEET_ID}", includeGridData="true", fields=shape).json()["sheets"][1]
    assert sheet["data"][0]["columnMetadata"][:4] == [
        {"pixelSize": 100}, {"pixelSize": 180}, {"pixelSize": 180, "hiddenByUser": True}, {"pixelSize": 100},
    ]  # fmt: skip
    assert [one["pixelSize"] for one in sheet["data"][0]["rowMetadata"][3:6]] == [21, 50, 21]
    grid = sheet["properties"]["gridProperties"]
    assert (grid["frozenRowCount"], grid["frozenColumnCount"]) == (2, 1)
    for _ in range(4):
        assert calls.act("undo").is_success
    window = calls.get("cells", sheet=1, first=0, end=1)
    assert (window["columns"], window["rowPixels"], window["frozenRows"]) == ({}, [], 1)


def test_cells_are_continued(calls: PageCalls, api: Api) -> None:
    calls.act("type", sheet=1, row=0, column=6, values=[["1", "Mon"], ["3", "Tue"]])
    assert calls.act("fill", sheet=1, area=[0, 6, 2, 8], dimension="ROWS", length=2).is_success
    assert api.read(SPREADSHEET_ID, "products!G1:H4") == [[1, "Mon"], [3, "Tue"], [5, "Wed"], [7, "Thu"]]
    assert calls.act("fill", sheet=1, area=[3, 6, 4, 7], dimension="COLUMNS", length=-2, alternate=True).is_success
    assert api.read(SPREADSHEET_ID, "products!E4:G4") == [[9, 8, 7]]
    assert calls.act("undo").json()["reverted"]["area"] == [3, 4, 4, 6]


def test_a_window_is_cut_to_the_sheet(calls: PageCalls) -> None:
    assert len(calls.get("cells", sheet=1, first=190, end=5_000)["rows"]) == 10
    assert calls.get("cells", sheet=1, first=900)["rows"] == []
    assert calls.get("cells", sheet=99)["sheet"] == 0


def test_an_edit_that_is_sent_twice_is_carried_out_once(calls: PageCalls) -> None:
    first = calls.act("insert", number=7, sheet=1, dimension="ROWS", at=1, count=1)
    again = calls.act("insert", number=7, sheet=1, dimension="ROWS", at=1, count=1)
    assert first.json() == again.json()
    assert calls.column() == ["", "Anvil", "Bellows", "Chisel", "Drill"]
    refused = [calls.act("sort", number=8, sheet=1, column=99) for _ in range(2)]
    assert [answer.status_code for answer in refused] == [400, 400]
    calls.act("insert", number=9, sheet=1, dimension="ROWS", at=1, count=1)
    assert calls.column() == ["", "", "Anvil", "Bellows", "Chisel"]


def test_what_is_typed_goes_to_the_row_that_was_seen(calls: PageCalls, api: Api) -> None:
    bellows = calls.get("cells", sheet=1, first=2, end=3)["rows"][0][0]
    calls.act("insert", sheet=1, dimension="ROWS", at=0, count=5)
    assert calls.act("type", sheet=1, row=2, column=1, uid=bellows, values=[["Big bellows"]]).json()["row"] == 7
    assert api.read(SPREADSHEET_ID, "products!B7:B8") == [["Anvil"], ["Big bellows"]]
    calls.act("delete", sheet=1, dimension="ROWS", at=7, count=1)
    refused = calls.act("type", sheet=1, row=7, column=1, uid=bellows, values=[["lost"]])
    assert (refused.status_code, refused.json()["error"]) == (
        400,
        "Somebody deleted that row meanwhile: what you typed has no place any more.",
    )
    assert api.read(SPREADSHEET_ID, "products!B7:B8") == [["Anvil"], ["Chisel"]]


@pytest.mark.parametrize(
    ("action", "edit", "reason"),
    [
        ("type", {"sheet": 9, "values": [["x"]]}, "No grid with id: 9"),
        ("type", {"sheet": 1, "values": []}, "Nothing to enter"),
        ("type", {"sheet": 1, "row": -1, "values": [["x"]]}, "Rows and columns count from 0"),
        ("type", {"sheet": 1, "row": 9_000_000, "values": [["x"]]}, "above the limit of 10000000 cells"),
        ("type", {"sheet": 1, "column": 20_000, "values": [["x"]]}, "more than 18278 columns"),
        ("type", {"sheet": 1, "values": [["x" * 50_001]]}, "maximum of 50000 characters"),
        ("type", {"sheet": 1, "values": [[{}]]}, "A cell takes text"),
        ("type", {"sheet": 1, "what": 1}, 'Unknown name "what"'),
        ("clear", {"sheet": 1, "area": [1, 1, 1, 2]}, "area must be"),
        ("clear", {"sheet": 1, "area": [0, 0, True, 2]}, "area must be"),
        ("insert", {"sheet": 1, "dimension": "ROWS", "at": 500, "count": 1}, "after last row"),
        ("insert", {"sheet": 1, "dimension": "ROWS", "at": 0, "count": 10_000_000}, "above the limit"),
        ("insert", {"sheet": 1, "dimension": "ROWS", "at": 0, "count": 0}, "one at least"),
        ("delete", {"sheet": 1, "dimension": "ROWS", "at": 0, "count": 200}, "delete all the rows"),
        ("delete", {"sheet": 1, "dimension": "SIDEWAYS", "at": 0}, "dimension"),
        ("sort", {"sheet": 1, "column": 10}, "has no column 10"),
        ("paste", {"source": 1, "area": [0, 0, 300, 1], "sheet": 1, "target": [0, 0, 1, 1]}, "copy it again"),
        ("fill", {"sheet": 1, "area": [0, 0, 1, 1], "length": 0}, "Nothing to fill"),
        ("fill", {"sheet": 1, "area": [0, 0, 1, 1], "length": -1}, "count from 0"),
        ("fill", {"sheet": 1, "area": [0, 0, 1, 1], "length": 9_000_000}, "above the limit of 10000000 cells"),
        ("lines", {"sheet": 1, "at": 0, "pixels": 1}, "2 to 2000 pixels"),
        ("lines", {"sheet": 1, "at": -1, "hidden": True}, "count from 0"),
        ("freeze", {"sheet": 1, "rows": 200}, "can't freeze all"),
        ("freeze", {"sheet": 1, "rows": -1}, "count from 0"),
        ("addSheet", {"title": "PRODUCTS"}, "already exists"),
        ("addSheet", {}, "can't be empty"),
        ("renameSheet", {"sheet": 1, "title": "customers"}, "already exists"),
        ("undo", {"sheet": 1}, 'Unknown name "sheet"'),
    ],
)
def test_a_wrong_edit_says_why_and_changes_nothing(
    calls: PageCalls, sandbox: Sandbox, action: str, edit: dict[str, Any], reason: str
) -> None:
    before = sandbox.do(lambda office: office.drive.files[SPREADSHEET_ID])
    answer = calls.act(action, **edit)
    assert answer.status_code == 400
    assert reason in answer.json()["error"]
    assert sandbox.do(lambda office: office.drive.files[SPREADSHEET_ID]) is before


def test_the_last_worksheet_stays(calls: PageCalls) -> None:
    assert calls.act("deleteSheet", sheet=0).status_code == 200
    refused = calls.act("deleteSheet", sheet=1)
    assert (refused.status_code, "visible sheets" in refused.json()["error"]) == (400, True)


def test_unknown_calls_and_spreadsheets(calls: PageCalls, sandbox: Sandbox) -> None:
    assert calls.act("explode").status_code == 404
    other = f"{sandbox.url}/spreadsheets/d/none"
    for path in ("cells", "edge", "events"):
        assert httpx.get(f"{other}/{path}", trust_env=False).status_code == 404
    assert calls.status("edge", towards="sideways") == 400


@pytest.mark.parametrize(
    ("row", "column", "towards", "to"),
    [
        (1, 1, "down", (20, 1)),
        (20, 1, "down", (199, 1)),
        (199, 1, "up", (20, 1)),
        (20, 1, "up", (0, 1)),
        (0, 0, "right", (0, 4)),
        (0, 4, "right", (0, 9)),
        (5, 9, "left", (5, 4)),
        (0, 0, "up", (0, 0)),
        (900, 900, "up", (900, 900)),
    ],
)
def test_a_jump_ends_where_filled_cells_do(
    calls: PageCalls, row: int, column: int, towards: str, to: tuple[int, int]
) -> None:
    assert calls.get("edge", sheet=1, row=row, column=column, towards=towards) == {"row": to[0], "column": to[1]}


def test_the_stream_tells_who_changed_which_cells(calls: PageCalls, sandbox: Sandbox, api: Api) -> None:
    url = f"{sandbox.url}/spreadsheets/d/{SPREADSHEET_ID}/events"
    with httpx.Client(trust_env=False, timeout=60) as client, client.stream("GET", url) as stream:
        told = (json.loads(line[5:]) for line in stream.iter_lines() if line.startswith("data:"))
        version = next(told)["version"]
        api.write(SPREADSHEET_ID, "products!B2:C3", [["a", 1], ["b", None]])
        calls.act("type", sheet=0, row=0, column=1, values=[["who"]])
        calls.act("insert", sheet=1, dimension="ROWS", at=1, count=2)
        events = [next(told) for _ in range(3)]
    own = {"by": "person@rowcast-sandbox.example", "page": calls.page}
    assert events == [
        {
            "version": version + 1,
            "by": "demo@rowcast-sandbox.iam.gserviceaccount.com",
            "page": "",
            "sheets": {"1": [[1, 1], [1, 2], [2, 1]]},
            "shifts": {},
        },
        {"version": version + 2, **own, "sheets": {"0": [[0, 1]]}, "shifts": {}},
        {
            "version": version + 3,
            **own,
            "sheets": {},
            "shifts": {"1": [{"did": "insert", "dimension": "ROWS", "size": 200, "at": 1, "count": 2}]},
        },
    ]


def test_the_stream_tells_what_became_of_rows_and_columns(calls: PageCalls, sandbox: Sandbox, api: Api) -> None:
    rows = {"sheetId": 1, "dimension": "ROWS"}
    requests = [
        {"moveDimension": {"source": {**rows, "startIndex": 4, "endIndex": 6}, "destinationIndex": 2}},
        {"deleteDimension": {"range": {"sheetId": 1, "dimension": "COLUMNS", "startIndex": 1, "endIndex": 3}}},
    ]
    with httpx.Client(trust_env=False, timeout=60) as client:
        url = f"{sandbox.url}/spreadsheets/d/{SPREADSHEET_ID}/events"
        with client.stream("GET", url) as stream:
            told = (json.loads(line[5:]) for line in stream.iter_lines() if line.startswith("data:"))
            next(told)
            api.batch(SPREADSHEET_ID, *requests)
            calls.act("delete", sheet=1, dimension="ROWS", at=1, count=2)
            calls.act("undo")
            calls.act("redo")
            calls.act("type", sheet=1, row=0, column=1, values=[["no shift"]])
            shifts = [next(told)["shifts"].get("1", []) for _ in range(5)]
    deleted = {"did": "delete", "dimension": "ROWS", "size": 200, "at": 1, "count": 2}
    assert shifts == [
        [
            {"did": "move", "dimension": "ROWS", "size": 200, "at": 4, "count": 2, "to": 2},
            {"did": "delete", "dimension": "COLUMNS", "size": 10, "at": 1, "count": 2},
        ],
        [deleted],
        [{**deleted, "did": "insert", "size": 198}],
        [deleted],
        [],
    ]
