"""Conflicts between the two sides: one record a cell, or a row where the whole row is in question.

A record is open until both sides agree. `choice` is what settles it, asked for by a person or by the source's policy;
the run that carries it out resolves it. A person's stands until then, a policy's only for what both sides were.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Final
from uuid import UUID

from psycopg.rows import dict_row
from psycopg.types.json import Jsonb

from db.changes import WireValue
from db.errors import BadUserInput, Conflict, NotFound
from db.keys import key_values
from db.notify import wake
from db.paging import Page, page_of
from db.runs import RunTrigger
from db.session import Connection
from db.sources import Source, source_by_id
from db.wire import to_text


class ConflictState(StrEnum):
    OPEN = "OPEN"
    RESOLVED = "RESOLVED"


class ConflictKind(StrEnum):
    """EDIT_DELETE: edited on one side, deleted on the other. INSERT_INSERT: both sides have a new row of one key."""

    CELL = "CELL"
    EDIT_DELETE = "EDIT_DELETE"
    INSERT_INSERT = "INSERT_INSERT"


class ConflictChoice(StrEnum):
    DATABASE = "DATABASE"
    SOURCE = "SOURCE"
    VALUE = "VALUE"


WINNER: Final = "winner"
"""Who settled it where one side overwrote the other."""


@dataclass(frozen=True, slots=True)
class ConflictRecord:
    """A conflict as stored. Values are wire values of the cell, or row objects where `column` is None.

    `key` is the row's key text; `source` the source's name. `choice` may be asked for while it is still open; `asked`:
    it was a person who chose, and no rule of the source's.
    """

    id: int
    source_id: UUID
    source: str
    key: str
    kind: ConflictKind
    column: str | None
    base: WireValue
    database: WireValue
    source_value: WireValue
    state: ConflictState
    choice: ConflictChoice | None
    choice_value: WireValue
    asked: bool
    resolution: ConflictChoice | None
    detected_at: datetime
    resolved_at: datetime | None
    resolved_by: str | None


_SELECT = "SELECT c.*, s.name AS source FROM rowcast.conflicts c JOIN rowcast.sources s ON s.id = c.source_id "


async def get_conflict(connection: Connection, id_: int) -> ConflictRecord | None:
    """The conflict of that id."""
    found = await _fetch(connection, _SELECT + "WHERE c.id = %(id)s", {"id": id_})
    return found[0] if found else None


async def list_conflicts(
    connection: Connection,
    *,
    source_id: UUID | None = None,
    state: ConflictState | None = None,
    first: int,
    after: int | None = None,
) -> Page[ConflictRecord]:
    """Conflicts, newest first, of one source and state or of all; `after` is the id of the last one seen."""
    parameters = {"source": source_id, "state": state, "after": after, "limit": first + 1}
    where = (
        "WHERE (%(source)s::uuid IS NULL OR c.source_id = %(source)s) "
        "AND (%(state)s::text IS NULL OR c.state = %(state)s) "
    )
    found = await _fetch(
        connection,
        _SELECT + where + "AND (%(after)s::bigint IS NULL OR c.id < %(after)s) ORDER BY c.id DESC LIMIT %(limit)s",
        parameters,
    )
    total = await (
        await connection.execute(f"SELECT count(*) FROM rowcast.conflicts c {where}".encode(), parameters)  # noqa: S608
    ).fetchone()
    assert total is not None
    return page_of(found, first, total[0])


async def open_conflicts(connection: Connection, source_id: UUID) -> list[ConflictRecord]:
    """All open conflicts of a source."""
    return await _fetch(
        connection, _SELECT + "WHERE c.source_id = %(source)s AND c.state = 'OPEN'", {"source": source_id}
    )


async def choose(
    connection: Connection, id_: int, choice: ConflictChoice, value: WireValue, has_value: bool, actor: str
) -> ConflictRecord:
    """Ask for an open conflict to be settled so, and wake its source; the next run carries it out.

    For VALUE `value` is the cell's, or for a conflict of the row a row object (None deletes). Errors: NotFound,
    Conflict (already resolved), BadUserInput.
    """
    found = await _fetch(connection, _SELECT + "WHERE c.id = %(id)s FOR UPDATE OF c", {"id": id_})
    if not found:
        raise NotFound(f"There is no conflict {id_}.")
    conflict = found[0]
    if conflict.state is not ConflictState.OPEN:
        raise Conflict(f"Conflict {id_} is resolved already.")
    if has_value is not (choice is ConflictChoice.VALUE):
        raise BadUserInput("Give a value with the choice VALUE, and only with it.")
    if has_value:
        source = await source_by_id(connection, conflict.source_id)
        assert source is not None
        _check_value(source, conflict, value)
    await connection.execute(
        "UPDATE rowcast.conflicts SET choice = %s, choice_value = %s, asked = true, resolved_by = %s WHERE id = %s",
        (choice, _json(value), actor, id_),
    )
    await wake(connection, conflict.source_id, RunTrigger.MANUAL)
    chosen = await get_conflict(connection, id_)
    assert chosen is not None
    return chosen


def _check_value(source: Source, conflict: ConflictRecord, value: WireValue) -> None:
    if conflict.column is not None:
        values: dict[str, WireValue] = {conflict.column: value}
    elif value is None:
        values = {}
    elif isinstance(value, dict):
        values = value
    else:
        raise BadUserInput("A conflict of the row is settled by a row object, or by null, which deletes the row.")
    key = dict(zip(source.key, key_values(conflict.key), strict=True))
    for name, item in values.items():
        column = source.column(name)
        if column is None or column.field is None:
            raise BadUserInput(f"{source.name} has no column {name} to settle: name columns that the source has.")
        try:
            text = to_text(column.type, item)
        except ValueError as error:
            raise BadUserInput(f"Column {name}: {error}.") from error
        if name in key and text != key[name]:
            raise BadUserInput(f"Column {name} is the row's key and stays {key[name]}: leave it out.")


@dataclass(frozen=True, slots=True)
class NewConflict:
    """What a run found. `choice`: the policy's, if it settles it; `by` then says whose choice it was."""

    key: str
    kind: ConflictKind
    column: str | None
    base: WireValue
    database: WireValue
    source_value: WireValue
    choice: ConflictChoice | None
    by: str | None


