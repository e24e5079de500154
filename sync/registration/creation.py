"""A new source as the database has it: its table, the table's place in the publication, its binding. In one transaction
of the caller's.
"""

from collections.abc import Iterator
from contextlib import contextmanager

from psycopg import errors

from db.errors import BadUserInput, Conflict
from db.events import EventKind, insert_event
from db.log import log_state
from db.notify import wake
from db.session import Connection
from db.sources import Initial, Side, Source, insert_source, lock_relation, sources_of_relation
from db.sync_requests import request_sync
from db.tables import PUBLICATION, Relation, create_table, describe, publish, set_default_key
from sync.registration.look import exists, refuse_other_keys, taken
from sync.soft_delete import MARK


async def create(connection: Connection, source: Source, relation: Relation) -> None:
    """The source with its binding; the leader is woken for its first run."""
    await lock_relation(connection, source.relation)
    others = await sources_of_relation(connection, source.relation)
    refuse_other_keys(relation, source.key, others)
    if source.adopted:
        await publish(connection, relation)
        await _refuse_unstreamed(connection, relation)
    else:
        marks = (MARK,) if source.hides_deleted else ()
        await create_table(connection, relation, (*source.columns, *marks), source.key)
        if source.managed_key:
            await set_default_key(connection, relation, source.key[0])
    await insert_source(connection, source)
    if source.initial is not Initial.MERGE:
        await request_sync(connection, source.id, Side(source.initial.value), lasting=True)
    await insert_event(
        connection, EventKind.STATE, source.name, "The source was registered.", {"table": source.relation}
    )
    await wake(connection, source.id, "START")


async def _refuse_unstreamed(connection: Connection, relation: Relation) -> None:
    """An owner's publication is streamed a little after it was made; changes before that would be in no log."""
    table, state = await describe(connection, relation), await log_state(connection)
    if table is None or state is None or PUBLICATION in table.publications:
        return
    if not set(table.publications) & set(state.publications):
        raise Conflict(
            f"The publication {table.publications[0]} of {relation} is new, and not streamed yet: try again in a few "
            "seconds."
        )


@contextmanager
def refusals_in_words(source: Source, relation: Relation) -> Iterator[None]:
    """What Postgres refuses of a new source, as BadUserInput or Conflict."""
    try:
        yield
    except errors.UniqueViolation as error:
        raise taken(error, source) from error
    except errors.DuplicateTable as error:
        raise BadUserInput(exists(relation)) from error
    except errors.UndefinedTable as error:
        raise Conflict(f"{relation} was dropped at the same moment: look at it, then try again.") from error
    except errors.InsufficientPrivilege as error:
        raise BadUserInput(
            f"Postgres does not let this server do it: {error.diag.message_primary}. "
            "Let its role, or let the table's owner publish the table."
        ) from error
