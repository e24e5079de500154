"""Requests that can't be carried out: the status, Google's name of it and the message, the fields that are at fault,
and nothing changed. The words are those of Google's answers that were recorded or quoted in public."""

import re
from typing import Any

import pytest
from requests import Response

from sandbox.google.batch import LACKING
from sandbox.server import Sandbox
from tests.sandbox.checked import unchecked
from tests.sandbox.client import Api, refusal

Asked = dict[str, Any]
INVALID, ROWS = "INVALID_ARGUMENT", {"sheetId": 0, "dimension": "ROWS"}
PUT: Asked = {"method": "PUT", "path": "/{file}/values/A1", "query": {"valueInputOption": "RAW"}}
BATCH: Asked = {"method": "POST", "path": "/{file}:batchUpdate", "query": {}}
GET: Asked = {"method": "GET", "path": "/{file}/values/A1", "query": {}, "body": None}


def put(body: Any, **query: str) -> Asked:
    return {**PUT, "body": body, "query": {**PUT["query"], **query}}


def batch(*requests: Any) -> Asked:
    return {**BATCH, "body": {"requests": list(requests)}}


def get(where: str, **query: str) -> Asked:
    return {**GET, "path": f"/{{file}}{where}", "query": query}


def call(api: Api, file_id: str, asked: Asked) -> Response:
    path = asked["path"].format(file=file_id)
    return api.sheets(asked["method"], path, asked["body"], **asked["query"])


# What was asked; status, its name, the message as a pattern.
CASES = {
    "an unknown range": (get("/values/Nowhere!A1"), 400, INVALID, r"Unable to parse range: Nowhere!A1"),
    "a malformed range": (get("/values/A0"), 400, INVALID, r"Unable to parse range: A0"),
    "a range outside of the grid": (
        get("/values/A2000"),
        400,
        INVALID,
        r"Range \(Sheet1!A2000\) exceeds grid limits\. Max rows: 1000, max columns: 26",
    ),
    "an unknown sheet": (batch({"deleteSheet": {"sheetId": 7}}), 400, INVALID, r".*deleteSheet: No grid with id: 7"),
    "an unknown file": (
        {**GET, "path": "/no-such-file/values/A1"},
        404,
        "NOT_FOUND",
        r"Requested entity was not found\.",
    ),
    "an unknown method": (
        {**GET, "path": "/{file}/nothing/A1"},
        404,
        "NOT_FOUND",
        r"The requested URL",
    ),
    "an unknown range among several": (
        {
            "method": "POST",
            "path": "/{file}/values:batchUpdate",
            "query": {},
            "body": {
                "valueInputOption": "RAW",
                "data": [{"range": "A1", "values": [["new"]]}, {"range": "No!A1", "values": [["new"]]}],
            },
        },
        400,
        INVALID,
        r"Invalid data\[1\]: Unable to parse range: No!A1",
    ),
    "a text too long": (
        put({"values": [["new", "x" * 50_001]]}),
        400,
        INVALID,
        r"Your input contains more than the maximum of 50000 characters in a single cell\.",
    ),
    "a grid too large": (
        batch({"appendDimension": {**ROWS, "length": 500_000}}),
        400,
        INVALID,
        r"Invalid requests\[0\]\.appendDimension: This action would increase the number of cells .* 10000000 cells\.",
    ),
    "sheets too large together": (
        batch(*({"addSheet": {"properties": {"gridProperties": {"rowCount": 200_000}}}} for _ in range(2))),
        400,
        INVALID,
        r"Invalid requests\[1\]\.addSheet: This action would increase the number of cells .* 10000000 cells\.",
    ),
    "too many columns": (
        batch({"appendDimension": {"sheetId": 0, "dimension": "COLUMNS", "length": 20_000}}),
        400,
        INVALID,
        r"Invalid requests\[0\]\.appendDimension: .*18278 columns",
    ),
    "no option": (
        {**PUT, "body": {"values": [["new"]]}, "query": {}},
        400,
        INVALID,
        r"'valueInputOption' is required but not specified",
    ),
    "no request": (batch(), 400, INVALID, r"Must specify at least one request\."),
    "an empty request": (batch({}), 400, INVALID, r"Invalid requests\[0\]: No request set\."),
    "no mask": (
        batch({"repeatCell": {"range": {"sheetId": 0}, "cell": {}}}),
        400,
        INVALID,
        r"Invalid requests\[0\]\.repeatCell: At least one field must be listed in 'fields'\. .*",
    ),
    "an object for a value": (
        put({"values": [["new", {"a": "b"}]]}),
        400,
        INVALID,
        r'Invalid values\[0\]\[1\]: struct_value \{\n  fields \{\n    key: "a"\n    value \{\n .* "b"\n',
    ),
    "a request that fails after others": (
        batch(
            {"updateCells": {"start": {}, "rows": [{"values": [{"note": "new"}]}], "fields": "note"}},
            {"deleteDimension": {"range": {**ROWS, "startIndex": 5, "endIndex": 2}}},
        ),
        400,
        INVALID,
        r"Invalid requests\[1\]\.deleteDimension: .*",
    ),
}


