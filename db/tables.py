"""The tables that sources are bound to: describing, creating, adopting, publishing and dropping them.

A table of ours is created with REPLICA IDENTITY FULL and a trigger that makes TRUNCATE delete first, so that the log
has every row that went. A table of the user's is adopted as it is, or refused with the statement that mends it.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from hashlib import sha256

from psycopg import errors, sql

from db.errors import BadUserInput, Conflict
from db.session import Connection
from db.sources import Column
from db.wire import SQL_TYPES, ColumnType, column_type

PUBLICATION = "rowcast_tables"
_GENERATED_PUBLISHED = 180_000
"""From this version on a publication may have generated columns, and has to where they are in the replica identity."""
"""Ours. Owners of tables that we can't add to it make one of their own, named `rowcast_…`."""

MAX_COLUMNS = 1_600
"""Postgres' limit for a table."""

_LOCK_TIMEOUT = "10s"
_MAX_IDENTIFIER = 63
_RESERVED_SCHEMAS = ("rowcast", "pg_catalog", "information_schema", "pg_toast")


@dataclass(frozen=True, slots=True)
class Relation:
    """A table's name. Neither part has a dot: the log writes it as `schema.table`."""

    schema: str
    table: str

    @classmethod
    def parse(cls, text: str) -> "Relation":
        """Of `table` (in `public`) or `schema.table`, written as in the catalog. BadUserInput if it can't be one."""
        schema, dot, table = text.rpartition(".")
        schema = schema if dot else "public"
        if not schema or not table or "." in schema or "\0" in text:
            raise BadUserInput(f'"{text}" does not name a table: write "table" or "schema.table".')
        if max(len(schema.encode()), len(table.encode())) > _MAX_IDENTIFIER:
            raise BadUserInput(f'"{text}" is too long: Postgres keeps {_MAX_IDENTIFIER} bytes of a name.')
        if schema in _RESERVED_SCHEMAS or schema.startswith("pg_"):
            raise BadUserInput(f'The schema "{schema}" is not for user tables: choose another.')
        return cls(schema, table)

    def __str__(self) -> str:
        return f"{self.schema}.{self.table}"

    @property
    def identifier(self) -> sql.Identifier:
        """For composing statements."""
        return sql.Identifier(self.schema, self.table)

    @property
    def quoted(self) -> str:
        """For statements that a person is to type."""
        return ".".join('"' + part.replace('"', '""') + '"' for part in (self.schema, self.table))


@dataclass(frozen=True, slots=True)
class TableColumn:
    """A column as the catalog has it; `generated` ones are not in the WAL before Postgres 18, virtual ones never.

    `padded`: char(n), whose values Postgres fills up with blanks. `number` stays when the column is renamed. `exact` is
    its type with length or precision.
    """

    name: str
    type: ColumnType
    not_null: bool
    generated: bool
    has_default: bool
    padded: bool = False
    number: int = 0
    exact: str = ""


@dataclass(frozen=True, slots=True)
class Table:
    """What the catalog says of a relation. `kind` is pg_class.relkind.

    `keys` are the column lists of its unique, not deferrable, complete indexes; the primary key comes first.
    `not_full` names the leaves (the table itself, if it isn't partitioned) whose replica identity is not FULL.
    `publications` are those named `rowcast_…` that hold it with every operation, without row filter and column list.
    `virtual` are its columns that are generated when they are read. `publish_generated`: Postgres refuses its updates
    unless the stored generated columns are published too. `width` counts dropped columns too, as Postgres' limit does.
    """

    relation: Relation
    kind: str
    owned: bool
    columns: tuple[TableColumn, ...]
    keys: tuple[tuple[str, ...], ...]
    deferrable_keys: tuple[tuple[str, ...], ...]
    not_full: tuple[Relation, ...]
    publications: tuple[str, ...]
    virtual: tuple[str, ...] = ()
    publish_generated: bool = False
    width: int = 0
    oid: int = 0

    @property
    def shape(self) -> str:
        """The same as long as no column is made, dropped, renamed or of another type."""
        columns = [f"{column.number} {column.name} {column.exact}" for column in self.columns]
        return sha256("\0".join([str(self.oid), *columns]).encode()).hexdigest()[:16]

    def column(self, name: str) -> TableColumn | None:
        """The column of that name."""
        return next((column for column in self.columns if column.name == name), None)

    @property
    def primary_key(self) -> tuple[str, ...] | None:
        """The best key there is: the primary key, else the first unique one whose columns are NOT NULL."""
        return next((key for key in self.keys if self._all_not_null(key)), None)

    def _all_not_null(self, key: Sequence[str]) -> bool:
        return all((column := self.column(name)) is not None and column.not_null for name in key)


