"""Drive v3: files and changes of spreadsheets."""

from dataclasses import replace

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from sandbox.drive import Drive, File, permission
from sandbox.google import drive_files, exports
from sandbox.google.auth import Gate
from sandbox.google.drive_call import DriveCall, Method, drive_route
from sandbox.google.drive_files import insufficient, not_downloadable, readable, too_large_to_export
from sandbox.google.drive_json import file_json, timestamp
from sandbox.google.drive_query import parse_query, sort_files
from sandbox.google.errors import (
    BadRequest,
    EntityNotFound,
    NotSupported,
    answer,
    invalid_parameter,
    required_parameter,
)
from sandbox.google.json_value import Json, JsonObject


class DriveApi:
    """`/drive/v3`."""

    def __init__(self, drive: Drive, gate: Gate, base_url: str) -> None:
        self._drive = drive
        self._gate = gate
        self._base_url = base_url

    def routes(self) -> list[Route]:
        files, one = "/drive/v3/files", "/drive/v3/files/{file}"
        return [
            self._route("GET", files, self._list),
            self._route("POST", files, self._create),
            self._route("GET", one, self._get),
            self._route("PATCH", one, self._update),
            self._route("DELETE", one, self._delete),
            self._route("POST", f"{one}/copy", self._copy),
            self._route("GET", f"{one}/export", self._export),
            self._route("GET", "/drive/v3/changes/startPageToken", self._start_token),
            self._route("GET", "/drive/v3/changes", self._changes),
            self._route("GET", "/drive/v3/about", self._about),
            self._route("GET", f"{one}/comments", self._comments),
            self._route("POST", f"{one}/comments", _lacking("comments.create")),
            Route("/drive/{rest:path}", _no_method, methods=["GET", "POST", "PUT", "PATCH", "DELETE"]),
        ]

    def _route(self, http_method: str, path: str, method: Method) -> Route:
        return drive_route(self._gate, http_method, path, method)

    def _list(self, call: DriveCall) -> JsonObject:
        matches = parse_query(call.query.get("q", ""), call.email)
        files = [f for f in self._drive.files.values() if f.lists(call.email) and matches(f)]
        sort_files(files, call.query.get("orderBy", ""))
        start, size = call.page()
        shown: list[Json] = [file_json(file, call.email, self._base_url) for file in files[start : start + size]]
        result: JsonObject = {"kind": "drive#fileList", "incompleteSearch": False, "files": shown}
        if start + size < len(files):
            result["nextPageToken"] = str(start + size)
        return result

    def _create(self, call: DriveCall) -> JsonObject:
        return self._shown(drive_files.create(self._drive, call), call)

    def _get(self, call: DriveCall) -> JsonObject:
        file = readable(self._drive, call)
        if call.query.get("alt") == "media":
            raise not_downloadable()
        return self._shown(file, call)

    def _update(self, call: DriveCall) -> JsonObject:
        return self._shown(drive_files.update(self._drive, call), call)

    def _shown(self, file: File, call: DriveCall) -> JsonObject:
        return file_json(file, call.email, self._base_url)

    def _delete(self, call: DriveCall) -> None:
        file = readable(self._drive, call)
        if not any(owner.names(call.email) for owner in file.owners()):
            raise insufficient()
        self._drive.remove(file.file_id)

    def _copy(self, call: DriveCall) -> JsonObject:
        file = readable(self._drive, call)
        book = file.spreadsheet.copy()
        book.title = call.body.text("name", f"Copy of {file.name}")
        book.protections = {}
        copy = self._drive.add(book, (permission("user", "owner", call.email),))
        if "parents" in call.body:
            copy = self._drive.touch(replace(copy, parents=tuple(call.body.texts("parents"))))
        return file_json(copy, call.email, self._base_url)

    def _export(self, call: DriveCall) -> Response:
        file, kind = readable(self._drive, call), call.query.get("mimeType", "")
        if not kind:
            raise required_parameter("mimeType")
        if kind in exports.LACKING:
            raise NotSupported(f"exports of the type {kind}")
        if kind not in exports.KINDS:
            raise BadRequest("The requested conversion is not supported.")
        content = exports.export(file.spreadsheet, self._drive.calculation(file), kind)
        if len(content) > exports.LARGEST:
            raise too_large_to_export()
        return Response(content, media_type=kind)

    def _start_token(self, _call: DriveCall) -> JsonObject:
        return {"kind": "drive#startPageToken", "startPageToken": str(self._drive.last_change + 1)}

    def _changes(self, call: DriveCall) -> JsonObject:
        if "pageToken" not in call.query:
            raise required_parameter("pageToken")
        since, size = call.page()
        with_removed = call.query.get("includeRemoved", "true").lower() != "false"
        found: list[tuple[int, JsonObject]] = []
        for file in self._drive.files.values():
            if file.change >= since and file.lists(call.email):
                shown = file_json(file, call.email, self._base_url)
                found.append((file.change, _change(file.file_id, timestamp(file.modified), shown)))
        lost = self._drive.lost(call.email, since) if with_removed else []
        found += [(loss.change, _change(loss.file_id, timestamp(loss.time), None)) for loss in lost]
        found.sort(key=lambda pair: pair[0])
        shown_changes: list[Json] = [change for _, change in found[:size]]
        result: JsonObject = {"kind": "drive#changeList", "changes": shown_changes}
        if len(found) > size:
            result["nextPageToken"] = str(found[size][0])
        else:
            result["newStartPageToken"] = str(self._drive.last_change + 1)
        return result

    def _about(self, call: DriveCall) -> JsonObject:
        if "fields" not in call.query:
            message = "The 'fields' parameter is required for this method."
            raise invalid_parameter("fields", message, "required")
        user: JsonObject = {"kind": "drive#user", "displayName": call.email, "emailAddress": call.email, "me": True}
        return {"kind": "drive#about", "user": user}

    def _comments(self, call: DriveCall) -> JsonObject:
        readable(self._drive, call)
        return {"kind": "drive#commentList", "comments": []}


async def _no_method(request: Request) -> Response:
    return answer(EntityNotFound(f"The requested URL {request.url.path} was not found."), request.url.path)


def _change(file_id: str, time: str, shown: JsonObject | None) -> JsonObject:
    change: JsonObject = {
        "kind": "drive#change",
        "changeType": "file",
        "type": "file",
        "time": time,
        "fileId": file_id,
        "removed": shown is None,
    }
    if shown is not None:
        change["file"] = shown
    return change


def _lacking(name: str) -> Method:
    def refuse(_call: DriveCall) -> None:
        raise NotSupported(name)

    return refuse
