"""Requests against Google's interface, before anything is done: all that is unknown or of another type at once.

Like Google's own reader it takes a field's name in either spelling (`sheetId`, `sheet_id`), numbers and booleans as
text, one value for a list, and `null` for what is absent; and it names places by the second spelling.
"""

import math
import re
from collections.abc import Mapping, Sequence
from functools import lru_cache

from sandbox.google.document import Document
from sandbox.google.errors import BadRequest, invalid_fields
from sandbox.google.interface import Interface, Method, Type, sheets
from sandbox.google.json_value import Json, JsonObject
from sandbox.google.masks import FieldMask, parse_mask
from sandbox.workbook.errors import InvalidArgument

_PACKAGE = "type.googleapis.com/google.apps.sheets.v4."
# Fields of which a message has one at most, by protobuf's name of them; discovery documents don't say so.
_ONE_OF = {
    "Request": ("kind", None),
    "ExtendedValue": ("value", None),
    "DataFilter": ("filter", None),
    "FindReplaceRequest": ("scope", {"range", "sheetId", "allSheets"}),
    "UpdateCellsRequest": ("area", {"start", "range"}),
    "AutoFillRequest": ("area", {"range", "sourceAndDestination"}),
    "PasteDataRequest": ("kind", {"delimiter", "html"}),
}
_FLAGS = {"true": True, "t": True, "1": True, "false": False, "f": False, "0": False}
_WHOLE_BITS = {"int32": (-(2**31), 2**31), "uint32": (0, 2**32), "int64": (-(2**63), 2**63), "uint64": (0, 2**64)}


Query = Mapping[str, Sequence[str]]


def read_request(interface: Interface, method: Method, query: Query, body: JsonObject) -> Document:
    """The body as the method's own message, all names in their first spelling.

    Raises:
        BadRequest: with a violation for each parameter and field that is unknown or of the wrong type.
    """
    reader = _Reader(interface)
    reader.parameters(method, query)
    path = {"ValueRange": "data", "Spreadsheet": "spreadsheet"}.get(method.request or "", "")
    read = reader.message(method.request, body, path) if method.request else {}
    if reader.violations:
        raise invalid_fields(reader.violations)
    return Document(read, path if path == "data" else "")


def check_mask(interface: Interface, method: Method, mask: FieldMask) -> None:
    """Raises BadRequest where the response mask `fields` names what the answer can't have."""
    for path in unknown_fields(interface, method, mask):
        name = ".".join(path)
        error = BadRequest("Request contains an invalid argument.")
        text = f"Error expanding 'fields' parameter. Cannot find matching fields for path '{name}'."
        raise invalid_fields([(name, text)], error.message)


def required_mask(request: Document, message: str) -> FieldMask:
    """The mask in the `fields` of one request of a batch, of what that message can have.

    Raises:
        InvalidArgument: there is none, or it names what there isn't.
    """
    text = request.text("fields")
    if not text:
        raise InvalidArgument("At least one field must be listed in 'fields'. (Use '*' to indicate all fields.)")
    mask = parse_mask(text)
    for path in _unknown(sheets(), mask, Type("message", message=message), ()):
        raise InvalidArgument(f"Invalid field: {'.'.join(path)}")
    return mask


def unknown_fields(interface: Interface, method: Method, mask: FieldMask) -> list[tuple[str, ...]]:
    """What the mask names, name within name, that the method's answer can't have."""
    if method.response is None:
        return []
    return _unknown(interface, mask, Type("message", message=method.response), ())


