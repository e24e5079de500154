"""`spreadsheets.batchUpdate`: rows, columns, cells, sheets, metadata, protections - and formulas that follow."""

from typing import Any

import pytest

from sandbox.server import Sandbox
from tests.sandbox.client import Api, refusal


def rows(start: int, end: int, sheet: int = 0) -> dict[str, Any]:
    return {"sheetId": sheet, "dimension": "ROWS", "startIndex": start, "endIndex": end}


def columns(start: int, end: int, sheet: int = 0) -> dict[str, Any]:
    return {"sheetId": sheet, "dimension": "COLUMNS", "startIndex": start, "endIndex": end}


def area(top: int, left: int, bottom: int, right: int) -> dict[str, Any]:
    return {
        "sheetId": 0,
        "startRowIndex": top,
        "endRowIndex": bottom,
        "startColumnIndex": left,
        "endColumnIndex": right,
    }


def formulas(api: Api, file_id: str, a1: str) -> Any:
    return api.read(file_id, a1, valueRenderOption="FORMULA")


def done(response: Any) -> Any:
    assert response.ok, response.text
    return response.json()["replies"]


def test_a_batch_is_atomic(api: Api, file_id: str) -> None:
    version = api.drive("GET", f"files/{file_id}", fields="version").json()
    insert = {"insertDimension": {"range": rows(0, 5)}}
    refused = api.batch(file_id, insert, {"deleteSheet": {"sheetId": 99}})
    assert refusal(refused) == (400, "INVALID_ARGUMENT", "Invalid requests[1].deleteSheet: No grid with id: 99")
    assert api.sheets("GET", f"/{file_id}").json()["sheets"][0]["properties"]["gridProperties"]["rowCount"] == 1000
    assert api.drive("GET", f"files/{file_id}", fields="version").json() == version


