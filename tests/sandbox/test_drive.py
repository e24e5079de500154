"""Drive v3: files found, renamed, shared, trashed; versions and changes that move with every edit."""

from typing import Any

from sandbox.accounts import PERSON
from sandbox.server import Sandbox
from tests.sandbox.client import Api, refusal


def test_version_and_time_move_with_every_change(api: Api, file_id: str) -> None:
    def version() -> int:
        shown = api.drive("GET", f"files/{file_id}", fields="version,modifiedTime,trashed").json()
        assert set(shown) == {"version", "modifiedTime", "trashed"}
        return int(shown["version"])

    seen = [version()]
    api.write(file_id, "A1", [[1]])
    seen.append(version())
    bold = {"userEnteredFormat": {"textFormat": {"bold": True}}}
    repeat = {"range": {"endRowIndex": 1, "endColumnIndex": 1}, "cell": bold, "fields": "userEnteredFormat"}
    api.batch(file_id, {"repeatCell": repeat})
    seen.append(version())
    metadata = {"metadataKey": "k", "location": {"spreadsheet": True}, "visibility": "DOCUMENT"}
    api.batch(file_id, {"createDeveloperMetadata": {"developerMetadata": metadata}})
    seen.append(version())
    api.drive("PATCH", f"files/{file_id}", {"name": "Renamed"})
    seen.append(version())
    assert seen == sorted(set(seen))
    api.read(file_id, "A1")
    assert version() == seen[-1]
    assert api.sheets("GET", f"/{file_id}").json()["properties"]["title"] == "Renamed"


def test_changes_since_a_token(api: Api, file_id: str) -> None:
    def token() -> str:
        return str(api.drive("GET", "changes/startPageToken").json()["startPageToken"])

    def changes(since: str, **query: Any) -> Any:
        return api.drive("GET", "changes", pageToken=since, **query).json()

    start = token()
    assert changes(start)["changes"] == []
    other = api.drive("POST", "files", {"name": "Other"}).json()["id"]
    api.write(file_id, "A1", [[1]])
    api.write(file_id, "A1", [[2]])
    found = changes(start, fields="newStartPageToken,changes(fileId,removed,file(version))")
    assert [change["fileId"] for change in found["changes"]] == [other, file_id]
    assert set(found["changes"][0]) == {"fileId", "removed", "file"}
    assert found["newStartPageToken"] == token()
    page = changes(start, pageSize=1)
    assert [change["fileId"] for change in page["changes"]] == [other]
    assert [change["fileId"] for change in changes(page["nextPageToken"])["changes"]] == [file_id]
    api.drive("DELETE", f"files/{other}")
    last = changes(found["newStartPageToken"])["changes"]
    assert [(change["fileId"], change["removed"]) for change in last] == [(other, True)]
    assert refusal(api.drive("GET", "changes"))[2] == "Required parameter: pageToken"
    assert refusal(api.drive("GET", "changes", pageToken="x"))[0] == 400


def test_search(api: Api, file_id: str) -> None:
    def names(query: str, **more: Any) -> list[str]:
        return [file["name"] for file in api.drive("GET", "files", q=query, **more).json()["files"]]

    assert names("name = 'Test'") == ["Test"]
    assert names("name contains 'em'") == [], "a word must begin so"
    assert names("name contains 'de' and mimeType = 'application/vnd.google-apps.spreadsheet'") == ["Demo"]
    assert names("mimeType != 'application/vnd.google-apps.spreadsheet'") == []
    assert names('name="Test" and trashed = false and "root" in parents') == ["Test"]
    assert names("'elsewhere' in parents") == []
    api.drive("PATCH", f"files/{file_id}", {"trashed": True, "name": "It's gone"})
    assert names("trashed = true") == ["It's gone"]
    assert names(r"name = 'It\'s gone'") == ["It's gone"]
    assert names("trashed = true or name = 'Demo'") == ["It's gone", "Demo"]
    assert names("not trashed = true") == ["Demo"]
    assert names("not (trashed = true or name = 'Demo')") == []
    assert names("modifiedTime > '2020-01-01T00:00:00' and createdTime != '2020-01-01T00:00:00Z'") != []
    assert names("modifiedTime < '2020-01-01T00:00:00+02:00'") == []
    unknown = ("size > 5", "name > 'x'", "modifiedTime > 'soon'", "name = x")
    for wrong in ("name", "name = 'x' or", "(name = 'x'", "*", *unknown):
        assert refusal(api.drive("GET", "files", q=wrong))[0] == 400, wrong
    page = api.drive("GET", "files", pageSize=1).json()
    assert len(page["files"]) == 1
    assert names("", pageToken=page["nextPageToken"]) == ["Demo"]
    assert set(page["files"][0]) == {"kind", "id", "name", "mimeType"}