def state(api: Api, file_id: str) -> Any:
    shown = api.sheets("GET", f"/{file_id}", ranges="A1:Z9", fields="sheets(properties,data.rowData)").json()
    return shown, api.drive("GET", f"files/{file_id}", fields="version,modifiedTime").json()


@pytest.mark.parametrize("name", CASES)
def test_what_is_refused_says_why_and_changes_nothing(api: Api, file_id: str, name: str) -> None:
    asked, *expected, pattern = CASES[name]
    before = state(api, file_id)
    status, called, message = refusal(call(api, file_id, asked))
    assert [status, called] == expected
    assert re.match(pattern, message, re.DOTALL)
    assert state(api, file_id) == before


def unknown(name: str, at: str, why: str = "Cannot find field.") -> tuple[str, str]:
    place = f" at '{at}'" if at else ""
    return at, f'Invalid JSON payload received. Unknown name "{name}"{place}: {why}'


def wrong(at: str, kind: str, shown: str) -> tuple[str, str]:
    return at, f"Invalid value at '{at}' ({kind}), {shown}"


GOOGLE = "type.googleapis.com/google"
LIST, SHEETS = f"{GOOGLE}.protobuf.ListValue", f"{GOOGLE}.apps.sheets.v4"
SHEET_ID, LEGEND = "requests[0].delete_sheet.sheet_id", "requests[0].add_chart.chart.spec.pie_chart.legend_position"
# What was asked, and each place that is at fault with what is said of it.
VIOLATIONS = {
    "an unknown field": (put({"valeus": [["new"]]}), [unknown("valeus", "data")]),
    "an unknown field of the request itself": ({**BATCH, "body": {"oops": 1}}, [unknown("oops", "")]),
    "an unknown kind": (batch({"DeleteRange": {}}), [unknown("DeleteRange", "requests[0]")]),
    "an unknown field within": (
        batch({"updateSheetProperties": {"properties": {"headerValues": []}, "fields": "title"}}),
        [unknown("headerValues", "requests[0].update_sheet_properties.properties")],
    ),
    "all at once": (
        put({"oops": 1, "majorDimension": "DIAGONALS", "range": 7}),
        [
            unknown("oops", "data"),
            wrong("data.major_dimension", f"{SHEETS}.Dimension", '"DIAGONALS"'),
            wrong("data.range", "TYPE_STRING", "7"),
        ],
    ),
    "a text for values": (put({"values": "X"}), [wrong("data.values", LIST, '"X"')]),
    "a text for a row": (put({"values": ["A"]}), [wrong("data.values[0]", LIST, '"A"')]),
    "a text for a number": (batch({"deleteSheet": {"sheetId": "x"}}), [wrong(SHEET_ID, "TYPE_INT32", '"x"')]),
    "a number too large": (batch({"deleteSheet": {"sheetId": 2**31}}), [wrong(SHEET_ID, "TYPE_INT32", str(2**31))]),
    "a text for a boolean": (
        {**BATCH, "body": {"includeSpreadsheetInResponse": "perhaps"}},
        [wrong("include_spreadsheet_in_response", "TYPE_BOOL", '"perhaps"')],
    ),
    "a text for a request": (
        batch("repeatCell"),
        [wrong("requests[0]", f"{SHEETS}.BatchUpdateSpreadsheetRequest.Request", '"repeatCell"')],
    ),
    "a list for an object": (
        batch({"deleteSheet": [{"sheetId": 0}]}),
        [unknown("deleteSheet", "requests[0]", "Proto field is not repeating, cannot start list.")],
    ),
    "two kinds at once": (
        batch({"addSheet": {}, "deleteSheet": {"sheetId": 0}}),
        [wrong("requests[0]", "oneof", "oneof field 'kind' is already set. Cannot set 'deleteSheet'")],
    ),
    "a place of the legend that is none": (
        batch({"addChart": {"chart": {"spec": {"pieChart": {"legendPosition": "NONE"}}}}}),
        [wrong(LEGEND, f"{SHEETS}.PieChartSpec.PieChartLegendPosition", '"NONE"')],
    ),
    "a wrong option": (
        put({}, valueInputOption="COOKED"),
        [wrong("value_input_option", f"{SHEETS}.ValueInputOption", '"COOKED"')],
    ),
    "an unknown parameter": (
        get("/values/A1", oops="1"),
        [unknown("oops", "", "Cannot bind query parameter. Field 'oops' could not be found in request message.")],
    ),
}


