"""Carries out table edits in an open transaction: in batches, and singly where a batch is refused.

One row that the table refuses must not stop the others, so each batch is a savepoint, and a refused batch is done
again row by row.
"""

from collections.abc import AsyncIterator, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import groupby, islice

import psycopg
from psycopg import sql

from db.base import TableImage
from db.keys import key_values
from db.session import Connection
from db.sync_tables import (
    BoundTable,
    delete_statement,
    insert_statement,
    returned_rows,
    revive_statement,
    rows_of,
    update_statement,
)
from sync.merge.plan import EditKind, TableEdit
from sync.runs.progress import Tell

_BATCH = 500
_SHORT = "20ms"

# Deletes make room for updates, and updates for inserts, where values are unique.
_ORDER = (EditKind.DELETE, EditKind.UPDATE, EditKind.REVIVE, EditKind.INSERT)

_CODES = {"23502": "NOT_NULL", "23514": "CHECK", "23505": "UNIQUE", "23503": "FOREIGN_KEY", "23P01": "EXCLUSION"}

RETRIED = frozenset({"UNIQUE", "FOREIGN_KEY", "EXCLUSION", "REFUSED"})
"""Codes of refusals that another row, table or grant may mend: every run tries them again."""


@dataclass(frozen=True, slots=True)
class Done:
    """The row as RETURNING gave it, by column."""

    row: TableImage


@dataclass(frozen=True, slots=True)
class MovedOn:
    """The row is no longer the one that was read, or somebody holds it: it waits for the next run."""


@dataclass(frozen=True, slots=True)
class Refused:
    """The table does not take it; the message says why."""

    code: str
    message: str


TableOutcome = Done | MovedOn | Refused
KeyedEdit = tuple[str, TableEdit]


@dataclass(slots=True)
class Patience:
    """How long each row is waited for that somebody holds: briefly, once one of them was not let go."""

    lock_timeout: str = "5s"

    async def begin(self, connection: Connection) -> None:
        """Of the statements that follow."""
        await connection.execute(f"SET LOCAL lock_timeout = '{self.lock_timeout}'".encode())

    async def lose(self, connection: Connection) -> None:
        """Who holds one row may hold them all: waiting for each in turn would take hours."""
        self.lock_timeout = _SHORT
        await self.begin(connection)

    async def end(self, connection: Connection) -> None:
        """What follows waits for nobody's rows but ours."""
        await connection.execute("SET LOCAL lock_timeout = DEFAULT")


async def edit_in_batches(
    connection: Connection, table: BoundTable, edits: Iterable[KeyedEdit], patience: Patience, tell: Tell
) -> AsyncIterator[tuple[Sequence[KeyedEdit], Mapping[str, TableOutcome]]]:
    """The edits batch by batch, with what became of each, by key text. The transaction stays usable, in between too.

    `tell` hears the size of each batch.
    """
    for (order, columns), group in groupby(sorted(edits, key=_shape), key=_shape):
        statement = _statement(table, _ORDER[order], columns)
        for batch in _batches(group):
            await patience.begin(connection)
            outcomes = await _run(connection, table, statement, batch, columns, patience)
            await patience.end(connection)
            await tell(len(batch))
            yield batch, outcomes


async def edit_singly(
    connection: Connection, table: BoundTable, edits: Iterable[KeyedEdit], patience: Patience
) -> dict[str, TableOutcome]:
    """What becomes of each edit, one by one, in the order given."""
    outcomes: dict[str, TableOutcome] = {}
    await patience.begin(connection)
    for keyed in edits:
        order, columns = _shape(keyed)
        statement = _statement(table, _ORDER[order], columns)
        outcomes.update(await _run(connection, table, statement, (keyed,), columns, patience))
    await patience.end(connection)
    return outcomes


async def _run(
    connection: Connection,
    table: BoundTable,
    statement: sql.Composed,
    batch: Sequence[KeyedEdit],
    columns: Sequence[str],
    patience: Patience,
) -> dict[str, TableOutcome]:
    outcomes: dict[str, TableOutcome] = {}
    try:
        async with connection.transaction(), connection.cursor() as cursor:
            await cursor.executemany(
                statement, [_parameters(key, edit, columns) for key, edit in batch], returning=True
            )
            for key, _ in batch:
                assert cursor.pgresult is not None
                rows = returned_rows(cursor.pgresult, table)
                outcomes[key] = Done(rows[0]) if rows else MovedOn()
                cursor.nextset()
    except (psycopg.errors.LockNotAvailable, psycopg.errors.DeadlockDetected):
        await patience.lose(connection)
        if len(batch) == 1:
            return {batch[0][0]: MovedOn()}
    except psycopg.OperationalError as error:
        # A row that is too large for a page or an index is no trouble of the server's.
        if not isinstance(error, psycopg.errors.ProgramLimitExceeded):
            raise
        if len(batch) == 1:
            return {batch[0][0]: _refused(error)}
    except psycopg.DatabaseError as error:
        if len(batch) == 1:
            return {batch[0][0]: _refused(error)}
    else:
        skipped = await _skipped(
            connection, table, [keyed for keyed in batch if isinstance(outcomes[keyed[0]], MovedOn)]
        )
        return {**outcomes, **skipped}
    for one in batch:
        outcomes.update(await _run(connection, table, statement, (one,), columns, patience))
    return outcomes


async def _skipped(
    connection: Connection, table: BoundTable, untouched: Sequence[KeyedEdit]
) -> dict[str, TableOutcome]:
    """Those of the rows whose edit touched nothing though they are just as they were read."""
    rows = await rows_of(connection, table, [key for key, _ in untouched])
    message = (
        f"A trigger of {table.relation} skips the row (it returns NULL), so the table does not take it. Correct the"
        " row, or the trigger."
    )
    return {
        key: Refused("REFUSED", message)
        for key, edit in untouched
        if edit.xmin == (None if (row := rows.get(key)) is None else row.xmin)
    }


def _refused(error: psycopg.DatabaseError) -> Refused:
    state = error.sqlstate or ""
    code = "VALUE" if state.startswith("22") else _CODES.get(state, "REFUSED")
    said = error.diag.message_primary or str(error)
    detail = f" ({error.diag.message_detail})" if error.diag.message_detail else ""
    return Refused(code, f"The table does not take the row: {said}{detail}. Correct the row, or the table.")


def _shape(keyed: KeyedEdit) -> tuple[int, tuple[str, ...]]:
    _, edit = keyed
    return _ORDER.index(edit.kind), tuple(sorted(edit.texts))


def _statement(table: BoundTable, kind: EditKind, columns: Sequence[str]) -> sql.Composed:
    match kind:
        case EditKind.INSERT:
            return insert_statement(table, columns)
        case EditKind.UPDATE:
            return update_statement(table, columns)
        case EditKind.REVIVE:
            return revive_statement(table, columns)
        case EditKind.DELETE:
            return delete_statement(table)


def _parameters(key: str, edit: TableEdit, columns: Sequence[str]) -> list[str | None]:
    texts = [edit.texts[name] for name in columns]
    if edit.kind is EditKind.INSERT:
        return [*key_values(key), *texts]
    return [*texts, *key_values(key), edit.xmin]


def _batches(group: Iterable[KeyedEdit]) -> Iterator[list[KeyedEdit]]:
    rest = iter(group)
    while batch := list(islice(rest, _BATCH)):
        yield batch
