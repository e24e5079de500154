"""The sync's way to a source's table: its rows as a pinned session prints them, and guarded edits of them.

A row's version is its `xmin`: an update or delete touches the row only while it is still the one that was read.
Under the policy SOFT a row is deleted by its `deleted_at`, and brought back by clearing it.
"""

from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass

from psycopg import sql
from psycopg.pq.abc import PGresult

from db.base import TableImage
from db.keys import key_sql, key_values
from db.session import Connection
from db.sources import DELETED_AT, DeletePolicy, Source
from db.tables import Table

_BATCH = 2000


@dataclass(frozen=True, slots=True)
class TableRow:
    """A row of the table: its texts by bound column, without the key's, and its version; `deleted`: only marked so."""

    key: str
    texts: TableImage
    xmin: str
    deleted: bool = False


@dataclass(frozen=True, slots=True)
class BoundTable:
    """A source's table: `schema.table`, the key columns, and the other columns that are bound to the source.

    `hides`: rows with a `deleted_at` count as deleted. `soft`: that is how the sync deletes. `log_name`: the table's in
    the log, where that is another one. `shape` stands in each statement: one that was prepared before the table was
    altered is another one, which Postgres would refuse.
    """

    relation: str
    key: tuple[str, ...]
    columns: tuple[str, ...]
    hides: bool = False
    soft: bool = False
    log_name: str | None = None
    shape: str = ""

    @classmethod
    def of(cls, source: Source, table: Table | None = None) -> "BoundTable":
        """The source's, which is as described."""
        columns = tuple(column.name for column in source.bound if column.name not in source.key)
        soft = source.delete_policy is DeletePolicy.SOFT
        return cls(
            source.relation,
            source.key,
            columns,
            source.hides_deleted,
            soft,
            source.logged_as,
            table.shape if table else "",
        )

    @property
    def name(self) -> sql.Identifier:
        return sql.Identifier(*self.relation.split(".", 1))

    @property
    def tagged(self) -> sql.Composable:
        """The name with the shape, for statements that may be prepared."""
        return sql.SQL("{} /* {} */").format(self.name, sql.SQL(self.shape)) if self.shape else self.name


async def generated_columns(connection: Connection, table: BoundTable) -> frozenset[str]:
    """The columns that only the database itself sets."""
    cursor = await connection.execute(
        """SELECT attname FROM pg_attribute WHERE attrelid = %s::regclass AND attnum > 0 AND NOT attisdropped
             AND (attgenerated <> '' OR attidentity = 'a')""",
        (table.name.as_string(connection),),
    )
    return frozenset(row[0] for row in await cursor.fetchall())


async def read_table(connection: Connection, table: BoundTable, after: str = "") -> AsyncIterator[TableRow]:
    """All rows in key order, in batches, from behind the key `after`: needs a transaction."""
    key = key_sql(table.key)
    # Its end closes the cursor, too, where whoever reads breaks off: a CLOSE then would hide by what.
    await connection.execute(
        sql.SQL("DECLARE table_rows NO SCROLL CURSOR FOR {} WHERE {} > %s ORDER BY 1").format(_select(table, key), key),
        (after,),
    )
    while True:
        cursor = await connection.execute(f"FETCH {_BATCH} FROM table_rows".encode())
        assert cursor.pgresult is not None
        for row in _rows(cursor.pgresult, table):
            yield row
        if cursor.pgresult.ntuples < _BATCH:
            break
    await connection.execute("CLOSE table_rows")


async def rows_of(connection: Connection, table: BoundTable, keys: Sequence[str]) -> dict[str, TableRow]:
    """The rows of some keys, each found by the key's index."""
    found: dict[str, TableRow] = {}
    query = sql.SQL("{} WHERE {}").format(_select(table, sql.Placeholder()), _where_key(table))
    for key in keys:
        cursor = await connection.execute(query, [key, *key_values(key)])
        assert cursor.pgresult is not None
        found.update((row.key, row) for row in _rows(cursor.pgresult, table))
    return found


