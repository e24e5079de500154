"""`spreadsheets.values` as Google behaves: ranges, options, trailing empties, totals, refusals."""

import pytest

from tests.sandbox.client import Api, refusal


def test_ranges_are_echoed_and_cut(api: Api, file_id: str) -> None:
    api.write(file_id, "A1", [["a", "b"], [], ["c"]])
    for asked, echoed, values in (
        ("Sheet1", "Sheet1!A1:Z1000", [["a", "b"], [], ["c"]]),
        ("A2:2", "Sheet1!A2:Z2", None),
        ("Sheet1!A:B", "Sheet1!A1:B1000", [["a", "b"], [], ["c"]]),
        ("sheet1!1:1", "Sheet1!A1:Z1", [["a", "b"]]),
        ("$A$1:$B$9999", "Sheet1!A1:B1000", [["a", "b"], [], ["c"]]),
        ("B3:A1", "Sheet1!A1:B3", [["a", "b"], [], ["c"]]),
        ("A3", "Sheet1!A3", [["c"]]),
    ):
        answer = api.sheets("GET", f"/{file_id}/values/{asked}").json()
        assert answer["range"] == echoed
        assert answer.get("values") == values
        assert answer["majorDimension"] == "ROWS"


@pytest.mark.parametrize(
    ("asked", "message"),
    [
        ("Nowhere!A1", "Unable to parse range: Nowhere!A1"),
        ("Sheet1!A1:B2:C3", "Unable to parse range: Sheet1!A1:B2:C3"),
        ("Sheet1!", "Unable to parse range: Sheet1!"),
        ("A0", "Unable to parse range: A0"),
        ("'Sheet1!A1", "Unable to parse range: 'Sheet1!A1"),
        ("A1001", "Range (Sheet1!A1001) exceeds grid limits. Max rows: 1000, max columns: 26"),
        ("AB1:AC2", "Range (Sheet1!AB1:AC2) exceeds grid limits. Max rows: 1000, max columns: 26"),
    ],
)
def test_ranges_that_are_refused(api: Api, file_id: str, asked: str, message: str) -> None:
    assert refusal(api.sheets("GET", f"/{file_id}/values/{asked}")) == (400, "INVALID_ARGUMENT", message)


def test_quoted_titles(api: Api, file_id: str) -> None:
    api.batch(file_id, {"addSheet": {"properties": {"title": "It's a/b: 100%"}}})
    done = api.write(file_id, "'It''s a%2Fb: 100%25'!B2", [["x"]])
    assert done["updatedRange"] == "'It''s a/b: 100%'!B2"
    assert api.read(file_id, "'It''s a%2Fb: 100%25'") == [[], ["", "x"]]


def test_render_options(api: Api, file_id: str) -> None:
    api.write(file_id, "A1", [["50%", "2024-01-31", "$1,234.50", "TRUE", "=A1*2", "=1/0", "'007"]], "USER_ENTERED")
    assert api.read(file_id, "A1:G1", valueRenderOption="FORMATTED_VALUE") == [
        ["50%", "2024-01-31", "$1,234.50", "TRUE", "1", "#DIV/0!", "007"]
    ]
    assert api.read(file_id, "A1:G1") == [[0.5, 45322, 1234.5, True, 1, "#DIV/0!", "007"]]
    assert api.read(file_id, "A1:G1", valueRenderOption="FORMULA") == [
        [0.5, 45322, 1234.5, True, "=A1*2", "=1/0", "007"]
    ]
    assert api.read(file_id, "B1", dateTimeRenderOption="FORMATTED_STRING") == [["2024-01-31"]]
    assert api.read(file_id, "A1:B1", majorDimension="COLUMNS") == [[0.5], [45322]]


def test_raw_keeps_text(api: Api, file_id: str) -> None:
    values = [["=1+1", "0042", "TRUE", "1/2/2024", "'x", 3, 2.5, True]]
    api.write(file_id, "A1", values)
    assert api.read(file_id, "A1:H1") == values
    assert api.read(file_id, "A1:H1", valueRenderOption="FORMULA") == values


def test_user_entered_0042_is_42_unless_the_cell_is_text(api: Api, file_id: str) -> None:
    text = {"userEnteredFormat": {"numberFormat": {"type": "TEXT"}}}
    api.batch(
        file_id,
        {
            "repeatCell": {
                "range": {"sheetId": 0, "startColumnIndex": 1, "endColumnIndex": 2},
                "cell": text,
                "fields": "userEnteredFormat.numberFormat",
            }
        },
    )
    api.write(file_id, "A1", [["0042", "0042"]], "USER_ENTERED")
    assert api.read(file_id, "A1:B1") == [[42, "0042"]]


