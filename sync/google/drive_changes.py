"""The calls to Drive that say whether files changed: of one file, and of all that an account has.

`changes.list` tells of every file that is shared with the account or lies in one of its shared drives. A file that is
only open to anyone with the link is in nobody's list.
Source: https://developers.google.com/workspace/drive/api/guides/manage-changes
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

from gspread.exceptions import APIError
from gspread.http_client import HTTPClient, ParamsType
from gspread.urls import DRIVE_FILES_API_V3_URL

from sync.google.drive_marks import DriveMark

_CHANGES: Final = "https://www.googleapis.com/drive/v3/changes"
_LOST: Final = frozenset({400, 404, 410})


class TokenLost(Exception):
    """Drive knows no more where in the changes the token stands."""


@dataclass(frozen=True, slots=True)
class ChangedFiles:
    """One page of changes: the mark of each changed file, None where it was removed, trashed or is shared no more.

    `next_token` is where the next page begins, or the next look (`last`).
    """

    marks: Mapping[str, DriveMark | None]
    next_token: str
    last: bool


@dataclass(frozen=True, slots=True)
class FileState:
    """A file's mark, None if it is in the trash; and whether the account's changes tell of it, as far as it says."""

    mark: DriveMark | None
    listed: bool


def fetch_file(client: HTTPClient, file: str) -> FileState:
    """One file now."""
    fields = "version,modifiedTime,trashed,ownedByMe,sharedWithMeTime,driveId"
    parameters: ParamsType = {"fields": fields, "supportsAllDrives": True}
    answer = client.request("get", f"{DRIVE_FILES_API_V3_URL}/{file}", params=parameters).json()
    listed = any(answer.get(name) for name in ("ownedByMe", "sharedWithMeTime", "driveId"))
    return FileState(_mark(answer), listed)


def fetch_start(client: HTTPClient) -> str:
    """A token that everything which changes from now on is behind."""
    parameters: ParamsType = {"supportsAllDrives": True}
    return str(client.request("get", f"{_CHANGES}/startPageToken", params=parameters).json()["startPageToken"])


def fetch_changes(client: HTTPClient, token: str) -> ChangedFiles:
    """What changed behind the token, each file once. TokenLost."""
    parameters: ParamsType = {
        "pageToken": token,
        "pageSize": 1000,
        "includeRemoved": True,
        "includeItemsFromAllDrives": True,
        "supportsAllDrives": True,
        "fields": "nextPageToken,newStartPageToken,changes(fileId,removed,file(version,modifiedTime,trashed))",
    }
    try:
        answer = client.request("get", _CHANGES, params=parameters).json()
    except APIError as error:
        if error.response.status_code in _LOST:
            raise TokenLost from error
        raise
    following = answer.get("nextPageToken")
    marks = {
        change["fileId"]: None if change.get("removed") else _mark(change["file"])
        for change in answer.get("changes", ())
        if "fileId" in change
    }
    return ChangedFiles(marks, following or answer["newStartPageToken"], last=following is None)


def _mark(file: Mapping[str, Any]) -> DriveMark | None:
    return None if file.get("trashed") else DriveMark(file["version"], datetime.fromisoformat(file["modifiedTime"]))
