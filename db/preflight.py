"""What rowcast needs of a Postgres, looked at before the start: each lack in one sentence, with what mends it.

For `serve`, which refuses to start on a problem, and `doctor`, which shows them all. Never changes anything.
"""

from dataclasses import dataclass
from typing import Final

import psycopg
from psycopg import AsyncConnection
from psycopg.conninfo import conninfo_to_dict
from psycopg.rows import class_row

OLDEST: Final = 14
_TIMEOUT_S: Final = 5


@dataclass(frozen=True, slots=True)
class Problem:
    """`code` is stable and for programs; `mend` is a statement or a deed."""

    code: str
    message: str
    mend: str


@dataclass(frozen=True, slots=True)
class State:
    """What a server says of itself, of the database and of the role that asks."""

    version: int
    wal_level: str
    role: str
    finds_own_schema: bool
    may_replicate: bool
    database: str
    encoding: str
    may_create_schema: bool
    may_create_tables: bool
    free_slots: int
    has_slot: bool
    wal_senders: int


_STATE: Final = """
SELECT current_setting('server_version_num')::int / 10000 AS version,
       current_setting('wal_level') AS wal_level,
       role.rolname AS role,
       strpos(current_setting('search_path'), '$user') > 0 AS finds_own_schema,
       role.rolreplication OR role.rolsuper OR coalesce(pg_has_role(role.oid, cloud.oid, 'MEMBER'), false)
           AS may_replicate,
       current_database() AS database,
       current_setting('server_encoding') AS encoding,
       has_database_privilege(current_database(), 'CREATE') AS may_create_schema,
       has_schema_privilege('public', 'CREATE') AS may_create_tables,
       (current_setting('max_replication_slots')::int - (SELECT count(*) FROM pg_replication_slots))::int
           AS free_slots,
       EXISTS (SELECT FROM pg_replication_slots
               WHERE database = current_database() AND starts_with(slot_name, 'rowcast')) AS has_slot,
       current_setting('max_wal_senders')::int AS wal_senders
FROM pg_roles AS role
LEFT JOIN pg_roles AS cloud ON cloud.rolname = 'rds_replication'
WHERE role.rolname = current_user
"""


async def preflight(dsn: str) -> list[Problem]:
    """All that keeps rowcast from running on that database; empty where nothing does."""
    try:
        async with (
            await AsyncConnection.connect(dsn, autocommit=True, connect_timeout=_TIMEOUT_S) as connection,
            connection.cursor(row_factory=class_row(State)) as cursor,
        ):
            state = await (await cursor.execute(_STATE)).fetchone()
    except psycopg.OperationalError as error:
        return [_unreachable(dsn, error)]
    assert state is not None
    return judge(state)


def judge(state: State) -> list[Problem]:
    """Pure: what is wrong with that state."""
    if state.version < OLDEST:
        return [_too_old(state.version)]
    role, database = f'"{state.role}"', f'"{state.database}"'
    lacks = [
        (
            state.wal_level != "logical",
            "wal_level",
            f"wal_level is {state.wal_level}, and rowcast reads changes from the WAL, which needs logical.",
            "ALTER SYSTEM SET wal_level = 'logical'; then restart Postgres.",
        ),
        (
            not state.may_replicate,
            "replication_role",
            f"The role {state.role} has no REPLICATION, and rowcast reads changes as a replication client.",
            f"ALTER ROLE {role} REPLICATION;",
        ),
        (
            state.encoding != "UTF8",
            "encoding",
            f"The database {state.database} is encoded as {state.encoding}, and rowcast needs UTF8.",
            "CREATE DATABASE … ENCODING 'UTF8' TEMPLATE template0; then copy the data with pg_dump and pg_restore.",
        ),
        (
            not state.may_create_schema,
            "create_schema",
            f"The role {state.role} may not create schemas and publications in the database {state.database}.",
            f"GRANT CREATE ON DATABASE {database} TO {role};",
        ),
        (
            not state.may_create_tables,
            "create_tables",
            f"The role {state.role} may not create tables in the schema public, where sources get theirs.",
            f"GRANT CREATE ON SCHEMA public TO {role};",
        ),
        (
            state.role == "rowcast" and state.finds_own_schema,
            "role_name",
            "The role is named like our schema, and Postgres looks for tables in a schema of that name first.",
            f"ALTER ROLE {role} SET search_path = public; or connect as a role of another name.",
        ),
        (
            state.wal_senders == 0,
            "wal_senders",
            "max_wal_senders is 0, so nobody can read the WAL.",
            "ALTER SYSTEM SET max_wal_senders = 10; then restart Postgres.",
        ),
        (
            state.free_slots <= 0 and not state.has_slot,
            "slots",
            "Every replication slot of the server is taken.",
            (
                "Drop one that nobody uses (SELECT slot_name, active FROM pg_replication_slots;), or "
                "ALTER SYSTEM SET max_replication_slots = 20; and restart Postgres."
            ),
        ),
    ]
    return [Problem(code, message, mend) for wrong, code, message, mend in lacks if wrong]


def _too_old(version: int) -> Problem:
    return Problem(
        "too_old",
        f"Postgres is version {version}, and rowcast needs {OLDEST} or newer.",
        "Upgrade the server, or set ROWCAST_DATABASE_URL to a newer one.",
    )


def _unreachable(dsn: str, error: psycopg.OperationalError) -> Problem:
    given = conninfo_to_dict(dsn)
    place = f"{given.get('host', 'the local socket')}:{given.get('port', 5432)}/{given.get('dbname', '')}"
    reason = " ".join(str(error).split())
    return Problem(
        "unreachable",
        f"Postgres at {place} can't be reached: {reason}",
        "Start it, or correct ROWCAST_DATABASE_URL.",
    )
