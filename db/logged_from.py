"""From where on the log has every change of a source's table: from its registration, within the epoch.

A source that was deleted and registered again has changes of between in no log: who comes back with a cursor of before
would miss them.
"""

from dataclasses import dataclass
from uuid import UUID

from db.cursor import Cursor
from db.position import Position
from db.session import Connection


@dataclass(frozen=True, slots=True)
class LoggedFrom:
    """Where the log of a source's table begins; `xid` is the registration's."""

    position: Position
    xid: int

    def precedes(self, cursor: Cursor) -> bool:
        """Whether the rows that the cursor stands for are from after the registration."""
        if cursor.position >= self.position:
            return True
        return cursor.view is not None and cursor.view.snapshot.sees(self.xid)


async def logged_from(connection: Connection, source_id: UUID) -> LoggedFrom | None:
    """None where there is no such source, or no log yet."""
    cursor = await connection.execute(
        """SELECT log.epoch, CASE WHEN logged_epoch = log.epoch THEN logged_lsn ELSE 0 END, logged_xid
           FROM rowcast.sources, rowcast.log_state log WHERE id = %s""",
        (source_id,),
    )
    row = await cursor.fetchone()
    # In a later epoch the log has had the table from its beginning.
    return None if row is None else LoggedFrom(Position(row[0], row[1], 0), row[2])
