"""batchUpdate's kinds that paste text and tidy a range up, and borders."""

from typing import Any

import pytest

from tests.sandbox.client import Api, refusal


def grid(top: int, left: int, bottom: int, right: int) -> dict[str, int]:
    return {"startRowIndex": top, "endRowIndex": bottom, "startColumnIndex": left, "endColumnIndex": right}


def reply(api: Api, file_id: str, request: Any) -> Any:
    response = api.batch(file_id, request)
    assert response.ok, response.text
    return response.json()["replies"][0]


def test_pasted_text_is_read_as_typed(api: Api, file_id: str) -> None:
    data = 'a;"b;c";50%\n1'
    at = {"rowIndex": 1, "columnIndex": 1}
    reply(api, file_id, {"pasteData": {"coordinate": at, "data": data, "delimiter": ";"}})
    assert api.read(file_id, "B2:D3") == [["a", "b;c", 0.5], [1]]


@pytest.mark.parametrize(
    ("kind", "text", "expected"),
    [
        ({"delimiterType": "COMMA"}, "a, 1,c", ["a", 1, "c"]),
        ({"delimiterType": "CUSTOM", "delimiter": "--"}, "a--b", ["a", "b"]),
        ({"delimiterType": "AUTODETECT"}, "a;b", ["a", "b"]),
    ],
)
def test_texts_are_split(api: Api, file_id: str, kind: dict[str, str], text: str, expected: list[Any]) -> None:
    api.write(file_id, "B1", [[text], [7]])
    reply(api, file_id, {"textToColumns": {"source": grid(0, 1, 2, 2), **kind}})
    assert api.read(file_id, "B1:E2") == [expected, [7]]


def test_spaces_are_trimmed(api: Api, file_id: str) -> None:
    api.write(file_id, "A1", [["  a  b ", "c", 1], ['=" x"', " d"]], "USER_ENTERED")
    assert reply(api, file_id, {"trimWhitespace": {"range": grid(0, 0, 2, 3)}}) == {
        "trimWhitespace": {"cellsChangedCount": 2}
    }
    assert api.read(file_id, "A1:C2") == [["a b", "c", 1], [" x", "d"]]
    assert reply(api, file_id, {"trimWhitespace": {"range": grid(0, 0, 2, 3)}}) == {"trimWhitespace": {}}


def test_repeated_rows_go(api: Api, file_id: str) -> None:
    api.write(file_id, "A1", [["a", 1, "="], ["A", 1], ["a", True], ["b", "=LEN(A4)*2"], ["a", 2]], "USER_ENTERED")
    removed = reply(api, file_id, {"deleteDuplicates": {"range": grid(0, 0, 5, 2)}})
    assert removed == {"deleteDuplicates": {"duplicatesRemovedCount": 1}}
    assert api.read(file_id, "A1:B5") == [["a", 1], ["a", True], ["b", 2], ["a", 2]]
    column = {"dimension": "COLUMNS", "startIndex": 0, "endIndex": 1}
    request = {"deleteDuplicates": {"range": grid(0, 0, 4, 2), "comparisonColumns": [column]}}
    assert reply(api, file_id, request)["deleteDuplicates"] == {"duplicatesRemovedCount": 2}
    assert [row[0] for row in api.read(file_id, "A1:B5")] == ["a", "b"]


def test_a_shuffled_range_has_the_same_rows(api: Api, file_id: str) -> None:
    rows = [[number, f"r{number}"] for number in range(50)]
    api.write(file_id, "A1", [*rows, ["below"]])
    reply(api, file_id, {"randomizeRange": {"range": grid(0, 0, 50, 2)}})
    shuffled = api.read(file_id, "A1:B51")
    assert shuffled[:50] != rows
    assert sorted(shuffled[:50]) == rows
    assert shuffled[50] == ["below"]


def test_borders_are_drawn_and_taken_away(api: Api, file_id: str) -> None:
    solid = {"style": "SOLID", "colorStyle": {"rgbColor": {"red": 1}}}
    reply(api, file_id, {"updateBorders": {"range": grid(0, 0, 2, 2), "top": solid, "innerVertical": solid}})

    def borders() -> list[list[set[str]]]:
        mask = "sheets.data.rowData.values.userEnteredFormat.borders"
        data = api.sheets("GET", f"/{file_id}", ranges="A1:B2", fields=mask).json()["sheets"][0]["data"][0]
        rows = [row.get("values", []) for row in data.get("rowData", [])]
        return [[set(cell.get("userEnteredFormat", {}).get("borders", {})) for cell in row] for row in rows]

    assert borders() == [[{"top", "right"}, {"top", "left"}], [{"right"}, {"left"}]]
    none = {"style": "NONE"}
    reply(api, file_id, {"updateBorders": {"range": grid(0, 0, 2, 2), "top": none, "innerVertical": none}})
    assert borders() == []


@pytest.mark.parametrize(
    ("request_body", "message"),
    [
        ({"pasteData": {"data": "a"}}, "A delimiter of one character must be specified."),
        (
            {"pasteData": {"coordinate": {"columnIndex": 26}, "data": "a", "delimiter": ","}},
            "GridCoordinate.columnIndex[26] is",
        ),
        ({"textToColumns": {"source": grid(0, 0, 1, 2)}}, "one column only"),
        ({"textToColumns": {"source": grid(0, 0, 1, 1), "delimiterType": "CUSTOM"}}, "A custom delimiter must"),
        ({"deleteDuplicates": {"range": grid(0, 0, 1, 1), "comparisonColumns": [{"dimension": "ROWS"}]}}, "Comparison"),
        ({"updateBorders": {"range": grid(0, 0, 1, 1), "top": {"style": "WAVY"}}}, "Invalid value at"),
    ],
)
def test_what_is_refused(api: Api, file_id: str, request_body: Any, message: str) -> None:
    assert refusal(api.batch(file_id, request_body))[0] == 400
    assert message in refusal(api.batch(file_id, request_body))[2]
