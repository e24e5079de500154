"""Merged cells: who keeps the value, what follows, and what is refused."""

from typing import Any

import pytest

from tests.sandbox.client import Api, refusal
from tests.sandbox.test_batch_update import area, columns, done, rows


def merged(api: Api, file_id: str) -> Any:
    fields = "sheets(merges)"
    answer: Any = api.sheets("GET", f"/{file_id}", fields=fields).json()
    return [
        [one[name] for name in ("startRowIndex", "startColumnIndex", "endRowIndex", "endColumnIndex")]
        for one in answer["sheets"][0].get("merges", [])
    ]


@pytest.fixture
def book(api: Api, file_id: str) -> str:
    """A1:C3 filled, and B2:C3 merged."""
    api.write(file_id, "A1", [["a1", "b1", "c1"], ["a2", "b2", "c2"], ["a3", "b3", "c3"]])
    done(api.batch(file_id, {"mergeCells": {"range": area(1, 1, 3, 3)}}))
    return file_id


def test_the_first_cell_keeps_its_value_and_the_others_take_none(api: Api, book: str) -> None:
    kept = [["a1", "b1", "c1"], ["a2", "b2"], ["a3"]]
    assert api.read(book, "A1:C3") == kept
    assert "updatedCells" not in api.write(book, "C3", [["lost"]])
    cells = [{"values": [{"userEnteredValue": {"stringValue": "lost"}}]}]
    start = {"sheetId": 0, "rowIndex": 2, "columnIndex": 1}
    done(api.batch(book, {"updateCells": {"start": start, "rows": cells, "fields": "userEnteredValue"}}))
    assert api.read(book, "A1:C3") == kept
    api.write(book, "B2", [["new"]])
    assert api.read(book, "B2") == [["new"]]


def test_merges_follow_rows_and_columns(api: Api, book: str) -> None:
    done(api.batch(book, {"insertDimension": {"range": rows(0, 2)}}))
    assert merged(api, book) == [[3, 1, 5, 3]]
    done(api.batch(book, {"insertDimension": {"range": rows(4, 5)}}, {"insertDimension": {"range": columns(0, 1)}}))
    assert merged(api, book) == [[3, 2, 6, 4]]
    done(api.batch(book, {"deleteDimension": {"range": rows(0, 4)}}, {"deleteDimension": {"range": columns(3, 4)}}))
    assert merged(api, book) == [[0, 2, 2, 3]]
    done(api.batch(book, {"deleteDimension": {"range": rows(0, 1)}}))
    assert merged(api, book) == []


def test_kinds_of_merges_and_taking_them_apart(api: Api, file_id: str) -> None:
    done(api.batch(file_id, {"mergeCells": {"range": area(0, 0, 2, 2), "mergeType": "MERGE_ROWS"}}))
    assert merged(api, file_id) == [[0, 0, 1, 2], [1, 0, 2, 2]]
    done(api.batch(file_id, {"mergeCells": {"range": area(0, 0, 2, 2), "mergeType": "MERGE_COLUMNS"}}))
    assert merged(api, file_id) == [[0, 0, 2, 1], [0, 1, 2, 2]]
    done(api.batch(file_id, {"unmergeCells": {"range": area(0, 0, 5, 1)}}))
    assert merged(api, file_id) == [[0, 1, 2, 2]]
    grid = {"properties": {"sheetId": 0, "gridProperties": {"rowCount": 1}}, "fields": "gridProperties.rowCount"}
    done(api.batch(file_id, {"updateSheetProperties": grid}))
    assert merged(api, file_id) == []


@pytest.mark.parametrize(
    ("request_body", "message"),
    [
        ({"mergeCells": {"range": area(0, 0, 2, 2)}}, "You must select all cells in a merged range"),
        ({"unmergeCells": {"range": area(0, 0, 2, 2)}}, "You must select all cells in a merged range"),
        ({"mergeCells": {"range": area(5, 0, 6, 2), "mergeType": "SIDEWAYS"}}, "Invalid value at"),
        ({"moveDimension": {"source": rows(1, 2), "destinationIndex": 9}}, "You can't move a part of a merged range."),
        (
            {"sortRange": {"range": area(0, 0, 3, 3), "sortSpecs": [{"dimensionIndex": 0}]}},
            "You can't sort a range with merged cells.",
        ),
    ],
)
def test_what_cuts_a_merge_is_refused(api: Api, book: str, request_body: Any, message: str) -> None:
    status, name, found = refusal(api.batch(book, request_body))
    assert (status, name) == (400, "INVALID_ARGUMENT")
    assert message in found
    assert merged(api, book) == [[1, 1, 3, 3]]