def test_search_by_who_has_what(sandbox: Sandbox, api: Api, file_id: str) -> None:
    sandbox.workbook_id("Theirs")

    def names(query: str) -> set[str]:
        return {file["name"] for file in api.drive("GET", "files", q=query).json()["files"]} - {"Demo"}

    assert names("'me' in owners") == {"Test"}
    assert names("'me' in writers") == {"Test", "Theirs"}
    assert names("'me' in writers and not sharedWithMe = true") == {"Test"}
    assert names("sharedWithMe = true") == {"Theirs"}
    assert names(f"'{PERSON}' in readers") == {"Theirs"}


def test_files(api: Api) -> None:
    made = api.drive("POST", "files", {"name": "New", "parents": ["folder"]}, fields="id,parents").json()
    assert made["parents"] == ["folder"]
    moved = api.drive(
        "PATCH", f"files/{made['id']}", {}, addParents="b", removeParents="folder", fields="parents"
    ).json()
    assert moved["parents"] == ["b"]
    copy = api.drive("POST", f"files/{made['id']}/copy", {"parents": ["c"]}, fields="name,parents").json()
    assert copy == {"name": "Copy of New", "parents": ["c"]}
    assert api.drive("DELETE", f"files/{made['id']}").status_code == 204
    gone = api.drive("GET", f"files/{made['id']}")
    assert refusal(gone)[0] == 404
    folder = {"mimeType": "application/vnd.google-apps.folder"}
    assert "only spreadsheets" in refusal(api.drive("POST", "files", folder))[2]
    assert refusal(api.drive("GET", "nothing"))[0] == 404
    assert api.drive("GET", "about", fields="user").json()["user"]["me"] is True


def test_permissions(api: Api, file_id: str) -> None:
    path = f"files/{file_id}/permissions"
    share = {"type": "user", "role": "reader", "emailAddress": "a@example.com"}
    number = api.drive("POST", path, share).json()["id"]
    assert api.drive("GET", f"{path}/{number}", fields="role,emailAddress").json() == {
        "role": "reader",
        "emailAddress": "a@example.com",
    }
    assert api.drive("PATCH", f"{path}/{number}", {"role": "writer"}).json()["role"] == "writer"
    listed = api.drive("GET", path, fields="permissions(role,emailAddress)").json()["permissions"]
    assert [entry["role"] for entry in listed] == ["owner", "writer"]
    assert api.drive("DELETE", f"{path}/{number}").status_code == 204
    assert refusal(api.drive("GET", f"{path}/{number}"))[0] == 404
    owner = api.drive("GET", path).json()["permissions"][0]["id"]
    assert refusal(api.drive("DELETE", f"{path}/{owner}"))[0] == 403
    assert refusal(api.drive("POST", path, {"type": "user", "role": "reader"}))[0] == 400
    assert refusal(api.drive("POST", path, {"type": "somebody", "role": "reader"}))[0] == 400


def test_what_is_open_to_anyone_is_in_nobodys_list(sandbox: Sandbox, api: Api, file_id: str) -> None:
    stranger = Api(sandbox, "stranger@example.org")
    assert api.drive("POST", f"files/{file_id}/permissions", {"type": "anyone", "role": "reader"}).ok
    assert stranger.drive("GET", f"files/{file_id}").ok
    assert stranger.drive("GET", "files").json()["files"] == []
    stranger.close()


def test_sharing_and_moving_are_no_modification(api: Api, file_id: str) -> None:
    def state() -> tuple[int, str]:
        shown = api.drive("GET", f"files/{file_id}", fields="version,modifiedTime").json()
        return int(shown["version"]), shown["modifiedTime"]

    version, time = state()
    api.drive("POST", f"files/{file_id}/permissions", {"type": "anyone", "role": "reader"})
    api.drive("PATCH", f"files/{file_id}", {"trashed": True}, addParents="folder")
    assert state() == (version + 2, time)
    api.drive("PATCH", f"files/{file_id}", {"name": "Renamed"})
    assert state()[1] > time


