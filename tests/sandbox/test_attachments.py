"""What is attached to cells: named ranges, groups, protections; and how a range is named."""

from typing import Any

import pytest

from sandbox.server import Sandbox
from tests.sandbox.client import Api, refusal


def done(response: Any) -> Any:
    assert response.ok, response.text
    return response.json()["replies"]


def grid(top: int, left: int, bottom: int, right: int) -> dict[str, int]:
    return {
        "sheetId": 0,
        "startRowIndex": top,
        "endRowIndex": bottom,
        "startColumnIndex": left,
        "endColumnIndex": right,
    }


def span(dimension: str, start: int, end: int) -> dict[str, Any]:
    return {"sheetId": 0, "dimension": dimension, "startIndex": start, "endIndex": end}


def one_sheet(api: Api, file_id: str, fields: str) -> Any:
    return api.sheets("GET", f"/{file_id}", fields=f"sheets({fields})").json()["sheets"][0]


def test_a_named_range_names_cells_and_follows_them(api: Api, file_id: str) -> None:
    api.write(file_id, "A1", [["a", "b"], ["c", "d"]])
    add = {"addNamedRange": {"namedRange": {"name": "Block", "range": grid(0, 0, 2, 2)}}}
    added = done(api.batch(file_id, add))[0]["addNamedRange"]["namedRange"]
    assert api.read(file_id, "block") == api.read(file_id, "Sheet1!Block") == [["a", "b"], ["c", "d"]]
    assert "already exists" in refusal(api.batch(file_id, add))[2]
    done(api.batch(file_id, {"insertDimension": {"range": span("ROWS", 0, 1)}}))
    shown = api.sheets("GET", f"/{file_id}", fields="namedRanges").json()["namedRanges"]
    assert shown == [
        {
            "namedRangeId": added["namedRangeId"],
            "name": "Block",
            "range": {"startRowIndex": 1, "endRowIndex": 3, "startColumnIndex": 0, "endColumnIndex": 2},
        }
    ]
    change = {"namedRangeId": added["namedRangeId"], "name": "Other", "range": grid(1, 1, 2, 2)}
    done(api.batch(file_id, {"updateNamedRange": {"namedRange": change, "fields": "name,range"}}))
    assert api.read(file_id, "Other") == [["b"]]
    assert refusal(api.sheets("GET", f"/{file_id}/values/Block"))[2] == "Unable to parse range: Block"
    done(api.batch(file_id, {"deleteNamedRange": {"namedRangeId": added["namedRangeId"]}}))
    assert api.sheets("GET", f"/{file_id}", fields="namedRanges").json() == {}


@pytest.mark.parametrize("name", ["", "A1", "R1C1", "TRUE", "1st", "two words"])
def test_what_is_no_name(api: Api, file_id: str, name: str) -> None:
    response = api.batch(file_id, {"addNamedRange": {"namedRange": {"name": name, "range": grid(0, 0, 1, 1)}}})
    assert refusal(response)[:2] == (400, "INVALID_ARGUMENT")
    assert "not a valid name" in refusal(response)[2]


def test_unknown_named_ranges_are_refused(api: Api, file_id: str) -> None:
    update = {"updateNamedRange": {"namedRange": {"namedRangeId": "5", "name": "x"}, "fields": "name"}}
    for request in (update, {"deleteNamedRange": {"namedRangeId": "5"}}):
        assert refusal(api.batch(file_id, request))[2].endswith("No named range with id: 5")


def test_ranges_in_r1c1(api: Api, file_id: str) -> None:
    api.write(file_id, "R2C2", [["b2", "c2"], ["b3", "c3"]])
    assert api.read(file_id, "Sheet1!R2C2:R3C3") == api.read(file_id, "B2:C3") == [["b2", "c2"], ["b3", "c3"]]
    answer = api.sheets("GET", f"/{file_id}/values/R2C2").json()
    assert answer["range"] == "Sheet1!B2"


def test_groups_nest_and_collapse(api: Api, file_id: str) -> None:
    reply: Any = None
    for start, end in ((1, 4), (2, 6)):
        reply = done(api.batch(file_id, {"addDimensionGroup": {"range": span("ROWS", start, end)}}))
    nested = reply[0]["addDimensionGroup"]["dimensionGroups"]
    assert [(g["range"]["startIndex"], g["range"]["endIndex"], g["depth"]) for g in nested] == [(1, 6, 1), (2, 4, 2)]
    group = {"range": span("ROWS", 2, 4), "depth": 2, "collapsed": True}
    done(api.batch(file_id, {"updateDimensionGroup": {"dimensionGroup": group, "fields": "collapsed"}}))
    done(api.batch(file_id, {"insertDimension": {"range": span("ROWS", 0, 1)}}))
    shown = one_sheet(api, file_id, "rowGroups,data.rowMetadata.hiddenByUser")
    assert [bool(row) for row in shown["data"][0]["rowMetadata"][:6]] == [False, False, False, True, True, False]
    assert [(g["range"]["startIndex"], g.get("collapsed", False)) for g in shown["rowGroups"]] == [
        (2, False),
        (3, True),
    ]
    for start, end in ((2, 7), (3, 5)):
        reply = done(api.batch(file_id, {"deleteDimensionGroup": {"range": span("ROWS", start, end)}}))
    assert reply == [{"deleteDimensionGroup": {}}]
    assert "no group" in refusal(api.batch(file_id, {"deleteDimensionGroup": {"range": span("ROWS", 0, 1)}}))[2]
    missing = {"range": span("COLUMNS", 0, 2), "depth": 1}
    request = {"updateDimensionGroup": {"dimensionGroup": missing, "fields": "collapsed"}}
    assert "no group" in refusal(api.batch(file_id, request))[2]


