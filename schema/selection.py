"""Which fields an operation selects, so that what nobody asked for isn't looked up."""

from collections.abc import Iterable

from strawberry.types.nodes import SelectedField, Selection

from schema.context import Info


def selects(info: Info, name: str) -> bool:
    """Whether the field under way selects a field of that name, at any depth."""
    return any(_has(field.selections, name) for field in info.selected_fields)


def _has(selections: Iterable[Selection], name: str) -> bool:
    return any(
        (isinstance(each, SelectedField) and each.name == name) or _has(each.selections, name) for each in selections
    )
