"""How an entry of the log holds a row: its values once, in the order of a layout, whose names are stored apart.

`image` is the row after the change, of a DELETE the row before it: `[value, …]`. `replaced` is what an UPDATE replaced
in it: `[place, value, …]`, places from 0. Either may be a JSON object instead, a row with its names: `replaced` where
the row before has other columns than the one after, both in entries of earlier versions. Empty is none.

Pure: `db.log_append` and `db.log_append_small` write it, `db.log` reads it, the view `rowcast.changes` does in SQL.
"""

import json
from collections.abc import Mapping, Sequence
from functools import lru_cache
from itertools import compress, count
from operator import is_not
from typing import Any, Final, NamedTuple

import msgspec
import orjson

from db.changes import Cause, Change, Operation, WireRow, WireValue

ANEW: Final = "N"
"""The code of a TRUNCATE where readers begin anew."""

OPERATION_OF: Final = {operation[0]: operation for operation in Operation} | {ANEW: Operation.TRUNCATE}
"""Of its code, which is its first letter."""

CAUSES: Final[Mapping[Cause, str]] = {Cause.SOURCE: "S", Cause.API: "A", Cause.SQL: "Q", Cause.ROLLBACK: "R"}
CAUSE_OF: Final = {code: cause for cause, code in CAUSES.items()}

_DELETE: Final = Operation.DELETE

Images = tuple[tuple[str, ...] | None, str, str]
"""What is stored of an entry's rows: layout, `image`, `replaced`. Without values the image has no layout."""


class Layout(NamedTuple):
    """`size`: the bytes that the names add to a row's values in JSON."""

    columns: Sequence[str]
    size: int


def code_of(change: Change) -> str:
    """What is stored of its operation."""
    return ANEW if change.anew else change.operation[0]


def images(change: Change) -> Images:
    """A change's rows as they are stored."""
    before, after = change.before, change.after
    if change.operation is _DELETE:
        before, after = None, before
    if after is None:
        return None, "", "" if before is None else _dumps(dict(before))
    columns, values = tuple(after), tuple(after.values())
    image = _dumps(values)
    if before is None:
        return columns, image, ""
    return columns, image, _dumps(_replaced(before, values) if tuple(before) == columns else dict(before))


def _replaced(before: WireRow, after: Sequence[WireValue]) -> list[WireValue]:
    replaced: list[WireValue] = []
    values = tuple(before.values())
    # A value that an update left alone is mostly the very same object: those are passed over without a step of ours.
    for place in compress(count(), map(is_not, values, after)):
        was, now = values[place], after[place]
        if was != now or (type(was) is not str and _differ(was, now)):
            replaced += (place, was)
    return replaced


def _differ(was: WireValue, now: WireValue) -> bool:
    """Of equal values: in JSON 1, 1.0 and true are different, 0.0 and -0.0, and what lists and objects hold."""
    return type(was) is not type(now) or ((type(was) is not float or was == 0) and _dumps(was) != _dumps(now))


def rows_of(
    operation: Operation, columns: Sequence[str], image: str, replaced: str
) -> tuple[WireRow | None, WireRow | None]:
    """Before and after, of what is stored."""
    values = _loads(image) if image else None
    row = dict(zip(columns, values, strict=True)) if isinstance(values, list) else values
    if operation is Operation.DELETE:
        return row, None
    if not replaced:
        return None, row
    was = _loads(replaced)
    if isinstance(was, dict):
        return was, row
    assert isinstance(values, list)
    for at in range(0, len(was), 2):
        values[was[at]] = was[at + 1]
    return dict(zip(columns, values, strict=True)), row


def rows_size(named: int, image: int, replaced: int, *, twice: bool) -> int:
    """The bytes of an entry's rows as JSON objects, at most, of those of what is stored and of the names.

    `twice`: there is a row before and one after. Both may have what wasn't replaced.
    """
    return (image + named) * (2 if twice else 1) + replaced


def layout_text(columns: Sequence[str]) -> str:
    """A layout as it is stored."""
    return _dumps(tuple(columns))


@lru_cache(maxsize=4096)
def layout(text: str | None) -> Layout:
    """Of its text, which says all of it: ids are as good as the database that gave them, and are not kept."""
    if text is None:
        return Layout((), 0)
    columns = _loads(text)
    return Layout(columns, len(text.encode()) + len(columns))


@lru_cache(maxsize=4096)
def names_size(columns: tuple[str, ...]) -> int:
    """The bytes that a layout's names add to a row's values in JSON."""
    return layout(layout_text(columns)).size


def _dumps(value: Any) -> str:
    try:
        return orjson.dumps(value).decode()
    except TypeError:
        # A JSON column may hold integers beyond 64 bits, deep nesting, and halves of surrogate pairs.
        return json.dumps(value)


def _loads(text: str) -> Any:
    try:
        return msgspec.json.decode(text)
    except (msgspec.DecodeError, RecursionError):
        # As above.
        return json.loads(text)
