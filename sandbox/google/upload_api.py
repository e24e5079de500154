"""Contents for Drive's files: sent alone, in one request with what is said of the file, or in pieces."""

import re
import secrets
from collections.abc import Mapping
from dataclasses import dataclass, field
from email.message import Message
from email.parser import BytesParser
from email.policy import HTTP

from starlette.datastructures import Headers
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from sandbox.drive import Drive, File
from sandbox.google import drive_files
from sandbox.google.auth import Gate
from sandbox.google.document import Document
from sandbox.google.drive_call import DriveCall, known_method, shown
from sandbox.google.drive_files import Content
from sandbox.google.drive_json import file_json, timestamp
from sandbox.google.errors import ApiError, BadRequest, EntityNotFound, answer
from sandbox.google.json_text import read_document
from sandbox.google.json_value import JsonObject
from sandbox.workbook.errors import WorkbookError

_FILES = "/drive/v3/files"
_METHOD = known_method("PATCH", f"{_FILES}/{{file}}")
_RANGE = re.compile(r"bytes (?:(?P<first>\d{1,18})-\d{1,18}|\*)/(?P<total>\d{1,18}|\*)")


@dataclass(slots=True)
class _Session:
    """A resumable upload under way: the call that began it, and what has come."""

    call: DriveCall
    kind: str
    data: bytearray = field(default_factory=bytearray)


class UploadApi:
    """`/upload/drive/v3`, with `uploadType` media, multipart and resumable; of v2 what gspread calls: update by media.
    Sessions of resumable uploads end with the process."""

    def __init__(self, drive: Drive, gate: Gate, base_url: str) -> None:
        self._drive = drive
        self._gate = gate
        self._base_url = base_url
        self._sessions: dict[str, _Session] = {}

    def routes(self) -> list[Route]:
        return [
            Route("/upload/drive/v2/files/{file}", self._answer, methods=["PUT"]),
            Route(f"/upload{_FILES}", self._answer, methods=["POST", "PUT"]),
            Route(f"/upload{_FILES}/{{file}}", self._answer, methods=["PATCH", "PUT"]),
        ]

    async def _answer(self, request: Request) -> Response:
        content = await request.body()
        try:
            email = self._gate.admit(request, _METHOD)
            if "upload_id" in request.query_params:
                return self._go_on(request, content)
            call = DriveCall(email, request.query_params, request.path_params, Document({}))
            match request.query_params.get("uploadType", ""):
                case "media":
                    return self._done(request, call, Content(_kind(request.headers.get("Content-Type", "")), content))
                case "multipart":
                    call.body, one = _parts(request.headers.get("Content-Type", ""), content)
                    return self._done(request, call, one)
                case "resumable":
                    call.body = read_document(content)
                    return self._begin(request.headers, request.url.path, call)
                case other:
                    raise BadRequest(f"Invalid upload type: '{other}', it must be media, multipart or resumable.")
        except ApiError as error:
            return answer(error, request.url.path)
        except WorkbookError as error:
            return answer(BadRequest(error.message), request.url.path)

    def _done(self, request: Request, call: DriveCall, content: Content) -> Response:
        if "file" in call.path:
            file = drive_files.update(self._drive, call, content)
        else:
            file = drive_files.create(self._drive, call, content)
        if request.url.path.startswith("/upload/drive/v2/"):
            return JSONResponse(_second_version(file, self._base_url))
        return shown(file_json(file, call.email, self._base_url), call.query.get("fields"))

    def _begin(self, headers: Headers, path: str, call: DriveCall) -> Response:
        if "file" in call.path:
            drive_files.writable(self._drive, call)
        upload_id = secrets.token_urlsafe(32)
        self._sessions[upload_id] = _Session(call, _kind(headers.get("X-Upload-Content-Type", "")))
        location = f"{self._base_url}{path}?uploadType=resumable&upload_id={upload_id}"
        return Response(headers={"Location": location, "X-GUploader-UploadID": upload_id})

    def _go_on(self, request: Request, content: bytes) -> Response:
        """Takes a piece: 308 with what has come so far, or the file where it was the last."""
        upload_id = request.query_params["upload_id"]
        session = self._sessions.get(upload_id)
        if session is None:
            raise EntityNotFound("Upload session not found.")
        total = _add(session.data, request.headers.get("Content-Range", ""), content)
        if total is None or len(session.data) < total:
            so_far = {"Range": f"bytes=0-{len(session.data) - 1}"} if session.data else {}
            return Response(status_code=308, headers=so_far)
        del self._sessions[upload_id]
        return self._done(request, session.call, Content(session.kind, bytes(session.data)))


def _add(data: bytearray, place: str, content: bytes) -> int | None:
    """Puts a piece where it says that it belongs; the size of the whole, as far as it is known."""
    if not place:
        data[:] = content
        return len(content)
    match = _RANGE.fullmatch(place)
    first = int(match["first"]) if match and match["first"] else 0
    if match is None or first > len(data):
        raise BadRequest(f"Invalid Content-Range: '{place}'; {len(data)} bytes have come.")
    if match["first"]:
        data[first:] = content
    return None if match["total"] == "*" else int(match["total"])


def _parts(content_type: str, body: bytes) -> tuple[Document, Content]:
    """What is said of the file, and its contents, of a `multipart/related` body.

    Raises:
        BadRequest: it isn't one with two parts.
    """
    read = BytesParser(policy=HTTP).parsebytes(b"Content-Type: " + content_type.encode() + b"\r\n\r\n" + body)
    parts = read.get_payload() if read.is_multipart() else []
    if not isinstance(parts, list) or len(parts) != 2 or not all(isinstance(part, Message) for part in parts):
        raise BadRequest("Malformed multipart body: it must have two parts, JSON and the content.")
    told, content = (_bytes(part) for part in parts if isinstance(part, Message))
    assert isinstance(parts[1], Message)
    return read_document(told), Content(parts[1].get_content_type(), content)


def _bytes(part: Message) -> bytes:
    payload = part.get_payload(decode=True)
    if not isinstance(payload, bytes):
        raise BadRequest("Malformed multipart body: a part has parts of its own.")
    return payload


def _kind(content_type: str) -> str:
    return content_type.partition(";")[0].strip().lower()


def _second_version(file: File, base_url: str) -> JsonObject:
    """What the second version of the API calls the fields that people ask for."""
    fields: Mapping[str, object] = file_json(file, "", base_url)
    return {
        "kind": "drive#file",
        "id": file.file_id,
        "title": file.name,
        "mimeType": str(fields["mimeType"]),
        "createdDate": timestamp(file.created),
        "modifiedDate": timestamp(file.modified),
        "version": str(fields["version"]),
        "alternateLink": str(fields["webViewLink"]),
        "editable": True,
    }
