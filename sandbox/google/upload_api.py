"""Drive's uploads: a file of comma or tab separated values in place of a spreadsheet's content."""

import random
from dataclasses import replace

from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from sandbox.drive import Drive, Editor, File
from sandbox.google import exports
from sandbox.google.auth import Gate
from sandbox.google.document import Document, JsonObject
from sandbox.google.drive_api import DriveCall, insufficient, readable_file
from sandbox.google.drive_json import file_json, timestamp
from sandbox.google.errors import ApiError, BadRequest, NotSupported, answer
from sandbox.google.masks import parse_mask
from sandbox.workbook.errors import WorkbookError


class UploadApi:
    """`/upload/drive/v2` and `v3`, for `uploadType=media`."""

    def __init__(self, drive: Drive, gate: Gate, base_url: str) -> None:
        self._drive = drive
        self._gate = gate
        self._base_url = base_url

    def routes(self) -> list[Route]:
        return [
            Route("/upload/drive/v2/files/{file}", self._answer, methods=["PUT"]),
            Route("/upload/drive/v3/files/{file}", self._answer, methods=["PATCH"]),
        ]

    async def _answer(self, request: Request) -> Response:
        content = await request.body()
        try:
            call = DriveCall(request, self._gate.admit(request), Document({}))
            file = self._replace(call, request.headers.get("Content-Type", ""), content)
            shown = file_json(file, call.email, self._base_url)
            if request.url.path.startswith("/upload/drive/v2/"):
                return JSONResponse(_second_version(shown, file))
            return JSONResponse(parse_mask(request.query_params.get("fields", "kind,id,name,mimeType")).filter(shown))
        except ApiError as error:
            return answer(error, request.url.path)
        except WorkbookError as error:
            return answer(BadRequest(error.message), request.url.path)

    def _replace(self, call: DriveCall, content_type: str, content: bytes) -> File:
        """The values become the file's one sheet, which has a new id and the file's name, as at Google."""
        file = readable_file(self._drive, call)
        if not file.may_write(call.email):
            raise insufficient()
        if call.query.get("uploadType") != "media":
            raise NotSupported("uploads other than uploadType=media")
        kind = content_type.partition(";")[0].strip().lower()
        if kind not in (exports.CSV, exports.TSV):
            raise NotSupported(f"uploads of the type {kind or 'unknown'}, only {exports.CSV} and {exports.TSV}")
        try:
            text = content.decode("utf-8-sig")
        except UnicodeDecodeError as error:
            raise BadRequest(f"Bad Request: the content is no UTF-8 text: {error}") from error
        book = file.spreadsheet.copy()
        sheet_id = random.randrange(1, 2**31)  # noqa: S311 - an id, not a secret
        book.sheets = [exports.imported(book.title, sheet_id, text, kind)]
        book.check_size()
        book.metadata = {key: entry for key, entry in book.metadata.items() if entry.location.sheet_id is None}
        book.protections, book.named, book.filter_views = {}, {}, {}
        return self._drive.touch(replace(file, spreadsheet=book, editor=Editor(call.email)))


def _second_version(shown: JsonObject, file: File) -> JsonObject:
    """What the second version of the API calls the fields that people ask for."""
    return {
        "kind": "drive#file",
        "id": file.file_id,
        "title": file.name,
        "mimeType": shown["mimeType"],
        "createdDate": timestamp(file.created),
        "modifiedDate": timestamp(file.modified),
        "version": shown["version"],
        "alternateLink": shown["webViewLink"],
        "editable": True,
    }
