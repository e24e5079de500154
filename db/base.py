"""The base: every row as both sides last showed it, and the writes to the source that were begun.

Each side is compared only with its own image. The source's image is what was read back from it, the table's what
RETURNING gave; a column that an image lacks was never settled. Key columns are in the key, not in the images.
"""

from collections.abc import AsyncIterator, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import Any
from uuid import UUID

from psycopg.types.json import Jsonb

from db.session import Connection
from db.sources import Side

CellValue = str | float | bool | None
"""A source's cell; the same as in `sync.source`."""
SourceImage = Mapping[str, CellValue]
TableImage = Mapping[str, str | None]

_BATCH = 2000


class IntentKind(StrEnum):
    INSERT = "INSERT"
    UPDATE = "UPDATE"
    DELETE = "DELETE"


@dataclass(frozen=True, slots=True)
class Intent:
    """A write to the source, stored before it is begun: it may have arrived, or still arrive, though nobody knows.

    `cells` are what it writes, `texts` what the table had then; both empty for DELETE. `id` is the idempotency key.
    """

    kind: IntentKind
    id: str
    at: datetime
    cells: SourceImage
    texts: TableImage


@dataclass(frozen=True, slots=True)
class Sighting:
    """What a reading first showed of a cell that nobody has dealt with yet, and the latest time it can be from."""

    cell: CellValue
    at: datetime


@dataclass(frozen=True, slots=True)
class Turn:
    """The last write of a cell, to `side`: the `count`-th in a row that gave a side what it had been given before, with
    the other side written in between. `texts` are the values given, as the table prints them, by side."""

    side: Side
    count: int
    at: datetime
    texts: Mapping[Side, str | None]


@dataclass(frozen=True, slots=True)
class BaseRow:
    """A row of the base. An image is None where that side did not have the row. `pending` is oldest first.

    `missing`: complete reads in a row that lacked the key, the first of them at `missing_at`. `first_seen`: of each
    column that the source edited and no run has settled, kept where the later edit wins. `absent`: the source no longer
    has the row, and the table keeps it nevertheless. `turns`: of columns that were written lately.
    """

    key: str
    source_image: SourceImage | None
    table_image: TableImage | None
    pending: tuple[Intent, ...] = ()
    missing: int = 0
    missing_at: datetime | None = None
    first_seen: Mapping[str, Sighting] = field(default_factory=dict)
    absent: bool = False
    turns: Mapping[str, Turn] = field(default_factory=dict)


_COLUMNS = "key, source_image, table_image, pending, missing, missing_at, first_seen, absent, turns"


async def read_base(connection: Connection, source_id: UUID, after: str = "") -> AsyncIterator[BaseRow]:
    """The source's base in key order, in batches, from behind the key `after`: needs a transaction."""
    # Psycopg's own cursors for this complain where a run is cut off amid one: the transaction's end closes it anyway.
    query = f"SELECT {_COLUMNS} FROM rowcast.base WHERE source_id = %s AND key > %s ORDER BY key"  # noqa: S608 - ours
    await connection.execute(f"DECLARE base_rows NO SCROLL CURSOR FOR {query}".encode(), (source_id, after))
    while True:
        cursor = await connection.execute(f"FETCH {_BATCH} FROM base_rows".encode())
        rows = await cursor.fetchall()
        for row in rows:
            yield _base_row(*row)
        if len(rows) < _BATCH:
            break
    await connection.execute("CLOSE base_rows")


async def base_of(connection: Connection, source_id: UUID, keys: Sequence[str]) -> dict[str, BaseRow]:
    """The base's rows of some keys."""
    cursor = await connection.execute(
        f"SELECT {_COLUMNS} FROM rowcast.base WHERE source_id = %s AND key = ANY(%s)".encode(),  # noqa: S608 - ours
        (source_id, list(keys)),
    )
    return {row[0]: _base_row(*row) for row in await cursor.fetchall()}


async def save_base(connection: Connection, source_id: UUID, rows: Iterable[BaseRow]) -> None:
    """Store rows whole; one without images, pending writes and sightings is forgotten."""
    kept, gone = [], []
    for row in rows:
        if row.source_image is None and row.table_image is None and not row.pending and not row.first_seen:
            gone.append(row.key)
        else:
            kept.append(_parameters(source_id, row))
    if gone:
        await connection.execute("DELETE FROM rowcast.base WHERE source_id = %s AND key = ANY(%s)", (source_id, gone))
    if kept:
        async with connection.cursor() as cursor:
            await cursor.executemany(
                """INSERT INTO rowcast.base
                       (source_id, key, source_image, table_image, pending, missing, missing_at, first_seen, absent,
                        turns)
                   VALUES (%s, %s, %s, %s, %s, %s, %s, %s, %s, %s)
                   ON CONFLICT (source_id, key) DO UPDATE
                   SET source_image = excluded.source_image, table_image = excluded.table_image,
                       pending = excluded.pending, missing = excluded.missing, missing_at = excluded.missing_at,
                       first_seen = excluded.first_seen, absent = excluded.absent, turns = excluded.turns""",
                kept,
            )


