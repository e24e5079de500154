"""Google's own Python client, unchanged but for the address: as its users write it."""

import asyncio
import io
from collections.abc import Iterator
from typing import Any

import httplib2
import pytest
from google.oauth2.credentials import Credentials
from google.oauth2.service_account import Credentials as ServiceAccount
from google_auth_httplib2 import AuthorizedHttp
from googleapiclient.discovery import build
from googleapiclient.errors import HttpError
from googleapiclient.http import MediaIoBaseDownload, MediaIoBaseUpload

from sandbox.accounts import DEMO_ACCOUNT, SCOPES
from sandbox.server import Sandbox
from tests.sandbox.receiver import receiving
from tests.sandbox.test_oauth import consent

SPREADSHEET = "application/vnd.google-apps.spreadsheet"


class Redirected(httplib2.Http):  # type: ignore[misc]
    """Sends what is meant for Google to the sandbox."""

    def __init__(self, url: str) -> None:
        super().__init__(timeout=30, proxy_info=None)
        self._url = url
        self._copies: list[Redirected] = []

    def __deepcopy__(self, _memo: object) -> "Redirected":
        """google-auth looks regional limits up with a copy of its own, which nobody would close."""
        copy = Redirected(self._url)
        self._copies.append(copy)
        return copy

    def close(self) -> None:
        for one in self._copies:
            one.close()
        super().close()

    def request(self, uri: str, *args: Any, **kwargs: Any) -> Any:
        return super().request(self._url + "/" + uri.split("/", 3)[3], *args, **kwargs)


class Services:
    """Sheets and Drive of the demo's service account."""

    def __init__(self, url: str, info: dict[str, str]) -> None:
        held = ServiceAccount.from_service_account_info(info, scopes=SCOPES)  # type: ignore[no-untyped-call]
        self.http = AuthorizedHttp(held, http=Redirected(url))
        self.sheets = build("sheets", "v4", http=self.http, static_discovery=True)
        self.drive = build("drive", "v3", http=self.http, static_discovery=True)


@pytest.fixture
def services(sandbox: Sandbox) -> Iterator[Services]:
    made = Services(sandbox.url, sandbox.service_account_info(DEMO_ACCOUNT))
    yield made
    made.http.close()


@pytest.fixture
def book(services: Services) -> str:
    body = {"properties": {"title": "Orders"}, "sheets": [{"properties": {"title": "All"}}]}
    return str(services.sheets.spreadsheets().create(body=body).execute()["spreadsheetId"])


def test_values(services: Services, book: str) -> None:
    values = services.sheets.spreadsheets().values()
    rows = [["id", "when"], [1, "2024-01-31"], [2, "=A2*2"]]
    written = values.update(
        spreadsheetId=book, range="All!A1", valueInputOption="USER_ENTERED", body={"values": rows}
    ).execute()
    assert (written["updatedRange"], written["updatedCells"]) == ("All!A1:B3", 6)
    values.append(spreadsheetId=book, range="A1", valueInputOption="RAW", body={"values": [[3]]}).execute()
    values.batchUpdate(
        spreadsheetId=book,
        body={
            "valueInputOption": "RAW",
            "data": [{"range": "D1", "values": [["x"]]}, {"range": "E1", "values": [["y"]]}],
        },
    ).execute()
    read = values.get(spreadsheetId=book, range="A1:B4", valueRenderOption="UNFORMATTED_VALUE").execute()
    assert read["values"] == [["id", "when"], [1, 45322], [2, 2], [3]]
    both = values.batchGet(spreadsheetId=book, ranges=["All!A1", "D1:E1"]).execute()
    assert [one["values"] for one in both["valueRanges"]] == [[["id"]], [["x", "y"]]]
    values.clear(spreadsheetId=book, range="D1").execute()
    values.batchClear(spreadsheetId=book, body={"ranges": ["E1"]}).execute()
    assert "values" not in values.get(spreadsheetId=book, range="D1:E1").execute()