@pytest.mark.parametrize(
    ("request_body", "message"),
    [
        ({}, "Invalid requests[0]: No request set."),
        ({"inserDimension": {}}, "Unknown name \"inserDimension\" at 'requests[0]': Cannot find field."),
        ({"addChart": {}}, "The sandbox doesn't support requests[0].addChart."),
        ({"deleteSheet": {}, "addSheet": {}}, "is already set"),
        (
            {"insertDimension": {"range": rows(0, 1), "oops": 1}},
            "Unknown name \"oops\" at 'requests[0].insert_dimension'",
        ),
        ({"insertDimension": {"range": {"sheetId": 0}}}, "No dimension specified."),
        ({"insertDimension": {"range": rows(3, 2)}}, "range.endIndex[2] must be after range.startIndex[3]"),
        ({"insertDimension": {"range": rows(1001, 1002)}}, "after last row"),
        ({"insertDimension": {"range": rows(0, 1), "inheritFromBefore": True}}, "Cannot inherit from before"),
        ({"insertDimension": {"range": columns(0, 20_000)}}, "more than 18278 columns"),
        ({"insertDimension": {"range": rows(0, 400_000)}}, "above the limit of 10000000 cells"),
        ({"insertDimension": {"range": rows(0, 2_000_000_000)}}, "above the limit of 10000000 cells"),
        ({"addSheet": {"properties": {"gridProperties": {"rowCount": 2_000_000_000}}}}, "above the limit"),
        ({"appendDimension": {"sheetId": 0, "dimension": "ROWS", "length": 2_000_000_000}}, "above the limit"),
        ({"deleteDimension": {"range": rows(0, 1000)}}, "You can't delete all the rows on the sheet."),
        ({"deleteDimension": {"range": rows(1000, 1001)}}, "Cannot delete a row that doesn't exist."),
        ({"moveDimension": {"source": rows(0, 3), "destinationIndex": 2}}, "must not be within"),
        ({"moveDimension": {"source": rows(0, 3), "destinationIndex": 2000}}, "outside of the 1000 rows"),
        ({"appendDimension": {"sheetId": 0, "dimension": "ROWS", "length": 0}}, "length must be greater than 0."),
        ({"addSheet": {"properties": {"title": "sheet1"}}}, 'name "sheet1" already exists'),
        ({"addSheet": {"properties": {"sheetId": 0}}}, "already exists"),
        ({"addSheet": {"properties": {"sheetId": -1}}}, "can't be negative"),
        ({"addSheet": {"properties": {"index": 7}}}, "Invalid index: 7."),
        ({"deleteSheet": {"sheetId": 0}}, "You can't remove all the visible sheets in a document."),
        ({"deleteSheet": {"sheetId": "x"}}, "Invalid value at 'requests[0].delete_sheet.sheet_id' (TYPE_INT32), \"x\""),
        (
            {"updateSheetProperties": {"properties": {"sheetId": 0, "hidden": True}, "fields": "hidden"}},
            "You can't hide all the sheets in a document.",
        ),
        ({"updateSheetProperties": {"properties": {"sheetId": 0}}}, "At least one field must be listed in 'fields'."),
        ({"updateSheetProperties": {"properties": {"title": ""}, "fields": "title"}}, "can't be empty"),
        (
            {
                "updateSheetProperties": {
                    "properties": {"gridProperties": {"rowCount": 0}},
                    "fields": "gridProperties.rowCount",
                }
            },
            "You can't delete all the rows",
        ),
        (
            {
                "updateSheetProperties": {
                    "properties": {"gridProperties": {"frozenRowCount": 1000}},
                    "fields": "gridProperties.frozenRowCount",
                }
            },
            "You can't freeze all the rows",
        ),
        ({"updateCells": {"start": {}, "rows": [], "fields": "a(b"}}, "Invalid field mask 'a(b'"),
        ({"updateCells": {"start": {}, "rows": []}}, "At least one field must be listed in 'fields'."),
        (
            {"updateCells": {"start": {"rowIndex": 5000}, "rows": [{"values": [{}]}], "fields": "*"}},
            "GridCoordinate.rowIndex[5000] is after last row in grid[999]",
        ),
        (
            {"updateCells": {"start": {"rowIndex": 999}, "rows": [{}, {}], "fields": "*"}},
            "Attempting to write row: 1000, beyond the last requested row of: 999",
        ),
        (
            {"appendCells": {"rows": [{"values": [{}] * 27}], "fields": "*"}},
            "Attempting to write column: 26, beyond the last requested column of: 25",
        ),
        ({"updateCells": {"start": {}, "fields": "userEnteredValue.text"}}, "Invalid field: userEnteredValue.text"),
        ({"updateDimensionProperties": {"range": rows(0, 1)}}, "At least one field must be listed in 'fields'."),
        (
            {"updateDimensionProperties": {"range": rows(5000, 5001), "fields": "pixelSize"}},
            "range.startIndex[5000] is after last row in sheet[999]",
        ),
        (
            {
                "updateDimensionProperties": {
                    "range": rows(0, 1),
                    "properties": {"pixelSize": -1},
                    "fields": "pixelSize",
                }
            },
            "It can't be negative.",
        ),
        (
            {
                "updateSheetProperties": {
                    "properties": {"gridProperties": {"frozenRowCount": -1}},
                    "fields": "gridProperties.frozenRowCount",
                }
            },
            "count from 0",
        ),
        ({"findReplace": {"replacement": "x", "allSheets": True}}, "The text to find can't be empty."),
        (
            {"updateSpreadsheetProperties": {"properties": {"timeZone": "Foo/Bar"}, "fields": "timeZone"}},
            "Unsupported time zone: Foo/Bar",
        ),
        (
            {"updateSpreadsheetProperties": {"properties": {"autoRecalc": "HOUR"}, "fields": "autoRecalc"}},
            "properties.autoRecalc",
        ),
        (
            {"updateCells": {"range": area(0, 0, 1, 1), "rows": [{"values": [{}, {}]}], "fields": "*"}},
            "Attempting to write column: 1, beyond the last requested column of: 0",
        ),
        ({"repeatCell": {"range": area(5, 0, 5, 1), "cell": {}, "fields": "*"}}, "The range is empty"),
        ({"repeatCell": {"range": area(5000, 0, 5001, 1), "cell": {}, "fields": "*"}}, "exceeds grid limits"),
        (
            {
                "repeatCell": {
                    "range": area(0, 0, 1, 1),
                    "cell": {"userEnteredValue": {"numberValue": "x"}},
                    "fields": "*",
                }
            },
            "Invalid value at 'requests[0].repeat_cell.cell.user_entered_value.number_value' (TYPE_DOUBLE), \"x\"",
        ),
        ({"sortRange": {"range": area(0, 0, 2, 2), "sortSpecs": [{"dimensionIndex": 5}]}}, "within the range"),
        ({"findReplace": {"find": "x"}}, "No search scope"),
        ({"findReplace": {"find": "(", "searchByRegex": True, "allSheets": True}}, "Invalid regular expression"),
        ({"deleteProtectedRange": {"protectedRangeId": 5}}, "No protected range with id: 5"),
        ({"createDeveloperMetadata": {"developerMetadata": {}}}, "A metadata key must be specified."),
    ],
)
def test_what_is_refused(api: Api, file_id: str, request_body: Any, message: str) -> None:
    before = api.sheets("GET", f"/{file_id}").json()
    status, name, said = refusal(api.batch(file_id, request_body))
    assert (status, name) == (400, "INVALID_ARGUMENT")
    assert message in said
    assert api.sheets("GET", f"/{file_id}").json() == before


