"""Writes rows to a feed: located by a fresh read, sent one by one or in batches, and read back.

A feed answers a write before every reader of it sees the new value: what is read back as it was before counts as on its
way, not as somebody's edit, and the next run looks again, with the same idempotency key if it has to write again.
"""

import hashlib
from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping, MutableMapping, Sequence
from dataclasses import dataclass, field
from typing import Final

from db.feeds import FeedBinding, FeedRequest
from db.keys import key_values
from db.sources import Column, Source
from sync.feed_client import FeedClient
from sync.feed_errors import FeedBusy, FeedRefused
from sync.feed_mapping import feed_mapping
from sync.feed_read import FeedReader
from sync.feed_records import Record, RecordFormat
from sync.feed_template import expand, placeholders
from sync.source import Cell, Edit, Problem, SourceRow, WriteOutcome, Written

MOST_UNCONFIRMED: Final = 5
"""So often a write that was accepted may not show before it is a failure."""

_MOST_REFUSALS: Final = 50
_UNAUTHORISED: Final = frozenset({401, 403})
_GONE: Final = frozenset({404, 410})


@dataclass(frozen=True, slots=True)
class _Sending:
    """An edit with the request that carries it out; `record` is None for a delete that has no body."""

    edit: Edit
    request: FeedRequest
    url: str
    record: Record | None


@dataclass(slots=True)
class _Fates:
    """What became of the edits, by key."""

    written: dict[str, Written] = field(default_factory=dict)
    problems: dict[str, Problem] = field(default_factory=dict)


