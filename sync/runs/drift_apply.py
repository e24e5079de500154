"""Carries out what a reading's columns mean: the table's new columns, the source's, and the events that say so."""

from dataclasses import dataclass, replace

from psycopg import errors

from db.base import Filled, filled_columns, forget_columns
from db.events import EventKind, insert_event
from db.session import Connection
from db.sources import Source, source_to_change, update_columns
from db.sync_state import keep_unsynced, unsynced_headers
from db.table_seen import left_out
from db.tables import Relation, add_column, describe
from sync.runs.apply import is_same_binding
from sync.runs.drift import noun_of, plan_drift, really_gone
from sync.runs.table_check import check_table
from sync.seen_columns import SeenColumns
from sync.source import Reading

_KEYS = 10_000
_LOCK_TIMEOUT = "2s"  # who reads the table waits behind the one that wants to alter it


@dataclass(frozen=True, slots=True)
class Followed:
    """The source with its columns as they are now, and the reading with what is wrong with new ones."""

    source: Source
    reading: Reading


class TableBusy(Exception):
    """The table is in use by somebody for so long that no column could be added."""


async def seen_columns(connection: Connection, source: Source, reading: Reading) -> SeenColumns | None:
    """The reading's, without fields that count as empty; None where it doesn't tell."""
    seen = reading.columns
    if seen is None or not seen.lost:
        return seen
    seen = really_gone(source, seen, await filled_columns(connection, source.id, sorted(seen.lost)))
    # A row that is gone took its values along: only what the others had can go with a field.
    still = dict.fromkeys(seen.lost, Filled())
    for start in range(0, len(reading.rows) if seen.lost else 0, _KEYS):
        keys = [row.key for row in reading.rows[start : start + _KEYS]]
        for name, filled in (await filled_columns(connection, source.id, sorted(seen.lost), keys)).items():
            still[name] += filled
    return really_gone(source, seen, still)


async def follow_columns(connection: Connection, source: Source, reading: Reading) -> Followed | None:
    """In the connection's transaction, fenced. None where the source was bound anew meanwhile, or deleted.

    TableUnfit, TableBusy: nothing was done.
    """
    seen = await seen_columns(connection, source, reading)
    if seen is None:
        return Followed(source, reading)
    told = await unsynced_headers(connection, source.id)
    if seen.columns == source.columns and not seen.lost and not seen.new and not told:
        return Followed(source, reading)
    now = await source_to_change(connection, source.id)
    if now is None or not is_same_binding(now, source):
        return None
    relation = Relation.parse(source.relation)
    table = await describe(connection, relation)
    check_table(source, table)
    assert table is not None
    drift = plan_drift(source, seen, table, told, await left_out(connection, source.id))
    if drift.added:
        await connection.execute(f"SET LOCAL lock_timeout = '{_LOCK_TIMEOUT}'".encode())
        try:
            for column in drift.added:
                await add_column(connection, relation, column)
        except errors.LockNotAvailable as error:
            names = ", ".join(column.name for column in drift.added)
            raise TableBusy(
                f"{source.relation} is in use by a transaction that has not ended, so {names} can't be added yet: the"
                " next run tries again."
            ) from error
        await connection.execute("SET LOCAL lock_timeout = DEFAULT")
    if drift.forgotten:
        await forget_columns(connection, source.id, drift.forgotten)
    if drift.columns != source.columns:
        await update_columns(connection, source.id, drift.columns)
    if drift.unsynced != told:
        await keep_unsynced(connection, source.id, drift.unsynced)
    for one in drift.told:
        detail = {noun_of(source): one.field, "column": one.column}
        await insert_event(connection, EventKind.DRIFT, source.name, one.message, detail)
    if drift.problems:
        reading = replace(reading, problems=[*reading.problems, *drift.problems])
    return Followed(source if drift.columns == source.columns else replace(source, columns=drift.columns), reading)