def test_an_empty_batch_is_refused(api: Api, file_id: str) -> None:
    assert refusal(api.batch(file_id))[2] == "Must specify at least one request."


def test_formulas_follow_inserted_and_deleted_rows(api: Api, file_id: str) -> None:
    api.write(file_id, "A1", [[1], [2], [3], ["=SUM(A1:A3)"], ["=A2*10"], ["=SUM(A$1:A)"]][:5], "USER_ENTERED")
    api.batch(file_id, {"insertDimension": {"range": rows(1, 2)}})
    assert formulas(api, file_id, "A5:A6") == [["=SUM(A1:A4)"], ["=A3*10"]]
    api.batch(file_id, {"deleteDimension": {"range": rows(2, 3)}})
    assert formulas(api, file_id, "A4:A5") == [["=SUM(A1:A3)"], ["=#REF!*10"]]
    assert api.read(file_id, "A4:A5") == [[4], ["#REF!"]]
    api.batch(file_id, {"insertDimension": {"range": columns(0, 1)}})
    assert formulas(api, file_id, "B4") == [["=SUM(B1:B3)"]]
    api.batch(file_id, {"moveDimension": {"source": rows(0, 1), "destinationIndex": 3}})
    assert api.read(file_id, "B1:B3") == [[], [3], [1]]


def test_an_inserted_row_takes_the_formats_of_the_one_before(api: Api, file_id: str) -> None:
    api.write(file_id, "A1", [["10%"], ["20%"]], "USER_ENTERED")
    api.batch(file_id, {"insertDimension": {"range": rows(1, 2), "inheritFromBefore": True}})
    api.write(file_id, "A2", [[0.15]])
    assert api.read(file_id, "A1:A3", valueRenderOption="FORMATTED_VALUE") == [["10%"], ["15%"], ["20%"]]
    api.batch(file_id, {"insertDimension": {"range": columns(1, 2), "inheritFromBefore": True}})
    api.write(file_id, "B1", [[0.5]])
    assert api.read(file_id, "B1", valueRenderOption="FORMATTED_VALUE") == [["50%"]]