class FeedWriter:
    """Carries out the edits of one run. `unconfirmed` counts by idempotency key what was accepted and never shown."""

    def __init__(
        self,
        source: Source,
        client: FeedClient,
        records: RecordFormat,
        reader: FeedReader,
        check: Callable[[], None],
        unconfirmed: MutableMapping[str, int],
    ) -> None:
        assert source.feed is not None
        self._source = source
        self._binding: FeedBinding = source.feed
        self._mapping = feed_mapping(source.feed.format)
        self._client = client
        self._records = records
        self._reader = reader
        self._check = check
        self._unconfirmed = unconfirmed
        self._columns = {column.name: column for column in source.bound}
        self._refusals = 0

    async def write(self, edits: Sequence[Edit]) -> WriteOutcome:
        """As `sync.source.SourceAdapter` says."""
        calls = self._client.calls
        before, kept = await self._look(edits)
        fates = _Fates()
        sendings = [
            sending for edit in edits if (sending := self._plan(edit, before.get(edit.key), kept, fates)) is not None
        ]
        for group in self._groups(sendings):
            await self._send_or_bisect(group, fates)
        after = (await self._look(edits))[0] if sendings else before
        for sending in sendings:
            self._confirm(sending.edit, before.get(sending.edit.key), after.get(sending.edit.key), fates)
        return WriteOutcome(list(fates.written.values()), self._client.calls - calls)

    async def _look(self, edits: Sequence[Edit]) -> tuple[Mapping[str, SourceRow], Mapping[str, bytes]]:
        wanted = {edit.key for edit in edits}
        read = await self._reader.read(wanted, fresh=True)
        return {row.key: row for row in read.rows.rows if row.key in wanted}, read.rows.kept

    # ---- what to send

    def _plan(self, edit: Edit, row: SourceRow | None, kept: Mapping[str, bytes], fates: _Fates) -> _Sending | None:
        """The request for an edit; None where its fate is known without one."""
        if row is None and edit.cells is None:
            fates.written[edit.key] = Written(edit.key, None)
            return None
        if edit.insert is (row is not None) or (row is not None and not self._as_expected(edit, row)):
            fates.written[edit.key] = Written(edit.key, row, moved_on=True)
            return None
        request = self._request(edit)
        if request is None:
            what = "delete" if edit.cells is None else "insert" if edit.insert else "upsert"
            message = f"The feed takes no such write: give the source `write.{what}` with updateSource."
            self._refuse(edit, row, Problem("READ_ONLY_FEED", message, key=edit.key), fates)
            return None
        try:
            url = expand(request.url, self._values(edit, row))
            record = self._record(edit, request, kept.get(edit.key))
        except (KeyError, ValueError) as error:
            message = f"The request can't be made of the row: {error}. Correct `write` with updateSource."
            self._refuse(edit, row, Problem("REQUEST", message, key=edit.key), fates)
            return None
        return _Sending(edit, request, url, record)

    def _as_expected(self, edit: Edit, row: SourceRow) -> bool:
        return all(self._mapping.unchanged(row.cells.get(name), cell) for name, cell in edit.expected.items())

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
        """The texts that a template may name: the key's, and all that the row has."""
        cells = {**(row.cells if row is not None else {}), **(edit.cells or {})}
        texts = {
            name: text
            for name, cell in cells.items()
            if (text := self._mapping.to_text(self._columns[name], cell)) is not None
        }
        return {**texts, **dict(zip(self._source.key, key_values(edit.key), strict=True))}

    def _groups(self, sendings: Sequence[_Sending]) -> Iterator[Sequence[_Sending]]:
        """What goes in one request: the same one, with no row in its address."""
        size = 1 if self._binding.write is None else self._binding.write.batch_size
        batches: dict[FeedRequest, list[_Sending]] = defaultdict(list)
        for sending in sendings:
            if size == 1 or placeholders(sending.request.url):
                yield [sending]
            else:
                batches[sending.request].append(sending)
        for batch in batches.values():
            for start in range(0, len(batch), size):
                yield batch[start : start + size]

    # ---- sending

    async def _send_or_bisect(self, group: Sequence[_Sending], fates: _Fates) -> None:
        try:
            await self._send(group)
        except FeedRefused as error:
            if error.status in _UNAUTHORISED:
                raise
            if len(group) > 1 and self._refusals < _MOST_REFUSALS:
                middle = len(group) // 2
                await self._send_or_bisect(group[:middle], fates)
                await self._send_or_bisect(group[middle:], fates)
                return
            for sending in group:
                self._refused(sending.edit, error, fates)

    def _refused(self, edit: Edit, error: FeedRefused, fates: _Fates) -> None:
        self._refusals += 1
        if edit.cells is None and error.status in _GONE:
            return  # it is gone: the reading back confirms it
        reason = f": {error.reason}" if error.reason else ""
        message = f"The feed refused the row ({error.status}{reason}). Correct the row, or what the feed takes."
        fates.problems[edit.key] = Problem("REFUSED", message, key=edit.key)

    async def _send(self, group: Sequence[_Sending]) -> None:
        first = group[0]
        many = self._binding.write is not None and self._binding.write.batch_size > 1
        records = [sending.record for sending in group if sending.record is not None]
        batch = many and not placeholders(first.request.url)
        body = self._records.body(records, many=batch) if records else None
        headers = {"Idempotency-Key": _once([sending.edit.idempotency_key for sending in group])}
        if body is not None:
            headers["Content-Type"] = self._records.content_type
        failed = 0
        while True:
            self._check()
            try:
                await self._client.send(first.request.method.upper(), first.url, body, headers)
            except FeedBusy as error:
                failed += 1
                await self._client.wait_after(error, failed)
            else:
                return

    # ---- what came of it

    def _confirm(self, edit: Edit, before: SourceRow | None, after: SourceRow | None, fates: _Fates) -> None:
        problem = fates.problems.get(edit.key)
        if problem is not None:
            self._refuse(edit, after, problem, fates)
        elif self._arrived(edit, after):
            self._unconfirmed.pop(edit.idempotency_key, None)
            fates.written[edit.key] = Written(edit.key, after)
        elif not self._stands_still(before, after):
            fates.written[edit.key] = Written(edit.key, after, moved_on=True)
        else:
            self._wait_for(edit, after, fates)

    def _arrived(self, edit: Edit, after: SourceRow | None) -> bool:
        if after is None or edit.cells is None:
            return after is None and edit.cells is None
        return all(
            name not in after.errors and self._mapping.same(self._columns[name], after.cells.get(name), cell)
            for name, cell in edit.cells.items()
        )

    def _stands_still(self, before: SourceRow | None, after: SourceRow | None) -> bool:
        if before is None or after is None:
            return before is after
        return (before.cells, before.errors) == (after.cells, after.errors)

    def _wait_for(self, edit: Edit, after: SourceRow | None, fates: _Fates) -> None:
        """Accepted, and shown as it was before. A cache may be old; a feed that never shows it took it for nothing."""
        seen = self._unconfirmed[edit.idempotency_key] = self._unconfirmed.get(edit.idempotency_key, 0) + 1
        if seen >= MOST_UNCONFIRMED:
            del self._unconfirmed[edit.idempotency_key]
            message = (
                f"The feed accepted the write {seen} times and still shows the row as it was: check that `write` leads"
                " to the records that the feed shows."
            )
            self._refuse(edit, after, Problem("NOT_SHOWN", message, key=edit.key), fates)

    def _refuse(self, edit: Edit, row: SourceRow | None, problem: Problem, fates: _Fates) -> None:
        fates.written[edit.key] = Written(edit.key, row, [problem])


def _once(keys: Sequence[str]) -> str:
    """One key for a request: the write's own, or for a batch one that is the same for the same writes."""
    return keys[0] if len(keys) == 1 else hashlib.sha256("\n".join(keys).encode()).hexdigest()