async def record_conflict(connection: Connection, source_id: UUID, conflict: NewConflict) -> int:
    """Open a conflict, or bring the open one of the same place up to date; returns its id."""
    row = await (
        await connection.execute(
            """INSERT INTO rowcast.conflicts (source_id, key, kind, column_name, base, database, source_value, choice,
                   resolved_by)
               VALUES (%(source)s, %(key)s, %(kind)s, %(column)s, %(base)s, %(database)s, %(source_value)s, %(choice)s,
                   %(by)s)
               ON CONFLICT (source_id, key, coalesce(column_name, '')) WHERE state = 'OPEN' DO UPDATE
               SET kind = excluded.kind, base = excluded.base, database = excluded.database,
                   source_value = excluded.source_value,
                   choice = CASE WHEN conflicts.asked THEN conflicts.choice ELSE excluded.choice END,
                   resolved_by = CASE WHEN conflicts.asked THEN conflicts.resolved_by ELSE excluded.resolved_by END
               RETURNING id""",
            {
                "source": source_id,
                "key": conflict.key,
                "kind": conflict.kind,
                "column": conflict.column,
                "base": _json(conflict.base),
                "database": _json(conflict.database),
                "source_value": _json(conflict.source_value),
                "choice": conflict.choice,
                "by": conflict.by,
            },
        )
    ).fetchone()
    assert row is not None
    id_: int = row[0]
    return id_


async def close_conflict(connection: Connection, id_: int, winner: ConflictChoice | None = None) -> None:
    """The sides agree: resolved by what was chosen, by the `winner` of all of the run, or by itself (no resolution)."""
    await connection.execute(
        """UPDATE rowcast.conflicts
           SET state = 'RESOLVED', resolved_at = clock_timestamp(),
               resolution = CASE WHEN %(winner)s::text IS NULL OR asked THEN choice ELSE %(winner)s END,
               resolved_by = CASE WHEN %(winner)s::text IS NULL OR asked THEN resolved_by ELSE %(by)s END
           WHERE id = %(id)s AND state = 'OPEN'""",
        {"id": id_, "winner": winner, "by": WINNER},
    )


def _json(value: WireValue) -> Jsonb | None:
    return None if value is None else Jsonb(value)


async def _fetch(connection: Connection, query: str, parameters: Mapping[str, object]) -> list[ConflictRecord]:
    async with connection.cursor(row_factory=dict_row) as cursor:
        await cursor.execute(query.encode(), parameters)
        return [
            ConflictRecord(
                id=row["id"],
                source_id=row["source_id"],
                source=row["source"],
                key=row["key"],
                kind=ConflictKind(row["kind"]),
                column=row["column_name"],
                base=row["base"],
                database=row["database"],
                source_value=row["source_value"],
                state=ConflictState(row["state"]),
                choice=None if row["choice"] is None else ConflictChoice(row["choice"]),
                choice_value=row["choice_value"],
                asked=row["asked"],
                resolution=None if row["resolution"] is None else ConflictChoice(row["resolution"]),
                detected_at=row["detected_at"],
                resolved_at=row["resolved_at"],
                resolved_by=row["resolved_by"],
            )
            for row in await cursor.fetchall()
        ]
