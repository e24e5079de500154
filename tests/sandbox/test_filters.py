"""Filters: rows that are hidden, rows that are sorted, views that are kept."""

from typing import Any

import pytest

from sandbox.workbook.cells import CellError, Effective
from sandbox.workbook.conditions import Condition, holds
from tests.sandbox.client import Api, refusal

RANGE = {"sheetId": 0, "startRowIndex": 0, "endRowIndex": 5, "startColumnIndex": 0, "endColumnIndex": 2}


def condition(kind: str, *values: str) -> dict[str, Any]:
    return {"type": kind, "values": [{"userEnteredValue": value} for value in values]}


def hidden(api: Api, file_id: str) -> list[int]:
    answer = api.sheets("GET", f"/{file_id}", fields="sheets.data.rowMetadata.hiddenByFilter").json()
    rows = answer["sheets"][0]["data"][0]["rowMetadata"]
    return [index for index, row in enumerate(rows) if row.get("hiddenByFilter")]


@pytest.fixture
def table(api: Api, file_id: str) -> str:
    api.write(file_id, "A1", [["name", "n"], ["b", 2], ["a", 10], ["c", 3], ["a", ""]])
    return file_id


def test_a_filter_hides_rows_until_it_is_cleared(api: Api, table: str) -> None:
    specs = [
        {"columnIndex": 0, "filterCriteria": {"hiddenValues": ["c"]}},
        {"columnIndex": 1, "filterCriteria": {"condition": condition("NUMBER_GREATER", "2")}},
    ]
    assert api.batch(table, {"setBasicFilter": {"filter": {"range": RANGE, "filterSpecs": specs}}}).ok
    assert hidden(api, table) == [1, 3, 4]
    shown = api.sheets("GET", f"/{table}", fields="sheets.basicFilter").json()["sheets"][0]["basicFilter"]
    assert shown["filterSpecs"] == specs
    assert shown["criteria"] == {"0": specs[0]["filterCriteria"], "1": specs[1]["filterCriteria"]}
    insert = {"sheetId": 0, "dimension": "COLUMNS", "startIndex": 0, "endIndex": 1}
    assert api.batch(table, {"insertDimension": {"range": insert}}).ok
    shown = api.sheets("GET", f"/{table}", fields="sheets.basicFilter").json()["sheets"][0]["basicFilter"]
    assert [spec["columnIndex"] for spec in shown["filterSpecs"]] == [1, 2]
    assert api.batch(table, {"clearBasicFilter": {"sheetId": 0}}).ok
    assert hidden(api, table) == []


def test_a_filter_by_formula_asks_each_row(api: Api, table: str) -> None:
    """The formula is one for the first row below the header; a value may be a formula, too."""
    by_formula = {"0": {"condition": condition("CUSTOM_FORMULA", '=AND($B2>E$1,A2<>"c")'), "hiddenValues": ["b"]}}
    api.write(table, "E1", [[1]])
    assert api.batch(table, {"setBasicFilter": {"filter": {"range": RANGE, "criteria": by_formula}}}).ok
    assert hidden(api, table) == [1, 3, 4]
    by_value = {"1": {"condition": condition("NUMBER_GREATER", "=E1+1")}}
    assert api.batch(table, {"setBasicFilter": {"filter": {"range": RANGE, "criteria": by_value}}}).ok
    assert hidden(api, table) == [1, 4]


def test_a_filter_sorts_below_its_header(api: Api, table: str) -> None:
    sorts = [{"dimensionIndex": 1, "sortOrder": "DESCENDING"}]
    assert api.batch(table, {"setBasicFilter": {"filter": {"range": RANGE, "sortSpecs": sorts}}}).ok
    assert api.read(table, "A1:B5") == [["name", "n"], ["a", 10], ["c", 3], ["b", 2], ["a"]]


