"""Which table the log means by a name, and from where on.

A name in the log is one table's at a time. Where the table is dropped, another one takes its name, or it was out of the
publications for a while, the log has not all that happened: then the name is given anew, in a transaction of the
leader's, and where that stands in the log its readers begin anew.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from uuid import UUID

from psycopg import errors, sql

from db.events import EventKind, insert_event
from db.lease import Term
from db.session import Connection

ANEW = b"tables"
"""What the transaction's message says."""

_LOCK_TIMEOUT = "500ms"

# A table that was renamed is the same one for as long as none has the name that its source knows. Asked each second, of
# all tables at once: those that are as they were are left out.
_STATES = """WITH named AS MATERIALIZED (
        SELECT DISTINCT ON (1) coalesce(log_name, relation) AS log_name, relation FROM rowcast.sources
        WHERE %(log_name)s::text IS NULL OR coalesce(log_name, relation) = %(log_name)s ORDER BY 1, 2),
    was AS (
        SELECT DISTINCT ON (log_name) log_name, oid, ways, reason FROM rowcast.logged_tables
        WHERE %(log_name)s::text IS NULL OR log_name = %(log_name)s ORDER BY log_name, from_lsn DESC),
    now AS MATERIALIZED (
        SELECT named.log_name, relation, was.oid AS was_oid, was.ways, was.reason, coalesce(there.oid, same.oid) AS oid
        FROM named LEFT JOIN was ON was.log_name = named.log_name
        LEFT JOIN (pg_class there JOIN pg_namespace n ON n.oid = there.relnamespace)
            ON n.nspname = split_part(relation, '.', 1) AND there.relname = split_part(relation, '.', 2)
                AND there.relkind IN ('r', 'p')
        LEFT JOIN pg_class same ON same.oid = was.oid),
    way AS (
        SELECT table_oid, array_agg(way) AS ways FROM rowcast.publication_ways(ARRAY(
            SELECT oid FROM now WHERE oid IS NOT NULL), %(publications)s) GROUP BY table_oid)
    SELECT log_name, relation, was_oid, now.ways, reason, oid::bigint, coalesce(way.ways, '{}')
    FROM now LEFT JOIN way ON table_oid = oid
    WHERE NOT coalesce(was_oid = oid AND now.ways <@ way.ways AND now.ways @> way.ways, false) ORDER BY log_name"""

_GIVE = """INSERT INTO rowcast.logged_tables (log_name, from_lsn, oid, ways, reason, key)
    SELECT %(log_name)s, (pg_current_wal_insert_lsn() - '0/0')::bigint, %(oid)s, %(ways)s, %(reason)s, key
    FROM rowcast.sources WHERE coalesce(log_name, relation) = %(log_name)s LIMIT 1"""

# What counts from here on, like the row before it but for this.
_AS_BEFORE = """INSERT INTO rowcast.logged_tables (log_name, from_lsn, oid, ways, reason, key)
    SELECT log_name, (pg_current_wal_insert_lsn() - '0/0')::bigint, {}
    FROM rowcast.logged_tables WHERE log_name = %(log_name)s AND {} ORDER BY from_lsn DESC LIMIT 1"""

_REKEY = _AS_BEFORE.format(
    "oid, ways, reason, %(key)s",
    """%(key)s IS DISTINCT FROM (SELECT key FROM rowcast.logged_tables WHERE log_name = %(log_name)s
                                 ORDER BY from_lsn DESC LIMIT 1)""",
)

_END = _AS_BEFORE.format(
    "NULL, '{}', 'Its source was deleted.', key",
    "NOT EXISTS (SELECT FROM rowcast.sources s WHERE coalesce(s.log_name, s.relation) = %(log_name)s)",
)

# The stream begins where the log is decoded to.
_FORGET = """DELETE FROM rowcast.logged_tables WHERE log_name = %(log_name)s AND from_lsn < (
        SELECT max(from_lsn) FROM rowcast.logged_tables
        WHERE log_name = %(log_name)s AND from_lsn <= (SELECT decoded_to FROM rowcast.log_state))"""

_FIRST = """INSERT INTO rowcast.logged_tables (log_name, from_lsn, oid, ways, key)
    SELECT named.log_name, (pg_current_wal_insert_lsn() - '0/0')::bigint, oid, ARRAY(
        SELECT way FROM rowcast.log_state, rowcast.publication_ways(ARRAY[oid], publications)), key
    FROM (SELECT id, relation, key, coalesce(log_name, relation) AS log_name FROM rowcast.sources WHERE id = %s) named,
        rowcast.table_named(relation) oid
    WHERE oid IS NOT NULL AND NOT EXISTS (SELECT FROM rowcast.sources s
        WHERE s.id <> named.id AND coalesce(s.log_name, s.relation) = named.log_name)"""

_SETTLED = """SELECT CASE WHEN was.reason IS NULL THEN coalesce(was.oid = now.oid AND was.ways && now.ways, false)
            ELSE now.ways = '{}' END, was.reason
    FROM rowcast.log_state
    CROSS JOIN LATERAL (SELECT oid::bigint, ARRAY(
            SELECT way FROM rowcast.publication_ways(ARRAY[oid], publications)) AS ways
        FROM rowcast.table_named(%(relation)s) oid) now
    LEFT JOIN LATERAL (SELECT oid, ways, reason FROM rowcast.logged_tables WHERE log_name = %(log_name)s
                       ORDER BY from_lsn DESC LIMIT 1) was ON true"""

