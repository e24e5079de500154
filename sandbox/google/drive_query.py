"""Drive's search language, as far as it finds spreadsheets: `name = 'x' and mimeType = '…' and 'root' in parents`."""

import re
from collections.abc import Callable
from datetime import datetime

from sandbox.drive import SPREADSHEET_TYPE, File
from sandbox.google.errors import BadRequest, invalid_parameter

_TERM = re.compile(
    r"""\s*(?:
        (?P<field>name|mimeType|trashed|fullText)\s*(?P<operator>=|!=|contains)\s*
            (?P<value>'(?:[^'\\]|\\.)*'|"(?:[^"\\]|\\.)*"|true|false)
        | (?P<parent>'(?:[^'\\]|\\.)*'|"(?:[^"\\]|\\.)*")\s+in\s+parents
    )\s*""",
    re.VERBOSE,
)
Test = Callable[[File], bool]
_SORT_KEYS: dict[str, Callable[[File], str | datetime]] = {
    "name": lambda file: file.name.casefold(),
    "name_natural": lambda file: file.name.casefold(),
    "createdTime": lambda file: file.created,
    "modifiedTime": lambda file: file.modified,
    "modifiedByMeTime": lambda file: file.modified,
    "recency": lambda file: file.modified,
}
# Google sorts by these, too; the sandbox's files are alike in them.
_SAME_FOR_ALL = ("folder", "quotaBytesUsed", "sharedWithMeTime", "starred", "viewedByMeTime")


def parse_query(text: str) -> Test:
    """What the query says of a file.

    Raises:
        BadRequest: it is malformed, or asks for what the sandbox doesn't know.
    """
    tests: list[Test] = []
    position = 0
    while position < len(text.rstrip()):
        match = _TERM.match(text, position)
        if match is None:
            raise _unread(text[position:])
        tests.append(_test(match))
        position = match.end()
        following = re.compile(r"and\b").match(text, position)
        if following is None:
            break
        position = following.end()
    if position < len(text.rstrip()):
        raise _unread(text[position:])
    return lambda file: all(test(file) for test in tests)


def sort_files(files: list[File], order: str) -> None:
    """Sorts by Drive's `orderBy`, as `modifiedTime desc,name`; the last changed ones first where it is empty.

    Raises:
        BadRequest: a key that there isn't.
    """
    for term in reversed(order.split(",") if order else ["modifiedTime desc"]):
        key, _, direction = term.strip().partition(" ")
        if direction not in ("", "desc") or key not in (*_SORT_KEYS, *_SAME_FOR_ALL):
            raise invalid_parameter("orderBy", "Invalid Value")
        if key in _SORT_KEYS:
            files.sort(key=_SORT_KEYS[key], reverse=direction == "desc")


def _unread(rest: str) -> BadRequest:
    return invalid_parameter("q", f"Invalid Value: the sandbox can't read the query from '{rest}' on.")


def _test(match: re.Match[str]) -> Test:
    if match["parent"]:
        parent = _unquote(match["parent"])
        return lambda file: parent in file.parents
    value, operator = _unquote(match["value"]), match["operator"]
    read: dict[str, Callable[[File], str]] = {
        "name": lambda file: file.name,
        "fullText": lambda file: file.name,
        "mimeType": lambda _file: SPREADSHEET_TYPE,
        "trashed": lambda file: "true" if file.trashed else "false",
    }
    field = read[match["field"]]
    if operator == "contains":
        return lambda file: value.lower() in field(file).lower()
    return lambda file: (field(file) == value) is (operator == "=")


def _unquote(text: str) -> str:
    return re.sub(r"\\(.)", r"\1", text[1:-1]) if text[0] in "'\"" else text
