"""The audit trail from the log: newest first, of a source or of one row."""

from typing import Annotated

import strawberry

from db.changes import Operation
from db.cursor import Cursor
from db.errors import BadUserInput
from db.log import history as log_history
from db.position import LAST_INDEX, Position
from db.rows import stored_key
from db.slices import LogEntry
from db.sources import Source
from schema.change_types import Change, HistoryConnection, HistoryEntry
from schema.context import Info
from schema.feed import changed_columns
from schema.keys import key_of_row, key_texts
from schema.paging import decode_after, encode_after, page_size
from schema.rows import After, First, SourceName
from schema.scalars import JSON, BigInt, CursorText
from schema.sources import open_source, require_source
from schema.table_errors import table_errors

OptionalKey = Annotated[JSON | None, strawberry.argument(description="Of this row only; none: of all rows.")]


async def history(
    info: Info, source: SourceName, key: OptionalKey = None, first: First = 100, after: After = None
) -> HistoryConnection:
    """A page of the audit trail. Without a key it needs no table: it outlives it."""
    size = page_size(first, 100)
    before = None if after is None else _decode(after)
    info.context.principal.require_whole(source)
    async with info.context.pool.connection() as connection:
        if key is None:
            found_source, text = await require_source(connection, source), None
        else:
            opened = await open_source(connection, source, info.context.principal)
            found_source = opened.source
            texts = key_texts(found_source, opened.table.types, key)
            with table_errors(found_source):
                text = await stored_key(connection, opened.table, texts)
            if text is None:
                return HistoryConnection(nodes=[], end_cursor=None, has_next_page=False)
        entries = await log_history(connection, found_source.logged_as, text, before, size + 1)
    page = entries[:size]
    return HistoryConnection(
        nodes=[_entry(found_source, entry) for entry in page],
        end_cursor=_encode(page[-1].change.position) if page else None,
        has_next_page=len(entries) > size,
    )


def _entry(source: Source, entry: LogEntry) -> HistoryEntry:
    change = entry.change
    row = change.before if change.after is None else change.after
    position = change.position
    return HistoryEntry(
        # Behind the whole commit: that is the state a rollback to it means.
        cursor=CursorText(Cursor(Position(position.epoch, position.lsn, LAST_INDEX)).encode()),
        transaction_id=BigInt(entry.xid),
        committed_at=entry.committed_at,
        cause=entry.cause,
        actor=entry.actor,
        change=Change(
            operation=change.operation,
            moved=change.operation is Operation.UPDATE and change.old_key is not None,
            key=None if row is None else key_of_row(source, row, change.key),
            row=None if change.after is None else JSON(change.after),
            before=None if change.before is None else JSON(change.before),
            changed=list(changed_columns(change.before, change.after)),
        ),
    )


def _encode(position: Position) -> str:
    return encode_after("history", [position.epoch, position.lsn, position.index])


def _decode(after: str) -> Position:
    match decode_after("history", after):
        case [int(epoch), int(lsn), int(index)]:
            return Position(epoch, lsn, index)
    raise BadUserInput("`after` is not from this list: use an endCursor as it was returned.")
