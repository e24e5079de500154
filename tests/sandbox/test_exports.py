"""A spreadsheet as CSV, TSV and XLSX, and made from the first two."""

import io
from datetime import datetime

import openpyxl
import pytest
from requests import Response

from tests.sandbox.client import Api, refusal


def upload(api: Api, file_id: str, query: dict[str, str], kind: str, body: bytes) -> Response:
    url = f"https://www.googleapis.com/upload/drive/v3/files/{file_id}"
    headers = {"Content-Type": kind}
    sent = api.session.request("PATCH", url, params=query, data=body, headers=headers)  # type: ignore[no-untyped-call]
    assert isinstance(sent, Response)
    return sent


def test_the_first_sheet_as_text(api: Api, file_id: str) -> None:
    api.write(file_id, "B2", [["a,b", 'say "x"', "50%"], ["=1/4", "", "two\nlines"]], "USER_ENTERED")
    csv = api.drive("GET", f"files/{file_id}/export", mimeType="text/csv")
    assert csv.headers["Content-Type"].startswith("text/csv")
    assert csv.content.decode() == ',,,\r\n,"a,b","say ""x""",50%\r\n,0.25,,"two\nlines"'
    tsv = api.drive("GET", f"files/{file_id}/export", mimeType="text/tab-separated-values")
    assert tsv.content.decode() == '\t\t\t\r\n\ta,b\tsay "x"\t50%\r\n\t0.25\t\ttwo lines'


def test_an_empty_sheet_and_what_cannot_be_exported(api: Api, file_id: str) -> None:
    assert api.drive("GET", f"files/{file_id}/export", mimeType="text/csv").content == b""
    response = api.drive("GET", f"files/{file_id}/export", mimeType="image/png")
    assert refusal(response)[0::2] == (400, "The requested conversion is not supported.")
    assert refusal(api.drive("GET", f"files/{file_id}/export"))[2] == "Required parameter: mimeType"
    assert api.drive("GET", "files/none/export", mimeType="text/csv").status_code == 404


def test_an_upload_takes_the_contents_place(api: Api, file_id: str) -> None:
    api.write(file_id, "A1", [["old"]])
    body = b'id,when\r\n1,2024-01-31\r\n"a""b",x\r\n'
    sent = upload(api, file_id, {"uploadType": "media"}, "text/csv", body)
    assert sent.json()["id"] == file_id
    sheets = api.sheets("GET", f"/{file_id}", fields="sheets.properties").json()["sheets"]
    assert [one["properties"]["title"] for one in sheets] == ["Test"]
    assert sheets[0]["properties"]["sheetId"] != 0
    assert api.read(file_id, "Test") == [["id", "when"], [1, 45322], ['a"b', "x"]]


@pytest.mark.parametrize(
    ("query", "kind", "body", "message"),
    [
        ({"uploadType": "multipart"}, "text/csv", b"a", "Malformed multipart body"),
        ({}, "text/csv", b"a", "Invalid upload type"),
        ({"uploadType": "media"}, "image/png", b"a", "uploads of the type image/png"),
        ({"uploadType": "media"}, "text/csv", b"\xff\xfe", "no UTF-8 text"),
    ],
)
def test_uploads_that_are_refused(
    api: Api, file_id: str, query: dict[str, str], kind: str, body: bytes, message: str
) -> None:
    api.write(file_id, "A1", [["old"]])
    sent = upload(api, file_id, query, kind, body)
    assert refusal(sent)[0] == 400
    assert message in refusal(sent)[2]
    assert api.read(file_id, "A1") == [["old"]]


def test_the_whole_as_an_excel_file(api: Api, file_id: str) -> None:
    """Read back by another library: its formulas, and the values that are kept beside them."""
    api.write(
        file_id, "A1", [["id", "when", "'=no"], [1, "2024-01-31", "50%"], [True, "=A2+1", "=1/0"]], "USER_ENTERED"
    )
    long = "a title that is longer than Excel has it"
    bold = {
        "range": {"startRowIndex": 0, "endRowIndex": 1},
        "cell": {"userEnteredFormat": {"textFormat": {"bold": True}}},
    }
    freeze = {"properties": {"gridProperties": {"frozenRowCount": 1}}, "fields": "gridProperties.frozenRowCount"}
    named = {"name": "ids", "range": {"endColumnIndex": 1, "endRowIndex": 3}}
    merged = {"startRowIndex": 4, "endRowIndex": 5, "startColumnIndex": 0, "endColumnIndex": 2}
    done = api.batch(
        file_id,
        {"addSheet": {"properties": {"title": long, "hidden": True}}},
        {"repeatCell": {**bold, "fields": "userEnteredFormat"}},
        {"updateSheetProperties": freeze},
        {"mergeCells": {"range": merged, "mergeType": "MERGE_ALL"}},
        {"addNamedRange": {"namedRange": named}},
    )
    assert done.ok, done.text
    api.write(file_id, "A5", [["merged"]])
    kind = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"
    exported = api.drive("GET", f"files/{file_id}/export", mimeType=kind)
    assert exported.headers["Content-Type"] == kind
    formulas = openpyxl.load_workbook(io.BytesIO(exported.content))
    assert formulas.sheetnames == ["Sheet1", long[:31]]
    assert formulas[long[:31]].sheet_state == "hidden"
    assert formulas.defined_names["ids"].attr_text == "Sheet1!$A$1:$A$3"
    page = formulas["Sheet1"]
    assert [[cell.value for cell in row] for row in page["A1:C3"]] == [
        ["id", "when", "=no"],
        [1, datetime(2024, 1, 31), 0.5],  # noqa: DTZ001 - a day has no zone
        [True, "=A2+1", "=1/0"],
    ]
    assert [page[name].data_type for name in ("C1", "B3")] == ["s", "f"]
    assert (page["B2"].number_format, page["C2"].number_format) == ("yyyy-mm-dd", "0%")
    assert (page["A1"].font.bold, page.freeze_panes) == (True, "A2")
    assert ([str(one) for one in page.merged_cells.ranges], page["A5"].value) == (["A5:B5"], "merged")
    results = openpyxl.load_workbook(io.BytesIO(exported.content), data_only=True)["Sheet1"]
    assert (results["B3"].value, results["C3"].value) == (2, "#DIV/0!")