def test_sorting_takes_formulas_along(api: Api, file_id: str) -> None:
    api.write(
        file_id, "A1", [["b", 2, "=B1*10"], ["", 3, "=B2*10"], ["a", 1, "=B3*10"], [5, 4, "=B4*10"]], "USER_ENTERED"
    )
    sort = {"range": area(0, 0, 4, 3), "sortSpecs": [{"dimensionIndex": 0, "sortOrder": "ASCENDING"}]}
    api.batch(file_id, {"sortRange": sort})
    assert api.read(file_id, "A1:C4") == [[5, 4, 40], ["a", 1, 10], ["b", 2, 20], ["", 3, 30]]
    assert formulas(api, file_id, "C1:C4") == [["=B1*10"], ["=B2*10"], ["=B3*10"], ["=B4*10"]]
    sort["sortSpecs"] = [{"dimensionIndex": 2, "sortOrder": "DESCENDING"}]
    api.batch(file_id, {"sortRange": sort})
    assert api.read(file_id, "C1:C4") == [[40], [30], [20], [10]]


def test_update_append_and_repeat_cells(api: Api, file_id: str) -> None:
    cells = [
        {"userEnteredValue": {"stringValue": "=text"}, "note": "n"},
        {"userEnteredValue": {"formulaValue": "=1+1"}},
        {"userEnteredValue": {"boolValue": False}},
    ]
    done(api.batch(file_id, {"updateCells": {"start": {"rowIndex": 1}, "rows": [{"values": cells}], "fields": "*"}}))
    assert api.read(file_id, "A2:C2") == [["=text", 2, False]]
    more = [{"values": [{"userEnteredValue": {"numberValue": 7}}]}]
    done(api.batch(file_id, {"appendCells": {"sheetId": 0, "rows": more, "fields": "userEnteredValue"}}))
    assert api.read(file_id, "A3") == [[7]]
    repeat = {
        "range": area(4, 0, 7, 1),
        "cell": {"userEnteredValue": {"formulaValue": "=B5"}},
        "fields": "userEnteredValue",
    }
    done(api.batch(file_id, {"repeatCell": repeat}))
    assert formulas(api, file_id, "A5:A7") == [["=B5"], ["=B6"], ["=B7"]]
    clear = {"range": area(1, 0, 2, 3), "fields": "userEnteredValue"}
    done(api.batch(file_id, {"updateCells": clear}))
    assert api.read(file_id, "A2:C2") == []
    data = api.sheets("GET", f"/{file_id}", ranges="A2", includeGridData="true").json()["sheets"][0]["data"][0]
    assert data["rowData"] == [{"values": [{"note": "n"}]}]
    assert data["startRow"] == 1


def test_find_replace(api: Api, file_id: str) -> None:
    api.write(file_id, "A1", [["ab", "AB", 12, "=1+1"]], "USER_ENTERED")
    replace = {"find": "(a)b", "replacement": "$1c", "searchByRegex": True, "sheetId": 0}
    assert done(api.batch(file_id, {"findReplace": replace})) == [
        {"findReplace": {"valuesChanged": 2, "rowsChanged": 1, "sheetsChanged": 1, "occurrencesChanged": 2}}
    ]
    replace = {"find": "1", "replacement": "3", "includeFormulas": True, "range": area(0, 0, 1, 4)}
    counts = done(api.batch(file_id, {"findReplace": replace}))[0]["findReplace"]
    assert (counts["valuesChanged"], counts["formulasChanged"], counts["occurrencesChanged"]) == (1, 1, 3)
    assert formulas(api, file_id, "A1:D1") == [["ac", "Ac", 32, "=3+3"]]
    replace = {"find": "AC", "matchCase": True, "matchEntireCell": True, "allSheets": True}
    assert done(api.batch(file_id, {"findReplace": replace})) == [{"findReplace": {}}]