def test_batch_update_and_metadata(services: Services, book: str) -> None:
    spreadsheets = services.sheets.spreadsheets()
    answer = spreadsheets.batchUpdate(
        spreadsheetId=book,
        body={
            "requests": [
                {"addSheet": {"properties": {"title": "New"}}},
                {"createDeveloperMetadata": {"developerMetadata": {
                    "metadataKey": "k", "metadataValue": "v", "visibility": "DOCUMENT",
                    "location": {"spreadsheet": True},
                }}},
            ],
            "includeSpreadsheetInResponse": True,
        },
    ).execute()  # fmt: skip
    assert [sheet["properties"]["title"] for sheet in answer["updatedSpreadsheet"]["sheets"]] == ["All", "New"]
    sheet_id = answer["updatedSpreadsheet"]["sheets"][0]["properties"]["sheetId"]
    key = answer["replies"][1]["createDeveloperMetadata"]["developerMetadata"]["metadataId"]
    metadata = spreadsheets.developerMetadata()
    assert metadata.get(spreadsheetId=book, metadataId=key).execute()["metadataValue"] == "v"
    lookup = {"dataFilters": [{"developerMetadataLookup": {"metadataKey": "k"}}]}
    assert len(metadata.search(spreadsheetId=book, body=lookup).execute()["matchedDeveloperMetadata"]) == 1
    copied = spreadsheets.sheets().copyTo(
        spreadsheetId=book, sheetId=sheet_id, body={"destinationSpreadsheetId": book}
    ).execute()  # fmt: skip
    assert copied["title"] == "Copy of All"


def test_files(services: Services) -> None:
    files = services.drive.files()
    made = files.create(body={"name": "Made by Drive", "mimeType": SPREADSHEET}, fields="id,version").execute()
    found = files.list(q="name = 'Made by Drive'", fields="files(id,name)").execute()["files"]
    assert found == [{"id": made["id"], "name": "Made by Drive"}]
    sheet = services.sheets.spreadsheets().values()
    sheet.update(spreadsheetId=made["id"], range="A1", valueInputOption="RAW", body={"values": [["a", 1]]}).execute()
    assert files.export(fileId=made["id"], mimeType="text/csv").execute() == b"a,1"
    downloaded = io.BytesIO()
    download = MediaIoBaseDownload(downloaded, files.export_media(fileId=made["id"], mimeType="text/csv"))
    while not download.next_chunk()[1]:
        continue
    assert downloaded.getvalue() == b"a,1"
    copy = files.copy(fileId=made["id"], body={"name": "Copy"}).execute()
    share = {"type": "user", "role": "reader", "emailAddress": "ada@example.com"}
    services.drive.permissions().create(fileId=copy["id"], body=share).execute()
    files.delete(fileId=copy["id"]).execute()
    with pytest.raises(HttpError) as refused:
        files.get(fileId=copy["id"]).execute()
    assert (refused.value.status_code, refused.value.reason) == (404, f"File not found: {copy['id']}.")
    assert refused.value.error_details == [
        {
            "message": f"File not found: {copy['id']}.",
            "domain": "global",
            "reason": "notFound",
            "location": "fileId",
            "locationType": "parameter",
        }
    ]


@pytest.mark.parametrize("resumable", [False, True])
def test_uploads(services: Services, resumable: bool) -> None:
    """With metadata they are sent in two parts, or in two calls."""
    media = MediaIoBaseUpload(io.BytesIO(b"id,name\n1,Ada"), mimetype="text/csv", resumable=resumable)
    body = {"name": "Imported", "mimeType": SPREADSHEET}
    made = services.drive.files().create(body=body, media_body=media, fields="id,name,mimeType").execute()
    assert (made["name"], made["mimeType"]) == ("Imported", SPREADSHEET)
    read = services.sheets.spreadsheets().values().get(spreadsheetId=made["id"], range="A1:B2").execute()
    assert read["values"] == [["id", "name"], ["1", "Ada"]]
    media = MediaIoBaseUpload(io.BytesIO(b"x"), mimetype="text/csv", resumable=resumable)
    services.drive.files().update(fileId=made["id"], body={"name": "Again"}, media_body=media).execute()
    assert services.drive.files().export(fileId=made["id"], mimeType="text/csv").execute() == b"x"
    assert services.drive.files().get(fileId=made["id"]).execute()["name"] == "Again"


