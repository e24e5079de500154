"""A JSON document's records. Numbers stay as they are written, digit by digit."""

import json
from collections.abc import Sequence
from typing import Any

from sandbox.feeds.unreadable import Unreadable


class _Number(str):
    """A number, as the document has it."""

    __slots__ = ()


class JsonRecords:
    """The first list of objects in the document. Implements `sandbox.feeds.records.Records`."""

    def __init__(self, body: bytes, key: str | None) -> None:
        self._document = _load(body)
        self._path, self._records = _find(self._document)
        first = self._records[0] if self._records else {}
        self._key = key or ("id" if "id" in first else next(iter(first), "id"))

    def all_keys(self) -> Sequence[str]:
        return [self._key_of(record) for record in self._records]

    def parse(self, body: bytes) -> tuple[Sequence[tuple[str, object]], bool]:
        value = _load(body)
        for name in self._path:
            if isinstance(value, dict) and isinstance(value.get(name), list):
                value = value[name]
        records = value if isinstance(value, list) else [value]
        return [(self._key_of(record), record) for record in records], isinstance(value, list)

    def parse_one(self, body: bytes) -> object:
        return _object(_load(body))

    def put(self, key: str, record: object) -> None:
        whole = _object(record)
        if self._key not in whole:
            whole = {self._key: key, **whole}
        if self._key_of(whole) != key:
            raise Unreadable(f"The record's key is not {key!r}, as the path says.")
        place = self._place(key)
        if place is None:
            self._records.append(whole)
        else:
            self._records[place] = whole

    def patch(self, key: str, record: object) -> None:
        place = self._place(key)
        assert place is not None
        self._records[place] = {**self._records[place], **_object(record)}

    def remove(self, key: str) -> None:
        place = self._place(key)
        assert place is not None
        del self._records[place]

    def render_one(self, key: str) -> bytes:
        place = self._place(key)
        assert place is not None
        return _dump(self._records[place])

    def render(self) -> bytes:
        return _dump(self._document)

    def render_page(self, start: int, size: int, next_url: str | None, cursor: str | None) -> bytes:
        page = self._records[start : start + size]
        if not self._path:
            return _dump(page)
        document = _replaced(self._document, self._path, page)
        return _dump({**document, "next": next_url, "cursor": cursor})

    def _place(self, key: str) -> int | None:
        return next((place for place, record in enumerate(self._records) if self._key_of(record) == key), None)

    def _key_of(self, record: Any) -> str:
        value = _object(record).get(self._key)
        if value is None or isinstance(value, dict | list):
            raise Unreadable(f'A record has no "{self._key}", which is its key.')
        return str(value)


def _load(body: bytes) -> Any:
    try:
        return json.loads(body, parse_int=_Number, parse_float=_Number)
    except (ValueError, RecursionError) as error:
        raise Unreadable(f"This is not JSON: {error}") from error


def _object(value: Any) -> dict[str, Any]:
    if not isinstance(value, dict):
        raise Unreadable("A record must be an object.")
    return value


def _find(value: Any) -> tuple[list[str], list[dict[str, Any]]]:
    """The way to the first list of objects, and the list. An empty list will do where there is no other."""
    found = list(_lists([], value))
    filled = [one for one in found if one[1]]
    if not found:
        raise Unreadable("There is no list of objects in the document.")
    return (filled or found)[0]


def _lists(path: list[str], value: Any) -> "list[tuple[list[str], list[dict[str, Any]]]]":
    if isinstance(value, list):
        return [(path, value)] if all(isinstance(item, dict) for item in value) else []
    if isinstance(value, dict):
        return [found for name, member in value.items() for found in _lists([*path, name], member)]
    return []


def _replaced(value: Any, path: Sequence[str], page: list[dict[str, Any]]) -> Any:
    return {**value, path[0]: _replaced(value[path[0]], path[1:], page)} if path else page


def _dump(value: Any) -> bytes:
    return (_text(value, "\n") + "\n").encode()


def _text(value: Any, line: str) -> str:
    if isinstance(value, _Number):
        return str(value)
    inner = line + "  "
    if isinstance(value, dict) and value:
        members = (f"{json.dumps(name, ensure_ascii=False)}: {_text(one, inner)}" for name, one in value.items())
        return f"{{{inner}{f',{inner}'.join(members)}{line}}}"
    if isinstance(value, list) and value:
        return f"[{inner}{f',{inner}'.join(_text(item, inner) for item in value)}{line}]"
    return json.dumps(value, ensure_ascii=False)