def test_copy_and_cut(api: Api, file_id: str) -> None:
    api.write(file_id, "A1", [[1, "=A1+1"], [2, "=A2+1"]], "USER_ENTERED")
    copy = {"source": area(0, 0, 2, 2), "destination": area(2, 0, 6, 2)}
    done(api.batch(file_id, {"copyPaste": copy}))
    assert formulas(api, file_id, "B3:B6") == [["=A3+1"], ["=A4+1"], ["=A5+1"], ["=A6+1"]]
    values = {"source": area(0, 1, 2, 2), "destination": area(0, 3, 1, 4), "pasteType": "PASTE_VALUES"}
    done(api.batch(file_id, {"copyPaste": values}))
    assert formulas(api, file_id, "D1:D2") == [[2], [3]]
    cut = {"source": area(0, 1, 1, 2), "destination": {"rowIndex": 9, "columnIndex": 5}, "pasteType": "PASTE_NORMAL"}
    done(api.batch(file_id, {"cutPaste": cut}))
    assert formulas(api, file_id, "B1:F10")[-1] == ["", "", "", "", "=A1+1"]


def test_sheets_come_and_go_and_formulas_follow_their_titles(api: Api, file_id: str) -> None:
    added = done(
        api.batch(file_id, {"addSheet": {"properties": {"title": "My data", "gridProperties": {"rowCount": 3}}}})
    )[0]["addSheet"]["properties"]
    assert (added["index"], added["gridProperties"]) == (1, {"rowCount": 3, "columnCount": 26})
    api.write(file_id, "'My data'!A1", [[5]])
    api.write(file_id, "Sheet1!A1", [["='My data'!A1*2"]], "USER_ENTERED")
    assert api.read(file_id, "Sheet1!A1") == [[10]]
    rename = {"properties": {"sheetId": added["sheetId"], "title": "Data"}, "fields": "title"}
    done(api.batch(file_id, {"updateSheetProperties": rename}))
    assert formulas(api, file_id, "Sheet1!A1") == [["=Data!A1*2"]]
    assert api.read(file_id, "Sheet1!A1") == [[10]]
    done(api.batch(file_id, {"deleteSheet": {"sheetId": added["sheetId"]}}))
    assert formulas(api, file_id, "Sheet1!A1") == [["=#REF!*2"]]


def test_hidden_rows_and_columns_are_kept(api: Api, file_id: str) -> None:
    for span in (rows(2, 4), columns(1, 2)):
        update = {
            "range": span,
            "properties": {"hiddenByUser": True, "pixelSize": 50},
            "fields": "hiddenByUser,pixelSize",
        }
        done(api.batch(file_id, {"updateDimensionProperties": update}))
    done(
        api.batch(
            file_id, {"insertDimension": {"range": rows(0, 1)}}, {"autoResizeDimensions": {"dimensions": rows(0, 2)}}
        )
    )
    mask = "sheets.data(rowMetadata(hiddenByUser),columnMetadata/hiddenByUser)"
    data = api.sheets("GET", f"/{file_id}", ranges="A1:C6", fields=mask).json()["sheets"][0]["data"][0]
    assert data["rowMetadata"] == [{}, {}, {}, {"hiddenByUser": True}, {"hiddenByUser": True}, {}]
    assert data["columnMetadata"] == [{}, {"hiddenByUser": True}, {}]