def test_what_went_is_told_to_those_who_had_it(sandbox: Sandbox, api: Api, file_id: str) -> None:
    reader, stranger = Api(sandbox, "Reader@example.com"), Api(sandbox, "stranger@example.org")

    def removed(one: Api) -> list[str]:
        changes = one.drive("GET", "changes", pageToken=token).json()["changes"]
        return [change["fileId"] for change in changes if change["removed"]]

    token = api.drive("GET", "changes/startPageToken").json()["startPageToken"]
    share = {"type": "user", "role": "reader", "emailAddress": "reader@example.com"}
    shared = api.drive("POST", f"files/{file_id}/permissions", share).json()["id"]
    assert [removed(one) for one in (api, reader, stranger)] == [[], [], []]
    assert api.drive("DELETE", f"files/{file_id}/permissions/{shared}").status_code == 204
    assert [removed(one) for one in (api, reader, stranger)] == [[], [file_id], []]
    assert api.drive("POST", f"files/{file_id}/permissions", share).ok
    assert removed(reader) == []
    assert api.drive("DELETE", f"files/{file_id}").status_code == 204
    assert [removed(one) for one in (api, reader, stranger)] == [[file_id], [file_id], []]
    assert api.drive("GET", "changes", pageToken=token, includeRemoved="false").json()["changes"] == []
    reader.close()
    stranger.close()


def test_a_file_keeps_its_owner_until_the_owner_gives_it_away(sandbox: Sandbox, api: Api, file_id: str) -> None:
    writer, path = Api(sandbox, "writer@example.com"), f"files/{file_id}/permissions"
    share = {"type": "user", "role": "writer", "emailAddress": "writer@example.com"}
    theirs = api.drive("POST", path, share).json()["id"]
    ours = next(one["id"] for one in api.drive("GET", path).json()["permissions"] if one["role"] == "owner")
    for body, query, message in (
        ({"role": "owner"}, {}, "The transferOwnership parameter must be enabled when the permission role is 'owner'."),
        ({"role": "owner"}, {"transferOwnership": "true"}, "The user does not have sufficient permissions"),
    ):
        status, _, said = refusal(writer.drive("PATCH", f"{path}/{theirs}", body, **query))
        assert status == 403
        assert said.startswith(message)
    assert refusal(writer.drive("PATCH", f"{path}/{ours}", {"role": "reader"}))[0] == 403
    assert refusal(writer.drive("DELETE", f"{path}/{ours}"))[0] == 403
    assert api.drive("PATCH", f"{path}/{theirs}", {"role": "owner"}, transferOwnership="true").ok
    roles = {one["id"]: one["role"] for one in writer.drive("GET", path).json()["permissions"]}
    assert roles == {theirs: "owner", ours: "writer"}
    writer.close()


def test_who_else_has_a_file_is_for_those_who_may_share_it(sandbox: Sandbox, api: Api, file_id: str) -> None:
    reader = Api(sandbox, "reader@example.com")
    share = {"type": "user", "role": "reader", "emailAddress": "reader@example.com"}
    api.drive("POST", f"files/{file_id}/permissions", share)
    assert reader.drive("GET", f"files/{file_id}", fields="permissions,ownedByMe").json() == {"ownedByMe": False}
    assert refusal(reader.drive("GET", f"files/{file_id}/permissions"))[0] == 403
    reader.close()


def test_what_a_spreadsheet_cannot_be_sent_as(api: Api, file_id: str) -> None:
    assert refusal(api.drive("GET", f"files/{file_id}", alt="media"))[2].startswith("Only files with binary content")
    said = refusal(api.drive("GET", f"files/{file_id}/export", mimeType="application/pdf"))[2]
    assert said.startswith("The sandbox doesn't support exports of the type application/pdf.")
    text = [["x" * 40_000]] * 300
    api.write(file_id, "A1", text)
    assert refusal(api.drive("GET", f"files/{file_id}/export", mimeType="text/csv"))[2] == (
        "This file is too large to be exported."
    )
    assert refusal(api.drive("PATCH", f"files/{file_id}", {"parents": ["x"]}))[2].startswith("The parents field is not")


def test_no_fields_are_no_fields(api: Api, file_id: str) -> None:
    assert api.drive("GET", f"files/{file_id}", fields="").json() == {}
    assert api.drive("GET", f"files/{file_id}").json().keys() == {"kind", "id", "name", "mimeType"}