def test_only_editors_and_the_owner_write_protected_cells(sandbox: Sandbox, api: Api, file_id: str) -> None:
    sandbox.service_account_info("writer@example.com")
    writer = Api(sandbox, "writer@example.com")
    share = {"type": "user", "role": "writer", "emailAddress": "writer@example.com"}
    assert api.drive("POST", f"files/{file_id}/permissions", share).ok
    protect = {"protectedRange": {"range": {"sheetId": 0}, "unprotectedRanges": [grid(0, 0, 5, 1)]}}
    added = done(api.batch(file_id, {"addProtectedRange": protect}))[0]["addProtectedRange"]["protectedRange"]
    assert added["requestingUserCanEdit"]
    assert added["editors"] == {}

    def write(who: Api, a1: str) -> Any:
        return who.sheets("PUT", f"/{file_id}/values/{a1}", {"values": [["x"]]}, valueInputOption="RAW")

    assert write(api, "B1").ok
    assert write(writer, "A5").ok
    assert "protected cell" in refusal(write(writer, "B1"))[2]
    number = added["protectedRangeId"]
    delete = {"deleteProtectedRange": {"protectedRangeId": number}}
    assert "protected cell" in refusal(writer.batch(file_id, delete))[2]
    seen = writer.sheets("GET", f"/{file_id}", fields="sheets.protectedRanges").json()["sheets"][0]["protectedRanges"]
    assert "requestingUserCanEdit" not in seen[0]
    change = {"protectedRangeId": number, "editors": {"users": ["writer@example.com"]}, "description": "theirs"}
    done(
        api.batch(file_id, {"updateProtectedRange": {"protectedRange": change, "fields": "editors.users,description"}})
    )
    assert write(writer, "B1").ok
    assert refusal(api.batch(file_id, {"deleteProtectedRange": {"protectedRangeId": 5}}))[2].endswith("with id: 5")
    done(writer.batch(file_id, delete))
    writer.close()


def test_colors_are_shown_twice(api: Api, file_id: str) -> None:
    cyan = {"green": 1, "blue": 1}
    cell = {"userEnteredFormat": {"backgroundColor": cyan, "textFormat": {"foregroundColorStyle": {"rgbColor": cyan}}}}
    fields = "userEnteredFormat(backgroundColor,textFormat.foregroundColorStyle)"
    done(api.batch(file_id, {"repeatCell": {"range": grid(0, 0, 1, 1), "cell": cell, "fields": fields}}))
    data = one_sheet(api, file_id, "data.rowData.values.userEnteredFormat")["data"][0]
    shown = data["rowData"][0]["values"][0]["userEnteredFormat"]
    both = {"rgbColor": cyan}
    assert shown["backgroundColor"] == cyan
    assert shown["backgroundColorStyle"] == both
    assert shown["textFormat"] == {"foregroundColor": cyan, "foregroundColorStyle": both}
    theme = {"userEnteredFormat": {"backgroundColorStyle": {"themeColor": "ACCENT5"}}}
    fields = "userEnteredFormat.backgroundColorStyle"
    done(api.batch(file_id, {"repeatCell": {"range": grid(0, 0, 1, 1), "cell": theme, "fields": fields}}))
    data = one_sheet(api, file_id, "data.rowData.values.userEnteredFormat")["data"][0]
    shown = data["rowData"][0]["values"][0]["userEnteredFormat"]
    assert shown["backgroundColorStyle"] == {"themeColor": "ACCENT5"}
    assert shown["backgroundColor"]["green"] == 0.42745098


def test_columns_become_as_wide_as_their_text(api: Api, file_id: str) -> None:
    api.write(file_id, "A1", [["A" * 1024, "b"]])
    done(api.batch(file_id, {"autoResizeDimensions": {"dimensions": span("COLUMNS", 0, 3)}}))
    widths = [c["pixelSize"] for c in one_sheet(api, file_id, "data.columnMetadata")["data"][0]["columnMetadata"]]
    assert widths[0] > 1024
    assert widths[1] < 100
    assert widths[2] == 100
