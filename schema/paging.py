"""The rules of every page: how many nodes `first` may ask for, and the opaque `after` of lists that count by id."""

import base64
import binascii
import json
from collections.abc import Sequence
from typing import cast

from db.errors import BadUserInput, LimitExceeded

MAX_FIRST = 1000
"""How many nodes one page may have."""


def page_size(first: int | None, default: int) -> int:
    """How many nodes are asked for; an explicit null is the default. BadUserInput or LimitExceeded otherwise."""
    if first is None:
        return default
    if first < 0:
        raise BadUserInput("`first` can't be negative: 0 is none, up to 1000.")
    if first > MAX_FIRST:
        raise LimitExceeded(f"`first` is {MAX_FIRST} at most: page with `after`.")
    return first


def encode_after(kind: str, parts: Sequence[str | int | None]) -> str:
    """The opaque text of a place in a list of that kind."""
    text = json.dumps([kind, *parts], ensure_ascii=False, separators=(",", ":"))
    return base64.urlsafe_b64encode(text.encode()).rstrip(b"=").decode()


def decode_after(kind: str, text: str) -> list[str | int | None]:
    """What `encode_after` made for that kind of list. BadUserInput for any other text."""
    try:
        raw = base64.b64decode(text + "=" * (-len(text) % 4), altchars=b"-_", validate=True)
        found, *parts = json.loads(raw)
        if found != kind or not all(isinstance(part, str | int | None) for part in parts):
            raise ValueError(raw)
    except (ValueError, TypeError, binascii.Error, RecursionError) as error:
        raise BadUserInput("`after` is not from this list: use an endCursor as it was returned.") from error
    return cast("list[str | int | None]", parts)


def decode_id(kind: str, after: str | None) -> int | None:
    """The id that a page begins behind; None for the first page."""
    if after is None:
        return None
    parts = decode_after(kind, after)
    if len(parts) != 1 or not isinstance(parts[0], int):
        raise BadUserInput("`after` is not from this list: use an endCursor as it was returned.")
    return parts[0]


def read_id(text: str) -> int | None:
    """A numeric id as clients hold it; None if it can't be one, so that nothing has it."""
    return int(text) if text.isascii() and text.isdigit() and len(text) <= 18 else None
