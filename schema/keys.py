"""Row keys between the objects that clients see and the key texts of the log and the base. Pure."""

from collections.abc import Mapping
from typing import cast

from db.changes import WireRow, WireValue
from db.errors import BadUserInput
from db.keys import key_values
from db.sources import Source
from db.wire import ColumnType, to_wire
from schema.comparable import fit
from schema.scalars import JSON


def key_object(source: Source, text: str) -> JSON:
    """The key as an object of the key columns."""
    values: dict[str, WireValue] = {}
    for name, value in zip(source.key, key_values(text), strict=True):
        column = source.column(name)
        values[name] = value if column is None else to_wire(column.type, value)
    return JSON(values)


def key_of_row(source: Source, row: WireRow, text: str | None) -> JSON:
    """The key of a row as the log has it; by its key text where a column of the key was renamed since."""
    if text is not None and not all(name in row for name in source.key):
        return key_object(source, text)
    return JSON({name: row.get(name) for name in source.key})


def json_object(value: object, what: str) -> Mapping[str, WireValue]:
    """A JSON object that a client sent. BadUserInput for anything else; `what` names it."""
    if not isinstance(value, dict) or not all(isinstance(name, str) for name in value):
        raise BadUserInput(f'{what} must be an object from column to value, such as {{"id": 7}}.')
    return cast("Mapping[str, WireValue]", value)


def key_texts(source: Source, types: Mapping[str, ColumnType], value: object, what: str = "The key") -> list[str]:
    """The texts of a key that a client sent, in the order of the key columns. BadUserInput, naming what is wrong."""
    given = json_object(value, what)
    columns = ", ".join(source.key)
    if unknown := [name for name in given if name not in source.key]:
        raise BadUserInput(f"{what} of {source.name} has no column {', '.join(unknown)}: give {columns}.")
    texts = []
    for name in source.key:
        if given.get(name) is None:
            raise BadUserInput(f"{what} lacks {name}: give {columns}.")
        texts.append(fit_column(name, types[name], given[name], what))
    return cast("list[str]", texts)


def fit_column(name: str, type_: ColumnType, value: WireValue, what: str) -> str | None:
    """The text of a column's value. BadUserInput that names the column and what is expected."""
    try:
        return fit(type_, value)
    except ValueError as error:
        raise BadUserInput(f'{what}: the {type_} column "{name}": {error}.') from error
