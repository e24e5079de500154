"""A row filter as JSON and back: how a grant's is stored, in the form that clients send it. Pure."""

from collections.abc import Mapping
from typing import Any, Final, cast

from strawberry import UNSET

from db.changes import WireValue
from schema.filter_input import RowFilter

_NAMES: Final[Mapping[str, str]] = {
    "column": "column",
    "eq": "eq",
    "ne": "ne",
    "gt": "gt",
    "gte": "gte",
    "lt": "lt",
    "lte": "lte",
    "in_": "in",
    "is_null": "isNull",
    "like": "like",
    "ilike": "ilike",
    "and_": "and",
    "or_": "or",
    "not_": "not",
}
"""The filter's attributes, and what clients call them."""


def filter_to_json(given: RowFilter) -> dict[str, WireValue]:
    """The object that a client sent."""
    return {
        name: _to_json(value) for attribute, name in _NAMES.items() if (value := getattr(given, attribute)) is not UNSET
    }


def filter_from_json(stored: Mapping[str, WireValue]) -> RowFilter:
    """The filter of what `filter_to_json` made."""
    attributes = {attribute: stored[name] for attribute, name in _NAMES.items() if name in stored}
    for name in ("and_", "or_"):
        if isinstance(parts := attributes.get(name), list):
            attributes[name] = cast("Any", [filter_from_json(cast("Any", part)) for part in parts])
    if isinstance(inner := attributes.get("not_"), dict):
        attributes["not_"] = cast("Any", filter_from_json(inner))
    return RowFilter(**cast("Any", attributes))


def _to_json(value: object) -> WireValue:
    if isinstance(value, RowFilter):
        return filter_to_json(value)
    if isinstance(value, list):
        return [_to_json(each) for each in value]
    return cast("WireValue", value)
