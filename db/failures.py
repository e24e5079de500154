"""Failures: the cells, rows and requests that can't go through, each until it does.

A failure is known by its place: source, code, side, key and column, or its address where no key is known.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from enum import StrEnum
from uuid import UUID

from psycopg.rows import dict_row
from psycopg.types.json import Jsonb

from db.changes import WireValue
from db.errors import Conflict, NotFound
from db.notify import wake
from db.paging import Page, page_of
from db.runs import RunTrigger
from db.session import Connection
from db.sources import Side


class FailureState(StrEnum):
    """RETRYING: until the next run tried it. DISCARDED: a person gave it up; the next runs don't see it."""

    OPEN = "OPEN"
    RETRYING = "RETRYING"
    RESOLVED = "RESOLVED"
    DISCARDED = "DISCARDED"


@dataclass(frozen=True, slots=True)
class NewFailure:
    """What a run found: `side` can't take `value`; `message` says why and what mends it."""

    side: Side
    code: str
    message: str
    key: str | None = None
    column: str | None = None
    address: str | None = None
    value: WireValue = None

    @property
    def place(self) -> tuple[str, Side, str | None, str | None, str | None]:
        """What it is known by."""
        return (self.code, self.side, self.key, self.column, self.address if self.key is None else None)


@dataclass(frozen=True, slots=True)
class Failure:
    """A failure as stored; `key` is the row's key text, `source` the source's name."""

    id: int
    source_id: UUID
    source: str
    key: str | None
    column: str | None
    address: str | None
    side: Side
    value: WireValue
    code: str
    message: str
    attempts: int
    state: FailureState
    first_at: datetime
    last_at: datetime

    @property
    def place(self) -> tuple[str, Side, str | None, str | None, str | None]:
        """What it is known by."""
        return (self.code, self.side, self.key, self.column, self.address if self.key is None else None)


_SELECT = "SELECT f.*, s.name AS source FROM rowcast.failures f JOIN rowcast.sources s ON s.id = f.source_id "


async def get_failure(connection: Connection, id_: int) -> Failure | None:
    """The failure of that id."""
    found = await _fetch(connection, _SELECT + "WHERE f.id = %(id)s", {"id": id_})
    return found[0] if found else None


async def list_failures(
    connection: Connection,
    *,
    source_id: UUID | None = None,
    state: FailureState | None = None,
    first: int,
    after: int | None = None,
) -> Page[Failure]:
    """Failures, newest first, of one source and state or of all; `after` is the id of the last one seen."""
    parameters = {"source": source_id, "state": state, "after": after, "limit": first + 1}
    where = (
        "WHERE (%(source)s::uuid IS NULL OR f.source_id = %(source)s) "
        "AND (%(state)s::text IS NULL OR f.state = %(state)s) "
    )
    found = await _fetch(
        connection,
        _SELECT + where + "AND (%(after)s::bigint IS NULL OR f.id < %(after)s) ORDER BY f.id DESC LIMIT %(limit)s",
        parameters,
    )
    total = await (
        await connection.execute(f"SELECT count(*) FROM rowcast.failures f {where}".encode(), parameters)  # noqa: S608
    ).fetchone()
    assert total is not None
    return page_of(found, first, total[0])


async def standing_failures(connection: Connection, source_id: UUID) -> list[Failure]:
    """A source's open failures, and the discarded ones whose value was still the failed one when last looked at."""
    return await _fetch(
        connection,
        _SELECT
        + """WHERE f.source_id = %(source)s
                       AND (f.state IN ('OPEN', 'RETRYING') OR (f.state = 'DISCARDED' AND f.stands))""",
        {"source": source_id},
    )


async def retry(connection: Connection, id_: int) -> Failure:
    """Have an open failure tried again by the next run, and wake its source. Errors: NotFound, Conflict (not open)."""
    return await _ask(connection, id_, FailureState.RETRYING)


async def discard(connection: Connection, id_: int) -> Failure:
    """Give an open failure up: no run tries or shows it until its value changes. Errors as `retry` has them."""
    return await _ask(connection, id_, FailureState.DISCARDED)


async def _ask(connection: Connection, id_: int, state: FailureState) -> Failure:
    found = await _fetch(connection, _SELECT + "WHERE f.id = %(id)s FOR UPDATE OF f", {"id": id_})
    if not found:
        raise NotFound(f"There is no failure {id_}.")
    failure = found[0]
    if failure.state not in (FailureState.OPEN, FailureState.RETRYING):
        raise Conflict(f"Failure {id_} is {failure.state} already.")
    await connection.execute("UPDATE rowcast.failures SET state = %s WHERE id = %s", (state, id_))
    await wake(connection, failure.source_id, RunTrigger.MANUAL)
    return replace(failure, state=state)


async def record_failure(connection: Connection, source_id: UUID, failure: NewFailure) -> int:
    """Open a failure, or count one more attempt of the open one at the same place; returns its id."""
    row = await (
        await connection.execute(
            """INSERT INTO rowcast.failures (source_id, key, column_name, address, side, value, code, message)
               VALUES (%(source)s, %(key)s, %(column)s, %(address)s, %(side)s, %(value)s, %(code)s, %(message)s)
               ON CONFLICT (source_id, code, side, coalesce(key, ''), coalesce(column_name, ''),
                       coalesce(CASE WHEN key IS NULL THEN address END, ''))
                   WHERE state IN ('OPEN', 'RETRYING') DO UPDATE
               SET value = excluded.value, message = excluded.message, address = excluded.address,
                   attempts = failures.attempts + 1, last_at = clock_timestamp(), state = 'OPEN'
               RETURNING id""",
            {
                "source": source_id,
                "key": failure.key,
                "column": failure.column,
                "address": failure.address,
                "side": failure.side,
                "value": None if failure.value is None else Jsonb(failure.value),
                "code": failure.code,
                "message": failure.message,
            },
        )
    ).fetchone()
    assert row is not None
    id_: int = row[0]
    return id_


async def move_failure(connection: Connection, id_: int, address: str | None) -> None:
    """The same failure, at another address: its row was moved."""
    await connection.execute("UPDATE rowcast.failures SET address = %s WHERE id = %s", (address, id_))


async def close_failures(connection: Connection, ids: Iterable[int]) -> None:
    """What failed went through, or is no longer asked for."""
    await connection.execute(
        """UPDATE rowcast.failures SET state = 'RESOLVED', last_at = clock_timestamp()
           WHERE id = ANY(%s) AND state IN ('OPEN', 'RETRYING')""",
        (list(ids),),
    )


async def spend_failures(connection: Connection, ids: Iterable[int]) -> None:
    """What was given up is no longer so: the discarded failures say nothing about what fails from now on."""
    await connection.execute(
        "UPDATE rowcast.failures SET stands = false, last_at = clock_timestamp() WHERE id = ANY(%s)", (list(ids),)
    )


async def _fetch(connection: Connection, query: str, parameters: Mapping[str, object]) -> list[Failure]:
    async with connection.cursor(row_factory=dict_row) as cursor:
        await cursor.execute(query.encode(), parameters)
        return [
            Failure(
                id=row["id"],
                source_id=row["source_id"],
                source=row["source"],
                key=row["key"],
                column=row["column_name"],
                address=row["address"],
                side=Side(row["side"]),
                value=row["value"],
                code=row["code"],
                message=row["message"],
                attempts=row["attempts"],
                state=FailureState(row["state"]),
                first_at=row["first_at"],
                last_at=row["last_at"],
            )
            for row in await cursor.fetchall()
        ]
