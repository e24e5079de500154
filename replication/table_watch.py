"""Notices what Postgres logs nothing of: tables that were dropped, replaced or out of the publications for a while.

The log then begins such a table anew (`db.logged_tables`). It is level-triggered: what is there is compared with what
the log goes by, so nothing is lost with a leader that dies.
"""

from collections.abc import Awaitable, Callable, Sequence

import structlog
from psycopg import errors

from db.lease import Term
from db.logged_tables import Logged, LoggedName, altered_names, give_name, keep_ways
from db.session import Connection
from db.tables import PUBLICATION, Relation

log = structlog.get_logger(__name__)

LOOK_S = 1.0
_REFUSED_S = 5.0
"""How long a table is let alone whose writers don't make way, or which may not be locked."""


class TableWatch:
    """One session's. `connection` is its own: it waits for locks."""

    def __init__(
        self,
        connection: Connection,
        term: Term,
        publications: Sequence[str],
        *,
        clock: Callable[[], float],
        sleep: Callable[[float], Awaitable[None]],
    ) -> None:
        """`publications`: those that are streamed."""
        self._connection = connection
        self._term = term
        self._publications = publications
        self._clock = clock
        self._sleep = sleep
        self._refused: dict[str, float] = {}

    async def watch(self) -> None:
        """Until cancelled. LeadershipLost when the term is over."""
        while True:
            for name in await altered_names(self._connection, self._publications):
                logged = to_log(name)
                if logged is None:
                    if name.was is not None and name.was.oid is not None:
                        await keep_ways(self._connection, self._term, name)
                elif self._clock() >= self._refused.get(name.log_name, 0.0):
                    await self._give(name, logged)
            await self._sleep(LOOK_S)

    async def _give(self, name: LoggedName, logged: Logged) -> None:
        message = told(name, logged)
        try:
            if await give_name(self._connection, self._term, name, logged, self._publications, message):
                log.warning("a table is logged anew", relation=name.relation, reason=message)
        except errors.LockNotAvailable:
            log.warning("a table can't be logged anew while transactions write it", relation=name.relation)
            self._refused[name.log_name] = self._clock() + _REFUSED_S
        except errors.InsufficientPrivilege as error:
            reason = (
                f"The server may not lock {name.relation} ({error.diag.message_primary}), so its changes are in no "
                "log: GRANT it INSERT, UPDATE and DELETE on the table."
            )
            self._refused[name.log_name] = self._clock() + _REFUSED_S
            refused = Logged(None, reason=reason)
            if name.was != refused:
                await give_name(self._connection, self._term, name, refused, self._publications, reason)


def to_log(name: LoggedName) -> Logged | None:
    """What the name is to stand for from now on; None where it goes on as it is."""
    if name.oid is None:
        reason = f"There is no table {name.relation} any more: restore it, or delete the source and register it again."
        wanted = Logged(None, reason=reason)
    elif not name.ways:
        reason = (
            f"{name.relation} is in no publication that is streamed, so its changes are in no log: "
            f"ALTER PUBLICATION {PUBLICATION} ADD TABLE {Relation.parse(name.relation).quoted};"
        )
        wanted = Logged(None, reason=reason)
    elif name.was is not None and name.oid == name.was.oid and name.ways & name.was.ways:
        return None
    else:
        wanted = Logged(name.oid, name.ways)
    return None if wanted == name.was else wanted


def told(name: LoggedName, logged: Logged) -> str:
    """What happened, for people."""
    if logged.reason is not None:
        return logged.reason
    was = name.was
    if was is None or was.oid is None:
        what = "is logged from here on"
    elif was.oid != logged.oid:
        what = "is another table than before"
    else:
        what = "was out of the publications for a while, and what happened to it then is in no log"
    return f"{name.relation} {what}: subscriptions to it take a new snapshot."