_DESCRIBE = """
SELECT c.oid, c.relkind::text, pg_has_role(c.relowner, 'USAGE') AS owned, c.relnatts
FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
WHERE n.nspname = %s AND c.relname = %s AND c.relkind IN ('r', 'p', 'v', 'm', 'f')
"""
_COLUMNS = """
SELECT attname, atttypid::int8, attnotnull, attgenerated <> '', atthasdef OR attidentity <> '',
    atttypid = 'bpchar'::regtype, attnum, format_type(atttypid, atttypmod), attgenerated::text
FROM pg_attribute
WHERE attrelid = %s AND attnum > 0 AND NOT attisdropped ORDER BY attnum
"""
# An index serves as key when it holds for every row and at once: not partial, on no expression, not deferrable.
_KEYS = """
SELECT array_agg(a.attname::text ORDER BY k.n), i.indimmediate
FROM pg_index i
CROSS JOIN LATERAL unnest(i.indkey::int2[]) WITH ORDINALITY AS k(attnum, n)
JOIN pg_attribute a ON a.attrelid = i.indrelid AND a.attnum = k.attnum
WHERE i.indrelid = %s AND i.indisunique AND i.indisvalid AND i.indpred IS NULL AND i.indexprs IS NULL
  AND k.n <= i.indnkeyatts
GROUP BY i.indexrelid, i.indisprimary, i.indimmediate ORDER BY i.indisprimary DESC, i.indexrelid
"""
_NOT_FULL = """
SELECT n.nspname, c.relname
FROM (SELECT %(oid)s::oid AS relid UNION SELECT relid FROM pg_partition_tree(%(oid)s::oid) WHERE isleaf) leaf
JOIN pg_class c ON c.oid = leaf.relid JOIN pg_namespace n ON n.oid = c.relnamespace
WHERE c.relkind = 'r' AND c.relreplident <> 'f' ORDER BY 1, 2
"""
_PUBLICATIONS = r"""
SELECT p.pubname FROM pg_publication p
WHERE p.pubname LIKE 'rowcast\_%%' AND p.pubinsert AND p.pubupdate AND p.pubdelete AND p.pubtruncate AND p.pubviaroot
  AND (NOT %(generated)s OR to_jsonb(p) ->> 'pubgencols' = 's')
  AND (p.puballtables OR p.oid IN (
      SELECT r.prpubid FROM pg_publication_rel r
      WHERE r.prrelid IN (SELECT %(oid)s::oid UNION SELECT relid FROM pg_partition_ancestors(%(oid)s::oid))
        AND to_jsonb(r) ->> 'prqual' IS NULL AND to_jsonb(r) ->> 'prattrs' IS NULL)
    OR p.pubname IN (SELECT pubname FROM pg_publication_tables WHERE schemaname = %(schema)s AND tablename = %(table)s
                     AND p.oid IN (SELECT pnpubid FROM pg_publication_namespace)))
ORDER BY 1
"""


async def describe(connection: Connection, relation: Relation) -> Table | None:
    """What the catalog says of a table, view or foreign table; None if nothing has that name."""
    row = await (await connection.execute(_DESCRIBE, (relation.schema, relation.table))).fetchone()
    if row is None:
        return None
    oid, kind, owned, width = row
    columns = await (await connection.execute(_COLUMNS, (oid,))).fetchall()
    publish_generated = connection.info.server_version >= 180000 and any(how == "s" for *_, how in columns)
    names = {"oid": oid, "schema": relation.schema, "table": relation.table, "generated": publish_generated}
    keys = await (await connection.execute(_KEYS, (oid,))).fetchall()
    not_full = await (await connection.execute(_NOT_FULL, names)).fetchall()
    publications = await (await connection.execute(await _publications_query(connection), names)).fetchall()
    return Table(
        relation=relation,
        kind=kind,
        owned=owned,
        columns=tuple(TableColumn(name, column_type(type_), *rest) for name, type_, *rest, _ in columns),
        keys=tuple(tuple(names) for names, immediate in keys if immediate),
        deferrable_keys=tuple(tuple(names) for names, immediate in keys if not immediate),
        not_full=tuple(Relation(schema, table) for schema, table in not_full),
        publications=tuple(name for (name,) in publications),
        virtual=tuple(name for name, *_, how in columns if how == "v"),
        publish_generated=publish_generated,
        width=width,
        oid=oid,
    )


async def relation_of(connection: Connection, oid: int) -> Relation | None:
    """The name that a table has now; None where it is gone, or where no source can be bound to it."""
    cursor = await connection.execute(
        "SELECT n.nspname, c.relname FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace WHERE c.oid = %s",
        (oid,),
    )
    row = await cursor.fetchone()
    try:
        return None if row is None or "." in row[1] else Relation.parse(f"{row[0]}.{row[1]}")
    except BadUserInput:
        return None


