"""Whether a source's table still is what the source was bound to; anybody may alter or drop it by SQL. Pure.

Says each problem with the statement that mends it, as registration does when it adopts a table.
"""

from db.sources import Source
from db.tables import PUBLICATION, Relation, Table, adoption_problems
from db.wire import SQL_TYPES
from sync.soft_delete import soft_problems


class TableUnfit(Exception):
    """The table can't be synced as it is now; the message says what mends it."""


def check_table(source: Source, table: Table | None) -> None:
    """TableUnfit, with all that is in the way; `table` is None where nothing has its name any more."""
    if table is None:
        raise TableUnfit(
            f"There is no table {source.relation} any more: restore it, or delete the source and register it again."
        )
    problems = [*_column_problems(source, table), *adoption_problems(table, source.key)]
    if source.hides_deleted:
        problems += soft_problems(source.columns, table.relation, table, ours=False)
    if table.owned and not table.publications:
        problems.append(
            f"{table.relation} is in no publication, so its changes are in no log: "
            f"ALTER PUBLICATION {PUBLICATION} ADD TABLE {table.relation.quoted};"
        )
    if problems:
        raise TableUnfit(" ".join(problems))


def _column_problems(source: Source, table: Table) -> list[str]:
    quoted = Relation.parse(source.relation).quoted
    problems = []
    for column in source.bound:
        found = table.column(column.name)
        type_ = SQL_TYPES[column.type]
        if found is None:
            problems.append(
                f"{source.relation} has no column {column.name} any more: "
                f'ALTER TABLE {quoted} ADD "{column.name}" {type_};'
            )
        elif found.type is not column.type:
            problems.append(
                f"{source.relation} has {column.name} as {found.type} now, not as {column.type}: updateSource with "
                f'that type, or ALTER TABLE {quoted} ALTER "{column.name}" TYPE {type_};'
            )
    return problems
