"""Carries out what an altered table means: the columns of its sources, what is remembered of them, the events."""

from dataclasses import replace

from psycopg import errors

from db.base import forget_columns
from db.events import EventKind, insert_event
from db.lease import Term
from db.notify import notify_altered
from db.session import Connection, Pool
from db.sources import (
    Source,
    SourceState,
    rename_relation,
    source_to_change,
    sources_in,
    sources_of_relation,
    update_binding,
)
from db.table_seen import TableSeen, keep_table_seen, leave_out, rename_columns, table_seen
from db.tables import Relation, Table, describe, relation_of
from sync.runs.apply import is_bound_anew
from sync.runs.drift import noun_of
from sync.runs.table_drift import TableDrift, plan_table_drift, seen_now
from sync.runs.work import Work

OF_AN_ALTERED_TABLE = (errors.UndefinedTable, errors.UndefinedColumn, errors.FeatureNotSupported)
"""What Postgres says where a table was altered; the last of a statement that was prepared before."""


async def follow_altered(pool: Pool, term: Term, work: Work) -> bool | None:
    """Whether the table was altered by SQL: then the source has followed it. None where it was bound anew, or
    paused."""
    async with pool.connection() as connection:
        work.table = await describe(connection, Relation.parse(work.source.relation))
        if not await _is_altered(connection, work.source, work.table):
            return False
    async with pool.connection() as connection, connection.transaction():
        await term.fence(connection)
        followed = await follow_table(connection, work.source)
        if followed is None or followed.state is SourceState.PAUSED:
            return None
        work.table = await describe(connection, Relation.parse(followed.relation))
    altered, work.source = followed != work.source, followed
    return altered


async def follow_paused(pool: Pool, term: Term) -> None:
    """The sources that are paused, and so have no runs, follow their tables all the same: subscriptions go on."""
    async with pool.connection() as connection:
        sources = await sources_in(connection, SourceState.PAUSED)
    for source in sources:
        async with pool.connection() as connection:
            table = await describe(connection, Relation.parse(source.relation))
            if not await _is_altered(connection, source, table):
                continue
        async with pool.connection() as connection, connection.transaction():
            await term.fence(connection)
            await follow_table(connection, source)


async def was_altered(pool: Pool, work: Work) -> bool:
    """Whether the table was altered by SQL since the run began, so that the next one goes on with it."""
    async with pool.connection() as connection:
        table = await describe(connection, Relation.parse(work.source.relation))
        if table is not None and work.table is not None and table.shape != work.table.shape:
            return True
        return await _is_altered(connection, work.source, table)


async def _is_altered(connection: Connection, source: Source, table: Table | None) -> bool:
    """Whether the source has to follow its table, which is as described."""
    seen = await table_seen(connection, source.id)
    if table is None:
        return seen is not None and await relation_of(connection, seen.oid) is not None
    retyped = any(
        (found := table.column(column.name)) is not None and found.type is not column.type for column in source.columns
    )
    return retyped or seen_now(table) != seen


async def follow_table(connection: Connection, source: Source) -> Source | None:
    """In the connection's transaction, fenced: the source as its table has it. None where it was bound anew meanwhile.

    All sources of the table follow at once: they have the same key.
    """
    followed: Source | None = None
    table = await describe(connection, Relation.parse(source.relation))
    seen = await table_seen(connection, source.id)
    if table is None:
        moved = None if seen is None else await relation_of(connection, seen.oid)
        table = None if moved is None else await describe(connection, moved)
    if table is None:
        return source
    for one in await sources_of_relation(connection, source.relation):
        now = await source_to_change(connection, one.id)
        if now is None or (one.id == source.id and is_bound_anew(now, source)):
            continue
        now = await _go_with(connection, now, table)
        changed = await _follow(connection, now, plan_table_drift(now, table, seen), seen_now(table))
        followed = changed if one.id == source.id else followed
    return followed


async def _go_with(connection: Connection, source: Source, table: Table) -> Source:
    """The source of a table that was renamed. The log goes on under the name that it has for the table."""
    relation = str(table.relation)
    if relation == source.relation:
        return source
    await rename_relation(connection, source.id, relation)
    message = f"The table {source.relation} is {relation} now: the source goes with it."
    detail = {"table": relation, "former": source.relation}
    await insert_event(connection, EventKind.DRIFT, source.name, message, detail)
    return replace(source, relation=relation, log_name=source.logged_as)


async def _follow(connection: Connection, source: Source, drift: TableDrift, seen: TableSeen) -> Source:
    await keep_table_seen(connection, source.id, seen)
    if drift.renamed:
        await rename_columns(connection, source.id, drift.renamed)
    if drift.forgotten:
        await forget_columns(connection, source.id, drift.forgotten)
    if drift.left_out:
        await leave_out(connection, source.id, drift.left_out)
    for one in drift.told:
        detail = {noun_of(source): one.field or None, "column": one.column, "table": source.relation}
        await insert_event(connection, EventKind.DRIFT, source.name, one.message, detail)
    if drift.columns == source.columns and drift.key == source.key:
        return source
    changed = replace(source, columns=drift.columns, key=drift.key)
    await update_binding(connection, changed)
    await notify_altered(connection, source.id)
    return changed
