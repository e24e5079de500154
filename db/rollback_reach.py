"""How far back a table's rows can be told from the change log, and what is said where that is not far enough.

The log knows a table from when its source was registered, as far as retention goes, within the epoch. TRUNCATE of an
adopted table is in it without the rows that went: nothing before it can be told.
"""

from datetime import datetime

from db.cursor import Cursor
from db.errors import BadUserInput, Conflict, CursorExpired
from db.log import log_state
from db.log_names import OF_RELATION
from db.logged_from import logged_from
from db.logged_tables import settled
from db.position import LAST_INDEX, Position
from db.rows import behind_now
from db.session import Connection
from db.sources import Source


def rollback_cursor(text: str) -> Cursor:
    """What a `to` means: the state just after that commit, for a slice of one too. BadUserInput if it means none."""
    cursor = Cursor.decode(text)
    if cursor.partial:
        raise BadUserInput("This cursor is from within a snapshot, which is no state: take that of its last batch.")
    position = cursor.position
    if position.index == 0:
        return cursor
    return Cursor(Position(position.epoch, position.lsn, LAST_INDEX), cursor.view)


async def check_reach(connection: Connection, source: Source, cursor: Cursor) -> None:
    """CursorExpired, with the earliest cursor that serves, unless the log has all that came after `cursor`."""
    state = await log_state(connection)
    if state is None:
        raise CursorExpired("The change log is not open yet, so there is nothing to roll back to.")
    begun = await logged_from(connection, source.id)
    assert begun is not None
    floor = Position(state.epoch, state.floor, 0)
    if cursor.position.epoch != state.epoch:
        raise CursorExpired(
            "The change log had to begin anew after this cursor (the database was restored or failed over, or its "
            f"replication slot was lost). {await _earliest(connection, source, max(floor, begun.position))}"
        )
    if cursor.position.lsn > (await behind_now(connection)).lsn:
        raise CursorExpired("This cursor is ahead of the database, which was set back: take one that history shows.")
    if cursor.position < floor:
        raise CursorExpired(
            "The change log no longer reaches back to this cursor. "
            f"{await _earliest(connection, source, max(floor, begun.position))}"
        )
    if not begun.precedes(cursor):
        raise CursorExpired(
            f"{source.name} was registered after this cursor, and changes before that are in no log. "
            f"{await _earliest(connection, source, begun.position)}"
        )


async def refuse_truncated(connection: Connection, source: Source, truncated: Position | None) -> None:
    """CursorExpired where an adopted table was emptied by TRUNCATE. A table of ours deletes its rows first."""
    if truncated is not None and source.adopted:
        raise CursorExpired(
            f"{source.relation} was truncated after this cursor, and Postgres does not log the rows that a TRUNCATE "
            f"takes. {await _earliest(connection, source, truncated)}"
        )


async def refuse_unlogged(connection: Connection, source: Source) -> None:
    """Conflict where the table is not logged as it is: what was done to it after the cursor may be in no log."""
    is_settled, reason = await settled(connection, source.logged_as, source.relation)
    if reason is not None or not is_settled:
        raise Conflict(
            reason or f"{source.relation} was altered, and the log has not noticed yet: try again in a while."
        )


async def refuse_begun_anew(connection: Connection, source: Source, anew: Position | None) -> None:
    """CursorExpired where the table isn't the one that it was, or wasn't logged all the time."""
    if anew is not None:
        raise CursorExpired(
            f"After this cursor {source.relation} was dropped or replaced, or was out of its publication, and what "
            f"happened then is not in the log. {await _earliest(connection, source, anew)}"
        )


async def _earliest(connection: Connection, source: Source, position: Position) -> str:
    row = await (
        await connection.execute(
            f"""SELECT committed_at FROM rowcast.log_entries
               WHERE {OF_RELATION} AND epoch = %(epoch)s AND (lsn, index) >= (%(lsn)s, %(index)s)
               ORDER BY epoch, lsn, index LIMIT 1""",  # noqa: S608 - ours
            {
                "relation": source.logged_as,
                "epoch": position.epoch,
                "lsn": position.lsn,
                "index": min(position.index, LAST_INDEX),
            },
        )
    ).fetchone()
    at: datetime | None = None if row is None else row[0]
    until = "" if at is None else f", before the change of {at.isoformat(timespec='seconds')}"
    return f"The earliest state to roll back to is that of the cursor {Cursor(position).encode()}{until}."