async def create_table(
    connection: Connection, relation: Relation, columns: Sequence[Column], key: Sequence[str]
) -> None:
    """Create a table of ours and publish it, in the connection's transaction. A managed key gets a default."""
    definitions = [
        sql.SQL("{} {}").format(sql.Identifier(column.name), sql.SQL(SQL_TYPES[column.type])) for column in columns
    ]
    definitions.append(sql.SQL("PRIMARY KEY ({})").format(sql.SQL(", ").join(map(sql.Identifier, key))))
    try:
        await connection.execute(
            sql.SQL("CREATE TABLE {} ({})").format(relation.identifier, sql.SQL(", ").join(definitions))
        )
    except errors.InvalidSchemaName as error:
        raise BadUserInput(
            f'There is no schema "{relation.schema}": CREATE SCHEMA "{relation.schema}"; or name another.'
        ) from error
    await connection.execute(sql.SQL("ALTER TABLE {} REPLICA IDENTITY FULL").format(relation.identifier))
    await connection.execute(
        sql.SQL(
            "CREATE TRIGGER rowcast_delete_before_truncate BEFORE TRUNCATE ON {} "
            "EXECUTE FUNCTION rowcast.delete_before_truncate()"
        ).format(relation.identifier)
    )
    await publish(connection, relation)


async def set_default_key(connection: Connection, relation: Relation, column: str) -> None:
    """Let rows inserted by SQL leave the managed key out."""
    await connection.execute(
        sql.SQL("ALTER TABLE {} ALTER {} SET DEFAULT gen_random_uuid()").format(
            relation.identifier, sql.Identifier(column)
        )
    )


def adoption_problems(table: Table, key: Sequence[str]) -> list[str]:
    """Why a table can't be adopted with that key, each with the statement that mends it; empty if it can."""
    quoted = table.relation.quoted
    if table.kind not in ("r", "p"):
        what = {"v": "a view", "m": "a materialized view", "f": "a foreign table"}[table.kind]
        return [f"{table.relation} is {what}, whose changes Postgres does not log: name the table behind it."]
    problems = [
        f"{leaf} does not log old rows: ALTER TABLE {leaf.quoted} REPLICA IDENTITY FULL;" for leaf in table.not_full
    ]
    problems += [
        f"{table.relation} has the virtual generated column {name}, and Postgres takes no updates of such a table once "
        f'it is published: ALTER TABLE {quoted} DROP "{name}"; or generate it STORED.'
        for name in table.virtual
    ]
    problems += _key_problems(table, key)
    if not table.owned and not table.publications:
        options = "publish_via_partition_root = true"
        if table.publish_generated:
            options += ", publish_generated_columns = stored"
        problems.append(
            f"{table.relation} belongs to another role, so its owner must publish it: CREATE PUBLICATION "
            f"rowcast_{table.relation.table} FOR TABLE {quoted} WITH ({options});"
        )
    return problems


def _key_problems(table: Table, key: Sequence[str]) -> list[str]:
    quoted = table.relation.quoted
    listed = ", ".join(f'"{name}"' for name in key)
    missing = [name for name in key if table.column(name) is None]
    if missing:
        return [f"{table.relation} has no column {', '.join(missing)}: name key columns that it has."]
    problems = [
        f'The key column {name} allows NULL: ALTER TABLE {quoted} ALTER "{name}" SET NOT NULL;'
        for name in key
        if (column := table.column(name)) is not None and not column.not_null
    ]
    problems += [
        f"The key column {name} is char(n), which Postgres fills up with blanks, so no key of the source would match: "
        f'ALTER TABLE {quoted} ALTER "{name}" TYPE text;'
        for name in key
        if (column := table.column(name)) is not None and column.padded
    ]
    wanted = sorted(key)
    if wanted in [sorted(unique) for unique in table.deferrable_keys] and wanted not in [
        sorted(unique) for unique in table.keys
    ]:
        problems.append(
            f"The unique constraint on {listed} is deferrable, so two rows can share a key for a while: "
            f"ALTER TABLE {quoted} ADD UNIQUE ({listed});"
        )
    elif wanted not in [sorted(unique) for unique in table.keys]:
        problems.append(f"Nothing makes {listed} unique: ALTER TABLE {quoted} ADD UNIQUE ({listed});")
    return problems


