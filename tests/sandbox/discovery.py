"""Checks calls against Google's own description of its APIs, which google-api-python-client carries."""

import importlib.resources
import json
import re
from dataclasses import dataclass
from functools import lru_cache
from typing import Any
from urllib.parse import parse_qs

from jsonschema_rs import Draft202012Validator


@dataclass(frozen=True, slots=True)
class Method:
    """One method: how its calls look, and the schemas of what goes in and comes out."""

    http_method: str
    pattern: re.Pattern[str]
    parameters: frozenset[str]
    request: str | None
    response: str | None


class Api:
    """One API as its discovery document has it."""

    def __init__(self, name: str) -> None:
        documents = importlib.resources.files("googleapiclient") / "discovery_cache" / "documents"
        document = json.loads((documents / f"{name}.json").read_text(encoding="utf-8"))
        self._validators: dict[str, Draft202012Validator] = {}
        self.definitions = {key: convert(schema) for key, schema in document["schemas"].items()}
        self.methods = list(self._methods(document, document["servicePath"], frozenset(document["parameters"])))

    def _methods(self, node: dict[str, Any], prefix: str, shared: frozenset[str]) -> Any:
        for method in node.get("methods", {}).values():
            parts = re.split(r"(\{[^}]+\})", "/" + prefix + method["path"])
            pattern = "".join("[^/]+?" if part.startswith("{") else re.escape(part) for part in parts)
            yield Method(
                method["httpMethod"],
                re.compile(pattern),
                shared | frozenset(method.get("parameters", {})),
                method.get("request", {}).get("$ref"),
                method.get("response", {}).get("$ref"),
            )
        for resource in node.get("resources", {}).values():
            yield from self._methods(resource, prefix, shared)

    def find(self, http_method: str, path: str) -> Method | None:
        """The method with the longest pattern: `values:batchGet` is no range."""
        found = [m for m in self.methods if m.http_method == http_method and m.pattern.fullmatch(path)]
        return max(found, key=lambda method: len(method.pattern.pattern.replace("[^/]+?", "")), default=None)

    def check(self, name: str | None, value: Any) -> None:
        """Raises jsonschema_rs.ValidationError where the value isn't as the schema says."""
        if name is None:
            return
        if name not in self._validators:
            schema = {"$ref": f"#/$defs/{name}", "$defs": self.definitions}
            self._validators[name] = Draft202012Validator(schema)
        self._validators[name].validate(value)


@lru_cache
def sheets() -> Api:
    return Api("sheets.v4")


@lru_cache
def drive() -> Api:
    return Api("drive.v3")


def check_call(http_method: str, raw_path: str, query: str, body: bytes | None, answer: bytes) -> None:
    """Asserts that a call that succeeded, and its answer, are as Google describes them."""
    api = drive() if raw_path.startswith("/drive/") else sheets()
    method = api.find(http_method, raw_path)
    assert method is not None, f"Google has no method {http_method} {raw_path}"
    unknown = parse_qs(query).keys() - method.parameters
    # gspread sends this one, which belongs to files.list, with files.get, too.
    assert unknown <= {"includeItemsFromAllDrives", "supportsAllDrives"}, f"{raw_path} takes no {unknown}"
    if body and method.request:
        request = without_nulls(json.loads(body))
        # gspread shares with a field of Drive v2, which v3 overlooks.
        request.pop("withLink", None)
        api.check(method.request, request)
    if answer and method.response:
        api.check(method.response, json.loads(answer))


def without_nulls(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: without_nulls(inner) for key, inner in value.items() if inner is not None}
    if isinstance(value, list):
        return [without_nulls(inner) for inner in value]
    return value


def convert(schema: dict[str, Any]) -> dict[str, Any]:
    """Discovery's dialect as JSON Schema: no field beyond those named, 64-bit numbers as text."""
    if "$ref" in schema:
        return {"$ref": f"#/$defs/{schema['$ref']}"}
    kind = schema.get("type")
    if kind == "any":
        return {}
    converted: dict[str, Any] = {"type": kind}
    if "enum" in schema:
        converted["enum"] = schema["enum"]
    if kind == "array":
        converted["items"] = convert(schema["items"])
    if kind == "object":
        converted["properties"] = {name: convert(inner) for name, inner in schema.get("properties", {}).items()}
        extra = schema.get("additionalProperties")
        converted["additionalProperties"] = convert(extra) if extra else False
    return converted
