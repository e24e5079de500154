"""Data validation: strict rules hold people off, programs write past them, as at Google."""

from typing import Any

import httpx
import pytest

from sandbox.server import Sandbox
from tests.loopback import LOOPBACK
from tests.sandbox.client import Api, refusal
from tests.sandbox.test_shifts import area, done


def rule(kind: str, *values: str, strict: bool = True) -> dict[str, Any]:
    given = {"values": [{"userEnteredValue": value} for value in values]} if values else {}
    return {"condition": {"type": kind, **given}, "strict": strict, "inputMessage": "Choose."}


def type_in(sandbox: Sandbox, file_id: str, *rows: list[Any], where: str = "B2") -> httpx.Response:
    body = {"spreadsheet": file_id, "worksheet": "Sheet1", "range": where, "values": rows}
    return httpx.post(f"{sandbox.url}/_sandbox/edit", json=body, **LOOPBACK)


@pytest.mark.parametrize(
    ("given", "good", "bad"),
    [
        (rule("ONE_OF_LIST", "Yes", "No"), "yes", "perhaps"),
        (rule("ONE_OF_RANGE", "=Sheet1!A1:A2"), "first", "third"),
        (rule("NUMBER_BETWEEN", "1", "10"), "5", "11"),
        (rule("NUMBER_GREATER", "1"), "=1+1", "=1+0"),
        (rule("DATE_AFTER", "2024-01-31"), "2024-02-01", "2024-01-31"),
        (rule("TEXT_IS_EMAIL"), "ada@example.com", "ada"),
        (rule("BOOLEAN"), "TRUE", "maybe"),
        (rule("CUSTOM_FORMULA", "=AND(B2>1,ISODD(B2))"), "3", "4"),
        (rule("CUSTOM_FORMULA", "=LEN($A$1)=LEN(B2)"), "12345", "1234"),
        (rule("NUMBER_LESS", "=LEN(A1)"), "4", "5"),
    ],
)
def test_a_strict_rule(sandbox: Sandbox, api: Api, file_id: str, given: Any, good: str, bad: str) -> None:
    api.write(file_id, "A1", [["first"], ["second"]])
    done(api, file_id, {"setDataValidation": {"range": area(1, 1, 2, 2), "rule": given}})
    assert type_in(sandbox, file_id, [good]).status_code == 200
    kept = api.read(file_id, "B2")
    refused = type_in(sandbox, file_id, [bad])
    assert (refused.status_code, refused.json()["error"]) == (
        400,
        "The data you entered in cell B2 violates the data validation rules set on this cell. Choose.",
    )
    assert type_in(sandbox, file_id, [bad], where="D2").status_code == 200, "it has no rule"
    assert type_in(sandbox, file_id, ["a", "b"], ["c", bad], where="A1").status_code == 400
    assert api.read(file_id, "B2") == kept
    assert type_in(sandbox, file_id, [""]).status_code == 200, "a cell may always be emptied"
    api.write(file_id, "B2", [[bad]], "USER_ENTERED")
    assert api.read(file_id, "B2", valueRenderOption="FORMULA")[0][0] != ""


def test_a_rules_formula_goes_along_with_its_cells(sandbox: Sandbox, api: Api, file_id: str) -> None:
    api.write(file_id, "A2", [[1], [5]])
    given = rule("CUSTOM_FORMULA", "=B2>A2")
    done(
        api,
        file_id,
        {"setDataValidation": {"range": area(1, 1, 3, 2), "rule": given}},
        {"copyPaste": {"source": area(2, 1, 3, 2), "destination": area(3, 1, 4, 2), "pasteType": "PASTE_NORMAL"}},
    )
    assert type_in(sandbox, file_id, ["2"]).status_code == 200
    assert type_in(sandbox, file_id, ["2"], where="B3").status_code == 400
    assert type_in(sandbox, file_id, ["6"], where="B3").status_code == 200
    assert type_in(sandbox, file_id, ["-1"], where="B4").status_code == 400, "A4 is empty: 0"
    assert type_in(sandbox, file_id, ["1"], where="B4").status_code == 200


