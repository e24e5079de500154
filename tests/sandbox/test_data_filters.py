"""The methods by DataFilter."""

from typing import Any

from tests.sandbox.client import Api, refusal

COLUMN = {"developerMetadataLookup": {"metadataKey": "n"}}
FIRST_ROW = {"gridRange": {"sheetId": 0, "startRowIndex": 0, "endRowIndex": 1}}


def with_metadata(api: Api, file_id: str) -> None:
    api.write(file_id, "A1", [["name", "n"], ["a", 1]])
    where = {"dimensionRange": {"sheetId": 0, "dimension": "COLUMNS", "startIndex": 1, "endIndex": 2}}
    data = {"metadataKey": "n", "location": where, "visibility": "DOCUMENT"}
    assert api.batch(file_id, {"createDeveloperMetadata": {"developerMetadata": data}}).ok


def post(api: Api, path: str, body: Any) -> Any:
    response = api.sheets("POST", path, body)
    assert response.ok, response.text
    return response.json()


def test_values_are_read_written_and_cleared(api: Api, file_id: str) -> None:
    with_metadata(api, file_id)
    filters = [COLUMN, FIRST_ROW, {"a1Range": "B:B"}]
    found = post(api, f"/{file_id}/values:batchGetByDataFilter", {"dataFilters": filters, "majorDimension": "COLUMNS"})
    assert [(one["valueRange"]["values"], one["dataFilters"]) for one in found["valueRanges"]] == [
        ([["n", "1"]], [COLUMN, {"a1Range": "B:B"}]),
        ([["name"], ["n"]], [FIRST_ROW]),
    ]
    body = {
        "valueInputOption": "USER_ENTERED",
        "includeValuesInResponse": True,
        "data": [{"dataFilter": COLUMN, "majorDimension": "COLUMNS", "values": [["m", "50%"]]}],
    }
    done = post(api, f"/{file_id}/values:batchUpdateByDataFilter", body)
    assert (done["totalUpdatedCells"], done["responses"][0]["dataFilter"]) == (2, COLUMN)
    assert api.read(file_id, "A1:B2") == [["name", "m"], ["a", 0.5]]
    cleared = post(api, f"/{file_id}/values:batchClearByDataFilter", {"dataFilters": [COLUMN]})
    assert cleared["clearedRanges"] == ["Sheet1!B1:B1000"]
    assert api.read(file_id, "A1:B2") == [["name"], ["a"]]


def test_a_spreadsheet_by_filter(api: Api, file_id: str) -> None:
    with_metadata(api, file_id)
    assert api.batch(file_id, {"addSheet": {"properties": {"title": "Other"}}}).ok
    body = {"dataFilters": [COLUMN], "includeGridData": True}
    found = post(api, f"/{file_id}:getByDataFilter", body)
    assert [sheet["properties"]["title"] for sheet in found["sheets"]] == ["Sheet1"]
    assert found["sheets"][0]["data"][0]["startColumn"] == 1
    assert len(post(api, f"/{file_id}:getByDataFilter", {})["sheets"]) == 2


def test_a_wrong_filter_changes_nothing(api: Api, file_id: str) -> None:
    with_metadata(api, file_id)
    data = [{"dataFilter": COLUMN, "values": [["new"]]}, {"dataFilter": {"a1Range": "No!A1"}, "values": [["x"]]}]
    response = api.sheets(
        "POST", f"/{file_id}/values:batchUpdateByDataFilter", {"valueInputOption": "RAW", "data": data}
    )
    assert refusal(response) == (400, "INVALID_ARGUMENT", "Unable to parse range: No!A1")
    assert api.read(file_id, "B1") == [["n"]]


def test_a_mask_asks_for_cells_by_itself(api: Api, file_id: str) -> None:
    api.write(file_id, "A1", [["x"]])
    fields = "sheets.data.rowData.values.formattedValue"
    shown = api.sheets("POST", f"/{file_id}:getByDataFilter", {"dataFilters": [{"a1Range": "A1"}]}, fields=fields)
    assert shown.json() == {"sheets": [{"data": [{"rowData": [{"values": [{"formattedValue": "x"}]}]}]}]}
