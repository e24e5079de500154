"""Batches that were sent, and of which nobody knows yet what became.

A request with many writes has one idempotency key, and its server knows it again only if it is the same in all: nobody
must put its writes together with others, or those that arrived are carried out once more, under another key. So it is
sent again as it was, before anything else, also by another process: it is kept from before it is sent until the feed
shows its writes. Three things end that, and its writes then go anew:

| what ended it                                      | how its writes go                                               |
|----------------------------------------------------|-----------------------------------------------------------------|
| somebody changed one of its records meanwhile      | each in a request of its own: the feed showed that it needs it  |
| the source was bound to another address of writes  | each in a request of its own                                    |
| the feed answers it, and always by its own error   | as writes that were never sent                                  |
"""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Final

import msgspec
import structlog

from db.sources import Column
from sync.feeds.requests import Group, Requests, Sending
from sync.source import Cell, Edit, InDoubt, SourceRow
from sync.values.cell_mapping import CellMapping

log = structlog.get_logger(__name__)


class BatchesInDoubt:
    """The batches of one feed, for one write to it. `gone` are the idempotency keys of writes whose batch can't be sent
    again as it was."""

    def __init__(self, in_doubt: InDoubt, requests: Requests) -> None:
        self._in_doubt = in_doubt
        self._requests = requests
        self._groups: Final[dict[str, Group]] = {}
        self.gone: Final[set[str]] = set()

    @property
    def groups(self) -> Sequence[Group]:
        """The batches in the order in which they were sent."""
        return list(self._groups.values())

    @property
    def rows(self) -> frozenset[str]:
        """The keys of all rows in them."""
        return frozenset(key for group in self._groups.values() for key in group.rows)

    async def load(self) -> None:
        """Those that an earlier write left."""
        for kept in await self._in_doubt.all():
            try:
                stored = _DECODER.decode(kept.request)
            except msgspec.DecodeError:
                # Another version of rowcast kept it. Kept for ever it would end each run of the source.
                log.exception("a batch in doubt can't be read; its writes go anew, each under a key of its own")
                await self._in_doubt.forget([kept.id])
                continue
            group = _group(stored, self._requests)
            if group is None:
                self.gone.update(write.edit.idempotency_key for write in stored.writes)
                await self._in_doubt.forget([kept.id])
            else:
                self._groups[group.once] = group

    async def keep(self, group: Group) -> None:
        """It is about to be sent."""
        if group.once not in self._groups:
            await self._in_doubt.keep(group.once, _ENCODER.encode(_stored(group)))
            self._groups[group.once] = group

    async def forget(self, groups: Collection[Group]) -> None:
        """What became of them is known, or they are not to be sent again."""
        known = [group.once for group in groups if self._groups.pop(group.once, None) is not None]
        await self._in_doubt.forget(known)

    async def forget_rows(self, keys: Collection[str]) -> None:
        """None of the batches with one of these rows is to be sent again."""
        await self.forget([group for group in self.groups if not group.rows.isdisjoint(keys)])


@dataclass(frozen=True, slots=True)
class _StoredWrite:
    edit: Edit
    row: Mapping[str, Cell] | None
    kept: bytes | None


@dataclass(frozen=True, slots=True)
class _StoredBatch:
    once: str
    method: str
    url: str
    body: bytes | None
    writes: Sequence[_StoredWrite]


def _stored(group: Group) -> _StoredBatch:
    writes = [_StoredWrite(one.edit, None if one.row is None else one.row.cells, one.kept) for one in group.sendings]
    return _StoredBatch(group.once, group.method, group.url, group.body, writes)


def _group(stored: _StoredBatch, requests: Requests) -> Group | None:
    """The batch as it was; None where the source's writes go elsewhere by now."""
    sendings = []
    for write in stored.writes:
        row = None if write.row is None else SourceRow(write.edit.key, write.row, frozenset(), {}, "", {})
        made = requests.sending(write.edit, row, write.kept) if requests.knows(write.edit) else None
        if not isinstance(made, Sending):
            return None
        sendings.append(made)
    group = requests.group(sendings)
    if not group.batch or (group.method, group.url) != (stored.method, stored.url):
        return None
    return replace(group, body=stored.body, once=stored.once)


_ENCODER = msgspec.msgpack.Encoder()
_DECODER = msgspec.msgpack.Decoder(_StoredBatch)


def may_be_repeated(
    sending: Sending,
    row: SourceRow | None,
    record: bytes | None,
    mapping: CellMapping,
    columns: Mapping[str, Column],
) -> bool:
    """Whether nobody else changed the record since: it is untouched, or just what the write made of it. `row` and
    `record` are what the feed shows now."""
    if record == sending.kept:
        return True
    edit = sending.edit
    if edit.cells is None or row is None:
        return edit.cells is None and row is None
    was = {} if sending.row is None else sending.row.cells
    return all(
        mapping.same(columns[name], cell, edit.cells[name])
        if name in edit.cells
        else sending.row is None or mapping.unchanged(cell, was.get(name))
        for name, cell in row.cells.items()
    )
