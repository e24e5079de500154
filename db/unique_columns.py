"""Putting unique values aside: what lets rows exchange values that no two of them may have at the same time."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from psycopg import sql

from db.keys import key_values
from db.session import Connection
from db.sync_tables import BoundTable

# What no row has, where NULL isn't allowed. By pg_type.typcategory, and uuid.
_STRANGE: Mapping[str, str] = {
    "S": "md5(random()::text)",
    "N": "-(random() * 2000000000)::integer",
    "uuid": "gen_random_uuid()",
}

# A column that a foreign key refers to is left alone: what becomes of it would cascade.
_UNIQUE = """
SELECT i.indexrelid::bigint, a.attname, NOT a.attnotnull AND i.indpred IS NULL,
    CASE WHEN t.typname = 'uuid' THEN 'uuid' ELSE t.typcategory::text END
FROM pg_index i JOIN pg_attribute a ON a.attrelid = i.indrelid AND a.attnum = ANY(i.indkey::int2[])
JOIN pg_type t ON t.oid = a.atttypid
WHERE i.indrelid = %s::regclass AND i.indisunique AND NOT EXISTS (
    SELECT FROM pg_constraint c WHERE c.contype = 'f' AND c.confrelid = i.indrelid AND c.confkey && i.indkey::int2[])
ORDER BY 1, 2
"""


@dataclass(frozen=True, slots=True)
class UniqueColumn:
    """A column of a unique index, and the SQL of a value that it can hold meanwhile; None where there is none."""

    index: int
    name: str
    meanwhile: str | None


async def unique_columns(connection: Connection, table: BoundTable) -> list[UniqueColumn]:
    """The columns of the table's unique indexes, index by index."""
    cursor = await connection.execute(_UNIQUE, (table.name.as_string(connection),))
    return [
        UniqueColumn(index, name, "NULL" if nullable else _STRANGE.get(category))
        for index, name, nullable, category in await cursor.fetchall()
    ]


def spared(columns: Sequence[UniqueColumn], edited: Mapping[str, object]) -> tuple[UniqueColumn, ...]:
    """Of each unique index that an edit touches the edited column to put aside; one that can be."""
    chosen: dict[int, UniqueColumn] = {}
    for column in columns:
        if column.name in edited and column.meanwhile is not None:
            known = chosen.get(column.index)
            if known is None or known.meanwhile != "NULL":
                chosen[column.index] = column
    return tuple({column.name: column for column in chosen.values()}.values())


async def put_aside(
    connection: Connection, table: BoundTable, columns: Sequence[UniqueColumn], key: str, xmin: str | None
) -> str | None:
    """Free the row's values in these columns; its version afterwards, None where it is no longer of that version."""
    statement = sql.SQL("UPDATE {} AS t SET {} WHERE {} AND t.xmin = %s::xid RETURNING t.xmin::text").format(
        table.tagged,
        sql.SQL(", ").join(
            sql.SQL("{} = {}").format(sql.Identifier(column.name), sql.SQL(column.meanwhile or "NULL"))
            for column in columns
        ),
        sql.SQL(" AND ").join(sql.SQL("{} = %s").format(sql.Identifier("t", name)) for name in table.key),
    )
    row = await (await connection.execute(statement, [*key_values(key), xmin])).fetchone()
    return None if row is None else row[0]
