"""A feed's document as a list of records, each found by its key: what JSON and XML documents have in common.

A list is made from bytes and rendered to bytes; nothing in it changes a record that nobody wrote.
"""

from collections.abc import Sequence
from typing import Protocol

from sandbox.feeds.json_records import JsonRecords
from sandbox.feeds.xml_records import XmlRecords


class Records(Protocol):
    """The records in order. A key is the text of a record's key field. Unreadable: a body that holds no record."""

    def all_keys(self) -> Sequence[str]:
        """The key of each record."""
        ...

    def parse(self, body: bytes) -> "tuple[Sequence[tuple[str, object]], bool]":
        """The records of a request's body with their keys, and whether it is a list of them."""
        ...

    def parse_one(self, body: bytes) -> object:
        """The record of a request's body, whose key is in the request's path."""
        ...

    def put(self, key: str, record: object) -> None:
        """Replace the record of that key, or add it."""
        ...

    def patch(self, key: str, record: object) -> None:
        """Replace the fields of that record which `record` has."""
        ...

    def remove(self, key: str) -> None:
        """Take the record of that key out."""
        ...

    def render_one(self, key: str) -> bytes:
        """One record."""
        ...

    def render(self) -> bytes:
        """The whole document."""
        ...

    def render_page(self, start: int, size: int, next_url: str | None, cursor: str | None) -> bytes:
        """The document with some of its records, and where the next ones are."""
        ...


def read_records(content_type: str, body: bytes, key: str | None) -> Records:
    """The document as records; `key` None guesses the key field. Unreadable if it is none."""
    media = content_type.partition(";")[0].strip().lower()
    if media.endswith("xml") or (not media.endswith("json") and body.lstrip().startswith(b"<")):
        return XmlRecords(body, key)
    return JsonRecords(body, key)
