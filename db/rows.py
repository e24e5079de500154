"""Reading and writing the rows of a source's table, as wire values. For the API; the sync has its own access.

Values go in as the text that Postgres reads, and come out as it prints them, so nothing on the way can change one.
Statements are sent with `$n` parameters as they are: a column may then be named anything, `growth %` too.
"""

from collections.abc import AsyncGenerator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from psycopg import AsyncRawCursor, errors, sql
from psycopg.pq.abc import PGresult

from db.changes import WireRow, WireValue
from db.keys import key_sql
from db.log_names import OF_RELATION
from db.position import Position
from db.session import Connection
from db.wire import ColumnType, column_type, to_wire

Text = str | None


@dataclass(frozen=True, slots=True)
class RowColumn:
    """A column of the table as the catalog has it. `cast` is its Postgres type, for casting a text to it.

    `exact` is the same with its precision and length, as stored values have it.
    """

    name: str
    oid: int
    cast: str
    exact: str
    generated: bool
    has_default: bool

    @property
    def type(self) -> ColumnType:
        """What it counts as on the wire."""
        return column_type(self.oid)


@dataclass(frozen=True, slots=True)
class RowTable:
    """A source's table: what to say `FROM`, its key, and those of its columns that the source shows.

    `hides`: rows with a `deleted_at` count as deleted. `soft`: that is how rows are deleted.
    """

    relation: str
    key: tuple[str, ...]
    columns: Mapping[str, RowColumn]
    hides: bool = False
    soft: bool = False

    @property
    def identifier(self) -> sql.Identifier:
        """For composing statements; in ours its alias is t."""
        return sql.Identifier(*self.relation.split("."))

    @property
    def types(self) -> Mapping[str, ColumnType]:
        """The columns' types by name."""
        return {name: column.type for name, column in self.columns.items()}

    @property
    def selected(self) -> sql.Composable:
        """The select list that `read_row` reads: the columns, then the key text."""
        names = [sql.Identifier("t", name) for name in self.columns]
        return sql.SQL(", ").join([*names, key_sql(self.key)])


@dataclass(frozen=True, slots=True)
class Selected:
    """A row as read: its wire values, its key text, and the texts of the further expressions that were asked for."""

    data: WireRow
    key: str
    further: tuple[Text, ...] = ()


async def row_table(connection: Connection, relation: str, key: Sequence[str], names: Sequence[str]) -> RowTable:
    """The table with those of the named columns that it has: an altered one is followed a moment later.

    UndefinedTable or UndefinedColumn if it is no longer there, or lacks a column of its key.
    """
    rows = await connection.execute(
        """SELECT a.attname, a.atttypid::int8, format_type(a.atttypid, -1),
               format_type(a.atttypid, CASE WHEN a.atttypid = 'varchar'::regtype THEN -1 ELSE a.atttypmod END),
               a.attgenerated <> '', a.atthasdef OR a.attidentity <> ''
           FROM pg_attribute a JOIN pg_class c ON c.oid = a.attrelid JOIN pg_namespace n ON n.oid = c.relnamespace
           WHERE n.nspname = %s AND c.relname = %s AND a.attnum > 0 AND NOT a.attisdropped
           ORDER BY a.attnum""",
        relation.split("."),
    )
    found = {row[0]: RowColumn(*row) for row in await rows.fetchall()}
    if not found:
        raise errors.UndefinedTable(f"there is no table {relation}")
    if gone := [name for name in key if name not in found]:
        raise errors.UndefinedColumn(f"{relation} has no column {', '.join(gone)}")
    return RowTable(relation, tuple(key), {name: found[name] for name in names if name in found})


async def select_rows(
    connection: Connection,
    table: RowTable,
    tail: sql.Composable,
    parameters: Sequence[Text],
    further: Sequence[sql.Composable] = (),
) -> list[Selected]:
    """`SELECT … FROM table t <tail>`; of each row also the texts of `further` expressions."""
    result = await run(connection, _select(table, tail, further), parameters)
    return [read_row(table, result, index) for index in range(result.ntuples)]


async def count_rows(connection: Connection, table: RowTable, where: sql.Composable, parameters: Sequence[Text]) -> int:
    """How many rows the condition selects."""
    query = sql.SQL("SELECT count(*) FROM {} t WHERE {}").format(table.identifier, where)
    result = await run(connection, query, parameters)
    count = result.get_value(0, 0)
    assert count is not None
    return int(count)