def insert_statement(table: BoundTable, columns: Sequence[str]) -> sql.Composed:
    """Inserts a row unless its key exists. Parameters: the key's texts, then the columns'."""
    names = [*table.key, *columns]
    # An identity column of an adopted table may be the key.
    return sql.SQL(
        "INSERT INTO {} AS t ({}) OVERRIDING SYSTEM VALUE VALUES ({}) ON CONFLICT ({}) DO NOTHING RETURNING {}"
    ).format(
        table.tagged,
        sql.SQL(", ").join(map(sql.Identifier, names)),
        sql.SQL(", ").join([sql.Placeholder()] * len(names)),
        sql.SQL(", ").join(map(sql.Identifier, table.key)),
        _returned(table),
    )


def update_statement(table: BoundTable, columns: Sequence[str]) -> sql.Composed:
    """Updates a row of one version. Parameters: the columns' texts, the key's, the version."""
    return sql.SQL("UPDATE {} AS t SET {} WHERE {} AND t.xmin = %s::xid RETURNING {}").format(
        table.tagged,
        sql.SQL(", ").join(sql.SQL("{} = %s").format(sql.Identifier(name)) for name in columns),
        _where_key(table),
        _returned(table),
    )


def revive_statement(table: BoundTable, columns: Sequence[str]) -> sql.Composed:
    """Brings back a row of one version that is marked as deleted. Parameters as of an update."""
    return sql.SQL("UPDATE {} AS t SET {} WHERE {} AND t.xmin = %s::xid RETURNING {}").format(
        table.tagged,
        sql.SQL(", ").join(
            [
                *(sql.SQL("{} = %s").format(sql.Identifier(name)) for name in columns),
                sql.SQL("{} = NULL").format(sql.Identifier(DELETED_AT)),
            ]
        ),
        _where_key(table),
        _returned(table),
    )


def delete_statement(table: BoundTable) -> sql.Composed:
    """Deletes a row of one version, or marks it. Parameters: the key's texts, the version."""
    if table.soft:
        return sql.SQL("UPDATE {} AS t SET {} = now() WHERE {} AND t.xmin = %s::xid RETURNING {}").format(
            table.tagged, sql.Identifier(DELETED_AT), _where_key(table), _returned(table)
        )
    return sql.SQL("DELETE FROM {} AS t WHERE {} AND t.xmin = %s::xid RETURNING {}").format(
        table.tagged, _where_key(table), _returned(table)
    )


def returned_rows(result: PGresult, table: BoundTable) -> list[TableImage]:
    """What a statement's RETURNING gave, by column."""
    return [
        {name: _text(result.get_value(row, column)) for column, name in enumerate(table.columns)}
        for row in range(result.ntuples)
    ]


def _select(table: BoundTable, key: sql.Composable) -> sql.Composed:
    columns = [sql.SQL(", {}").format(sql.Identifier("t", name)) for name in table.columns]
    deleted: sql.Composable = sql.SQL("false")
    if table.hides:
        deleted = sql.SQL("{} IS NOT NULL").format(sql.Identifier("t", DELETED_AT))
    return sql.SQL("SELECT {}, t.xmin, {}{} FROM {} t").format(key, deleted, sql.SQL("").join(columns), table.tagged)


def _where_key(table: BoundTable) -> sql.Composed:
    return sql.SQL(" AND ").join(sql.SQL("{} = %s").format(sql.Identifier("t", name)) for name in table.key)


def _returned(table: BoundTable) -> sql.Composable:
    # Without any column RETURNING would not be one.
    if not table.columns:
        return sql.SQL("1")
    return sql.SQL(", ").join(sql.Identifier("t", name) for name in table.columns)


def _rows(result: PGresult, table: BoundTable) -> list[TableRow]:
    rows = []
    for row in range(result.ntuples):
        key, xmin = _text(result.get_value(row, 0)), _text(result.get_value(row, 1))
        assert key is not None
        assert xmin is not None
        texts = {name: _text(result.get_value(row, column)) for column, name in enumerate(table.columns, 3)}
        rows.append(TableRow(key, texts, xmin, _text(result.get_value(row, 2)) == "t"))
    return rows


def _text(value: bytes | None) -> str | None:
    # What Postgres prints, and no Python value of it: psycopg's loaders would read `t` as True.
    return None if value is None else value.decode()
