"""What reads and writes the records of a feed, whatever its format: the interface that JSON and XML implement."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import BinaryIO, Protocol

from db.errors import SourceUnreachable
from db.sources import Column
from sync.source import Cell

Record = object
"""A record as its format parses it: a dict of JSON, an element of XML. Valid until the next one is asked for."""


class FeedUnreadable(SourceUnreachable):
    """The document is not what the source was registered with: the message says what, and what to do."""


@dataclass(frozen=True, slots=True, weakref_slot=True)
class Body:
    """A document as it was received, unpacked. `charset` is what Content-Type said. Who reads it seeks to its start."""

    stream: BinaryIO
    charset: str | None = None


class RecordFormat(Protocol):
    """The records of one feed, in its format. Pure but for the stream that is read. Raises FeedUnreadable."""

    content_type: str

    def records(self, body: Body) -> Iterator[tuple[str, Record]]:
        """Each record with its address, such as `$.orders[7]`."""
        ...

    def cell(self, record: Record, column: Column) -> Cell:
        """What the record has for a bound column; ValueError says why that can't be told."""
        ...

    def has(self, record: Record, column: Column) -> bool:
        """Whether the record has the field of a bound column, be it null. True where the path doesn't tell."""
        ...

    def follow(self, body: Body, path: str) -> str | None:
        """The text at a path of the document, such as the next page's address; None where there is none."""
        ...

    def keep(self, record: Record) -> bytes:
        """The record as it is, to be kept beyond its turn: what `changed` begins with."""
        ...

    def changed(self, kept: bytes | None, cells: Mapping[Column, Cell], *, whole: bool) -> Record:
        """A record to be written: a kept one, or a new one, with these cells. Not `whole`: just the cells."""
        ...

    def body(self, records: Sequence[Record], *, many: bool) -> bytes:
        """What a request carries: one record, or with `many` a list."""
        ...