@pytest.mark.parametrize("name", VIOLATIONS)
def test_fields_at_fault_are_named(api: Api, file_id: str, name: str) -> None:
    asked, violations = VIOLATIONS[name]
    before = state(api, file_id)
    response = call(api, file_id, asked)
    assert refusal(response) == (400, INVALID, "\n".join(text for _, text in violations))
    assert response.json()["error"]["details"] == [
        {
            "@type": "type.googleapis.com/google.rpc.BadRequest",
            "fieldViolations": [
                {"field": at, "description": text} if at else {"description": text} for at, text in violations
            ],
        }
    ]
    assert state(api, file_id) == before


@pytest.mark.parametrize(
    ("text", "said"),
    [
        (
            '{"values": [[1',
            'Unexpected end of string. Expected , or ] after array value.\n{"values": [[1\n              ^',
        ),
        ('{"values": [[1}', 'Expected , or ] after array value.\n{"values": [[1}\n              ^'),
        ('{"values": oops}', 'Unexpected token.\n{"values": oops}\n           ^'),
        ("{values: 1}", "Expected an object key or }.\n{values: 1}\n ^"),
        ('{"a" 1}', 'Expected : between key:value pair.\n{"a" 1}\n     ^'),
        ('{"a": 1 "b": 2}', 'Expected , or } after key:value pair.\n{"a": 1 "b": 2}\n        ^'),
        *((text, 'Unknown name "": Root element must be a message.') for text in ("[]", "[1]", "null", '"text"', "7")),
    ],
)
def test_what_is_no_json(api: Api, file_id: str, text: str, said: str) -> None:
    url = f"https://sheets.googleapis.com/v4/spreadsheets/{file_id}:batchUpdate"
    headers = {"Content-Type": "application/json"}
    before = state(api, file_id)
    response = api.session.request("POST", url, data=text, headers=headers)  # type: ignore[no-untyped-call]
    assert refusal(response) == (400, INVALID, f"Invalid JSON payload received. {said}")
    assert state(api, file_id) == before


@pytest.mark.parametrize("text", ["", "{}"])
def test_nothing_is_an_empty_message(api: Api, file_id: str, text: str) -> None:
    url = f"https://sheets.googleapis.com/v4/spreadsheets/{file_id}"
    headers = {"Content-Type": "application/json"}
    before = state(api, file_id)
    response = api.session.request("POST", f"{url}:batchUpdate", data=text, headers=headers)  # type: ignore[no-untyped-call]
    assert refusal(response) == (400, INVALID, "Must specify at least one request.")
    assert state(api, file_id) == before
    read = api.session.request("POST", f"{url}:getByDataFilter", data=text, headers=headers)  # type: ignore[no-untyped-call]
    assert read.json()["spreadsheetId"] == file_id


def test_a_mask_of_what_the_answer_never_has(api: Api, file_id: str) -> None:
    response = api.sheets("GET", f"/{file_id}", fields="sheets(properties(titel))")
    assert refusal(response) == (400, INVALID, "Request contains an invalid argument.")
    assert response.json()["error"]["details"][0]["fieldViolations"] == [
        {
            "field": "sheets.properties.titel",
            "description": "Error expanding 'fields' parameter. Cannot find matching fields for path "
            "'sheets.properties.titel'.",
        }
    ]


def test_both_spellings_and_loose_types_are_taken() -> None:
    """As protobuf's reader takes them, beyond what the discovery document says."""
    with Sandbox(watch=unchecked) as sandbox:
        api = Api(sandbox)
        _loose(api, api.sheets("POST", "", {}).json()["spreadsheetId"])
        api.close()


def _loose(api: Api, file_id: str) -> None:
    request = {"update_sheet_properties": {"properties": {"sheet_id": "0", "title": "Renamed"}, "fields": "title"}}
    body = {"requests": request, "include_spreadsheet_in_response": "true", "responseRanges": None}
    answer = api.sheets("POST", f"/{file_id}:batchUpdate", body)
    assert answer.json()["updatedSpreadsheet"]["sheets"][0]["properties"]["title"] == "Renamed"
    columns = {"majorDimension": 2, "values": [["a", "b"]]}
    assert api.sheets("PUT", f"/{file_id}/values/A1", columns, valueInputOption="RAW").ok
    assert api.read(file_id, "A1:B2") == [["a"], ["b"]]


def test_what_a_spreadsheet_cannot_be_created_with_is_said(api: Api) -> None:
    created = api.sheets("POST", "", {"sheets": [{"charts": []}]})
    assert "The sandbox doesn't support sheets[0].charts" in refusal(created)[2]


@pytest.mark.parametrize("kind", sorted(LACKING))
def test_each_kind_that_the_sandbox_lacks_is_said(api: Api, file_id: str, kind: str) -> None:
    before = state(api, file_id)
    note = {"updateCells": {"start": {}, "rows": [{"values": [{"note": "new"}]}], "fields": "note"}}
    status, name, message = refusal(api.batch(file_id, note, {kind: {}}))
    assert (status, name) == (400, INVALID)
    assert message.startswith(f"The sandbox doesn't support requests[1].{kind}.")
    assert state(api, file_id) == before