_ALL = """INSERT INTO rowcast.logged_tables (log_name, from_lsn, oid, ways, key)
    SELECT DISTINCT ON (1) coalesce(log_name, relation), 0, oid, ARRAY(
        SELECT way FROM rowcast.publication_ways(ARRAY[oid], %s)), key
    FROM rowcast.sources, rowcast.table_named(relation) oid WHERE oid IS NOT NULL"""


@dataclass(frozen=True, slots=True)
class Logged:
    """A table as it is logged: its OID, or why it isn't, and how it gets into the stream."""

    oid: int | None
    ways: frozenset[str] = frozenset()
    reason: str | None = None


@dataclass(frozen=True, slots=True)
class LoggedName:
    """A name in the log: what it stands for (None: nothing yet), and what it should. `relation`: the sources'."""

    log_name: str
    relation: str
    was: Logged | None
    oid: int | None
    ways: frozenset[str]


async def altered_names(
    connection: Connection, publications: Sequence[str], log_name: str | None = None
) -> list[LoggedName]:
    """Of the tables that have a source, or of the one, those that are not logged just as they are.

    `publications`: those that are streamed.
    """
    parameters = {"publications": list(publications), "log_name": log_name}
    rows = await (await connection.execute(_STATES, parameters)).fetchall()
    return [
        LoggedName(
            name,
            relation,
            None if was_ways is None else Logged(was_oid, frozenset(was_ways), reason),
            oid,
            frozenset(ways),
        )
        for name, relation, was_oid, was_ways, reason, oid, ways in rows
    ]


async def give_name(
    connection: Connection, term: Term, name: LoggedName, logged: Logged, publications: Sequence[str], message: str
) -> bool:
    """Let the name stand for that from here on. False where it is to be looked at again. `message`: for the event.

    The lock waits for transactions in flight, as that of a registration does. LockNotAvailable if they don't end soon.
    """
    async with connection.transaction():
        await term.fence(connection)
        if logged.oid is not None:
            await connection.execute(sql.SQL("SET LOCAL lock_timeout = {}").format(sql.Literal(_LOCK_TIMEOUT)))
            if not await _lock(connection, logged.oid):
                return False
            await connection.execute("SET LOCAL lock_timeout = 0")
        if await altered_names(connection, publications, name.log_name) != [name]:
            return False
        given = {"log_name": name.log_name, "oid": logged.oid, "ways": sorted(logged.ways), "reason": logged.reason}
        await connection.execute(_GIVE, given)
        await connection.execute(_FORGET, given)
        cursor = await connection.execute(
            "SELECT name FROM rowcast.sources WHERE coalesce(log_name, relation) = %s ORDER BY name", (name.log_name,)
        )
        for (source,) in await cursor.fetchall():
            await insert_event(connection, EventKind.DRIFT, source, message, {"table": name.relation})
        await connection.execute("SELECT pg_logical_emit_message(true, 'rowcast', %s)", (ANEW.decode(),))
    return True


async def keep_ways(connection: Connection, term: Term, name: LoggedName) -> None:
    """The table has other ways into the stream by now, besides one that it had all the time."""
    async with connection.transaction():
        await term.fence(connection)
        await connection.execute(
            """UPDATE rowcast.logged_tables l SET ways = %(ways)s WHERE log_name = %(log_name)s AND from_lsn = (
                   SELECT max(from_lsn) FROM rowcast.logged_tables WHERE log_name = %(log_name)s)""",
            {"log_name": name.log_name, "ways": sorted(name.ways)},
        )


async def give_all_names(connection: Connection, publications: Sequence[str]) -> None:
    """In the transaction that begins an epoch: LSNs of before mean nothing, and every reader begins anew."""
    await connection.execute("DELETE FROM rowcast.logged_tables")
    await connection.execute(_ALL, (list(publications),))


async def log_first(connection: Connection, source_id: UUID) -> None:
    """In the transaction that registers the first source of a table, which is locked: its name stands for it."""
    await connection.execute(_FIRST, (source_id,))


async def rekey(connection: Connection, log_name: str, key: Sequence[str]) -> None:
    """The key columns have these names from here on; what the log has not got yet may have others."""
    await connection.execute(_REKEY.encode(), {"log_name": log_name, "key": list(key)})


async def end_logging(connection: Connection, log_name: str) -> None:
    """In the transaction that deletes a source: nothing of its table is logged from here on, unless another has it."""
    await connection.execute(_END.encode(), {"log_name": log_name})
    await connection.execute(_FORGET, {"log_name": log_name})


async def settled(connection: Connection, log_name: str, relation: str) -> tuple[bool, str | None]:
    """Whether the log goes by the table as it is, and why nothing of it is logged, where that is so.

    False: the leader is about to notice. Before the log is open nothing is to be noticed: it begins with all tables.
    """
    row = await (await connection.execute(_SETTLED, {"log_name": log_name, "relation": relation})).fetchone()
    return (True, None) if row is None else (row[0], row[1])


async def _lock(connection: Connection, oid: int) -> bool:
    """False where the table is gone."""
    cursor = await connection.execute(
        "SELECT n.nspname, c.relname FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace WHERE c.oid = %s",
        (oid,),
    )
    row = await cursor.fetchone()
    if row is None:
        return False
    try:
        async with connection.transaction():
            await connection.execute(sql.SQL("LOCK TABLE {} IN SHARE ROW EXCLUSIVE MODE").format(sql.Identifier(*row)))
    except errors.UndefinedTable:
        return False
    return True
