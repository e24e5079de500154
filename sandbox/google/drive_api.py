"""Drive v3: files, permissions and changes of spreadsheets."""

from collections.abc import Callable
from dataclasses import replace

from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from sandbox.drive import SPREADSHEET_TYPE, Drive, File, Permission, permission
from sandbox.google import exports
from sandbox.google.auth import Gate
from sandbox.google.document import Document, Json, JsonObject
from sandbox.google.drive_json import file_json, permission_json, timestamp
from sandbox.google.drive_query import parse_query
from sandbox.google.errors import ApiError, BadRequest, EntityNotFound, NotSupported, PermissionDenied, answer
from sandbox.google.masks import parse_mask
from sandbox.google.sheets_api import read_body
from sandbox.workbook.errors import WorkbookError
from sandbox.workbook.spreadsheet import Spreadsheet

Method = Callable[["DriveCall"], JsonObject | Response | None]
_ROLES = ("owner", "organizer", "fileOrganizer", "writer", "commenter", "reader")


class DriveCall:
    """One authenticated call."""

    def __init__(self, request: Request, email: str, body: Document) -> None:
        self.email = email
        self.body = body
        self.query = request.query_params
        self.path = request.path_params

    def page(self) -> tuple[int, int]:
        """Offset and size of the page that is asked for."""
        token, size = self.query.get("pageToken", "0"), self.query.get("pageSize", "100")
        if not token.isdecimal() or not size.isdecimal() or not 1 <= int(size) <= 1000:
            raise BadRequest("Invalid Value: pageToken must be one that was given out, pageSize from 1 to 1000.")
        return int(token), int(size)


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
            self._route("GET", f"{one}/permissions", self._permissions),
            self._route("POST", f"{one}/permissions", self._share),
            self._route("GET", f"{one}/permissions/{{permission}}", self._permission),
            self._route("PATCH", f"{one}/permissions/{{permission}}", self._change_role),
            self._route("DELETE", f"{one}/permissions/{{permission}}", self._unshare),
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
        matches = parse_query(call.query.get("q", ""))
        files = [f for f in self._drive.files.values() if f.may_read(call.email) and matches(f)]
        files.sort(key=lambda file: file.modified, reverse=True)
        start, size = call.page()
        shown: list[Json] = [file_json(file, call.email, self._base_url) for file in files[start : start + size]]
        result: JsonObject = {"kind": "drive#fileList", "incompleteSearch": False, "files": shown}
        if start + size < len(files):
            result["nextPageToken"] = str(start + size)
        return result

    def _create(self, call: DriveCall) -> JsonObject:
        if call.body.text("mimeType", SPREADSHEET_TYPE) != SPREADSHEET_TYPE:
            raise NotSupported(f"files of the type {call.body.text('mimeType')}, only spreadsheets")
        book = Spreadsheet(call.body.text("name", "Untitled"))
        file = self._drive.add(book, (permission("user", "owner", call.email),))
        if "parents" in call.body:
            file = self._drive.touch(replace(file, parents=tuple(call.body.texts("parents"))))
        return file_json(file, call.email, self._base_url)

    def _get(self, call: DriveCall) -> JsonObject:
        return file_json(self._file(call), call.email, self._base_url)

    def _update(self, call: DriveCall) -> JsonObject:
        file = self._file(call, writing=True)
        if "name" in call.body:
            book = file.spreadsheet.copy()
            book.title = call.body.text("name")
            file = replace(file, spreadsheet=book)
        trashed = call.body.flag("trashed", file.trashed)
        removed = call.query.get("removeParents", "").split(",")
        added = [parent for parent in call.query.get("addParents", "").split(",") if parent]
        parents = (*(p for p in file.parents if p not in removed), *added)
        file = self._drive.touch(replace(file, trashed=trashed, parents=parents))
        return file_json(file, call.email, self._base_url)

    def _delete(self, call: DriveCall) -> None:
        file = self._file(call)
        if all(owner.who != call.email for owner in file.owners()):
            raise insufficient()
        self._drive.remove(file.file_id)

    def _copy(self, call: DriveCall) -> JsonObject:
        file = self._file(call)
        book = file.spreadsheet.copy()
        book.title = call.body.text("name", f"Copy of {file.name}")
        book.protections = {}
        copy = self._drive.add(book, (permission("user", "owner", call.email),))
        if "parents" in call.body:
            copy = self._drive.touch(replace(copy, parents=tuple(call.body.texts("parents"))))
        return file_json(copy, call.email, self._base_url)

    def _export(self, call: DriveCall) -> Response:
        file, kind = self._file(call), call.query.get("mimeType", "")
        if not kind:
            raise BadRequest("Required parameter: mimeType")
        if kind not in exports.KINDS:
            raise BadRequest("The requested conversion is not supported.")
        return Response(exports.export(file.spreadsheet, self._drive.calculation(file), kind), media_type=kind)

    def _permissions(self, call: DriveCall) -> JsonObject:
        shown: list[Json] = [permission_json(entry) for entry in self._file(call).permissions]
        return {"kind": "drive#permissionList", "permissions": shown}

    def _permission(self, call: DriveCall) -> JsonObject:
        file = self._file(call)
        number = call.path["permission"]
        for entry in file.permissions:
            if entry.permission_id == number:
                return permission_json(entry)
        raise EntityNotFound(f"Permission not found: {number}.")

    def _share(self, call: DriveCall) -> JsonObject:
        file = self._file(call, writing=True)
        kind = call.body.choice("type", ("user", "group", "domain", "anyone"), "")
        role = call.body.choice("role", _ROLES, "")
        who = call.body.text("domain" if kind == "domain" else "emailAddress")
        if kind != "anyone" and not who:
            raise BadRequest("The specified emailAddress is invalid or not applicable for the given permission type.")
        entry = permission(kind, role, "" if kind == "anyone" else who)
        self._drive.touch(replace(file, permissions=(*_without(file, entry.permission_id), entry)))
        return permission_json(entry)

    def _change_role(self, call: DriveCall) -> JsonObject:
        file = self._file(call, writing=True)
        self._permission(call)
        number = call.path["permission"]
        role = call.body.choice("role", _ROLES, "")
        entries = tuple(replace(p, role=role) if p.permission_id == number else p for p in file.permissions)
        self._drive.touch(replace(file, permissions=entries))
        return self._permission(call)

    def _unshare(self, call: DriveCall) -> None:
        file = self._file(call, writing=True)
        self._permission(call)
        number = call.path["permission"]
        if any(owner.permission_id == number for owner in file.owners()):
            raise insufficient()
        self._drive.touch(replace(file, permissions=_without(file, number)))

    def _start_token(self, _call: DriveCall) -> JsonObject:
        return {"kind": "drive#startPageToken", "startPageToken": str(self._drive.last_change + 1)}

    def _changes(self, call: DriveCall) -> JsonObject:
        if "pageToken" not in call.query:
            raise BadRequest("Required parameter: pageToken")
        since, size = call.page()
        found: list[tuple[int, JsonObject]] = []
        for file in self._drive.files.values():
            if file.change >= since and file.lists(call.email):
                shown = file_json(file, call.email, self._base_url)
                found.append((file.change, _change(file.file_id, timestamp(file.modified), shown)))
        now = timestamp(self._drive.clock())
        found += [(n, _change(name, now, None)) for name, n in self._drive.removed.items() if n >= since]
        found.sort(key=lambda pair: pair[0])
        shown_changes: list[Json] = [change for _, change in found[:size]]
        result: JsonObject = {"kind": "drive#changeList", "changes": shown_changes}
        if len(found) > size:
            result["nextPageToken"] = str(found[size][0])
        else:
            result["newStartPageToken"] = str(self._drive.last_change + 1)
        return result

    def _about(self, call: DriveCall) -> JsonObject:
        user: JsonObject = {"kind": "drive#user", "displayName": call.email, "emailAddress": call.email, "me": True}
        return {"kind": "drive#about", "user": user}

    def _comments(self, call: DriveCall) -> JsonObject:
        self._file(call)
        return {"kind": "drive#commentList", "comments": []}

    def _file(self, call: DriveCall, writing: bool = False) -> File:
        file = readable_file(self._drive, call)
        if writing and not file.may_write(call.email):
            raise insufficient()
        return file