def test_developer_metadata_moves_with_its_column(api: Api, file_id: str) -> None:
    def create(key: str, location: Any) -> Any:
        data = {"metadataKey": key, "metadataValue": "v", "location": location, "visibility": "DOCUMENT"}
        return {"createDeveloperMetadata": {"developerMetadata": data}}

    replies = done(
        api.batch(
            file_id,
            create("column", {"dimensionRange": columns(1, 2)}),
            create("row", {"dimensionRange": rows(4, 5)}),
            create("sheet", {"sheetId": 0}),
            create("all", {"spreadsheet": True}),
        )
    )
    number = replies[0]["createDeveloperMetadata"]["developerMetadata"]["metadataId"]
    assert refusal(api.batch(file_id, create("x", {"dimensionRange": columns(0, 2)})))[0] == 400
    assert refusal(api.batch(file_id, create("x", {"dimensionRange": columns(26, 27)})))[0] == 400
    assert refusal(api.batch(file_id, create("x", {})))[0] == 400
    assert refusal(api.batch(file_id, create("x" * 30_001, {"sheetId": 0})))[0] == 400

    done(api.batch(file_id, {"insertDimension": {"range": columns(0, 1)}}))
    found = api.sheets("GET", f"/{file_id}/developerMetadata/{number}").json()
    assert found["location"] == {
        "locationType": "COLUMN",
        "dimensionRange": {"dimension": "COLUMNS", "startIndex": 2, "endIndex": 3},
    }
    whole = api.sheets("GET", f"/{file_id}", includeGridData="true").json()
    assert whole["developerMetadata"][0]["metadataKey"] == "all"
    assert whole["sheets"][0]["developerMetadata"][0]["metadataKey"] == "sheet"
    assert whole["sheets"][0]["data"][0]["columnMetadata"][2]["developerMetadata"][0]["metadataKey"] == "column"

    def search(**lookup: Any) -> list[str]:
        body = {"dataFilters": [{"developerMetadataLookup": lookup}]}
        answer = api.sheets("POST", f"/{file_id}/developerMetadata:search", body).json()
        return [one["developerMetadata"]["metadataKey"] for one in answer.get("matchedDeveloperMetadata", [])]

    assert search(metadataKey="row") == ["row"]
    assert search(metadataId=number, visibility="DOCUMENT") == ["column"]
    assert search(locationType="SHEET") == ["sheet"]
    assert search(metadataLocation={"sheetId": 0}) == ["sheet"]
    inside = {"metadataLocation": {"sheetId": 0}, "locationMatchingStrategy": "INTERSECTING_LOCATION"}
    assert search(**inside) == ["column", "row", "sheet"]
    assert search(metadataKey="none") == []
    body = {"dataFilters": [{"a1Range": "Sheet1!C1:C2"}, {"gridRange": area(4, 0, 5, 1)}]}
    answer = api.sheets("POST", f"/{file_id}/developerMetadata:search", body).json()
    assert [len(one["dataFilters"]) for one in answer["matchedDeveloperMetadata"]] == [1, 1]

    by_id = {"developerMetadataLookup": {"metadataId": number}}
    update = {
        "dataFilters": [by_id],
        "developerMetadata": {"metadataValue": "new", "location": {"dimensionRange": columns(0, 1)}},
        "fields": "metadataValue,location",
    }
    updated = done(api.batch(file_id, {"updateDeveloperMetadata": update}))
    assert updated[0]["updateDeveloperMetadata"]["developerMetadata"][0]["metadataValue"] == "new"
    done(api.batch(file_id, {"deleteDimension": {"range": columns(0, 1)}}))
    assert api.sheets("GET", f"/{file_id}/developerMetadata/{number}").status_code == 404
    deleted = done(
        api.batch(
            file_id, {"deleteDeveloperMetadata": {"dataFilter": {"developerMetadataLookup": {"metadataKey": "row"}}}}
        )
    )
    assert len(deleted[0]["deleteDeveloperMetadata"]["deletedDeveloperMetadata"]) == 1


