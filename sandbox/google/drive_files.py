"""What Drive's methods do to files: find, make and change them, with new contents or without."""

import random
from dataclasses import dataclass, replace

from sandbox.drive import SPREADSHEET_TYPE, Drive, Editor, File, permission
from sandbox.google import exports
from sandbox.google.drive_call import DriveCall
from sandbox.google.errors import BadRequest, NotSupported, PermissionDenied, not_found
from sandbox.workbook.spreadsheet import Spreadsheet


@dataclass(frozen=True, slots=True)
class Content:
    """What is uploaded: its media type, without parameters, and its bytes."""

    kind: str
    data: bytes


def readable(drive: Drive, call: DriveCall) -> File:
    """The file of the call's path. Raises EntityNotFound where the caller has none of that id."""
    number = call.path["file"]
    file = drive.files.get(number)
    if file is None or not file.may_read(call.email):
        raise not_found("fileId", f"File not found: {number}.")
    return file


def writable(drive: Drive, call: DriveCall) -> File:
    """As `readable`. Raises PermissionDenied where the caller may only read it."""
    file = readable(drive, call)
    if not file.may_write(call.email):
        raise insufficient()
    return file


def create(drive: Drive, call: DriveCall, content: Content | None = None) -> File:
    """A new spreadsheet of the caller's, with the values of what was uploaded.

    Raises:
        NotSupported: files of another type.
        BadRequest: the content can't be read.
    """
    kind = call.body.text("mimeType", SPREADSHEET_TYPE if content is None else content.kind)
    if kind != SPREADSHEET_TYPE:
        raise NotSupported(f"files of the type {kind or 'unknown'}, only spreadsheets")
    book = Spreadsheet(call.body.text("name", "Untitled"), year=drive.clock().year)
    if content is not None:
        _fill(book, content)
    file = drive.add(book, (permission("user", "owner", call.email),))
    if "parents" in call.body:
        file = drive.touch(replace(file, parents=tuple(call.body.texts("parents"))))
    return file


def update(drive: Drive, call: DriveCall, content: Content | None = None) -> File:
    """The file with what the caller says of it. New contents become its one sheet, with a new id and the file's name.

    Raises:
        BadRequest: the content can't be read.
    """
    file = writable(drive, call)
    if "parents" in call.body:
        raise _not_writable("parents", "Use the addParents and removeParents parameters instead.")
    book = file.spreadsheet
    if "name" in call.body or content is not None:
        book = book.copy()
        book.year = drive.clock().year
        book.title = call.body.text("name", book.title)
    if content is not None:
        _fill(book, content)
    removed = call.query.get("removeParents", "").split(",")
    added = [parent for parent in call.query.get("addParents", "").split(",") if parent]
    parents = (*(p for p in file.parents if p not in removed), *added)
    trashed = call.body.flag("trashed", file.trashed)
    editor = file.editor if book is file.spreadsheet else Editor(call.email)
    return drive.touch(replace(file, spreadsheet=book, trashed=trashed, parents=parents, editor=editor))


def insufficient() -> PermissionDenied:
    """The refusal of a change by an account that may only read."""
    error = PermissionDenied("The user does not have sufficient permissions for this file.")
    error.reason = "insufficientFilePermissions"
    return error


def _not_writable(field: str, instead: str) -> PermissionDenied:
    error = PermissionDenied(f"The {field} field is not directly writable in update requests. {instead}")
    error.reason = "fieldNotWritable"
    return error


def not_downloadable() -> PermissionDenied:
    """The refusal to hand a spreadsheet out as the bytes that it hasn't got."""
    error = PermissionDenied("Only files with binary content can be downloaded. Use Export with Docs Editors files.")
    error.reason, error.location = "fileNotDownloadable", ("alt", "parameter")
    return error


def too_large_to_export() -> PermissionDenied:
    error = PermissionDenied("This file is too large to be exported.")
    error.reason = "exportSizeLimitExceeded"
    return error


def _fill(book: Spreadsheet, content: Content) -> None:
    """Makes the content the spreadsheet's only sheet; what was attached to the others goes."""
    if content.kind not in (exports.CSV, exports.TSV):
        raise NotSupported(f"uploads of the type {content.kind or 'unknown'}, only {exports.CSV} and {exports.TSV}")
    try:
        text = content.data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise BadRequest(f"Bad Request: the content is no UTF-8 text: {error}") from error
    sheet_id = random.randrange(1, 2**31)  # noqa: S311 - an id, not a secret
    book.sheets = [exports.imported(book.title, sheet_id, text, content.kind, book.typing)]
    book.check_size()
    book.metadata = {key: entry for key, entry in book.metadata.items() if entry.location.sheet_id is None}
    book.protections, book.named, book.filter_views, book.tables = {}, {}, {}, {}
