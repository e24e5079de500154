"""The registered sources: what they bind, how they behave, how they are doing.

Written by registration (any process) and, for `state`, by the leader's runs.
"""

from collections.abc import Sequence
from dataclasses import asdict, dataclass, replace
from datetime import datetime
from enum import StrEnum
from typing import Any
from uuid import UUID

from psycopg.rows import dict_row
from psycopg.types.json import Jsonb

from db.feeds import FeedBinding, feed_from_json, feed_to_json
from db.logged_tables import end_logging, log_first, rekey
from db.session import Connection
from db.wire import ColumnType


class SourceKind(StrEnum):
    SHEET = "SHEET"
    FEED = "FEED"


class SourceState(StrEnum):
    """HELD: the delete guard waits, nothing is written either way. FAILING: `state_reason` says what mends it."""

    ACTIVE = "ACTIVE"
    PAUSED = "PAUSED"
    HELD = "HELD"
    FAILING = "FAILING"


class Direction(StrEnum):
    TWO_WAY = "TWO_WAY"
    FROM_SOURCE = "FROM_SOURCE"
    TO_SOURCE = "TO_SOURCE"


class ConflictPolicy(StrEnum):
    DATABASE_WINS = "DATABASE_WINS"
    SOURCE_WINS = "SOURCE_WINS"
    LATEST_WINS = "LATEST_WINS"
    MANUAL = "MANUAL"


class DeletePolicy(StrEnum):
    PROPAGATE = "PROPAGATE"
    SOFT = "SOFT"
    IGNORE = "IGNORE"


DELETED_AT = "deleted_at"
"""The column of a table that says since when a row counts as deleted."""


class DriftPolicy(StrEnum):
    ADD_COLUMNS = "ADD_COLUMNS"
    STRICT = "STRICT"


class Initial(StrEnum):
    MERGE = "MERGE"
    SOURCE = "SOURCE"
    DATABASE = "DATABASE"


class Side(StrEnum):
    SOURCE = "SOURCE"
    DATABASE = "DATABASE"


@dataclass(frozen=True, slots=True)
class Column:
    """A column of the table. `field` is the header it is bound to; None where only the table has it.

    `read_only`: the source's formula columns and the table's generated ones; never written on that side. `former` is
    the header of a column that vanished from the source. `tag` is the id of the sheet's developer metadata that was
    seen at the column.
    """

    name: str
    type: ColumnType
    field: str | None
    read_only: bool = False
    format: str | None = None
    former: str | None = None
    tag: int | None = None


@dataclass(frozen=True, slots=True)
class SheetBinding:
    """Where the rows are: the spreadsheet's id, the worksheet's title and numeric id, the header's row from 1."""

    spreadsheet: str
    worksheet: str
    sheet_id: int
    header_row: int
    credential: str | None


@dataclass(frozen=True, slots=True)
class Source:
    """A registered source, as `rowcast.sources` has it. `relation` is `schema.table`; it has a `sheet` or a `feed`.

    `hides_deleted`: rows of the table with a `deleted_at` don't count. So it is since the policy was SOFT first, and
    stays: another policy must not bring rows back that were deleted.
    """

    id: UUID
    name: str
    description: str | None
    kind: SourceKind
    state: SourceState
    state_reason: str | None
    direction: Direction
    relation: str
    adopted: bool
    managed_key: bool
    key: tuple[str, ...]
    columns: tuple[Column, ...]
    sheet: SheetBinding | None
    poll_seconds: int
    conflict_policy: ConflictPolicy
    delete_policy: DeletePolicy
    drift_policy: DriftPolicy
    max_delete_share: float
    initial: Initial
    created_at: datetime
    updated_at: datetime
    feed: FeedBinding | None = None
    hides_deleted: bool = False
    log_name: str | None = None

    @property
    def logged_as(self) -> str:
        """The table's name in the log: the first that it had with a source. A rename changes no entry."""
        return self.log_name or self.relation

    @property
    def bound(self) -> tuple[Column, ...]:
        """The columns that both sides have."""
        return tuple(column for column in self.columns if column.field is not None)

    def column(self, name: str) -> Column | None:
        """The column of that name."""
        return next((column for column in self.columns if column.name == name), None)