def test_rules_and_filters_follow_rows_and_titles(api: Api, file_id: str) -> None:
    api.write(file_id, "A1", [["n", "m"], [1, 2], [3, 4]])
    criteria = {"0": {"condition": {"type": "CUSTOM_FORMULA", "values": [{"userEnteredValue": "=A2<B2"}]}}}
    done(
        api,
        file_id,
        {"setDataValidation": {"range": area(1, 1, 2, 2), "rule": rule("CUSTOM_FORMULA", "=B2>A2")}},
        {"setDataValidation": {"range": area(1, 2, 2, 3), "rule": rule("ONE_OF_RANGE", "=Sheet1!A2:A3")}},
        {"setDataValidation": {"range": area(1, 3, 2, 4), "rule": rule("ONE_OF_RANGE", "Sheet1!A2:A3")}},
        {"setBasicFilter": {"filter": {"range": area(0, 0, 3, 2), "criteria": criteria}}},
        {"insertDimension": {"range": {"sheetId": 0, "dimension": "ROWS", "startIndex": 1, "endIndex": 2}}},
        {"updateSheetProperties": {"properties": {"sheetId": 0, "title": "New"}, "fields": "title"}},
    )
    fields = "sheets(data.rowData.values.dataValidation.condition.values,basicFilter.criteria)"
    shown = api.sheets("GET", f"/{file_id}", ranges="B3:D3", fields=fields).json()["sheets"][0]
    values = [cell["dataValidation"]["condition"]["values"] for cell in shown["data"][0]["rowData"][0]["values"]]
    assert values == [[{"userEnteredValue": text}] for text in ("=B3>A3", "=New!A3:A4", "New!A3:A4")]
    assert shown["basicFilter"]["criteria"]["0"]["condition"]["values"] == [{"userEnteredValue": "=A3<B3"}]


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({}, "No condition specified in the data validation rule."),
        (rule("NUMBER_BETWEEN", "1"), "NUMBER_BETWEEN needs 2 ConditionValues, it has 1."),
        (rule("BLANK"), "Data validation has no conditions of the type BLANK."),
        (rule("NUMBER_GREATER", "many"), "Invalid ConditionValue.userEnteredValue: many"),
    ],
)
def test_rules_that_are_refused(api: Api, file_id: str, given: Any, message: str) -> None:
    request = {"setDataValidation": {"range": area(1, 1, 2, 2), "rule": given}}
    assert refusal(api.batch(file_id, request)) == (
        400,
        "INVALID_ARGUMENT",
        f"Invalid requests[0].setDataValidation: {message}",
    )


def test_a_rule_that_only_warns(sandbox: Sandbox, api: Api, file_id: str) -> None:
    given = rule("ONE_OF_LIST", "Yes", strict=False)
    done(api, file_id, {"setDataValidation": {"range": area(1, 1, 2, 2), "rule": given}})
    assert type_in(sandbox, file_id, ["perhaps"]).status_code == 200
    assert api.read(file_id, "B2") == [["perhaps"]]


def test_rows_that_a_filter_hides_are_passed_over(api: Api, file_id: str) -> None:
    api.write(file_id, "A1", [["head"], ["hidden"], ["shown"]])
    cells = {"sheetId": 0, "endRowIndex": 3, "endColumnIndex": 1}
    hide = {"filter": {"range": cells, "criteria": {"0": {"hiddenValues": ["hidden"]}}}}
    rule = {"condition": {"type": "ONE_OF_LIST", "values": [{"userEnteredValue": "x"}]}}
    validation = {"range": cells, "rule": rule}
    assert api.batch(file_id, {"setBasicFilter": hide}, {"setDataValidation": validation}).ok

    def ruled() -> list[bool]:
        fields = "sheets.data.rowData.values.dataValidation"
        shown = api.sheets("GET", f"/{file_id}", ranges="A1:A3", fields=fields).json()
        return ["values" in row for row in shown["sheets"][0]["data"][0]["rowData"]]

    assert ruled() == [True, False, True]
    assert api.batch(file_id, {"setDataValidation": {**validation, "filteredRowsIncluded": True}}).ok
    assert ruled() == [True, True, True]