def test_null_skips_and_empty_clears(api: Api, file_id: str) -> None:
    api.write(file_id, "A1", [[1, 2, 3]])
    done = api.write(file_id, "A1", [[None, "", 4]])
    assert done["updatedCells"] == 2
    assert api.read(file_id, "A1:C1") == [[1, "", 4]]


def test_columns_first(api: Api, file_id: str) -> None:
    body = {"values": [[1, 2], [3, None]], "majorDimension": "COLUMNS"}
    assert api.sheets("PUT", f"/{file_id}/values/A1", body, valueInputOption="RAW").ok
    assert api.read(file_id, "A1:B2") == [[1, 3], [2]]


def test_values_must_fit_the_range(api: Api, file_id: str) -> None:
    def write(a1: str, values: list[list[int]]) -> tuple[int, str, str]:
        return refusal(api.sheets("PUT", f"/{file_id}/values/{a1}", {"values": values}, valueInputOption="RAW"))

    assert write("A1:B2", [[1], [2], [3]])[2] == (
        "Requested writing within range [Sheet1!A1:B2], but tried writing to row [3]"
    )
    assert write("A1:B2", [[1, 2, 3]])[2] == (
        "Requested writing within range [Sheet1!A1:B2], but tried writing to column [C]"
    )
    assert write("A1000", [[1], [2]])[2].startswith("Range (Sheet1!A1000:A1001) exceeds grid limits.")
    assert api.read(file_id, "Sheet1") == []


def test_bad_requests_change_nothing(api: Api, file_id: str) -> None:
    def write(body: object, **query: str) -> tuple[int, str, str]:
        return refusal(api.sheets("PUT", f"/{file_id}/values/A1", body, **query))

    assert write({"values": [[1]]})[2] == "'valueInputOption' is required but not specified"
    assert write({"values": [[1]]}, valueInputOption="COOKED")[0] == 400
    struct = write({"values": [[{}]]}, valueInputOption="RAW")
    assert struct[2] == "Invalid values[0][0]: struct_value {\n}\n"
    nested = write({"values": [["a", [1]]]}, valueInputOption="RAW")
    assert nested[2] == "Invalid values[0][1]: list_value {\n  values {\n    number_value: 1.0\n  }\n}\n"
    assert write({"values": [1]}, valueInputOption="RAW")[0] == 400
    assert write({"values": "x"}, valueInputOption="RAW")[0] == 400
    assert write({"valeus": [[1]]}, valueInputOption="RAW")[2] == (
        "Invalid JSON payload received. Unknown name \"valeus\" at 'data': Cannot find field."
    )
    assert write({"values": [["x" * 50_001]]}, valueInputOption="RAW")[2] == (
        "Your input contains more than the maximum of 50000 characters in a single cell."
    )
    other = write({"range": "B1", "values": [[1]]}, valueInputOption="RAW")
    assert other[2] == "Request range[A1] does not match value's range[B1]"
    assert write([1], valueInputOption="RAW")[0] == 400
    assert api.read(file_id, "Sheet1") == []


def test_batch_update_is_all_or_nothing_and_counts_distinct_rows(api: Api, file_id: str) -> None:
    data = [{"range": "A1:B1", "values": [[1, 2]]}, {"range": "B1:B2", "values": [[3], [4]]}]
    done = api.sheets("POST", f"/{file_id}/values:batchUpdate", {"valueInputOption": "RAW", "data": data}).json()
    assert {key: done[key] for key in done if key.startswith("total")} == {
        "totalUpdatedRows": 2,
        "totalUpdatedColumns": 2,
        "totalUpdatedCells": 4,
        "totalUpdatedSheets": 1,
    }
    data = [{"range": "A1", "values": [[9]]}, {"range": "Nowhere!A1", "values": [[9]]}]
    assert (
        api.sheets("POST", f"/{file_id}/values:batchUpdate", {"valueInputOption": "RAW", "data": data}).status_code
        == 400
    )
    assert api.read(file_id, "A1:B2") == [[1, 3], ["", 4]]


def test_values_in_the_response(api: Api, file_id: str) -> None:
    query = {"valueInputOption": "USER_ENTERED", "includeValuesInResponse": "true"}
    done = api.sheets("PUT", f"/{file_id}/values/A1", {"values": [["=1+1"]]}, **query).json()
    assert done["updatedData"] == {"range": "Sheet1!A1", "majorDimension": "ROWS", "values": [["2"]]}


