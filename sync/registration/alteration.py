"""What changed settings make of a source's table and of what its runs remember. In one transaction of the caller's."""

from db.errors import BadUserInput
from db.session import Connection
from db.sources import Source
from db.tables import Relation, add_column, alter_column, describe
from db.wire import SQL_TYPES
from sync.registration.look import place_of
from sync.soft_delete import MARK, soft_problems


async def alter_columns(connection: Connection, source: Source, changed: Source) -> None:
    """Columns that are new or of another type. BadUserInput where they are the owner's to alter."""
    relation = Relation.parse(source.relation)
    for column in changed.columns:
        before = source.column(column.name)
        if before is not None and before.type is column.type:
            continue
        table = await describe(connection, relation)
        found = None if table is None else table.column(column.name)
        if found is not None and found.type is column.type:
            continue  # made or altered by SQL before
        if source.adopted:
            what = f'ADD "{column.name}"' if found is None else f'ALTER "{column.name}" TYPE'
            raise BadUserInput(
                f"{source.relation} was adopted, so its columns are its owner's: ALTER TABLE {relation.quoted} "
                f"{what} {SQL_TYPES[column.type]};"
            )
        if found is None:
            await add_column(connection, relation, column)
            continue
        await alter_column(connection, relation, column.name, column.type)


async def prepare_marks(connection: Connection, source: Source) -> None:
    """Make sure that rows of the table can be marked as deleted. BadUserInput where its owner has to."""
    relation = Relation.parse(source.relation)
    table = await describe(connection, relation)
    if problems := soft_problems(source.columns, relation, table, ours=not source.adopted):
        raise BadUserInput(" ".join(problems))
    if table is not None and table.column(MARK.name) is None:
        await add_column(connection, relation, MARK)


async def forget_seen(connection: Connection, source: Source, changed: Source) -> None:
    """What was seen was seen with other settings: the next run reads everything. In another worksheet it is the first
    one: what only that sheet has was not added by anybody since."""
    await connection.execute("UPDATE rowcast.sync_state SET seen = '{}' WHERE source_id = %s", (source.id,))
    if place_of(source.sheet or source.feed) != place_of(changed.sheet or changed.feed):
        await connection.execute("UPDATE rowcast.sync_state SET cursor = NULL WHERE source_id = %s", (source.id,))
