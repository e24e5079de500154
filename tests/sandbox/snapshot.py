"""What of Google's interface the sandbox knows, written down from the discovery documents, to be compared with newer
ones.

`python -m tests.sandbox.snapshot` prints how the installed documents differ from what is committed, and then takes the
difference over into `sandbox/google/discovery`.
"""

import importlib.resources
import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

FOLDER = Path(__file__).parents[2] / "sandbox" / "google" / "discovery"
# Every method of Sheets, and of Drive those that the sandbox has.
METHODS = {
    "sheets.v4": r"sheets\.spreadsheets\..*",
    "drive.v3": r"drive\.(about\.get|changes\.(getStartPageToken|list|watch)|channels\.stop|comments\.(create|list)"
    r"|files\.(copy|create|delete|export|get|list|update|watch)|permissions\.(create|delete|get|list|update))",
}
_DEPRECATED = " (deprecated)"

Snapshot = dict[str, Any]


def document(name: str) -> dict[str, Any]:
    """The installed discovery document of an API (`sheets.v4`)."""
    documents = importlib.resources.files("googleapiclient") / "discovery_cache" / "documents"
    read: dict[str, Any] = json.loads((documents / f"{name}.json").read_text(encoding="utf-8"))
    return read


def snapshot(found: dict[str, Any], methods: str) -> Snapshot:
    """The methods whose ids match the pattern, and all schemas that they name, each field's type as one word."""
    called = {m["id"]: _method(m, found["servicePath"]) for m in _methods(found) if re.fullmatch(methods, m["id"])}
    needed = {one[way] for one in called.values() for way in ("request", "response") if way in one}
    schemas: dict[str, dict[str, str]] = {}
    inline: dict[str, Any] = {}
    while needed:
        name = needed.pop()
        fields = (inline.pop(name, None) or found["schemas"][name]).get("properties", {})
        for field, schema in fields.items():
            item = schema["items"] if schema.get("type") == "array" else schema
            if "properties" in item:
                inline[f"{name}.{field}"] = dict(item)
                item["$ref"] = f"{name}.{field}"
        schemas[name] = {field: _word(schema) for field, schema in sorted(fields.items())}
        needed |= {inner for schema in fields.values() for inner in _names(schema)} - schemas.keys()
    shared = {name: _word(schema) for name, schema in sorted(found["parameters"].items())}
    return {"parameters": shared, "methods": dict(sorted(called.items())), "schemas": dict(sorted(schemas.items()))}


def committed(name: str) -> Snapshot:
    read: Snapshot = json.loads((FOLDER / f"{name}.json").read_text(encoding="utf-8"))
    return read


def differences(old: Snapshot, new: Snapshot) -> list[str]:
    """A line for each method, parameter, field and enum value that was added, deprecated, dropped or changed."""
    before, after = dict(_flat(old)), dict(_flat(new))
    lines = [f"added: {key} ({after[key]})" for key in after if key not in before]
    lines += [f"dropped: {key} ({before[key]})" for key in before if key not in after]
    for key in before.keys() & after.keys():
        a, b = before[key], after[key]
        if a == b:
            continue
        if a + _DEPRECATED == b:
            lines.append(f"deprecated: {key}")
        elif "enum:" in a and "enum:" in b:
            was, now = (set(text.partition("enum:")[2].split("|")) for text in (a, b))
            lines += [f"added: {key} = {value}" for value in now - was]
            lines += [f"dropped: {key} = {value}" for value in was - now]
        else:
            lines.append(f"changed: {key} from {a} to {b}")
    return sorted(lines)


def _flat(node: Any, path: str = "") -> Iterator[tuple[str, str]]:
    for name, inner in node.items():
        if isinstance(inner, dict):
            yield from _flat(inner, f"{path}{name} ")
        else:
            yield f"{path}{name}".strip(), inner if isinstance(inner, str) else json.dumps(inner)


def _methods(node: dict[str, Any]) -> Iterator[dict[str, Any]]:
    yield from node.get("methods", {}).values()
    for resource in node.get("resources", {}).values():
        yield from _methods(resource)


def _method(method: dict[str, Any], prefix: str) -> dict[str, Any]:
    written: dict[str, Any] = {"call": f"{method['httpMethod']} /{prefix}{method['path']}"}
    written["parameters"] = {
        name: _word(schema)
        for name, schema in sorted(method.get("parameters", {}).items())
        if schema["location"] == "query"
    }
    for way in ("request", "response"):
        if way in method:
            written[way] = method[way]["$ref"]
    written["scopes"] = [scope.rpartition("/")[2] for scope in method["scopes"]]
    if method.get("deprecated"):
        written["deprecated"] = "true"
    return written


def _word(schema: dict[str, Any]) -> str:
    if schema.get("deprecated"):
        return _word({**schema, "deprecated": False}) + _DEPRECATED
    if schema.get("repeated"):
        return "[]" + _word({**schema, "repeated": False})
    if "$ref" in schema:
        return str(schema["$ref"])
    if schema.get("type") == "array":
        return "[]" + _word(schema["items"])
    if "additionalProperties" in schema:
        return "{}" + _word(schema["additionalProperties"])
    if "enum" in schema:
        return "enum:" + "|".join(schema["enum"])
    # A text's own format matters where it says how it is read: as a number, or as a mask.
    numeric = ("int64", "uint64", "int32", "uint32", "double", "float", "google-fieldmask")
    return schema["format"] if schema.get("format") in numeric else str(schema["type"])


def _names(schema: dict[str, Any]) -> set[str]:
    word = _word(schema).removesuffix(_DEPRECATED).lstrip("[]{}")
    return {word} if word[0].isupper() else set()


def main() -> None:
    for name, methods in METHODS.items():
        new = snapshot(document(name), methods)
        path = FOLDER / f"{name}.json"
        for line in differences(committed(name), new) if path.exists() else ():
            print(f"{name}: {line}")
        path.write_text(json.dumps(new, indent=1) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
