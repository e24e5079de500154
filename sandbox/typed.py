"""Blocks of cells as a person would type them: texts by rows, None for a cell that is passed over."""

from collections.abc import Sequence

from sandbox.google.json_value import Json
from sandbox.workbook.errors import InvalidArgument


def read_block(values: list[Json]) -> tuple[tuple[str | None, ...], ...]:
    """Values of a control request as what would be typed: numbers and booleans as their text."""
    block = []
    for row in values:
        if not isinstance(row, list):
            raise InvalidArgument("values must be a list of rows, each a list of cells.")
        block.append(tuple(_typed(value) for value in row))
    return tuple(block)


def check_block(block: Sequence[Sequence[str | None]]) -> None:
    """Raises InvalidArgument where there is nothing to type."""
    if not block or not all(block):
        raise InvalidArgument("Nothing to enter: values must be a list of rows with at least one cell each.")


def _typed(value: Json) -> str | None:
    if isinstance(value, bool):
        return "TRUE" if value else "FALSE"
    if isinstance(value, dict | list):
        raise InvalidArgument("A cell takes text, a number, a boolean or null.")
    return None if value is None else str(value)
