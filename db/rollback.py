"""Brings rows of a table back to what they were, in the caller's transaction: locks, then one statement.

Every column that an image has and the table still has is restored, those that the source doesn't show too. Columns that
came later keep what they hold, generated ones follow. Read-only columns of a row that is there are left alone: they
show what the source computes.
"""

from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass

from psycopg import errors, sql
from psycopg.pq.abc import PGresult

from db.errors import Conflict
from db.keys import key_values
from db.rollback_rows import shapes
from db.rollback_sql import Restoration, RestoredColumn
from db.rows import RowTable, Selected, by_key, read_row, run
from db.session import Connection

_LOCK_TIMEOUT = "10s"


@dataclass(frozen=True, slots=True)
class RolledBack:
    """What it came to: how many rows clients see no more, how many were restored, and the first of those."""

    deleted: int
    restored: int
    rows: Sequence[Selected]


async def lock_table(connection: Connection, relation: str) -> None:
    """Let nobody write the table until the transaction ends, and wait for who does. Conflict if that takes long."""
    statement = sql.SQL("LOCK TABLE {} IN SHARE ROW EXCLUSIVE MODE").format(sql.Identifier(*relation.split(".")))
    await _lock(connection, relation, [(statement, ())])


async def lock_rows(connection: Connection, table: RowTable, keys: Iterable[str]) -> set[str]:
    """The same for the rows of some keys; returns the keys of those that are there."""
    statement = sql.SQL("SELECT FROM {} t WHERE {} FOR UPDATE").format(table.identifier, by_key(table))
    # In order, so that no two rollbacks wait for each other.
    ordered = sorted(keys)
    found = await _lock(connection, table.relation, [(statement, key_values(key)) for key in ordered])
    return {key for key, rows in zip(ordered, found, strict=True) if rows}


async def _lock(
    connection: Connection, relation: str, statements: Iterable[tuple[sql.Composable, Sequence[str]]]
) -> list[int]:
    await connection.execute(f"SET LOCAL lock_timeout = '{_LOCK_TIMEOUT}'".encode())
    try:
        found = [(await run(connection, statement, given)).ntuples for statement, given in statements]
    except errors.LockNotAvailable as error:
        raise Conflict(
            f"{relation} is written by a transaction that has not ended for {_LOCK_TIMEOUT}: end it, then try again."
        ) from error
    await connection.execute("SET LOCAL lock_timeout = DEFAULT")
    return found


async def restore(connection: Connection, table: RowTable, read_only: Collection[str], most: int) -> RolledBack:
    """Write what `rowcast_rollback` has and the table has not. Of the restored rows it returns `most` at most."""
    found = await shapes(connection)
    if missing := [name for shape in found for name in table.key if name not in shape]:
        raise Conflict(
            f"{table.relation} has its key column {missing[0]} only since then, so its rows of then have no key: "
            "roll back less far."
        )
    restoration = Restoration(table, await _columns(connection, table.relation), read_only)
    # Uniqueness and references that may wait do so until all of it is done.
    await connection.execute("SET CONSTRAINTS ALL DEFERRED")
    result = await run(connection, restoration.statement(found, most), ())
    await connection.execute("SET CONSTRAINTS ALL IMMEDIATE")
    rows = [read_row(table, result, index) for index in range(result.ntuples)] if _has_row(table, result) else []
    deleted, restored = (int(result.get_value(0, result.nfields - n) or b"0") for n in (2, 1))
    return RolledBack(deleted, restored, rows)


def _has_row(table: RowTable, result: PGresult) -> bool:
    """Whether the key is there: else the only row carries the counts alone."""
    return result.get_value(0, len(table.columns)) is not None


async def _columns(connection: Connection, relation: str) -> list[RestoredColumn]:
    rows = await connection.execute(
        """SELECT a.attname, format_type(a.atttypid, a.atttypmod), a.atttypid::int8, a.attidentity = 'a'
           FROM pg_attribute a JOIN pg_class c ON c.oid = a.attrelid JOIN pg_namespace n ON n.oid = c.relnamespace
           WHERE n.nspname = %s AND c.relname = %s AND a.attnum > 0 AND NOT a.attisdropped AND a.attgenerated = ''
           ORDER BY a.attnum""",
        relation.split("."),
    )
    return [RestoredColumn(*row) for row in await rows.fetchall()]
