"""What a source needs so that its rows can be marked as deleted: a column `deleted_at` of its table. Pure."""

from collections.abc import Sequence

from db.sources import DELETED_AT, Column
from db.tables import Relation, Table, TableColumn
from db.wire import SQL_TYPES, ColumnType

MARK = Column(DELETED_AT, ColumnType.TIMESTAMPTZ, None)
"""As a table of ours gets it."""


def soft_problems(columns: Sequence[Column], relation: Relation, table: Table | None, *, ours: bool) -> list[str]:
    """Why rows of the table can't be marked, each with what mends it. A table of `ours` may lack the column yet."""
    problems = [
        f'The header "{column.field}" can\'t be column {DELETED_AT}, which says what is deleted: rename it, give its '
        "column another name in columns, or choose another deletePolicy."
        for column in columns
        if column.name == DELETED_AT and column.field is not None
    ]
    found = None if table is None else table.column(DELETED_AT)
    quoted, type_ = relation.quoted, SQL_TYPES[MARK.type]
    if found is None and not ours:
        problems.append(
            f'{relation} has no column {DELETED_AT} to mark its rows in: ALTER TABLE {quoted} ADD "{DELETED_AT}" '
            f"{type_}; or choose another deletePolicy."
        )
    elif found is not None and not _marks(found):
        problems.append(
            f"{relation} has a column {DELETED_AT} that can't mark its rows: it must be {type_}, allow NULL and have "
            "no default and no expression. Mend it, or choose another deletePolicy."
        )
    return problems


def without_mark(columns: Sequence[Column]) -> tuple[Column, ...]:
    """The columns that clients see: of rows that aren't deleted the mark says nothing."""
    return tuple(column for column in columns if column.name != DELETED_AT or column.field is not None)


def _marks(column: TableColumn) -> bool:
    return column.type is MARK.type and not (column.not_null or column.generated or column.has_default)