def test_protected_cells_refuse_the_whole_batch(sandbox: Sandbox, api: Api) -> None:
    protector = Api(sandbox, "protector@example.com")
    file_id = sandbox.workbook_id("A person's")
    api.write(file_id, "A1", [["kept", "kept"]])
    protect = {"protectedRange": {"range": area(0, 1, 10, 2), "description": "no", "editors": {"users": []}}}
    number = done(protector.batch(file_id, {"addProtectedRange": protect}))[0]["addProtectedRange"]["protectedRange"][
        "protectedRangeId"
    ]
    message = "You are trying to edit a protected cell or object."
    data = [{"range": "A1", "values": [["new"]]}, {"range": "B5", "values": [["new"]]}]
    response = api.sheets("POST", f"/{file_id}/values:batchUpdate", {"valueInputOption": "RAW", "data": data})
    assert refusal(response)[:2] == (400, "INVALID_ARGUMENT")
    assert refusal(response)[2].startswith(f"Invalid data[1]: {message}")
    assert message in refusal(api.batch(file_id, {"deleteDimension": {"range": rows(0, 1)}}))[2]
    assert message in refusal(api.sheets("POST", f"/{file_id}/values/B1:clear"))[2]
    assert api.read(file_id, "A1:B1") == [["kept", "kept"]]
    done(api.batch(file_id, {"insertDimension": {"range": columns(0, 1)}}))
    shown = api.sheets("GET", f"/{file_id}", fields="sheets.protectedRanges").json()["sheets"][0]["protectedRanges"]
    assert shown[0]["range"]["startColumnIndex"] == 2
    assert message in refusal(api.batch(file_id, {"deleteProtectedRange": {"protectedRangeId": number}}))[2]


def test_an_editor_may_write_protected_cells(api: Api, file_id: str) -> None:
    email = "demo@rowcast-sandbox.iam.gserviceaccount.com"
    for protected in (
        {"range": area(0, 0, 9, 9), "editors": {"users": [email]}},
        {"range": {"sheetId": 0}, "warningOnly": True},
    ):
        done(api.batch(file_id, {"addProtectedRange": {"protectedRange": protected}}))
    api.write(file_id, "A1", [["may"]])
    assert api.read(file_id, "A1") == [["may"]]


def test_spreadsheet_properties_and_the_response(api: Api, file_id: str) -> None:
    properties = {"title": "New", "timeZone": "Europe/Berlin", "locale": "de_DE"}
    body = {
        "requests": [{"updateSpreadsheetProperties": {"properties": properties, "fields": "title,timeZone,locale"}}],
        "includeSpreadsheetInResponse": True,
        "responseIncludeGridData": True,
        "responseRanges": ["A1:B2"],
    }
    updated = api.sheets("POST", f"/{file_id}:batchUpdate", body).json()["updatedSpreadsheet"]
    assert {key: updated["properties"][key] for key in properties} == properties
    assert len(updated["sheets"][0]["data"][0]["rowMetadata"]) == 2


def test_duplicated_sheets(api: Api, file_id: str) -> None:
    api.write(file_id, "A1", [["x"]])
    for title in ("Copy of Sheet1", "Copy of Sheet1 2"):
        reply = done(api.batch(file_id, {"duplicateSheet": {"sourceSheetId": 0, "insertSheetIndex": 1}}))
        assert reply[0]["duplicateSheet"]["properties"]["title"] == title
        assert api.read(file_id, f"'{title}'!A1") == [["x"]]
    api.write(file_id, "A1", [["y"]])
    assert api.read(file_id, "'Copy of Sheet1'!A1") == [["x"]]


def test_a_smaller_grid_takes_along_what_is_beyond(api: Api, file_id: str) -> None:
    api.write(file_id, "A1:B3", [["=B3", 1], ["=SUM(B1:B3)", 2], ["", 3]], "USER_ENTERED")
    added = {
        "addNamedRange": {"namedRange": {"name": "gone", "range": area(2, 1, 3, 2)}},
        "addProtectedRange": {"protectedRange": {"range": area(2, 0, 9, 1)}},
        "addDimensionGroup": {"range": rows(1, 5)},
        "setBasicFilter": {"filter": {"range": area(0, 0, 9, 2)}},
    }
    done(api.batch(file_id, *({kind: request} for kind, request in added.items())))
    size = {"properties": {"gridProperties": {"rowCount": 2}}, "fields": "gridProperties.rowCount"}
    done(api.batch(file_id, {"updateSheetProperties": size}))
    assert formulas(api, file_id, "A1:A2") == [["=#REF!"], ["=SUM(B1:B2)"]]
    shown = api.sheets("GET", f"/{file_id}", fields="namedRanges,sheets(protectedRanges,rowGroups,basicFilter)").json()
    assert "namedRanges" not in shown
    (sheet,) = shown["sheets"]
    assert "protectedRanges" not in sheet
    assert sheet["rowGroups"][0]["range"]["endIndex"] == 2
    assert sheet["basicFilter"]["range"]["endRowIndex"] == 2