class _Reader:
    """Reads one request, and notes what is wrong: the place, empty for the request itself, and what is said of it."""

    def __init__(self, interface: Interface) -> None:
        self._interface = interface
        self.violations: list[tuple[str, str]] = []

    def parameters(self, method: Method, query: Query) -> None:
        for name, values in query.items():
            kind = method.parameters.get(name) or method.parameters.get(_camel(name))
            if kind is None and not name.startswith("$"):
                self._note(
                    "",
                    f'Invalid JSON payload received. Unknown name "{name}": Cannot bind query parameter. '
                    f"Field '{name}' could not be found in request message.",
                )
            elif kind is not None and kind.item is None:
                self._value(kind, values[-1], _snake(name))

    def message(self, name: str, fields: JsonObject, path: str) -> JsonObject:
        known = self._interface.messages[name]
        read: JsonObject = {}
        for given, value in fields.items():
            field = given if given in known else _camel(given)
            if field not in known:
                at = f" at '{path}'" if path else ""
                self._note(path, f'Invalid JSON payload received. Unknown name "{given}"{at}: Cannot find field.')
            elif value is not None:
                inner = f"{path}.{_snake(field)}" if path else _snake(field)
                self._one_of(name, read, field, path)
                read[field] = self._value(known[field], value, inner)
        return read

    def _one_of(self, message: str, read: JsonObject, field: str, path: str) -> None:
        kind, names = _ONE_OF.get(message, ("", frozenset[str]()))
        if (names is None or field in names) and any(names is None or other in names for other in read):
            text = f"oneof field '{kind}' is already set. Cannot set '{field}'"
            self._note(path, f"Invalid value at '{path}' (oneof), {text}")

    def _value(self, kind: Type, value: Json, path: str) -> Json:
        match kind.kind:
            case "any":
                return value
            case "list":
                return self._list(kind, value, path)
            case "map" | "message":
                return self._object(kind, value, path)
            case "enum":
                return self._choice(kind, value, path)
            case _:
                return self._scalar(kind.kind, value, path)

    def _list(self, kind: Type, value: Json, path: str) -> Json:
        item = kind.item
        assert item is not None
        if item.kind == "list":  # only values have lists in lists: Google's ListValue, of anything
            lines = list(enumerate(value)) if isinstance(value, list) else [(None, value)]
            for index, line in lines:
                if not isinstance(line, list):
                    place = path if index is None else f"{path}[{index}]"
                    self._wrong(place, "type.googleapis.com/google.protobuf.ListValue", line)
            return value
        if not isinstance(value, list):
            return [self._value(item, value, path)]
        if item.kind == "any":
            return value
        return [
            None if inner is None else self._value(item, inner, f"{path}[{index}]") for index, inner in enumerate(value)
        ]

    def _object(self, kind: Type, value: Json, path: str) -> Json:
        if isinstance(value, list):
            parent, _, last = path.rpartition(".")
            at = f" at '{parent}'" if parent else ""
            text = f'Unknown name "{_camel(last)}"{at}: Proto field is not repeating, cannot start list.'
            self._note(parent, f"Invalid JSON payload received. {text}")
            return {}
        if not isinstance(value, dict):
            self._wrong(path, _PACKAGE + _message_name(kind.message), value)
            return {}
        if kind.item is None:
            return self.message(kind.message, value, path)
        return {
            name: self._value(kind.item, inner, f"{path}[{name}]") for name, inner in value.items() if inner is not None
        }

    def _choice(self, kind: Type, value: Json, path: str) -> Json:
        if isinstance(value, str) and value in kind.choices:
            return value
        if isinstance(value, int) and not isinstance(value, bool) and 0 <= value < len(kind.choices):
            return kind.choices[value]
        self._wrong(path, _PACKAGE + self._interface.enum_name(kind.choices), value)
        return kind.choices[0]

    def _scalar(self, kind: str, value: Json, path: str) -> Json:
        read: Json = None
        if kind in _WHOLE_BITS:
            read = _whole(value, *_WHOLE_BITS[kind])
        elif kind in ("double", "float"):
            read = _number(value)
        elif kind == "boolean":
            read = _FLAGS.get(value.lower()) if isinstance(value, str) else value
            read = read if isinstance(read, bool) else None
        elif isinstance(value, str):
            return value
        if read is None:
            names = {"boolean": "TYPE_BOOL", "google-fieldmask": "type.googleapis.com/google.protobuf.FieldMask"}
            self._wrong(path, names.get(kind, f"TYPE_{kind.upper()}"), value)
        return read

    def _wrong(self, path: str, kind: str, value: Json) -> None:
        self._note(path, f"Invalid value at '{path}' ({kind}), {_shown(value)}")

    def _note(self, path: str, text: str) -> None:
        self.violations.append((path, text))


@lru_cache(maxsize=4096)
def _snake(name: str) -> str:
    return re.sub(r"([A-Z])", lambda match: "_" + match[1].lower(), name)


def _camel(name: str) -> str:
    return re.sub(r"_([a-z0-9])", lambda match: match[1].upper(), name)


def _message_name(name: str) -> str:
    return {"Request": "BatchUpdateSpreadsheetRequest.Request"}.get(name, name)


def _whole(value: Json, least: int, beyond: int) -> int | None:
    if isinstance(value, str) and re.fullmatch(r"-?\d{1,20}", value):
        value = int(value)
    if isinstance(value, float) and value.is_integer():
        value = int(value)
    if isinstance(value, bool) or not isinstance(value, int) or not least <= value < beyond:
        return None
    return value


def _number(value: Json) -> int | float | None:
    if isinstance(value, str):
        try:
            value = float(value)
        except ValueError:
            return None
    if isinstance(value, bool) or not isinstance(value, int | float):
        return None
    return value if math.isfinite(value) else None


def _shown(value: Json) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, str):
        return f'"{value}"'
    return str(value)


def _unknown(interface: Interface, mask: FieldMask, kind: Type, path: tuple[str, ...]) -> list[tuple[str, ...]]:
    while kind.kind == "list" and kind.item is not None:
        kind = kind.item
    if kind.kind in ("any", "map"):
        return []
    known = interface.messages[kind.message] if kind.kind == "message" else {}
    found: list[tuple[str, ...]] = []
    for name, below in mask.children.items():
        field = known.get(name)
        found += [(*path, name)] if field is None else _unknown(interface, below, field, (*path, name))
    return found
