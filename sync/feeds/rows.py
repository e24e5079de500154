"""From records to rows by key: what is a row, and what is wrong with those that are none. Pure but for the spool."""

import hashlib
import marshal
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from db.feeds import FeedBinding, FeedFormat
from db.keys import key_text, shown_key
from db.sources import Column, Source
from sync.counted import counted
from sync.feeds.fields import FieldWatch, readable
from sync.feeds.json_records import JsonRecords
from sync.feeds.mapping import feed_mapping
from sync.feeds.records import Record, RecordFormat
from sync.feeds.spooled_rows import RowSpool, SpooledRows
from sync.feeds.xml_records import XmlRecords
from sync.seen_columns import SeenColumns, takes_columns
from sync.source import Cell, Problem
from sync.values.cell_mapping import Unfit

_MOST_PROBLEMS: Final = 1000
"""More of them are counted in one."""


def record_format(binding: FeedBinding, columns: Sequence[Column], whole_bytes: int) -> RecordFormat:
    """What reads and writes the records of a feed that is bound so."""
    if binding.format is FeedFormat.JSON:
        return JsonRecords(binding.records, columns, whole_bytes)
    return XmlRecords(binding.records, binding.namespaces, columns, whole_bytes)


@dataclass(frozen=True, slots=True)
class FeedRows:
    """All rows of a feed. `columns`: the fields that its records have; None where nobody watched. `unsure`: some
    record's key is unknown. `kept` are the records that were asked for, `copied` the keys that several records have.

    `content` is equal for readings that saw the same records, in whatever order.
    """

    rows: SpooledRows
    columns: SeenColumns | None
    problems: Sequence[Problem]
    unsure: bool
    kept: Mapping[str, bytes]
    content: int
    copied: frozenset[str]


class RowReader:
    """Takes the records of all pages. `keep` are the keys whose records are wanted as they are; `watch` notes the
    fields of the records."""

    def __init__(
        self, source: Source, records: RecordFormat, keep: Collection[str] = (), watch: FieldWatch | None = None
    ) -> None:
        assert source.feed is not None
        self._watch = watch
        self._takes_columns = takes_columns(source)
        self._records = records
        self._mapping = feed_mapping(source.feed.format)
        self._columns = readable(source)
        by_name = {column.name: column for column in source.columns}
        self._key = [by_name[name] for name in source.key]
        self._dot = "." if source.feed.format is FeedFormat.JSON else "/"
        self._fields = {column.name: f"{self._dot}{column.field}" for column in self._columns}
        self._spool = RowSpool()
        self._keep = frozenset(keep)
        self._kept: dict[str, bytes] = {}
        self._problems: list[Problem] = []
        self._left_out = 0
        self._repeated: set[str] = set()
        self._content = self._page = 0
        self._page_before: int | None = None

    def add(self, address: str, record: Record) -> None:
        """One record; its address is for people."""
        cells: list[Cell] = []
        errors: dict[str, str] = {}
        for column in self._columns:
            try:
                cells.append(self._records.cell(record, column))
            except ValueError as error:
                cells.append(None)
                errors[column.name] = str(error)
        key = self._key_of(address, dict(zip(self._fields, cells, strict=True)))
        self._page += _hash(cells)
        if self._watch is not None:
            new = self._watch.see(address, record)
            if self._takes_columns:
                cells += new
        if key is None:
            return
        if not self._spool.add(key, address, cells, errors):
            self._repeated.add(key)
            message = f"Another record has the key {shown_key(key)}, too: until each has its own, none is synced."
            self._problem(Problem("DUPLICATE_KEY", message, address=address, key=key))
            return
        if key in self._keep:
            self._kept[key] = self._records.keep(record)

    def page_ends(self) -> bool:
        """The records to come are of another page; whether this one had just those of the page before."""
        again = self._page == self._page_before
        self._content += self._page
        self._page_before, self._page = self._page, 0
        return again

    def end(self) -> FeedRows:
        """All records were added."""
        if self._left_out:
            message = f"And {counted(self._left_out, 'more record')} whose keys can't be used."
            self._problems.append(Problem("UNREADABLE_KEY", message))
        unsure = bool(self._problems)
        columns, fields = None if self._watch is None else self._watch.columns(), dict(self._fields)
        if columns is not None and self._takes_columns:
            fields |= {new.column.name: f"{self._dot}{new.column.field}" for new in columns.new}
        copied = frozenset(self._repeated)
        rows = self._spool.rows(fields, copied)
        return FeedRows(rows, columns, self._problems, unsure, self._kept, self._content, copied)

    def _key_of(self, address: str, cells: Mapping[str, Cell]) -> str | None:
        texts = []
        for column in self._key:
            place = f"{address}{self._fields[column.name]}"
            try:
                text = self._mapping.to_text(column, cells[column.name])
            except Unfit as error:
                message = f"The key can't be read: {error}"
                self._problem(Problem("UNREADABLE_KEY", message, place, value=cells[column.name]))
                return None
            if text is None:
                message = f"The record has no {column.field}, which is its key: give it one."
                self._problem(Problem("EMPTY_KEY", message, place))
                return None
            texts.append(text)
        return key_text(texts)

    def _problem(self, problem: Problem) -> None:
        if len(self._problems) < _MOST_PROBLEMS:
            self._problems.append(problem)
        else:
            self._left_out += 1


def _hash(cells: Sequence[Cell]) -> int:
    """To be summed up: of 16 bytes, so that no two readings agree by chance."""
    digest = hashlib.blake2b(marshal.dumps(tuple(cells), 2), digest_size=16).digest()
    return int.from_bytes(digest)
