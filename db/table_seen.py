"""What a run last saw of a source's table, by numbers that a rename leaves alone, and what follows from one."""

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from uuid import UUID

from psycopg.types.json import Jsonb

from db.session import Connection


@dataclass(frozen=True, slots=True)
class TableSeen:
    """`oid`: pg_class'. `columns`: the number of every column of the table (pg_attribute.attnum) by its name then."""

    oid: int
    columns: Mapping[str, int]


async def table_seen(connection: Connection, source_id: UUID) -> TableSeen | None:
    """None where no run has seen the table yet."""
    cursor = await connection.execute("SELECT table_seen FROM rowcast.sync_state WHERE source_id = %s", (source_id,))
    row = await cursor.fetchone()
    return None if row is None or row[0] is None else TableSeen(row[0]["oid"], row[0]["columns"])


async def keep_table_seen(connection: Connection, source_id: UUID, seen: TableSeen) -> None:
    """The table as it was followed."""
    await connection.execute(
        "UPDATE rowcast.sync_state SET table_seen = %s WHERE source_id = %s",
        (Jsonb({"oid": seen.oid, "columns": dict(seen.columns)}), source_id),
    )


async def left_out(connection: Connection, source_id: UUID) -> frozenset[str]:
    """The headers or fields whose column somebody dropped from the table: they are no new ones."""
    cursor = await connection.execute("SELECT left_out FROM rowcast.sync_state WHERE source_id = %s", (source_id,))
    row = await cursor.fetchone()
    return frozenset() if row is None else frozenset(row[0])


async def leave_out(connection: Connection, source_id: UUID, fields: Collection[str]) -> None:
    """Add to these."""
    await connection.execute(
        """UPDATE rowcast.sync_state SET left_out = ARRAY(SELECT DISTINCT unnest(left_out || %s::text[]) ORDER BY 1)
           WHERE source_id = %s""",
        (sorted(fields), source_id),
    )


async def rename_columns(connection: Connection, source_id: UUID, names: Mapping[str, str]) -> None:
    """Let what the sync remembers of columns go by their new names. `names`: new by old."""
    parameters = {"id": source_id, "names": Jsonb(dict(names)), "old": list(names)}
    await connection.execute(
        """UPDATE rowcast.base SET
               source_image = rowcast.rename_keys(source_image, %(names)s),
               table_image = rowcast.rename_keys(table_image, %(names)s),
               first_seen = rowcast.rename_keys(first_seen, %(names)s),
               turns = rowcast.rename_keys(turns, %(names)s),
               pending = (
                   SELECT jsonb_agg(intent || jsonb_build_object(
                       'cells', rowcast.rename_keys(intent -> 'cells', %(names)s),
                       'texts', rowcast.rename_keys(intent -> 'texts', %(names)s)) ORDER BY n)
                   FROM jsonb_array_elements(pending) WITH ORDINALITY AS each (intent, n))
           WHERE source_id = %(id)s""",
        parameters,
    )
    for table in ("conflicts", "failures"):
        # By way of a name that no column has: two may exchange theirs, and there is one open record of each.
        for value in ("E'\\x01' || (%(names)s::jsonb ->> column_name)", "substr(column_name, 2)"):
            condition = "column_name = ANY(%(old)s)" if "names" in value else "starts_with(column_name, E'\\x01')"
            await connection.execute(
                f"UPDATE rowcast.{table} SET column_name = {value} WHERE source_id = %(id)s AND {condition}".encode(),  # noqa: S608 - ours
                parameters,
            )
