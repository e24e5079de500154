"""Changes, live and in history, as clients see them."""

from datetime import datetime

import strawberry

import schema.enums  # noqa: F401 - exposes the enums that the types here name
from db.changes import Cause, Operation
from schema.feed import Batch, Delta
from schema.scalars import JSON, BigInt, CursorText


@strawberry.type(description="What happened to one row.")
class Change:
    operation: Operation = strawberry.field(description="What happened.")
    moved: bool = strawberry.field(
        description="True where an update made the row enter or leave the filter, or changed its key."
    )
    key: JSON | None = strawberry.field(description="The row's key; null for TRUNCATE.")
    row: JSON | None = strawberry.field(description="The row after the change; null for DELETE and TRUNCATE.")
    before: JSON | None = strawberry.field(description="The row before the change; null for INSERT and TRUNCATE.")
    changed: list[str] = strawberry.field(
        description="The columns that differ between before and after; empty for a row that is new or gone."
    )


@strawberry.type(description="One commit, a slice of a large one, or a chunk of a snapshot.")
class ChangeBatch:
    cursor: CursorText = strawberry.field(description="Give it as `after` to go on behind this batch.")
    transaction_id: BigInt | None = strawberry.field(description="Postgres' 64-bit transaction id.")
    committed_at: datetime | None = strawberry.field(description="When it was committed.")
    cause: Cause | None = strawberry.field(description="Where the commit came from.")
    actor: str | None = strawberry.field(description="Token name, source name or database role, where known.")
    snapshot: bool = strawberry.field(description="True: these are rows of the snapshot, as INSERT.")
    reset: bool = strawberry.field(description="True: forget what you have, a new snapshot follows.")
    last: bool = strawberry.field(description="False: more of the same commit or snapshot follows.")
    up_to_date: bool = strawberry.field(description="True: nothing older than this is to come.")
    changes: list[Change] = strawberry.field(description="What happened, in order.")


@strawberry.type(description="An entry of the audit trail.")
class HistoryEntry:
    cursor: CursorText = strawberry.field(description="The state just after this commit, for a rollback.")
    transaction_id: BigInt = strawberry.field(description="Postgres' 64-bit transaction id.")
    committed_at: datetime = strawberry.field(description="When it was committed.")
    cause: Cause = strawberry.field(description="Where the commit came from.")
    actor: str | None = strawberry.field(description="Token name, source name or database role, where known.")
    change: Change = strawberry.field(description="What happened.")


@strawberry.type(description="A page of the audit trail, newest first.")
class HistoryConnection:
    nodes: list[HistoryEntry] = strawberry.field(description="The entries.")
    end_cursor: str | None = strawberry.field(description="Give it as `after` for the next page.")
    has_next_page: bool = strawberry.field(description="Whether older entries follow.")


def as_batch(batch: Batch) -> ChangeBatch:
    """As clients see it."""
    commit = batch.commit
    return ChangeBatch(
        cursor=CursorText(batch.cursor.encode()),
        transaction_id=None if commit is None else BigInt(commit.xid),
        committed_at=None if commit is None else commit.committed_at,
        cause=None if commit is None else commit.cause,
        actor=None if commit is None else commit.actor,
        snapshot=batch.snapshot,
        reset=batch.reset,
        last=batch.last,
        up_to_date=batch.up_to_date,
        changes=[_as_change(delta) for delta in batch.deltas],
    )


def _as_change(delta: Delta) -> Change:
    return Change(
        operation=delta.operation,
        moved=delta.moved,
        key=None if delta.identity is None else JSON(delta.identity),
        row=None if delta.row is None else JSON(delta.row),
        before=None if delta.before is None else JSON(delta.before),
        changed=list(delta.changed),
    )
