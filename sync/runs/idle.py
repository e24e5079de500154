"""Whether a run has nothing to do: neither side is read whole for it. What the table has is told from the log.

Our own commits stand in the log like anybody's. They are known by value: the row is as the base has it.
"""

from dataclasses import replace
from uuid import UUID

from db.base import base_of
from db.cursor import Cursor
from db.errors import CursorExpired
from db.lease import Term
from db.log import read_log
from db.runs import RunTrigger
from db.session import Connection, Pool
from db.sources import SourceState
from db.sync_state import advance_cursor, poll_states
from db.sync_tables import BoundTable, rows_of
from db.view import view
from sync.merge.edit import FEED_RETRIED
from sync.runs.table_check import check_table
from sync.runs.table_edits import RETRIED
from sync.runs.work import Work
from sync.source import SourceAdapter

_MOST_KEYS = 500
"""More changed rows than these are compared by a run."""


async def nothing_differs(pool: Pool, term: Term, work: Work, adapter: SourceAdapter) -> bool:
    """Whether no side changed since the last run, and nothing waits. The log is dealt with then."""
    state = work.state
    if work.trigger not in (RunTrigger.SCHEDULE, RunTrigger.CHANGE) or state.cursor is None or not state.seen:
        return False
    if work.request is not None:
        return False
    if work.source.state in (SourceState.FAILING, SourceState.HELD):
        return False
    table = BoundTable.of(work.source, work.table)
    async with view(pool) as (connection, cursor):
        if not await _waits_for_nothing(connection, work.source.id):
            return False
        check_table(work.source, work.table)
        if not await _table_is_settled(connection, work.source.id, table, state.cursor):
            return False
    if work.trigger is RunTrigger.SCHEDULE:
        term.check()
        mark = await adapter.mark()
        work.counts = replace(work.counts, api_calls=1)
        if dict(mark) != dict(state.seen):
            return False
    async with pool.connection() as connection, connection.transaction():
        await term.fence(connection)
        await advance_cursor(connection, work.source.id, cursor)
    return True


async def _waits_for_nothing(connection: Connection, source_id: UUID) -> bool:
    """Whether no pending write, choice, confirmed delete or failure that may heal waits for a run."""
    state = (await poll_states(connection, [source_id], RETRIED | FEED_RETRIED)).get(source_id)
    return state is not None and not state.waits


async def _table_is_settled(connection: Connection, source_id: UUID, table: BoundTable, cursor: Cursor) -> bool:
    """Whether every row that the log names behind `cursor` is in the table as the base has it."""
    keys = await _changed(connection, table.log_name or table.relation, cursor)
    if keys is None:
        return False
    if not keys:
        return True
    base = await base_of(connection, source_id, sorted(keys))
    rows = await rows_of(connection, table, sorted(keys))
    for key in keys:
        row, known = rows.get(key), base.get(key)
        if (None if known is None else known.table_image) != (None if row is None or row.deleted else row.texts):
            return False
    return True


async def _changed(connection: Connection, relation: str, cursor: Cursor) -> set[str] | None:
    """The keys that the log names; None where they are too many or unknown."""
    keys: set[str] = set()
    try:
        async for transaction in read_log(connection, cursor.position, (relation,)):
            for change in transaction.changes:
                if not cursor.admits(change.position, transaction.xid):
                    continue
                if change.key is None:
                    return None
                keys.update(key for key in (change.key, change.old_key) if key is not None)
            if len(keys) > _MOST_KEYS:
                return None
    except CursorExpired:
        return None
    return keys
