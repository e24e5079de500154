"""Batches merged into one that tells of the newest state of each row: `minIntervalMs`. Pure.

Relative to what the client had before: a row that came and went is nothing, one that went and came back an UPDATE, one
that came and was changed an INSERT. So what a client builds is the same as from every batch by itself. `operations` is
applied to what is left.
"""

from collections.abc import Collection
from dataclasses import dataclass, replace

from db.changes import Operation, WireRow
from db.cursor import Cursor
from schema.feed import Batch, Commit, Delta, changed_columns

FULL = 1000
"""Rows that may wait; with more the batch is sent before its time, so that memory stays bounded."""


@dataclass(frozen=True, slots=True)
class _Row:
    """`had`: the row as the client has it, None where it has none. `entry`: the delta that brought it last."""

    had: WireRow | None
    entry: Delta | None
    newest: Delta


class Coalescer:
    """What one subscriber was not yet told."""

    def __init__(self, operations: Collection[Operation] | None, after: Cursor | None = None) -> None:
        """`operations`: only these are sent; None: all. `after`: what the subscriber has got up to."""
        self._operations = operations
        self._sent_part = after is not None and after.within
        self.clear()

    def clear(self) -> None:
        """Forget all of it."""
        self._rows: dict[str, _Row] = {}
        self._truncate: Delta | None = None
        self._commits: list[Commit] = []
        self._newest: Batch | None = None
        self._says = False

    @property
    def cursor(self) -> Cursor:
        """Behind all that was added."""
        assert self._newest is not None
        return self._newest.cursor

    @property
    def full(self) -> bool:
        """Whether to take now, whatever the time."""
        return len(self._rows) >= FULL

    @property
    def whole(self) -> bool:
        """Whether what was added ends with the end of a commit."""
        return self._newest is not None and self._newest.last

    def add(self, batch: Batch) -> None:
        """Merge a batch of the log; not of a snapshot."""
        self._newest = batch
        if batch.commit is None:
            self._says = True
        elif not self._commits or self._commits[-1] != batch.commit:
            self._commits = [*self._commits[:1], batch.commit]
        for delta in batch.deltas:
            self._merge(delta)

    def take(self) -> Batch | None:
        """The merged batch, with the last cursor; None where there is nothing to tell."""
        newest = self._newest
        assert newest is not None
        wanted = tuple(
            delta for delta in self._deltas() if self._operations is None or delta.operation in self._operations
        )
        ends = self._sent_part and newest.last
        says = self._says
        commit = self._commits[0] if len(self._commits) == 1 else None
        self.clear()
        if not wanted and not ends and not says:
            return None
        self._sent_part = not newest.last
        return replace(newest, commit=commit, deltas=wanted)

    def _merge(self, delta: Delta) -> None:
        if delta.operation is Operation.TRUNCATE:
            self._rows.clear()
            self._truncate = delta
            return
        assert delta.key is not None
        # Taken out and put back: rows are in the order of their last change.
        known = self._rows.pop(delta.key, None)
        had = known.had if known is not None else delta.before
        entry = delta if delta.operation is Operation.INSERT else None if known is None else known.entry
        if had is not None or delta.operation is not Operation.DELETE:
            self._rows[delta.key] = _Row(had, entry, delta)

    def _deltas(self) -> list[Delta]:
        gone, there = [], []
        for row in self._rows.values():
            newest = row.newest
            if newest.operation is Operation.DELETE:
                gone.append(replace(newest, before=row.had))
            elif row.had is None:
                assert row.entry is not None
                there.append(replace(row.entry, row=newest.row))
            elif changed := changed_columns(row.had, newest.row):
                there.append(replace(newest, operation=Operation.UPDATE, moved=False, before=row.had, changed=changed))
        # The deletes first: a key change's before its insert, and a value that another row took over is free by then.
        return [*([] if self._truncate is None else [self._truncate]), *gone, *there]