async def publish(connection: Connection, relation: Relation) -> None:
    """Put a table into a publication that we read, unless one has it, in the connection's transaction.

    The lock waits for transactions in flight: what they wrote before would be missing from the stream, and their rows
    would not be in a snapshot taken now either. Conflict if they don't end in time.
    """
    await connection.execute(sql.SQL("SET LOCAL lock_timeout = {}").format(sql.Literal(_LOCK_TIMEOUT)))
    try:
        await connection.execute(sql.SQL("LOCK TABLE {} IN SHARE ROW EXCLUSIVE MODE").format(relation.identifier))
    except errors.LockNotAvailable as error:
        raise Conflict(
            f"{relation} is written by a transaction that has not ended for {_LOCK_TIMEOUT}: end it, then try again."
        ) from error
    await connection.execute("SET LOCAL lock_timeout = 0")
    table = await describe(connection, relation)
    if table is not None and not table.publications:
        await connection.execute(
            sql.SQL("ALTER PUBLICATION {} ADD TABLE {}").format(sql.Identifier(PUBLICATION), relation.identifier)
        )


async def restore_publication(connection: Connection) -> None:
    """Make our publication again where somebody dropped it, with each source's table that no other one has."""
    cursor = await connection.execute("SELECT FROM pg_publication WHERE pubname = %s", (PUBLICATION,))
    if await cursor.fetchone() is not None:
        return
    ours = sql.Identifier(PUBLICATION)
    async with connection.transaction():
        await connection.execute(sql.SQL("CREATE PUBLICATION {} WITH (publish_via_partition_root = true)").format(ours))
        if connection.info.server_version >= _GENERATED_PUBLISHED:
            await connection.execute(
                sql.SQL("ALTER PUBLICATION {} SET (publish_generated_columns = stored)").format(ours)
            )
        cursor = await connection.execute("SELECT DISTINCT relation FROM rowcast.sources")
        for (name,) in await cursor.fetchall():
            table = await describe(connection, Relation.parse(name))
            if table is not None and table.owned and not table.publications:
                await connection.execute(
                    sql.SQL("ALTER PUBLICATION {} ADD TABLE {}").format(ours, table.relation.identifier)
                )


async def unpublish(connection: Connection, relation: Relation) -> None:
    """Take a table that no source is bound to any more out of our publication, if it is there."""
    cursor = await connection.execute(
        "SELECT FROM pg_publication_tables WHERE pubname = %s AND schemaname = %s AND tablename = %s",
        (PUBLICATION, relation.schema, relation.table),
    )
    if await cursor.fetchone() is not None:
        await connection.execute(
            sql.SQL("ALTER PUBLICATION {} DROP TABLE {}").format(sql.Identifier(PUBLICATION), relation.identifier)
        )


async def drop_table(connection: Connection, relation: Relation) -> None:
    """Drop a table of ours. Conflict if something of the user's depends on it."""
    try:
        await connection.execute(sql.SQL("DROP TABLE IF EXISTS {}").format(relation.identifier))
    except errors.DependentObjectsStillExist as error:
        raise Conflict(
            f"{relation} is used by {error.diag.message_detail}: drop that first, or keep the table."
        ) from error


async def add_column(connection: Connection, relation: Relation, column: Column) -> None:
    """Add a column, NULL in every row. BadUserInput if the table can't have another one."""
    try:
        await connection.execute(
            sql.SQL("ALTER TABLE {} ADD {} {}").format(
                relation.identifier, sql.Identifier(column.name), sql.SQL(SQL_TYPES[column.type])
            )
        )
    except errors.TooManyColumns as error:
        raise BadUserInput(_too_wide(relation)) from error


def _too_wide(relation: Relation) -> str:
    return (
        f"{relation} can't have another column: Postgres' limit is {MAX_COLUMNS:,}, and dropped ones count. Copy it to"
        " a new table, or bind the header to a column that it has."
    )


async def alter_column(connection: Connection, relation: Relation, column: str, type_: ColumnType) -> None:
    """Change a column's type, converting what it holds. BadUserInput if a value does not fit the new type."""
    name = sql.Identifier(column)
    try:
        await connection.execute(
            sql.SQL("ALTER TABLE {} ALTER {} TYPE {type} USING {}::text::{type}").format(
                relation.identifier, name, name, type=sql.SQL(SQL_TYPES[type_])
            )
        )
    except errors.DataError as error:
        raise BadUserInput(
            f"The values of {column} don't all fit {type_}: {error.diag.message_primary}. Mend them first."
        ) from error


async def _publications_query(connection: Connection) -> str:
    """Publications of a whole schema exist from Postgres 15 on."""
    if connection.info.server_version >= 150000:
        return _PUBLICATIONS
    head, _, _ = _PUBLICATIONS.partition("    OR p.pubname IN")
    return head + ")\nORDER BY 1"
