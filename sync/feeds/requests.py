"""From an edit to the request that carries it out: its address, its record, and what goes together in one. Pure."""

import hashlib
from collections import defaultdict
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass

from db.feeds import FeedBinding, FeedRequest
from db.keys import key_values
from db.sources import Column, Source
from sync.feeds.mapping import feed_mapping
from sync.feeds.records import Record, RecordFormat
from sync.feeds.template import expand, placeholders
from sync.source import Cell, Edit, Problem, SourceRow


@dataclass(frozen=True, slots=True)
class Sending:
    """An edit with the request that carries it out; `record` is None for a delete that has no body.

    `row` and `kept` are the row and its record as the feed showed them then.
    """

    edit: Edit
    request: FeedRequest
    url: str
    record: Record | None
    row: SourceRow | None
    kept: bytes | None


@dataclass(frozen=True, slots=True)
class Group:
    """What goes in one request. `body` None: it has none. `once`: its idempotency key, the same for the same edits.

    `batch`: it might have more edits, or fewer, so that the key of one edit depends on the others.
    """

    sendings: Sequence[Sending]
    method: str
    url: str
    body: bytes | None
    once: str
    batch: bool

    @property
    def rows(self) -> frozenset[str]:
        """The keys of its rows."""
        return frozenset(sending.edit.key for sending in self.sendings)

    @property
    def writes(self) -> frozenset[str]:
        """The idempotency keys of its edits."""
        return frozenset(sending.edit.idempotency_key for sending in self.sendings)

    def halves(self) -> Sequence[Sequence[Sending]]:
        """The same in two."""
        middle = len(self.sendings) // 2
        return self.sendings[:middle], self.sendings[middle:]


class Requests:
    """For one source."""

    def __init__(self, source: Source, records: RecordFormat) -> None:
        assert source.feed is not None
        self._source = source
        self._binding: FeedBinding = source.feed
        self._mapping = feed_mapping(source.feed.format)
        self._records = records
        self._columns = {column.name: column for column in source.bound}

    def knows(self, edit: Edit) -> bool:
        """Whether the source still has all columns of the edit."""
        return edit.cells is None or edit.cells.keys() <= self._columns.keys()

    def sending(self, edit: Edit, row: SourceRow | None, kept: bytes | None) -> Sending | Problem:
        """`row` and `kept` are the row and its record as the feed shows them now."""
        request = self._request(edit)
        if request is None:
            what = "delete" if edit.cells is None else "insert" if edit.insert else "upsert"
            message = f"The feed takes no such write: give the source `write.{what}` with updateSource."
            return Problem("READ_ONLY_FEED", message, key=edit.key)
        try:
            url = expand(request.url, self._values(edit, row))
            return Sending(edit, request, url, self._record(edit, request, kept), row, kept)
        except ValueError as error:
            message = f"The request can't be made of the row: {error}. Correct it, or `write` with updateSource."
            return Problem("REQUEST", message, key=edit.key)

    def groups(self, sendings: Sequence[Sending], alone: Collection[str]) -> Iterator[Group]:
        """What goes in one request: rows of the same operation, where its address names none of them. The edits with
        the idempotency keys `alone` have one of their own each."""
        size = 1 if self._binding.write is None else self._binding.write.batch_size
        batches: dict[FeedRequest, list[Sending]] = defaultdict(list)
        for sending in sendings:
            if size == 1 or placeholders(sending.request.url) or sending.edit.idempotency_key in alone:
                yield self.group([sending])
            else:
                batches[sending.request].append(sending)
        for batch in batches.values():
            for start in range(0, len(batch), size):
                yield self.group(batch[start : start + size])

    def group(self, sendings: Sequence[Sending]) -> Group:
        """One request for all of these. A batch stays a list with one record in it, too."""
        first = sendings[0]
        records = [sending.record for sending in sendings if sending.record is not None]
        many = self._binding.write is not None and self._binding.write.batch_size > 1
        many = many and not placeholders(first.request.url)
        body = self._records.body(records, many=many) if records else None
        return Group(sendings, first.request.method.upper(), first.url, body, _once(sendings), many)

    def _request(self, edit: Edit) -> FeedRequest | None:
        write = self._binding.write
        if write is None:
            return None
        if edit.cells is None:
            return write.delete
        return (write.insert or write.upsert) if edit.insert else write.upsert

    def _record(self, edit: Edit, request: FeedRequest, kept: bytes | None) -> Record | None:
        named = placeholders(request.url)
        keys = {name: cell for name, cell in self._key_cells(edit).items() if edit.cells is None or name not in named}
        if edit.cells is None:
            # Without a name in the address, the body must tell which record it is.
            return None if named else self._records.changed(None, self._by_column(keys), whole=True)
        whole = request.method.upper() != "PATCH"
        cells = {**self._key_cells(edit), **edit.cells} if edit.insert else {**({} if whole else keys), **edit.cells}
        return self._records.changed(kept, self._by_column(cells), whole=whole)

    def _by_column(self, cells: Mapping[str, Cell]) -> Mapping[Column, Cell]:
        return {self._columns[name]: cell for name, cell in cells.items()}

    def _key_cells(self, edit: Edit) -> Mapping[str, Cell]:
        names = zip(self._source.key, key_values(edit.key), strict=True)
        return {name: self._mapping.to_cell(self._columns[name], text) for name, text in names}

    def _values(self, edit: Edit, row: SourceRow | None) -> Mapping[str, str]:
        """What a template may name, as the feed has it: the key, and all that the row has."""
        cells = {**(row.cells if row is not None else {}), **(edit.cells or {}), **self._key_cells(edit)}
        return {name: _spelled(cell) for name, cell in cells.items() if cell is not None}


def _spelled(cell: Cell) -> str:
    if isinstance(cell, bool):
        return "true" if cell else "false"
    return str(int(cell)) if isinstance(cell, float) and cell.is_integer() else str(cell)


def _once(sendings: Sequence[Sending]) -> str:
    """The write's own key, or for a batch one that is the same for the same writes."""
    keys = [sending.edit.idempotency_key for sending in sendings]
    return keys[0] if len(keys) == 1 else hashlib.sha256("\n".join(keys).encode()).hexdigest()
