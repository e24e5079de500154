"""Drive's search language, as far as it finds spreadsheets: `name = 'x' and mimeType = '…' and 'root' in parents`."""

import re
from collections.abc import Callable

from sandbox.drive import SPREADSHEET_TYPE, File
from sandbox.google.errors import BadRequest

_TERM = re.compile(
    r"""\s*(?:
        (?P<field>name|mimeType|trashed|fullText)\s*(?P<operator>=|!=|contains)\s*
            (?P<value>'(?:[^'\\]|\\.)*'|"(?:[^"\\]|\\.)*"|true|false)
        | (?P<parent>'(?:[^'\\]|\\.)*'|"(?:[^"\\]|\\.)*")\s+in\s+parents
    )\s*""",
    re.VERBOSE,
)
Test = Callable[[File], bool]


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
            raise BadRequest(f"Invalid Value: the sandbox can't read the query from '{text[position:]}' on.")
        tests.append(_test(match))
        position = match.end()
        following = re.compile(r"and\b").match(text, position)
        if following is None:
            break
        position = following.end()
    if position < len(text.rstrip()):
        raise BadRequest(f"Invalid Value: the sandbox can't read the query from '{text[position:]}' on.")
    return lambda file: all(test(file) for test in tests)


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
