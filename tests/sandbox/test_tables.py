"""Tables: their headers, what is appended to them, and what becomes of them as cells move."""

from pathlib import Path
from typing import Any

import httpx
import pytest

from sandbox.server import Sandbox
from tests.loopback import LOOPBACK
from tests.sandbox.checked import CheckedSandbox
from tests.sandbox.client import Api, refusal
from tests.sandbox.test_shifts import area, done

RULE = {"condition": {"type": "ONE_OF_LIST", "values": [{"userEnteredValue": "x"}]}}
COLUMNS = [{"columnName": "Task"}, {"columnIndex": 1, "columnName": "Effort", "columnType": "DOUBLE"}]


def add(api: Api, file_id: str, **changes: Any) -> dict[str, Any]:
    table = {"name": "Tasks", "range": area(0, 0, 3, 2), "columnProperties": COLUMNS, **changes}
    answer = done(api, file_id, {"addTable": {"table": table}})[0]["addTable"]["table"]
    assert isinstance(answer, dict)
    return answer


def shown(api: Api, file_id: str) -> list[dict[str, Any]]:
    found = api.sheets("GET", f"/{file_id}", fields="sheets.tables").json()["sheets"][0].get("tables", [])
    assert isinstance(found, list)
    return found


def append(*rows: list[str]) -> list[Any]:
    return [{"values": [{"userEnteredValue": {"stringValue": text}} for text in row]} for row in rows]


def test_a_table_names_its_columns(api: Api, file_id: str) -> None:
    api.write(file_id, "C1", [["Owner"]])
    table = add(api, file_id, range=area(0, 0, 3, 4))
    assert [one["columnName"] for one in table["columnProperties"]] == ["Task", "Effort", "Owner", "Column 4"]
    assert api.read(file_id, "A1:D1") == [["Task", "Effort", "Owner", "Column 4"]]
    assert shown(api, file_id) == [table]


def test_rows_are_appended_to_a_table(api: Api, file_id: str) -> None:
    key = add(api, file_id)["tableId"]
    api.write(file_id, "A5", [["below", "it"]])
    api.write(file_id, "C5", [["beside"]])
    rows = append(["a", "1"], ["b"], ["c"], ["d"], ["e"])
    done(api, file_id, {"appendCells": {"tableId": key, "rows": rows, "fields": "userEnteredValue"}})
    assert api.read(file_id, "A2:B8") == [["a", "1"], ["b"], ["c"], ["d"], ["e"], [], ["below", "it"]][:7]
    assert shown(api, file_id)[0]["range"]["endRowIndex"] == 6
    assert api.read(file_id, "C5") == [["beside"]], "only the table's columns make way"
    wide = {"appendCells": {"tableId": key, "rows": append(["a", "b", "c"]), "fields": "*"}}
    assert "only 2 columns" in refusal(api.batch(file_id, wide))[2]


def test_a_table_is_changed_moved_and_deleted(api: Api, file_id: str) -> None:
    key = add(api, file_id)["tableId"]
    columns = [{"columnName": "Thing"}, {"columnIndex": 1, "columnName": "Effort"}]
    done(
        api,
        file_id,
        {"updateTable": {"table": {"tableId": key, "name": "Things", "columnProperties": columns}, "fields": "*"}},
        {"updateTable": {"table": {"tableId": key, "range": area(0, 0, 5, 2)}, "fields": "range"}},
        {"insertDimension": {"range": {"sheetId": 0, "dimension": "ROWS", "startIndex": 0, "endIndex": 2}}},
    )
    table = shown(api, file_id)[0]
    assert (table["name"], table["range"]["startRowIndex"], table["range"]["endRowIndex"]) == ("Things", 2, 7)
    assert api.read(file_id, "A3:B3") == [["Thing", "Effort"]]
    done(api, file_id, {"deleteTable": {"tableId": key}})
    assert shown(api, file_id) == []
    assert api.read(file_id, "A1:B9") == []


def test_a_table_goes_with_its_sheet_and_outlives_the_process(tmp_path: Path) -> None:
    with CheckedSandbox(tmp_path / "data") as sandbox:
        api = Api(sandbox)
        file_id = api.sheets("POST", "", {}).json()["spreadsheetId"]
        look = {"headerColorStyle": {"rgbColor": {"red": 1}}}
        columns = [{"columnName": "Kind", "columnType": "DROPDOWN", "dataValidationRule": RULE}]
        table = add(api, file_id, columnProperties=columns, rowsProperties=look)
        api.close()
    with CheckedSandbox(tmp_path / "data") as sandbox:
        api = Api(sandbox)
        assert shown(api, file_id) == [table]
        done(api, file_id, {"addSheet": {}}, {"deleteSheet": {"sheetId": 0}})
        assert shown(api, file_id) == []
        api.close()


def test_a_columns_type_only_warns(sandbox: Sandbox, api: Api, file_id: str) -> None:
    """A table's rule has no `strict`; a number's column takes texts, too."""
    columns = [
        {"columnName": "Kind", "columnType": "DROPDOWN", "dataValidationRule": RULE},
        {"columnIndex": 1, "columnName": "Effort", "columnType": "DOUBLE"},
    ]
    table = add(api, file_id, columnProperties=columns)
    assert table["columnProperties"] == columns
    body = {"spreadsheet": file_id, "worksheet": "Sheet1", "range": "A2", "values": [["y", "much"]]}
    assert httpx.post(f"{sandbox.url}/_sandbox/edit", json=body, **LOOPBACK).status_code == 200
    assert api.read(file_id, "A2:B2") == [["y", "much"]]


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"name": "tasks", "range": area(9, 0, 12, 2)}, "already exists"),
        ({"name": "Other", "range": area(2, 1, 5, 4)}, "overlaps with the table 'Tasks'"),
        ({"name": "Other", "range": area(9, 0, 10, 2)}, "at least one row"),
        ({"name": "Other", "range": area(9, 0, 12, 1)}, "Column indexes must differ, and be within the table."),
        (
            {
                "name": "Other",
                "range": area(9, 0, 12, 2),
                "columnProperties": [{"dataValidationRule": {"condition": {}}}],
            },
            "Only columns of the type DROPDOWN",
        ),
        (
            {
                "name": "Other",
                "range": area(9, 0, 12, 2),
                "columnProperties": [
                    {
                        "columnType": "DROPDOWN",
                        "dataValidationRule": {"condition": {"type": "TEXT_IS_EMAIL"}},
                    }
                ],
            },
            "must be of the type ONE_OF_LIST",
        ),
    ],
)
def test_tables_that_are_refused(api: Api, file_id: str, changes: dict[str, Any], message: str) -> None:
    before = add(api, file_id)
    refused = api.batch(file_id, {"addTable": {"table": {"columnProperties": COLUMNS, **changes}}})
    assert refusal(refused)[:2] == (400, "INVALID_ARGUMENT")
    assert message in refusal(refused)[2]
    assert shown(api, file_id) == [before]
    missing = api.batch(file_id, {"deleteTable": {"tableId": "none"}})
    assert refusal(missing)[2] == "Invalid requests[0].deleteTable: No table with id: none"
