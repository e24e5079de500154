"""Whether a source's table has nothing for its source, told from the log: without reading either side whole.

Our own commits stand in the log like anybody's. They are known by value: the row is as the base has it.
"""

from uuid import UUID

from db.base import base_of
from db.cursor import Cursor
from db.errors import CursorExpired
from db.log import read_log
from db.session import Connection
from db.sync_state import poll_states
from db.sync_tables import BoundTable, rows_of
from sync.merge.edit import FEED_RETRIED
from sync.runs.table_edits import RETRIED

_MOST_KEYS = 500
"""More changed rows than these are compared by a run."""


async def waits_for_nothing(connection: Connection, source_id: UUID) -> bool:
    """Whether no pending write, choice, confirmed delete or failure that may heal waits for a run."""
    state = (await poll_states(connection, [source_id], RETRIED | FEED_RETRIED)).get(source_id)
    return state is not None and not state.waits


async def table_is_settled(connection: Connection, source_id: UUID, table: BoundTable, cursor: Cursor) -> bool:
    """Whether every row that the log names behind `cursor` is in the table as the base has it."""
    keys = await _changed(connection, table.relation, cursor)
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
