"""Spreadsheets that are created with all that is in them."""

from typing import Any

from tests.sandbox.client import Api, refusal

BODY: dict[str, Any] = {
    "properties": {"title": "Full", "locale": "en_US"},
    "sheets": [
        {
            "properties": {"title": "Data", "sheetId": 7, "gridProperties": {"rowCount": 20, "columnCount": 5}},
            "data": [
                {
                    "startRow": 1,
                    "startColumn": 1,
                    "rowData": [
                        {"values": [{"userEnteredValue": {"stringValue": "n"}, "note": "noted"}]},
                        {"values": [{"userEnteredValue": {"numberValue": 2}}]},
                        {"values": [{"userEnteredValue": {"formulaValue": "=B3*2"}}]},
                    ],
                    "rowMetadata": [{"pixelSize": 40}, {"hiddenByUser": True}],
                    "columnMetadata": [
                        {"developerMetadata": [{"metadataKey": "column", "visibility": "DOCUMENT", "metadataId": 1}]}
                    ],
                }
            ],
            "merges": [
                {"sheetId": 7, "startRowIndex": 10, "endRowIndex": 12, "startColumnIndex": 0, "endColumnIndex": 2}
            ],
            "protectedRanges": [{"range": {"sheetId": 7, "startRowIndex": 15, "endRowIndex": 16}, "warningOnly": True}],
            "basicFilter": {"range": {"sheetId": 7, "startRowIndex": 1, "endRowIndex": 4, "endColumnIndex": 3}},
            "rowGroups": [{"range": {"sheetId": 7, "dimension": "ROWS", "startIndex": 12, "endIndex": 14}}],
            "developerMetadata": [{"metadataKey": "sheet", "visibility": "DOCUMENT", "metadataId": 2}],
        },
        {
            "properties": {"title": "Table", "index": 0},
            "tables": [{"name": "People", "range": {"endRowIndex": 3, "endColumnIndex": 2}}],
        },
    ],
    "namedRanges": [{"name": "here", "range": {"sheetId": 7, "startRowIndex": 2, "endRowIndex": 3}}],
    "developerMetadata": [{"metadataKey": "book", "visibility": "DOCUMENT", "metadataId": 3}],
}


def test_a_spreadsheet_is_created_with_its_contents(api: Api) -> None:
    file_id = api.sheets("POST", "", BODY).json()["spreadsheetId"]
    assert api.read(file_id, "Data!B1:B4") == [[], ["n"], [2], [4]]
    assert api.read(file_id, "here") == [["", 2]]
    shown = api.sheets("GET", f"/{file_id}", includeGridData="true").json()
    assert [sheet["properties"]["title"] for sheet in shown["sheets"]] == ["Table", "Data"]
    table, data = shown["sheets"]
    assert table["tables"][0]["name"] == "People"
    assert {"merges", "protectedRanges", "basicFilter", "rowGroups", "developerMetadata"} <= data.keys()
    grid = data["data"][0]
    assert grid["rowData"][1]["values"][1]["note"] == "noted"
    assert grid["rowMetadata"][1]["pixelSize"] == 40
    assert grid["rowMetadata"][2]["hiddenByUser"] is True
    assert grid["columnMetadata"][1]["developerMetadata"][0]["metadataKey"] == "column"
    assert shown["developerMetadata"][0]["metadataKey"] == "book"


def test_nothing_is_created_where_a_part_is_wrong(api: Api) -> None:
    wrong = {"namedRanges": [{"name": "not a name", "range": {"sheetId": 7}}]}
    before = api.drive("GET", "files").json()["files"]
    assert refusal(api.sheets("POST", "", {**BODY, **wrong}))[:2] == (400, "INVALID_ARGUMENT")
    assert api.drive("GET", "files").json()["files"] == before


def test_a_spreadsheet_shows_one_of_its_sheets(api: Api) -> None:
    hidden = {"sheets": [{"properties": {"title": "Hidden", "hidden": True}}]}
    assert refusal(api.sheets("POST", "", hidden))[2] == "You can't hide all the sheets in a document."