@dataclass(frozen=True, slots=True)
class Filled:
    """Of how many of the source's rows a column had something in."""

    rows: int = 0
    filled: int = 0

    def __add__(self, other: "Filled") -> "Filled":
        return Filled(self.rows + other.rows, self.filled + other.filled)


async def filled_columns(
    connection: Connection, source_id: UUID, columns: Sequence[str], keys: Sequence[str] | None = None
) -> dict[str, Filled]:
    """What the source had of some columns when both sides last agreed: in all of its rows, or in those of some keys."""
    cursor = await connection.execute(
        """SELECT name, count(*), count(b.source_image ->> name)
           FROM rowcast.base b, unnest(%(columns)s::text[]) AS name
           WHERE b.source_id = %(id)s AND b.source_image IS NOT NULL
             AND (%(keys)s::text[] IS NULL OR b.key = ANY(%(keys)s))
           GROUP BY name""",
        {"columns": list(columns), "id": source_id, "keys": None if keys is None else list(keys)},
    )
    return {name: Filled(rows, filled) for name, rows, filled in await cursor.fetchall()}


async def forget_columns(connection: Connection, source_id: UUID, columns: Sequence[str]) -> None:
    """Let columns count as never settled: neither side has anything of them in the base any more."""
    await connection.execute(
        """UPDATE rowcast.base SET source_image = source_image - %(columns)s::text[],
               table_image = table_image - %(columns)s::text[], first_seen = first_seen - %(columns)s::text[],
               turns = turns - %(columns)s::text[]
           WHERE source_id = %(id)s AND (source_image ?| %(columns)s::text[] OR table_image ?| %(columns)s::text[])""",
        {"id": source_id, "columns": list(columns)},
    )


def _base_row(
    key: str,
    source_image: dict[str, Any] | None,
    table_image: dict[str, str | None] | None,
    pending: list[dict[str, Any]] | None,
    missing: int,
    missing_at: datetime | None,
    first_seen: dict[str, list[Any]] | None,
    absent: bool,
    turns: dict[str, list[Any]] | None,
) -> BaseRow:
    intents = tuple(
        Intent(
            IntentKind(intent["kind"]),
            intent["id"],
            datetime.fromisoformat(intent["at"]),
            _cells(intent["cells"]),
            intent["texts"],
        )
        for intent in pending or ()
    )
    image = None if source_image is None else _cells(source_image)
    seen = {name: Sighting(_cell(cell), datetime.fromisoformat(at)) for name, (cell, at) in (first_seen or {}).items()}
    return BaseRow(key, image, table_image, intents, missing, missing_at, seen, absent, _turns(turns or {}))


def _turns(stored: dict[str, list[Any]]) -> dict[str, Turn]:
    return {
        name: Turn(Side(side), count, datetime.fromisoformat(at), {Side(one): text for one, text in texts.items()})
        for name, (side, count, at, texts) in stored.items()
    }


def _cells(stored: dict[str, Any]) -> dict[str, CellValue]:
    return {name: _cell(cell) for name, cell in stored.items()}


def _cell(stored: Any) -> CellValue:
    # jsonb prints 1e20 as an integer.
    cell: CellValue = float(stored) if type(stored) is int else stored
    return cell


def _parameters(source_id: UUID, row: BaseRow) -> tuple[object, ...]:
    pending = [
        {
            "kind": intent.kind,
            "id": intent.id,
            "at": intent.at.isoformat(),
            "cells": dict(intent.cells),
            "texts": dict(intent.texts),
        }
        for intent in row.pending
    ]
    seen = {name: [sighting.cell, sighting.at.isoformat()] for name, sighting in row.first_seen.items()}
    turns = {name: [turn.side, turn.count, turn.at.isoformat(), dict(turn.texts)] for name, turn in row.turns.items()}
    source_image = None if row.source_image is None else Jsonb(dict(row.source_image))
    table_image = None if row.table_image is None else Jsonb(dict(row.table_image))
    return (
        source_id,
        row.key,
        source_image,
        table_image,
        Jsonb(pending) if pending else None,
        row.missing,
        row.missing_at,
        Jsonb(seen) if seen else None,
        row.absent,
        Jsonb(turns) if turns else None,
    )
