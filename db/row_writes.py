"""Writing rows of a source's table for the API: by key, in the caller's transaction.

A row is updated where its key exists and inserted where not. Columns that aren't given keep their value, or get the
table's default; so an update never fails for a NOT NULL column that it leaves out, as INSERT … ON CONFLICT would.
A row that is marked as deleted comes back by an upsert of its key.
"""

from collections.abc import Mapping, Sequence

from psycopg import sql
from psycopg.pq.abc import PGresult

from db.rows import RowTable, Selected, Text, by_key, read_row, run
from db.session import Connection
from db.sources import DELETED_AT


async def upsert_row(connection: Connection, table: RowTable, values: Mapping[str, Text]) -> Selected:
    """The row as it is afterwards. Without its key it is inserted, with the key that the table gives it."""
    if not all(name in values for name in table.key):
        return _only(table, await run(connection, _insert(table, list(values), sql.SQL("")), list(values.values())))
    others = [name for name in values if name not in table.key]
    names = [*table.key, *others]
    parameters = [values[name] for name in names]
    # Somebody may insert the key in between: then theirs is updated, and where nothing is given but the key, left.
    for statement in (_update(table, others), _insert(table, names, _on_conflict(table, others))):
        result = await run(connection, statement, parameters)
        if result.ntuples:
            return _only(table, result)
    return _only(table, await run(connection, _update(table, others), parameters))


async def delete_row(connection: Connection, table: RowTable, key: Sequence[str]) -> bool:
    """Whether there was a row of that key. It is marked as deleted where that is how the table's rows are deleted."""
    mark = sql.Identifier(DELETED_AT)
    if table.soft:
        statement = sql.SQL("UPDATE {} t SET {} = now() WHERE {}").format(table.identifier, mark, by_key(table))
    else:
        statement = sql.SQL("DELETE FROM {} t WHERE {}").format(table.identifier, by_key(table))
    if table.hides:
        statement += sql.SQL(" AND {} IS NULL").format(mark)
    statement += sql.SQL(" RETURNING 1")
    return (await run(connection, statement, key)).ntuples > 0


def _only(table: RowTable, result: PGresult) -> Selected:
    return read_row(table, result, 0)


def _value(table: RowTable, name: str, number: int) -> sql.Composable:
    return sql.SQL(f"${number}::text::{{}}").format(sql.SQL(table.columns[name].cast))


def _update(table: RowTable, others: Sequence[str]) -> sql.Composable:
    """Its parameters are the key, then the others; with no others it only reads, unless it may bring the row back."""
    assignments = _revival(table)
    if not others and not assignments:
        return sql.SQL("SELECT {} FROM {} t WHERE {}").format(table.selected, table.identifier, by_key(table))
    assignments += [
        sql.SQL("{} = {}").format(sql.Identifier(name), _value(table, name, number))
        for number, name in enumerate(others, len(table.key) + 1)
    ]
    return sql.SQL("UPDATE {} t SET {} WHERE {} RETURNING {}").format(
        table.identifier, sql.SQL(", ").join(assignments), by_key(table), table.selected
    )


def _insert(table: RowTable, names: Sequence[str], on_conflict: sql.Composable) -> sql.Composable:
    if not names:
        return sql.SQL("INSERT INTO {} AS t DEFAULT VALUES RETURNING {}").format(table.identifier, table.selected)
    listed = sql.SQL(", ").join([sql.Identifier(name) for name in names])
    given = sql.SQL(", ").join([_value(table, name, number) for number, name in enumerate(names, 1)])
    return sql.SQL("INSERT INTO {} AS t ({}) VALUES ({}) {} RETURNING {}").format(
        table.identifier, listed, given, on_conflict, table.selected
    )


def _on_conflict(table: RowTable, others: Sequence[str]) -> sql.Composable:
    key = sql.SQL(", ").join([sql.Identifier(name) for name in table.key])
    taken = _revival(table)
    if not others and not taken:
        return sql.SQL("ON CONFLICT ({}) DO NOTHING").format(key)
    taken += [sql.SQL("{} = excluded.{}").format(sql.Identifier(name), sql.Identifier(name)) for name in others]
    return sql.SQL("ON CONFLICT ({}) DO UPDATE SET {}").format(key, sql.SQL(", ").join(taken))


def _revival(table: RowTable) -> list[sql.Composable]:
    return [sql.SQL("{} = NULL").format(sql.Identifier(DELETED_AT))] if table.hides else []