def test_filter_views_hide_nothing(api: Api, table: str) -> None:
    criteria = {"0": {"hiddenValues": ["a"]}}
    add = {"addFilterView": {"filter": {"title": "No a", "range": RANGE, "criteria": criteria}}}
    view = api.batch(table, add).json()["replies"][0]["addFilterView"]["filter"]
    assert hidden(api, table) == []
    number = view["filterViewId"]
    copy = api.batch(table, {"duplicateFilterView": {"filterId": number}}).json()["replies"][0]
    assert copy["duplicateFilterView"]["filter"]["title"] == "Copy of No a"
    change = {"filterViewId": number, "title": "No b", "criteria": {"0": {"hiddenValues": ["b"]}}}
    assert api.batch(table, {"updateFilterView": {"filter": change, "fields": "title,criteria"}}).ok
    views = api.sheets("GET", f"/{table}", fields="sheets.filterViews").json()["sheets"][0]["filterViews"]
    assert [(one["title"], one["criteria"]["0"]["hiddenValues"]) for one in views] == [
        ("No b", ["b"]),
        ("Copy of No a", ["a"]),
    ]
    assert views[0]["range"] == view["range"]
    assert api.batch(table, {"deleteFilterView": {"filterId": number}}).ok
    assert refusal(api.batch(table, {"deleteFilterView": {"filterId": number}}))[2].endswith(f"with id: {number}")


@pytest.mark.parametrize(
    ("criteria", "message"),
    [
        ({"5": {"hiddenValues": []}}, "outside of its range"),
        ({"0": {"condition": condition("NUMBER_BETWEEN", "1")}}, "NUMBER_BETWEEN needs 2 ConditionValues, it has 1."),
        ({"0": {"condition": condition("NUMBER_EQ", "one")}}, "Invalid ConditionValue.userEnteredValue: one"),
        ({"0": {"condition": condition("NO_SUCH")}}, "Invalid value at"),
        ({"0": {"condition": condition("ONE_OF_RANGE", "=A1")}}, "no conditions of the type ONE_OF_RANGE"),
    ],
)
def test_filters_that_are_refused(api: Api, table: str, criteria: Any, message: str) -> None:
    response = api.batch(table, {"setBasicFilter": {"filter": {"range": RANGE, "criteria": criteria}}})
    assert refusal(response)[:2] == (400, "INVALID_ARGUMENT")
    assert message in refusal(response)[2]


@pytest.mark.parametrize(
    ("kind", "values", "value", "expected"),
    [
        ("NUMBER_BETWEEN", ("1", "3"), 3.0, True),
        ("NUMBER_NOT_BETWEEN", ("1", "3"), 3.0, False),
        ("NUMBER_LESS_THAN_EQ", ("50%",), 0.5, True),
        ("NUMBER_NOT_EQ", ("1",), "text", True),
        ("NUMBER_EQ", ("1",), "1", False),
        ("NUMBER_EQ", ("1",), CellError("NA", "#N/A"), False),
        ("TEXT_CONTAINS", ("B",), "abc", True),
        ("TEXT_NOT_CONTAINS", ("b",), "abc", False),
        ("TEXT_ENDS_WITH", ("c",), "abc", True),
        ("TEXT_EQ", ("ABC",), "abc", True),
        ("TEXT_IS_EMAIL", (), "a@b.example", True),
        ("TEXT_IS_URL", (), "b.example", False),
        ("DATE_AFTER", ("2024-01-31",), 45322.5, False),
        ("DATE_AFTER", ("2024-01-31",), 45323.0, True),
        ("DATE_ON_OR_BEFORE", ("2024-01-31",), 45322.5, True),
        ("DATE_IS_VALID", (), "x", False),
        ("BLANK", (), None, True),
        ("NOT_BLANK", (), 0.0, True),
    ],
)
def test_conditions(kind: str, values: tuple[str, ...], value: Effective, expected: bool) -> None:
    shown = "" if value is None else value.text if isinstance(value, CellError) else str(value)
    assert holds(Condition(kind, values), value, shown) is expected
