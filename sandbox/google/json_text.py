"""The text of a request's body: a JSON object, or Google's words for why it is none."""

import json

import orjson

from sandbox.google.document import Document, without_nulls
from sandbox.google.errors import BadRequest
from sandbox.google.json_value import Json, JsonObject

_DEEPEST = 100  # objects and lists within one another, as protobuf's reader takes them
_TOO_DEEP = "Message too deep. Max recursion depth reached."
_AROUND = 20  # characters that Google shows before and after the place of an error
# What Google's reader says where Python's says this; the second where the text ends there.
_WORDS = {
    "Expecting value": ("Unexpected token.", "Unexpected end of string. Expected a value."),
    "Expecting property name enclosed in double quotes": (
        "Expected an object key or }.",
        "Unexpected end of string. Expected an object key or }.",
    ),
    "Expecting ':' delimiter": (
        "Expected : between key:value pair.",
        "Unexpected end of string. Expected : between key:value pair.",
    ),
    "Unterminated string starting at": ("Closing quote expected in string.",) * 2,
    "Extra data": ("Parsing terminated before end of input.",) * 2,
}


def read_body(body: bytes) -> JsonObject:
    """The request's object; empty where there is none.

    Raises:
        BadRequest: not JSON, or not an object.
    """
    if not body.strip():
        return {}
    try:
        value = orjson.loads(body)
    except orjson.JSONDecodeError:
        raise BadRequest(f"Invalid JSON payload received. {_complaint(body)}") from None
    if not isinstance(value, dict):
        raise BadRequest('Invalid JSON payload received. Unknown name "": Root element must be a message.')
    if _is_too_deep(value):
        raise BadRequest(f"Invalid JSON payload received. {_TOO_DEEP}")
    return value


def read_document(body: bytes) -> Document:
    """The object of a request to Drive, which overlooks fields that it doesn't know, without its nulls.

    Raises:
        BadRequest: not JSON, or not an object. Drive doesn't say where.
    """
    try:
        cleaned = without_nulls(read_body(body))
    except BadRequest as error:
        refused = BadRequest("Parse Error")
        refused.reason = "parseError"
        raise refused from error
    assert isinstance(cleaned, dict)
    return Document(cleaned)


def _is_too_deep(value: JsonObject) -> bool:
    level: list[Json] = [value]
    for _ in range(_DEEPEST):
        parts = (one.values() if isinstance(one, dict) else one for one in level if isinstance(one, dict | list))
        level = [inner for part in parts for inner in part if isinstance(inner, dict | list)]
        if not level:
            return False
    return True


def _complaint(body: bytes) -> str:
    text = body.decode("utf-8", "replace")
    try:
        json.loads(text)
    except json.JSONDecodeError as error:
        at = error.pos
        words = _WORDS.get(error.msg, ("Unexpected token.", "Unexpected end of string."))
        if error.msg == "Expecting ',' delimiter":
            words = _delimiter(text, at)
        said = words[at >= len(text.rstrip())]
        first = max(at - _AROUND, 0)
        return f"{said}\n{text[first : at + _AROUND]}\n{' ' * (at - first)}^"
    except RecursionError:
        return _TOO_DEEP
    # Python reads what JSON has no name for: NaN, and bytes that are no text.
    return "Unexpected token."


def _delimiter(text: str, at: int) -> tuple[str, str]:
    """Whether it is an object's or a list's next part that is missing at that place."""
    depth, quoted, position = [""], False, 0
    while position < at:
        character = text[position]
        if quoted:
            position += character == "\\"
            quoted = character != '"'
        elif character == '"':
            quoted = True
        elif character in "[{":
            depth.append(character)
        elif character in "]}":
            depth.pop()
        position += 1
    expected = "Expected , or ] after array value." if depth[-1] == "[" else "Expected , or } after key:value pair."
    return expected, f"Unexpected end of string. {expected}"
