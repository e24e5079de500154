"""Table edits that stand in each other's way: tried again as long as that helps, then freed from their circles.

A row may refer to one that comes later in the run, or take a value that another row is about to give up. So what was
refused is tried again once everything else is done, in rounds, until a round brings nothing. What is left may be a
circle: rows that exchange unique values, or refer to each other under deferrable constraints.
"""

import re
from collections.abc import AsyncIterator, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace

import psycopg

from db.session import Connection
from db.sync_tables import BoundTable
from db.unique_columns import UniqueColumn, put_aside, spared, unique_columns
from sync.merge.plan import EditKind, TableEdit
from sync.runs.progress import Tell
from sync.runs.table_edits import (
    RETRIED,
    Done,
    KeyedEdit,
    Patience,
    Refused,
    TableOutcome,
    edit_in_batches,
    edit_singly,
)

# Postgres' detail on a violated key names columns and values; the words around them depend on the server's language.
_KEY = re.compile(r"\(([^()]*)\)=\((.*)\)", re.DOTALL)


async def edit_table(
    connection: Connection, table: BoundTable, edits: Iterable[KeyedEdit], tell: Tell
) -> AsyncIterator[Mapping[str, TableOutcome]]:
    """What became of each edit, by key text, as it comes: the rows of a large run are never all in memory.

    The transaction, whose constraints are immediate, stays usable, in between too.
    """
    patience = Patience()
    asked: dict[str, TableEdit] = {}
    refused: dict[str, TableOutcome] = {}
    any_done = False
    async for batch, outcomes in edit_in_batches(connection, table, edits, patience, tell):
        waiting = set(_waiting(outcomes))
        asked.update((key, edit) for key, edit in batch if key in waiting)
        refused.update((key, outcomes[key]) for key in waiting)
        any_done = any_done or any(isinstance(outcome, Done) for outcome in outcomes.values())
        yield {key: outcome for key, outcome in outcomes.items() if key not in waiting}
    if any_done or len(refused) > 1:
        refused.update(await _rounds(connection, table, asked, patience))
    yield refused


async def _rounds(
    connection: Connection, table: BoundTable, asked: Mapping[str, TableEdit], patience: Patience
) -> dict[str, TableOutcome]:
    outcomes: dict[str, TableOutcome] = {}
    waiting = sorted(asked)
    while waiting:
        # Backwards every other time: of rows that refer to the next one, all pass in one of two rounds.
        waiting.reverse()
        tried = await edit_singly(connection, table, [(key, asked[key]) for key in waiting], patience)
        outcomes.update(tried)
        left = _waiting(tried)
        if len(left) == len(waiting):
            break
        waiting = left
    if len(waiting) > 1:
        circles = _Circles(connection, table, patience)
        outcomes.update(await circles.deferred([(key, asked[key]) for key in waiting]))
        exchanging = [key for key in waiting if _is_refused(outcomes[key], "UNIQUE")]
        outcomes.update(await circles.exchanged([(key, asked[key]) for key in exchanging]))
    return outcomes


@dataclass(frozen=True, slots=True)
class _Circles:
    """Frees edits that only pass together."""

    connection: Connection
    table: BoundTable
    patience: Patience

    async def deferred(self, edits: Sequence[KeyedEdit]) -> dict[str, TableOutcome]:
        """What passes when constraints that can wait are only looked at in the end; nothing of what doesn't."""
        while len(edits) > 1:
            try:
                async with self.connection.transaction():
                    await self.connection.execute("SET CONSTRAINTS ALL DEFERRED")
                    outcomes = await edit_singly(self.connection, self.table, edits, self.patience)
                    await self.connection.execute("SET CONSTRAINTS ALL IMMEDIATE")
                    return {key: outcome for key, outcome in outcomes.items() if not isinstance(outcome, Refused)}
            except psycopg.errors.IntegrityError as error:
                left = _without_guilty(edits, error.diag.message_detail or "")
                if len(left) == len(edits):
                    return {}
                edits = left
        return {}

    async def exchanged(self, edits: Sequence[KeyedEdit]) -> dict[str, TableOutcome]:
        """What passes once each of these rows has given up its own unique values; nothing of what doesn't."""
        edits = [(key, edit) for key, edit in edits if edit.kind in (EditKind.UPDATE, EditKind.REVIVE)]
        columns = await unique_columns(self.connection, self.table) if len(edits) > 1 else []
        while len(edits) > 1:
            outcomes: dict[str, TableOutcome] = {}
            async with self.connection.transaction() as savepoint:
                outcomes = await self._exchange(edits, columns)
                if not all(isinstance(outcome, Done) for outcome in outcomes.values()):
                    raise psycopg.Rollback(savepoint)
            left = [(key, edit) for key, edit in edits if isinstance(outcomes[key], Done)]
            if len(left) == len(edits):
                return outcomes
            edits = left
        return {}

    async def _exchange(self, edits: Sequence[KeyedEdit], columns: Sequence[UniqueColumn]) -> dict[str, TableOutcome]:
        outcomes: dict[str, TableOutcome] = {}
        freed: list[KeyedEdit] = []
        await self.patience.begin(self.connection)
        for key, edit in edits:
            aside = spared(columns, edit.texts)
            version = await self._freed(aside, key, edit.xmin) if aside else None
            if version is None:
                outcomes[key] = Refused("UNIQUE", "")
            else:
                freed.append((key, replace(edit, xmin=version)))
        return {**outcomes, **await edit_singly(self.connection, self.table, freed, self.patience)}

    async def _freed(self, aside: Sequence[UniqueColumn], key: str, xmin: str | None) -> str | None:
        try:
            async with self.connection.transaction():
                return await put_aside(self.connection, self.table, aside, key, xmin)
        except (psycopg.errors.IntegrityError, psycopg.errors.DataError):
            return None
        except (psycopg.errors.LockNotAvailable, psycopg.errors.DeadlockDetected):
            await self.patience.lose(self.connection)
            return None


def _without_guilty(edits: Sequence[KeyedEdit], detail: str) -> list[KeyedEdit]:
    found = _KEY.search(detail)
    if found is None:
        return list(edits)
    names, values = found[1].replace('"', "").split(", "), found[2].split(", ")
    guilty = dict(zip(names, values, strict=False))
    return [(key, edit) for key, edit in edits if not guilty.items() <= dict(edit.texts).items()]


def _waiting(outcomes: Mapping[str, TableOutcome]) -> list[str]:
    return [key for key, outcome in outcomes.items() if isinstance(outcome, Refused) and outcome.code in RETRIED]


def _is_refused(outcome: TableOutcome, code: str) -> bool:
    return isinstance(outcome, Refused) and outcome.code == code