async def all_sources(connection: Connection) -> list[Source]:
    """Every source, by name."""
    return await _fetch(connection, 'SELECT * FROM rowcast.sources ORDER BY name COLLATE "C"')


async def sources_in(connection: Connection, state: SourceState) -> list[Source]:
    """Those in the state."""
    return await _fetch(connection, "SELECT * FROM rowcast.sources WHERE state = %s", state)


async def source_by_name(connection: Connection, name: str) -> Source | None:
    """The source of that name."""
    return _one(await _fetch(connection, "SELECT * FROM rowcast.sources WHERE name = %s", name))


async def source_by_id(connection: Connection, id_: UUID) -> Source | None:
    """The source of that id."""
    return _one(await _fetch(connection, "SELECT * FROM rowcast.sources WHERE id = %s", id_))


async def existing_sources(connection: Connection, ids: Sequence[UUID]) -> set[UUID]:
    """Those of the ids that are sources'."""
    cursor = await connection.execute("SELECT id FROM rowcast.sources WHERE id = ANY(%s)", (list(ids),))
    return {row[0] for row in await cursor.fetchall()}


async def locked_source(connection: Connection, id_: UUID) -> Source | None:
    """The source of that id, which nobody changes or deletes until the transaction ends."""
    return _one(await _fetch(connection, "SELECT * FROM rowcast.sources WHERE id = %s FOR SHARE", id_))


async def source_to_change(connection: Connection, id_: UUID) -> Source | None:
    """The source of that id, for this transaction alone to change; runs that write wait meanwhile."""
    return _one(await _fetch(connection, "SELECT * FROM rowcast.sources WHERE id = %s FOR NO KEY UPDATE", id_))


async def sources_of_relation(connection: Connection, relation: str) -> list[Source]:
    """The sources bound to a table; they all have the same key columns."""
    return await _fetch(
        connection, "SELECT * FROM rowcast.sources WHERE relation = %s ORDER BY created_at, name", relation
    )


async def lock_relation(connection: Connection, relation: str) -> None:
    """Let nobody else bind or leave the table until the transaction ends. Take it before any other lock."""
    await connection.execute("SELECT pg_advisory_xact_lock(hashtextextended('rowcast.sources ' || %s, 0))", (relation,))


async def insert_source(connection: Connection, source: Source) -> None:
    """Store a new source and its empty sync state. UniqueViolation if the name is taken."""
    values = _to_row(source)
    await connection.execute(
        """INSERT INTO rowcast.sources (id, name, description, kind, state, state_reason, direction, relation, adopted,
               managed_key, key, columns, sheet, feed, poll_seconds, conflict_policy, delete_policy, drift_policy,
               max_delete_share, initial, created_at, updated_at, hides_deleted, log_name)
           VALUES (%(id)s, %(name)s, %(description)s, %(kind)s, %(state)s, %(state_reason)s, %(direction)s,
               %(relation)s, %(adopted)s, %(managed_key)s, %(key)s, %(columns)s, %(sheet)s, %(feed)s,
               %(poll_seconds)s, %(conflict_policy)s, %(delete_policy)s, %(drift_policy)s, %(max_delete_share)s,
               %(initial)s, %(created_at)s, %(updated_at)s, %(hides_deleted)s,
               coalesce(
                   (SELECT log_name FROM rowcast.sources WHERE relation = %(relation)s LIMIT 1),
                   -- Another table had the name once, and has it in the log.
                   (SELECT %(relation)s || '#' || gen_random_uuid() FROM rowcast.sources
                    WHERE log_name = %(relation)s AND relation <> %(relation)s LIMIT 1)))""",
        values,
    )
    await connection.execute("INSERT INTO rowcast.sync_state (source_id) VALUES (%s)", (source.id,))
    await log_first(connection, source.id)


async def update_source(connection: Connection, source: Source) -> Source:
    """Store the settings of an existing source; the state is `set_state`'s. Returns it with its new `updated_at`."""
    updated = await _fetch(
        connection,
        """UPDATE rowcast.sources SET description = %(description)s, direction = %(direction)s, columns = %(columns)s,
               sheet = %(sheet)s, feed = %(feed)s, poll_seconds = %(poll_seconds)s,
               conflict_policy = %(conflict_policy)s, delete_policy = %(delete_policy)s,
               drift_policy = %(drift_policy)s, max_delete_share = %(max_delete_share)s,
               hides_deleted = %(hides_deleted)s, updated_at = clock_timestamp()
           WHERE id = %(id)s RETURNING *""",
        _to_row(source),
    )
    return updated[0]