async def stream_rows(
    connection: Connection, table: RowTable, tail: sql.Composable, parameters: Sequence[Text], size: int
) -> AsyncGenerator[list[Selected], None]:
    """The same in lists of `size`, the last one shorter, perhaps empty; one list is in memory. Needs a transaction."""
    await run(
        connection, sql.SQL("DECLARE rowcast_rows NO SCROLL CURSOR FOR {}").format(_select(table, tail, ())), parameters
    )
    while True:
        result = await run(connection, sql.SQL("FETCH {} FROM rowcast_rows").format(sql.Literal(size)), ())
        yield [read_row(table, result, index) for index in range(result.ntuples)]
        if result.ntuples < size:
            break
    await run(connection, sql.SQL("CLOSE rowcast_rows"), ())


async def stored_key(connection: Connection, table: RowTable, texts: Sequence[str]) -> str | None:
    """The key text that a row with this key has (`7.50` for a given `7.5`); None where no row can have it."""
    columns = [table.columns[name] for name in table.key]
    printed, same = [], []
    for number, column in enumerate(columns, 1):
        exact = sql.SQL(f"${number}::text::{{}}").format(sql.SQL(column.exact))
        printed.append(sql.SQL("concat({})").format(exact))
        same.append(sql.SQL(f"{{}} IS NOT DISTINCT FROM ${number}::text::{{}}").format(exact, sql.SQL(column.cast)))
    query = sql.SQL("SELECT jsonb_build_array({})::text WHERE {}").format(
        sql.SQL(", ").join(printed), sql.SQL(" AND ").join(same)
    )
    result = await run(connection, query, texts)
    value = result.get_value(0, 0) if result.ntuples else None
    return None if value is None else value.decode()


async def behind_now(connection: Connection) -> Position:
    """A position behind every commit so far. Epoch 0, which is expired, before the log was opened."""
    rows = await connection.execute(
        """SELECT coalesce((SELECT epoch FROM rowcast.log_state), 0), (pg_current_wal_insert_lsn() - '0/0')::bigint"""
    )
    row = await rows.fetchone()
    assert row is not None
    return Position(row[0], row[1], 0)


async def last_commits(connection: Connection, relation: str, keys: Sequence[str]) -> dict[str, datetime]:
    """When the rows of these key texts were last committed, of those that the log knows."""
    rows = await connection.execute(
        f"""SELECT key, max(committed_at) FROM rowcast.log_entries
           WHERE {OF_RELATION} AND key = ANY(%(keys)s)
             AND hashtextextended(key, 0) = ANY(ARRAY(SELECT hashtextextended(k, 0) FROM unnest(%(keys)s::text[]) k))
           GROUP BY key""",  # noqa: S608 - ours
        {"relation": relation, "keys": list(keys)},
    )
    return dict(await rows.fetchall())


async def absent_keys(connection: Connection, source_id: UUID, keys: Sequence[str]) -> set[str]:
    """Which of these key texts the source no longer has, though the table kept them."""
    rows = await connection.execute(
        "SELECT key FROM rowcast.base WHERE source_id = %s AND key = ANY(%s) AND absent", (source_id, list(keys))
    )
    return {key for (key,) in await rows.fetchall()}


def by_key(table: RowTable, first: int = 1) -> sql.Composable:
    """The condition that a row has the key whose texts are the parameters from `$first` on."""
    return sql.SQL(" AND ").join(
        [
            sql.SQL(f"{{}} = ${number}::text::{{}}").format(
                sql.Identifier("t", name), sql.SQL(table.columns[name].cast)
            )
            for number, name in enumerate(table.key, first)
        ]
    )


async def run(connection: Connection, query: sql.Composable, parameters: Sequence[Text]) -> PGresult:
    """Run one statement on a user's table, never prepared: its columns may change their types at any time."""
    async with AsyncRawCursor(connection) as cursor:
        await cursor.execute(query.as_bytes(connection), parameters, prepare=False)
        assert cursor.pgresult is not None
        return cursor.pgresult


def read_row(table: RowTable, result: PGresult, index: int) -> Selected:
    """A row that was selected by `table.selected` and further expressions."""
    texts = [None if (raw := result.get_value(index, n)) is None else raw.decode() for n in range(result.nfields)]
    width = len(table.columns)
    data: dict[str, WireValue] = {
        name: to_wire(column.type, text) for (name, column), text in zip(table.columns.items(), texts, strict=False)
    }
    key = texts[width]
    assert key is not None
    return Selected(data, key, tuple(texts[width + 1 :]))


def _select(table: RowTable, tail: sql.Composable, further: Sequence[sql.Composable]) -> sql.Composable:
    listed = sql.SQL(", ").join([table.selected, *further])
    return sql.SQL("SELECT {} FROM {} t {}").format(listed, table.identifier, tail)
