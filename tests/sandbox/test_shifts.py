"""Cells inserted and deleted, with what refers to them; and what a few cells begin, continued."""

from typing import Any

import pytest

from tests.sandbox.client import Api, refusal


def area(top: int, left: int, bottom: int, right: int) -> dict[str, int]:
    return {"startRowIndex": top, "startColumnIndex": left, "endRowIndex": bottom, "endColumnIndex": right}


def done(api: Api, file_id: str, *requests: Any) -> Any:
    response = api.batch(file_id, *requests)
    assert response.ok, response.text
    return response.json()["replies"]


def test_inserted_cells_push_those_below(api: Api, file_id: str) -> None:
    api.write(file_id, "A1", [[1, "a"], [2, "b"], [3, "c"]])
    api.write(file_id, "D1", [["=A2", "=SUM(A1:A3)", "=SUM(A1:B3)"]], "USER_ENTERED")
    named = {"name": "two", "range": area(1, 0, 2, 1)}
    done(
        api,
        file_id,
        {"addNamedRange": {"namedRange": named}},
        {"insertRange": {"range": area(1, 0, 3, 1), "shiftDimension": "ROWS"}},
    )
    assert api.read(file_id, "A1:B5") == [[1, "a"], ["", "b"], ["", "c"], [2], [3]]
    formulas = api.read(file_id, "D1:F1", valueRenderOption="FORMULA")[0]
    assert formulas == ["=A4", "=SUM(A1:A5)", "=SUM(A1:B3)"], "what reaches beyond the columns stays"
    assert api.read(file_id, "two") == [[2]]


def test_inserted_cells_push_those_beside_and_the_grid_grows(api: Api, file_id: str) -> None:
    api.write(file_id, "A1", [["a", "b"], ["c", "d"]])
    api.write(file_id, "Z1", [["last"]])
    done(api, file_id, {"insertRange": {"range": area(0, 1, 1, 2), "shiftDimension": "COLUMNS"}})
    assert api.read(file_id, "A1:C2") == [["a", "", "b"], ["c", "d"]]
    assert api.read(file_id, "AA1") == [["last"]]


def test_deleted_cells_are_replaced_from_below_and_beside(api: Api, file_id: str) -> None:
    api.write(file_id, "A1", [[1, "a"], [2, "b"], [3, "c"]])
    api.write(file_id, "D1", [["=A2", "=A3", "=SUM(A1:A3)"]], "USER_ENTERED")
    done(api, file_id, {"deleteRange": {"range": area(1, 0, 2, 1), "shiftDimension": "ROWS"}})
    assert api.read(file_id, "A1:B3") == [[1, "a"], [3, "b"], ["", "c"]]
    assert api.read(file_id, "D1:F1", valueRenderOption="FORMULA")[0] == ["=#REF!", "=A2", "=SUM(A1:A2)"]
    done(api, file_id, {"deleteRange": {"range": area(0, 0, 1, 1), "shiftDimension": "COLUMNS"}})
    assert api.read(file_id, "A1:B1") == [["a"]]


def test_a_merge_is_not_cut(api: Api, file_id: str) -> None:
    api.write(file_id, "A1", [["kept"]])
    done(api, file_id, {"mergeCells": {"range": area(2, 0, 3, 2), "mergeType": "MERGE_ALL"}})
    refused = api.batch(file_id, {"insertRange": {"range": area(0, 0, 1, 1), "shiftDimension": "ROWS"}})
    assert "part of a merged range" in refusal(refused)[2]
    missing = api.batch(file_id, {"deleteRange": {"range": area(0, 0, 1, 1)}})
    assert refusal(missing)[2] == "Invalid requests[0].deleteRange: No dimension specified."
    assert api.read(file_id, "A1") == [["kept"]]


@pytest.mark.parametrize(
    ("begun", "alternate", "filled"),
    [
        ([1], False, [1, 1, 1]),
        ([1], True, [2, 3, 4]),
        ([2, 4], False, [6, 8, 10]),
        ([1, 2, 6], False, [8, 10.5, 13]),
        (["2024-01-30"], False, ["2024-01-31", "2024-02-01", "2024-02-02"]),
        (["2024-01-30"], True, ["2024-01-30"] * 3),
        (["Mon"], False, ["Tue", "Wed", "Thu"]),
        (["November", "December"], False, ["January", "February", "March"]),
        (["Item 9"], False, ["Item 10", "Item 11", "Item 12"]),
        (["Q01", "Q03"], False, ["Q05", "Q07", "Q09"]),
        (["x", "y"], False, ["x", "y", "x"]),
        (["x", 1], False, ["x", 1, "x"]),
    ],
)
def test_series(api: Api, file_id: str, begun: list[Any], alternate: bool, filled: list[Any]) -> None:
    api.write(file_id, "A1", [[one] for one in begun], "USER_ENTERED")
    fill = {"sourceAndDestination": {"source": area(0, 0, len(begun), 1), "dimension": "ROWS", "fillLength": 3}}
    done(api, file_id, {"autoFill": {**fill, "useAlternateSeries": alternate}})
    where = f"A{len(begun) + 1}:A{len(begun) + 3}"
    read = api.read(file_id, where, dateTimeRenderOption="FORMATTED_STRING")
    assert [row[0] for row in read] == filled