async def update_columns(connection: Connection, id_: UUID, columns: Sequence[Column]) -> None:
    """Store a source's columns as the source shows them now; the settings are as they were."""
    await connection.execute(
        "UPDATE rowcast.sources SET columns = %s, updated_at = clock_timestamp() WHERE id = %s",
        (Jsonb([asdict(column) for column in columns]), id_),
    )


async def update_binding(connection: Connection, source: Source) -> None:
    """Store a source's columns and key as its table shows them now."""
    await connection.execute(
        "UPDATE rowcast.sources SET columns = %s, key = %s, updated_at = clock_timestamp() WHERE id = %s",
        (Jsonb([asdict(column) for column in source.columns]), list(source.key), source.id),
    )
    await rekey(connection, source.logged_as, source.key)


async def rename_relation(connection: Connection, id_: UUID, relation: str) -> None:
    """The source's table has another name now; in the log it keeps the one that it has there."""
    await connection.execute(
        "UPDATE rowcast.sources SET log_name = coalesce(log_name, relation), relation = %s WHERE id = %s",
        (relation, id_),
    )


async def set_state(connection: Connection, id_: UUID, state: SourceState, reason: str | None) -> bool:
    """Change a source's state; False where it already was so, or the source is gone."""
    cursor = await connection.execute(
        """UPDATE rowcast.sources SET state = %(state)s, state_reason = %(reason)s, updated_at = clock_timestamp()
           WHERE id = %(id)s AND (state, state_reason) IS DISTINCT FROM (%(state)s, %(reason)s)""",
        {"id": id_, "state": state, "reason": reason},
    )
    return cursor.rowcount == 1


async def delete_source(connection: Connection, id_: UUID) -> None:
    """Forget a source with its base, runs, conflicts and failures; its table and history stay."""
    cursor = await connection.execute(
        "DELETE FROM rowcast.sources WHERE id = %s RETURNING coalesce(log_name, relation)", (id_,)
    )
    for (log_name,) in await cursor.fetchall():
        await end_logging(connection, log_name)


async def _fetch(connection: Connection, query: str, parameters: object = None) -> list[Source]:
    if parameters is not None and not isinstance(parameters, dict):
        parameters = (parameters,)
    async with connection.cursor(row_factory=dict_row) as cursor:
        await cursor.execute(query.encode(), parameters)
        return [_from_row(row) for row in await cursor.fetchall()]


def _one(sources: Sequence[Source]) -> Source | None:
    return sources[0] if sources else None


def _to_row(source: Source) -> dict[str, Any]:
    return {
        **asdict(replace(source, columns=(), sheet=None, feed=None)),
        "key": list(source.key),
        "columns": Jsonb([asdict(column) for column in source.columns]),
        "sheet": None if source.sheet is None else Jsonb(asdict(source.sheet)),
        "feed": None if source.feed is None else Jsonb(feed_to_json(source.feed)),
    }


def _from_row(row: dict[str, Any]) -> Source:
    columns = tuple(Column(**{**column, "type": ColumnType(column["type"])}) for column in row["columns"])
    return Source(
        id=row["id"],
        name=row["name"],
        description=row["description"],
        kind=SourceKind(row["kind"]),
        state=SourceState(row["state"]),
        state_reason=row["state_reason"],
        direction=Direction(row["direction"]),
        relation=row["relation"],
        adopted=row["adopted"],
        managed_key=row["managed_key"],
        key=tuple(row["key"]),
        columns=columns,
        sheet=None if row["sheet"] is None else SheetBinding(**row["sheet"]),
        poll_seconds=row["poll_seconds"],
        conflict_policy=ConflictPolicy(row["conflict_policy"]),
        delete_policy=DeletePolicy(row["delete_policy"]),
        drift_policy=DriftPolicy(row["drift_policy"]),
        max_delete_share=row["max_delete_share"],
        initial=Initial(row["initial"]),
        created_at=row["created_at"],
        updated_at=row["updated_at"],
        feed=None if row["feed"] is None else feed_from_json(row["feed"]),
        hides_deleted=row["hides_deleted"],
        log_name=row["log_name"],
    )
