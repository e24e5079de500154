"""Google's interface as its discovery documents have it: methods with their parameters and scopes, messages with the
types of their fields. Read from `discovery/`, which `python -m tests.sandbox.snapshot` writes."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

import orjson

# Where the request's message isn't named after the method.
_RPC = {
    "create": "CreateSpreadsheet",
    "get": "GetSpreadsheet",
    "developerMetadata.get": "GetDeveloperMetadata",
    "values.append": "AppendValues",
    "values.batchGet": "BatchGetValues",
    "values.get": "GetValues",
    "values.update": "UpdateValues",
}
_ENUM_WORDS = {"INPUT_VALUE_OPTION": "VALUE_INPUT_OPTION"}  # called otherwise than its values
_FOLDER = Path(__file__).parent / "discovery"


@dataclass(frozen=True, slots=True)
class Type:
    """What a field takes. `kind` is `list` or `map` of `item`, `message` or `enum`, or a scalar's name: `string`,
    `int32`, `double`, `boolean`, `any` …"""

    kind: str
    item: "Type | None" = None
    message: str = ""
    choices: tuple[str, ...] = ()


Message = Mapping[str, Type]


@dataclass(frozen=True, slots=True)
class Method:
    """`call` is the verb and the path, its variable parts as `*`. `scopes` are those that admit, without their URL."""

    method_id: str
    call: str
    parameters: Message
    request: str | None
    response: str | None
    scopes: frozenset[str]

    @property
    def rpc(self) -> str:
        """Google's own name of it, as errors have it."""
        api, *resource, verb = self.method_id.split(".")
        if api == "drive":
            return f"google.apps.drive.v3.Drive{resource[0].capitalize()}.{verb[:1].upper()}{verb[1:]}"
        name = _RPC.get(self.method_id.removeprefix("sheets.spreadsheets."))
        return f"google.apps.sheets.v4.SpreadsheetsService.{name or (self.request or '').removesuffix('Request')}"


class Interface:
    """One API."""

    def __init__(self, name: str) -> None:
        read = orjson.loads((_FOLDER / f"{name}.json").read_bytes())
        self.messages: dict[str, Message] = {key: _fields(fields) for key, fields in read["schemas"].items()}
        shared = _fields(read["parameters"])
        methods = (
            Method(
                method_id,
                re.sub(r"\{[^}]*\}", "*", found["call"]),
                {**shared, **_fields(found["parameters"])},
                found.get("request"),
                found.get("response"),
                frozenset(found["scopes"]),
            )
            for method_id, found in read["methods"].items()
        )
        self.methods = {method.call: method for method in methods}
        self._enum_users: dict[tuple[str, ...], set[tuple[str, str]]] = {}
        used = [*self.messages.items(), *((method.method_id, method.parameters) for method in self.methods.values())]
        for user, fields in used:
            for field, kind in fields.items():
                choices = (kind.item or kind).choices
                if choices:
                    self._enum_users.setdefault(choices, set()).add((user, field))

    def enum_name(self, choices: tuple[str, ...]) -> str:
        """Protobuf's name of an enum, which discovery documents don't tell. It is taken from what it calls its first
        value, as in `DIMENSION_UNSPECIFIED`, else from the fields; one that a single message uses is that message's
        own. So are all names that Google's errors were seen to have."""
        users = self._enum_users.get(choices, set())
        match = re.fullmatch(r"(\w+)_(?:UNSPECIFIED|UNDEFINED)", choices[0])
        if match is not None:
            words = _ENUM_WORDS.get(match[1], match[1]).split("_")
            name = "".join(word.capitalize() for word in words)
        else:
            field = min((field for _, field in users if field != "type"), key=len)
            name = field[:1].upper() + field[1:]
        owners = {user for user, _ in users}
        return f"{next(iter(owners))}.{name}" if len(owners) == 1 and "." not in next(iter(owners)) else name


@lru_cache
def sheets() -> Interface:
    return Interface("sheets.v4")


@lru_cache
def drive() -> Interface:
    return Interface("drive.v3")


def _fields(words: dict[str, str]) -> Message:
    return {name: _type(word.removesuffix(" (deprecated)")) for name, word in words.items()}


@lru_cache
def _type(word: str) -> Type:
    for mark, kind in (("[]", "list"), ("{}", "map")):
        if word.startswith(mark):
            return Type(kind, _type(word.removeprefix(mark)))
    if word.startswith("enum:"):
        return Type("enum", choices=tuple(word.removeprefix("enum:").split("|")))
    return Type("message", message=word) if word[0].isupper() else Type(word)
