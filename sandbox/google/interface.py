"""Google's interface as its discovery documents have it: methods with their parameters and scopes, messages with the
types of their fields. Read from `discovery/`, which `python -m tests.sandbox.snapshot` writes."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

import orjson

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