def test_protected_cells_are_not_cut_off_nor_parted(sandbox: Sandbox, api: Api) -> None:
    protector = Api(sandbox, "protector@example.com")
    file_id = sandbox.workbook_id("A person's")
    protect = {"protectedRange": {"range": area(5, 0, 8, 26)}}
    answer = done(protector.batch(file_id, {"addProtectedRange": protect}))[0]["addProtectedRange"]["protectedRange"]
    assert answer["editors"] == {"users": ["protector@example.com"]}
    shown = api.sheets("GET", f"/{file_id}", fields="sheets.protectedRanges").json()["sheets"][0]["protectedRanges"]
    assert shown[0].keys() == {"protectedRangeId", "range"}
    size = {"properties": {"gridProperties": {"rowCount": 6}}, "fields": "gridProperties.rowCount"}
    for request in ({"updateSheetProperties": size}, {"insertDimension": {"range": rows(6, 7)}}):
        assert "protected cell" in refusal(api.batch(file_id, request))[2]
        done(protector.batch(file_id, request)) if "insertDimension" in request else None
    done(api.batch(file_id, {"insertDimension": {"range": rows(5, 6)}}))
    protector.close()


def test_a_sheet_is_protected_once(api: Api, file_id: str) -> None:
    request = {"addProtectedRange": {"protectedRange": {"range": {"sheetId": 0}}}}
    done(api.batch(file_id, request))
    assert refusal(api.batch(file_id, request))[2].endswith('Sheet "Sheet1" already has sheet protection.')


def test_frozen_rows_follow(api: Api, file_id: str) -> None:
    def frozen() -> int:
        shown = api.sheets("GET", f"/{file_id}", fields="sheets.properties.gridProperties").json()
        return int(shown["sheets"][0]["properties"]["gridProperties"].get("frozenRowCount", 0))

    freeze = {"properties": {"gridProperties": {"frozenRowCount": 2}}, "fields": "gridProperties.frozenRowCount"}
    done(api.batch(file_id, {"updateSheetProperties": freeze}))
    done(api.batch(file_id, {"insertDimension": {"range": rows(1, 2)}}, {"insertDimension": {"range": rows(3, 4)}}))
    assert frozen() == 3
    assert "all non-frozen rows" in refusal(api.batch(file_id, {"deleteDimension": {"range": rows(3, 1002)}}))[2]
    done(api.batch(file_id, {"deleteDimension": {"range": rows(0, 2)}}))
    assert frozen() == 1


def test_appended_rows_keep_what_their_cells_looked_like(api: Api, file_id: str) -> None:
    bold = {"userEnteredFormat": {"textFormat": {"bold": True}}}
    repeat = {"range": area(0, 0, 3, 1), "cell": bold, "fields": "userEnteredFormat.textFormat.bold"}
    append = {"rows": [{"values": [{"userEnteredValue": {"numberValue": 1}}]}], "fields": "userEnteredValue"}
    done(api.batch(file_id, {"repeatCell": repeat}, {"appendCells": append}))
    fields = "sheets.data.rowData.values(userEnteredValue,userEnteredFormat.textFormat.bold)"
    shown = api.sheets("GET", f"/{file_id}", ranges="A1", fields=fields).json()["sheets"][0]["data"][0]["rowData"]
    assert shown == [{"values": [{"userEnteredValue": {"numberValue": 1}, **bold}]}]