def test_formulas_go_along_in_either_direction(api: Api, file_id: str) -> None:
    api.write(file_id, "C3", [["=A1+$B$1", 5]], "USER_ENTERED")
    right = {"source": area(2, 2, 3, 3), "dimension": "COLUMNS", "fillLength": 2}
    done(api, file_id, {"autoFill": {"sourceAndDestination": right}})
    assert api.read(file_id, "C3:E3", valueRenderOption="FORMULA")[0] == ["=A1+$B$1", "=B1+$B$1", "=C1+$B$1"]
    api.write(file_id, "G5", [[7], [8]])
    up = {"source": area(4, 6, 6, 7), "dimension": "ROWS", "fillLength": -3}
    done(api, file_id, {"autoFill": {"sourceAndDestination": up}})
    assert api.read(file_id, "G2:G6") == [[4], [5], [6], [7], [8]]
    beyond = {"source": area(0, 0, 1, 1), "dimension": "ROWS", "fillLength": -1}
    assert "exceeds grid limits" in refusal(api.batch(file_id, {"autoFill": {"sourceAndDestination": beyond}}))[2]


def test_a_range_is_filled_from_its_data(api: Api, file_id: str) -> None:
    api.write(file_id, "A1", [[1, "Jan"], [2, "Feb"]])
    done(api, file_id, {"autoFill": {"range": area(0, 0, 4, 2)}})
    assert api.read(file_id, "A1:B4")[2:] == [[3, "Mar"], [4, "Apr"]]
    assert "no data" in refusal(api.batch(file_id, {"autoFill": {"range": area(10, 0, 14, 2)}}))[2]


def test_paste_kinds(api: Api, file_id: str) -> None:
    bold, border = {"textFormat": {"bold": True}}, {"style": "SOLID"}
    api.write(file_id, "A1", [[1, 2, "=A1+B1"]], "USER_ENTERED")
    rule = {"condition": {"type": "NUMBER_GREATER", "values": [{"userEnteredValue": "0"}]}}
    source = area(0, 0, 1, 3)

    def paste(kind: str, row: int, **more: str) -> Any:
        return {"copyPaste": {"source": source, "destination": area(row, 0, row + 1, 1), "pasteType": kind, **more}}

    done(
        api,
        file_id,
        {"repeatCell": {"range": source, "cell": {"userEnteredFormat": bold}, "fields": "userEnteredFormat"}},
        {"updateBorders": {"range": source, "bottom": border}},
        {"setDataValidation": {"range": source, "rule": rule}},
        paste("PASTE_NORMAL", 4, pasteOrientation="TRANSPOSE"),
        paste("PASTE_NO_BORDERS", 10),
        paste("PASTE_DATA_VALIDATION", 11),
        paste("PASTE_CONDITIONAL_FORMATTING", 12),
    )
    assert api.read(file_id, "A5:A7", valueRenderOption="FORMULA") == [[1], [2], ["=#REF!+#REF!"]]
    cells = "sheets.data.rowData.values(userEnteredValue,userEnteredFormat,dataValidation)"
    shown = api.sheets("GET", f"/{file_id}", ranges="A11:A13", fields=cells).json()["sheets"][0]["data"][0]["rowData"]
    first, second = (row["values"][0] for row in shown)
    assert first["userEnteredFormat"] == bold
    assert second == {"dataValidation": rule}


def test_pasted_html(api: Api, file_id: str) -> None:
    page = """<meta charset=utf-8><table><tr><th colspan=2>Both<th rowspan=2>tall</tr>
        <tr><td>50%<td>two<br>lines</tr><tr><td>&amp; <b>so</b>  on</table>"""
    done(api, file_id, {"pasteData": {"coordinate": {"rowIndex": 1}, "data": page, "html": True}})
    assert api.read(file_id, "A2:C4") == [["Both", "", "tall"], [0.5, "two\nlines"], ["& so on"]]
    done(
        api,
        file_id,
        {"pasteData": {"coordinate": {}, "data": "<p>1</p><p>x</p>", "html": True, "type": "PASTE_VALUES"}},
    )
    assert api.read(file_id, "A1:A2") == [[1], ["x"]]
