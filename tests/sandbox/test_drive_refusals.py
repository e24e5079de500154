"""What Drive refuses: its own kind of error, each with a reason and the place, and no name of the status."""

from typing import Any

import pytest

from sandbox.server import Sandbox
from tests.sandbox.checked import unchecked
from tests.sandbox.client import Api

Fault = tuple[str, str, str | None, str | None]
EMAIL = "The specified emailAddress is invalid or not applicable for the given permission type."
# Method, path, body, query; status, message, reason, place and its kind.
CASES: dict[str, tuple[str, str, Any, dict[str, str], int, Fault]] = {
    "an unknown file": (
        "GET",
        "files/none",
        None,
        {},
        404,
        ("File not found: none.", "notFound", "fileId", "parameter"),
    ),
    "an unknown permission": (
        "GET",
        "files/{file}/permissions/7",
        None,
        {},
        404,
        ("Permission not found: 7.", "notFound", "permissionId", "parameter"),
    ),
    "an unknown field": (
        "GET",
        "files",
        None,
        {"fields": "files(id,nmae)"},
        400,
        ("Invalid field selection nmae", "invalidParameter", "fields", "parameter"),
    ),
    "fields that can't be read": (
        "GET",
        "files",
        None,
        {"fields": "files(id"},
        400,
        ("Invalid field selection files(id", "invalidParameter", "fields", "parameter"),
    ),
    "no fields where they must be": (
        "GET",
        "about",
        None,
        {},
        400,
        ("The 'fields' parameter is required for this method.", "required", "fields", "parameter"),
    ),
    "an unknown order": (
        "GET",
        "files",
        None,
        {"orderBy": "colour"},
        400,
        ("Invalid Value", "invalid", "orderBy", "parameter"),
    ),
    "a page too large": (
        "GET",
        "files",
        None,
        {"pageSize": "1001"},
        400,
        (
            "Invalid value '1001'. Values must be within the range: [1, 1000]",
            "invalidParameter",
            "pageSize",
            "parameter",
        ),
    ),
    "no token of changes": (
        "GET",
        "changes",
        None,
        {},
        400,
        ("Required parameter: pageToken", "required", "pageToken", "parameter"),
    ),
    "a token that was never given out": (
        "GET",
        "changes",
        None,
        {"pageToken": "x"},
        400,
        ("Invalid Value", "invalid", "pageToken", "parameter"),
    ),
    "no type to export": (
        "GET",
        "files/{file}/export",
        None,
        {},
        400,
        ("Required parameter: mimeType", "required", "mimeType", "parameter"),
    ),
    "sharing without a type": (
        "POST",
        "files/{file}/permissions",
        {"role": "reader"},
        {},
        400,
        ("The permission type field is required.", "required", "permission.type", "other"),
    ),
    "sharing with nobody": (
        "POST",
        "files/{file}/permissions",
        {"role": "reader", "type": "user"},
        {},
        400,
        (EMAIL, "invalid", "permission.emailAddress", "other"),
    ),
}


@pytest.mark.parametrize("name", CASES)
def test_drive_says_where_and_changes_nothing(api: Api, file_id: str, name: str) -> None:
    method, path, body, query, status, (message, reason, place, kind) = CASES[name]
    before = state(api, file_id)
    response = api.drive(method, path.format(file=file_id), body, **query)
    one = {"message": message, "domain": "global", "reason": reason, "location": place, "locationType": kind}
    assert response.status_code == status
    assert response.json() == {"error": {"code": status, "message": message, "errors": [one]}}
    assert state(api, file_id) == before


@pytest.mark.parametrize("text", ["{", "[]", "null", "oops", '{"name": "x"'])
def test_what_is_no_json_object(api: Api, file_id: str, text: str) -> None:
    before = state(api, file_id)
    url, headers = f"https://www.googleapis.com/drive/v3/files/{file_id}", {"Content-Type": "application/json"}
    response = api.session.request("PATCH", url, data=text, headers=headers)  # type: ignore[no-untyped-call]
    error = {"message": "Parse Error", "domain": "global", "reason": "parseError"}
    assert response.json() == {"error": {"code": 400, "message": "Parse Error", "errors": [error]}}
    assert state(api, file_id) == before


def test_fields_that_drive_does_not_know_are_overlooked() -> None:
    """Beyond what the discovery document says."""
    with Sandbox(watch=unchecked) as sandbox:
        api = Api(sandbox)
        made = api.drive("POST", "files", {"title": "The older API's name of it", "oops": {"a": 1}})
        assert made.json()["name"] == "Untitled"
        api.close()


@pytest.mark.parametrize("text", ["", "{}"])
def test_nothing_to_say_is_no_error(api: Api, file_id: str, text: str) -> None:
    url, headers = f"https://www.googleapis.com/drive/v3/files/{file_id}", {"Content-Type": "application/json"}
    response = api.session.request("PATCH", url, data=text, headers=headers)  # type: ignore[no-untyped-call]
    assert response.json()["name"] == "Test"


def test_files_are_sorted(api: Api, file_id: str) -> None:
    for name in ("b", "A"):
        api.drive("POST", "files", {"name": name})

    def names(order: str) -> list[str]:
        return [file["name"] for file in api.drive("GET", "files", orderBy=order).json()["files"]]

    assert names("name") == ["A", "b", "Demo", "Test"]
    assert names("folder,name desc") == ["Test", "Demo", "b", "A"]
    assert names("createdTime desc")[:2] == ["A", "b"]


def state(api: Api, file_id: str) -> Any:
    return api.drive("GET", f"files/{file_id}", fields="name,version,modifiedTime,permissions").json()