async def test_changes_and_channels(services: Services, book: str) -> None:
    changes, files = services.drive.changes(), services.drive.files()
    token = (await asyncio.to_thread(changes.getStartPageToken().execute))["startPageToken"]
    async with receiving() as receiver:
        channel = {"id": "one", "type": "web_hook", "address": receiver.url, "token": "t"}
        opened = await asyncio.to_thread(files.watch(fileId=book, body=channel).execute)
        await asyncio.to_thread(files.update(fileId=book, body={"name": "Renamed"}).execute)
        states = [(await asyncio.wait_for(receiver.calls.get(), 60))[0] for _ in range(2)]
        assert [headers["x-goog-resource-state"] for headers in states] == ["sync", "update"]
        assert {headers["x-goog-channel-token"] for headers in states} == {"t"}
        stop = {"id": "one", "resourceId": opened["resourceId"]}
        await asyncio.to_thread(services.drive.channels().stop(body=stop).execute)
    listed = await asyncio.to_thread(changes.list(pageToken=token).execute)
    assert [change["fileId"] for change in listed["changes"]] == [book]


def test_errors_come_with_googles_reason(services: Services, book: str) -> None:
    spreadsheets = services.sheets.spreadsheets()
    with pytest.raises(HttpError) as refused:
        spreadsheets.batchUpdate(spreadsheetId=book, body={"requests": [{"DeleteRange": {}}]}).execute()
    message = "Invalid JSON payload received. Unknown name \"DeleteRange\" at 'requests[0]': Cannot find field."
    assert (refused.value.status_code, refused.value.reason) == (400, message)
    assert refused.value.error_details[0]["fieldViolations"] == [{"field": "requests[0]", "description": message}]
    with pytest.raises(HttpError, match="Unable to parse range: Nowhere!A1"):
        spreadsheets.values().get(spreadsheetId=book, range="Nowhere!A1").execute()
    with pytest.raises(HttpError, match=r"Requested entity was not found\.") as missing:
        spreadsheets.get(spreadsheetId="none").execute()
    assert missing.value.status_code == 404


def test_calls_in_a_batch(services: Services) -> None:
    """What Drive takes in one request; each is answered for itself."""
    answers: dict[str, Any] = {}
    services.drive.about().get(fields="user").execute()  # without a token the batch makes a client of its own
    batch = services.drive.new_batch_http_request(
        callback=lambda name, answer, error: answers.update({name: error.status_code if error else answer["name"]})
    )
    made = services.drive.files().create(body={"name": "In a batch", "mimeType": SPREADSHEET}, fields="name")
    batch.add(made, request_id="made")
    batch.add(services.drive.files().get(fileId="none"), request_id="missing")
    batch.execute()
    assert answers == {"made": "In a batch", "missing": 404}


def test_another_address_is_all_that_it_takes(sandbox: Sandbox) -> None:
    """The client's own option, and a person's credentials as its sign-in leaves them."""
    info = consent(sandbox)
    held = Credentials(  # type: ignore[no-untyped-call]
        None, **{name: info[name] for name in ("refresh_token", "token_uri", "client_id", "client_secret", "scopes")}
    )
    sheets = build(
        "sheets", "v4", credentials=held, client_options={"api_endpoint": sandbox.url}, static_discovery=True
    )
    drive = build(
        "drive",
        "v3",
        credentials=held,
        client_options={"api_endpoint": f"{sandbox.url}/drive/v3/"},
        static_discovery=True,
    )
    made = sheets.spreadsheets().create(body={"properties": {"title": "Hers"}}).execute()
    assert drive.files().get(fileId=made["spreadsheetId"], fields="owners(emailAddress)").execute() == {
        "owners": [{"emailAddress": "grace@example.com"}]
    }
    sheets.close()
    drive.close()


def test_a_call_with_a_long_address(services: Services, book: str) -> None:
    """The client sends it as a POST, and says in a header that a GET is meant."""
    values = services.sheets.spreadsheets().values()
    values.update(spreadsheetId=book, range="All!A1", valueInputOption="RAW", body={"values": [["x"]]}).execute()
    read = values.batchGet(spreadsheetId=book, ranges=[f"All!A{row}" for row in range(1, 301)]).execute()
    assert (len(read["valueRanges"]), read["valueRanges"][0]["values"]) == (300, [["x"]])
    query = " or ".join(f"name = 'Orders {number}'" for number in range(200)) + " or name = 'Orders'"
    assert [one["name"] for one in services.drive.files().list(q=query).execute()["files"]] == ["Orders"]
