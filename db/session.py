"""How rowcast connects to Postgres: pinned settings for every session, the walsender's included.

Server, role and database settings change what Postgres prints (dates, floats, bytea, intervals) and what a query
sees (row security). Two sessions that print differently would make an unchanged row look edited, so no connection
is made without these.
"""

import asyncio
import select

from psycopg import AsyncConnection
from psycopg.conninfo import conninfo_to_dict, make_conninfo
from psycopg.rows import TupleRow
from psycopg_pool import AsyncConnectionPool

PINNED = {
    "DateStyle": "ISO,YMD",
    "TimeZone": "UTC",
    "IntervalStyle": "postgres",
    "extra_float_digits": "1",
    "bytea_output": "hex",
    "lc_monetary": "C",
    "row_security": "off",  # an error, where rows would silently be missing
    "client_encoding": "UTF8",
    "statement_timeout": "0",
    "idle_in_transaction_session_timeout": "0",
}

NETWORK = {
    "connect_timeout": "10",
    "keepalives_idle": "15",
    "keepalives_interval": "5",
    "keepalives_count": "3",
    # Longer than a busy server leaves a full connection unread: Linux counts that too.
    "tcp_user_timeout": "60000",
}
"""Seconds, and milliseconds the last. A network that is cut says nothing: without these a query would wait for a
quarter of an hour, and an idle session for ever."""

Pool = AsyncConnectionPool[AsyncConnection[TupleRow]]
Connection = AsyncConnection[TupleRow]


def session_dsn(dsn: str, application_name: str) -> str:
    """The DSN with the pinned settings and a name that `pg_stat_activity` shows; what it says of the network stays."""
    parts = conninfo_to_dict(dsn)
    given = parts.get("options") or ""
    pinned = " ".join(f"-c {name}={value}" for name, value in PINNED.items())
    # Ours stand last, so they win over what the user's DSN sets.
    network = {name: value for name, value in NETWORK.items() if name not in parts}
    return make_conninfo(dsn, options=f"{given} {pinned}".strip(), application_name=application_name, **network)


async def connect(dsn: str, application_name: str, *, autocommit: bool = True) -> Connection:
    """One connection outside the pool, for a task that holds it: the lease, a listener."""
    return await AsyncConnection.connect(session_dsn(dsn, application_name), autocommit=autocommit)


def make_pool(
    dsn: str, application_name: str, *, max_size: int = 10, wait_s: float = 10.0, autocommit: bool = False
) -> Pool:
    """The process' pool, closed as made: `async with make_pool(…) as pool`. Connections are in transaction mode.

    `wait_s`: how long a caller waits for a connection before PoolTimeout. `autocommit`: for single statements, each of
    which then is asked of Postgres and nothing else.
    """
    return _Cancellable(
        session_dsn(dsn, application_name),
        min_size=1,
        max_size=max_size,
        timeout=wait_s,
        # Then it is the next caller who has it tried again. By itself it would pause longer and longer, and still pause
        # long after Postgres is back.
        reconnect_timeout=3.0,
        open=False,
        kwargs={"autocommit": autocommit},
        check=_check,
        connection_class=AsyncConnection[TupleRow],
    )


class _Cancellable(AsyncConnectionPool[AsyncConnection[TupleRow]]):
    """One whose waiters can be cancelled at any moment: with Python 3.11 a cancellation that comes at the moment of the
    connection is lost in `asyncio.wait_for`, and who is to end goes on.
    """

    async def getconn(self, timeout: float | None = None) -> Connection:  # noqa: ASYNC109 - the library's
        """As the library's."""
        task = asyncio.current_task()
        before = 0 if task is None else task.cancelling()
        connection = await super().getconn(timeout)
        if task is not None and task.cancelling() > before:
            await self.putconn(connection)
            raise asyncio.CancelledError
        return connection


async def _check(connection: Connection) -> None:
    """Raises where the connection is dead. Postgres is asked only where it has said something while nobody asked: that
    is how a connection ends. To ask each time would make one question two.
    """
    polled = select.poll()
    polled.register(connection.fileno(), select.POLLIN)
    if polled.poll(0):
        await AsyncConnectionPool.check_connection(connection)