def drive_route(gate: Gate, http_method: str, path: str, method: Method) -> Route:
    """A method of Drive's API with a JSON body, for callers that the gate admits; 204 where it answers nothing."""

    async def endpoint(request: Request) -> Response:
        body = await request.body()
        try:
            result = method(DriveCall(request, gate.admit(request), read_body(body)))
            fields = request.query_params.get("fields", "")
            if result is None:
                return Response(status_code=204)
            if isinstance(result, Response):
                return result
            return JSONResponse(parse_mask(fields).filter(result) if fields else _default_fields(result))
        except ApiError as error:
            return answer(error, request.url.path)
        except WorkbookError as error:
            return answer(BadRequest(error.message), request.url.path)

    return Route(path, endpoint, methods=[http_method])


def readable_file(drive: Drive, call: DriveCall) -> File:
    """The file of the call's path. Raises EntityNotFound where the caller has none of that id."""
    number = call.path["file"]
    file = drive.files.get(number)
    if file is None or not file.may_read(call.email):
        raise EntityNotFound(f"File not found: {number}.")
    return file


async def _no_method(request: Request) -> Response:
    return answer(EntityNotFound(f"The requested URL {request.url.path} was not found."), request.url.path)


def _without(file: File, number: str) -> tuple[Permission, ...]:
    return tuple(entry for entry in file.permissions if entry.permission_id != number)


def insufficient() -> PermissionDenied:
    """The refusal of a change by an account that may only read."""
    error = PermissionDenied("The user does not have sufficient permissions for this file.")
    error.reason = "insufficientFilePermissions"
    return error


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


_DEFAULTS = {
    "drive#file": parse_mask("kind,id,name,mimeType"),
    "drive#permission": parse_mask("kind,id,type,role"),
}


def _default_fields(result: Json) -> Json:
    """Without `fields`, files and permissions are shown in short."""
    if isinstance(result, list):
        return [_default_fields(item) for item in result]
    if not isinstance(result, dict):
        return result
    mask = _DEFAULTS.get(str(result.get("kind")))
    if mask is not None:
        return mask.filter(result)
    return {name: _default_fields(value) for name, value in result.items()}


def _lacking(name: str) -> Method:
    def refuse(_call: DriveCall) -> None:
        raise NotSupported(name)

    return refuse
