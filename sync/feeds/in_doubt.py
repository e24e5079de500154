"""Batches that were sent and got no answer: nobody knows whether they arrived.

A request with many writes has one idempotency key, and its server knows it again only if it is the same in all: the
next run must not put its writes together with others, or those that arrived are carried out once more, under another
key. So it is sent again as it was, before anything else. Two things end that, and its writes then go anew:

| what ended it                                      | how its writes go                                               |
|----------------------------------------------------|-----------------------------------------------------------------|
| somebody changed one of its records meanwhile      | each in a request of its own: the feed showed that it needs it  |
| the feed answers it, and always by its own error   | as writes that were never sent                                  |

It is remembered by the process. Another one that takes over makes the same batch of the same writes, and a look at the
feed comes before it: what the feed shows by then is not sent.
"""

from collections.abc import Collection, Mapping, Sequence
from typing import Final

from db.sources import Column
from sync.feeds.requests import Group, Sending
from sync.source import SourceRow
from sync.values.cell_mapping import CellMapping


class InDoubt:
    """The batches of one feed."""

    def __init__(self) -> None:
        self._groups: Final[dict[str, Group]] = {}

    @property
    def groups(self) -> Sequence[Group]:
        """The batches in the order in which they were sent."""
        return list(self._groups.values())

    @property
    def rows(self) -> frozenset[str]:
        """The keys of all rows in them."""
        return frozenset(key for group in self._groups.values() for key in group.rows)

    def keep(self, group: Group) -> None:
        """It is about to be sent."""
        self._groups.setdefault(group.once, group)

    def forget(self, group: Group) -> None:
        """It was answered, or is not to be sent again."""
        self._groups.pop(group.once, None)

    def forget_rows(self, keys: Collection[str]) -> None:
        """None of the batches with one of these rows is to be sent again."""
        for group in self.groups:
            if not group.rows.isdisjoint(keys):
                self.forget(group)


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