@pytest.mark.parametrize(
    ("before", "asked", "table", "written"),
    [
        ([], "Sheet1", None, "Sheet1!A1:C1"),
        ([["x", "", "y"]], "Sheet1", "Sheet1!C1", "Sheet1!C2:E2"),
        ([["x", "", "y"]], "A1", "Sheet1!A1", "Sheet1!A2:C2"),
        ([["id", "n"], [1, ""], [2, ""]], "Sheet1", "Sheet1!A1:B3", "Sheet1!A4:C4"),
        ([[], ["", "a"], ["", "", "b"]], "Sheet1", "Sheet1!B2:C3", "Sheet1!B4:D4"),
        ([[], [], ["t"]], "A1:B1", None, "Sheet1!A1:C1"),
    ],
)
def test_append_finds_the_table(
    api: Api, file_id: str, before: list[list[object]], asked: str, table: str | None, written: str
) -> None:
    api.write(file_id, "A1", before)
    body = {"values": [[7, 8, 9]]}
    done = api.sheets("POST", f"/{file_id}/values/{asked}:append", body, valueInputOption="RAW").json()
    assert done.get("tableRange") == table
    assert done["updates"]["updatedRange"] == written


def test_append_grows_the_grid_or_inserts(api: Api, file_id: str) -> None:
    api.write(file_id, "A1000", [["last"]])
    query = {"valueInputOption": "RAW"}
    api.sheets("POST", f"/{file_id}/values/Sheet1:append", {"values": [["more"]]}, **query)
    assert api.read(file_id, "A1001") == [["more"]]
    api.write(file_id, "A1", [["a"], ["b"], [""], ["below"]])
    query["insertDataOption"] = "INSERT_ROWS"
    api.sheets("POST", f"/{file_id}/values/A1:append", {"values": [["c"], ["d"]]}, **query)
    assert api.read(file_id, "A1:A6") == [["a"], ["b"], ["c"], ["d"], [], ["below"]]


def test_clear(api: Api, file_id: str) -> None:
    api.write(file_id, "A1", [[1, 2], [3, 4]])
    assert api.sheets("POST", f"/{file_id}/values/A1:A2:clear").json()["clearedRange"] == "Sheet1!A1:A2"
    cleared = api.sheets("POST", f"/{file_id}/values:batchClear", {"ranges": ["B1", "Sheet1!B2:B9"]}).json()
    assert cleared["clearedRanges"] == ["Sheet1!B1", "Sheet1!B2:B9"]
    assert api.read(file_id, "Sheet1") == []


def test_big_numbers_are_doubles(api: Api, file_id: str) -> None:
    api.write(file_id, "A1", [[12345678901234567890, 0.1, 1e21, -0.0]])
    assert api.read(file_id, "A1:D1") == [[1.2345678901234567e19, 0.1, 1e21, 0]]


def test_broken_json_is_refused(api: Api, file_id: str) -> None:
    url = f"https://sheets.googleapis.com/v4/spreadsheets/{file_id}/values/A1?valueInputOption=RAW"
    response = api.session.request("PUT", url, data=b"{", timeout=30)  # type: ignore[no-untyped-call]
    assert refusal(response)[2].startswith("Invalid JSON payload received.")


def test_what_the_sandbox_lacks_says_so(api: Api, file_id: str) -> None:
    status, name, message = refusal(api.batch(file_id, {"addChart": {}}))
    assert (status, name) == (400, "INVALID_ARGUMENT")
    assert "sandbox" in message
    assert "addChart" in message
    assert refusal(api.sheets("GET", f"/{file_id}/nothing/here"))[:2] == (404, "NOT_FOUND")


def test_a_boolean_takes_the_place_of_a_number_that_equals_it(api: Api, file_id: str) -> None:
    api.write(file_id, "A1", [[1]])
    api.write(file_id, "A1", [[True]])
    assert api.read(file_id, "A1") == [[True]]


def test_what_is_0_or_empty_is_left_out(api: Api, file_id: str) -> None:
    only_id = {"spreadsheetId": file_id}
    assert api.sheets("GET", f"/{file_id}/values:batchGet").json() == only_id
    assert api.sheets("POST", f"/{file_id}/values:batchUpdate", {"valueInputOption": "RAW"}).json() == only_id
    query = {"valueInputOption": "INPUT_VALUE_OPTION_UNSPECIFIED"}
    refused = api.sheets("PUT", f"/{file_id}/values/A1", {"values": [[1]]}, **query)
    assert refusal(refused)[2] == "'valueInputOption' is required but not specified"
