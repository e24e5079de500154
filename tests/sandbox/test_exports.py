"""A spreadsheet as CSV and TSV, and made from them."""

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
        ({"uploadType": "multipart"}, "text/csv", b"a", "uploads other than uploadType=media"),
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
