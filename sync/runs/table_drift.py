"""What becomes of a source's columns when somebody alters its table by SQL. Pure.

| column  | what becomes of it                                                                                   |
|---------|------------------------------------------------------------------------------------------------------|
| renamed | it stays bound to what it was bound to, and what is remembered of it goes by the new name             |
| dropped | the source lets go of it; its header or field keeps what it has and is synced with nothing            |
| added   | a column that the table alone has, until a header or field has its name. STRICT: told, and left alone |
| retyped | it counts as its new type                                                                            |
| table   | renamed: the source goes with it, and its log goes on                                                |

Each is told once, as an event. Columns are known again by their numbers, which a rename leaves alone. A key column that
was dropped is not followed: what the rows are known by is for people to say.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace

from db.sources import DELETED_AT, Column, DriftPolicy, Source
from db.table_seen import TableSeen
from db.tables import Table
from db.wire import SQL_TYPES
from sync.runs.drift import Told, noun_of


@dataclass(frozen=True, slots=True)
class TableDrift:
    """What to do. `renamed`: new names by old ones. `forgotten`: names whose values mean nothing any more; `left_out`:
    what those were bound to that are gone."""

    columns: tuple[Column, ...]
    key: tuple[str, ...]
    told: tuple[Told, ...] = ()
    renamed: Mapping[str, str] = field(default_factory=dict)
    forgotten: tuple[str, ...] = ()
    left_out: tuple[str, ...] = ()


def seen_now(table: Table) -> TableSeen:
    """The table, to be known again."""
    return TableSeen(table.oid, {column.name: column.number for column in table.columns})


def plan_table_drift(source: Source, table: Table, seen: TableSeen | None) -> TableDrift:
    """What the table as it stands means for the source, whose last run saw it as `seen`."""
    if seen is None or seen.oid != table.oid:
        seen = TableSeen(table.oid, {})
    noun = noun_of(source)
    names = {column.number: column.name for column in table.columns}
    renamed = {
        old: now
        for old, number in seen.columns.items()
        if (now := names.get(number, old)) != old and source.column(old) is not None
    }
    columns: list[Column] = []
    told: list[Told] = []
    dropped: list[Column] = []
    again: list[str] = []
    for before in source.columns:
        column = replace(before, name=renamed.get(before.name, before.name))
        found = table.column(column.name)
        if column.name != before.name:
            told.append(_told(before, f"{_column(before, source)} is {column.name} now{_goes_with(before, noun)}."))
        if found is None and before.name not in source.key and before.name in seen.columns:
            dropped.append(before)
            told.append(_told(before, _dropped(before, source, table, noun)))
            continue
        if found is not None and found.type is not column.type:
            told.append(_told(column, f"{_column(column, source)} is {found.type} now, and was {column.type} before."))
            column = replace(column, type=found.type, format=None)
        if found is not None and found.number != seen.columns.get(before.name, found.number):
            # Its NULLs are nobody's edit: what the source has goes into them.
            again.append(column.name)
            told.append(_told(column, f"{_column(column, source)} was dropped and made again: it is settled anew."))
        columns.append(column)
    known = {column.name for column in columns}
    for new in table.columns if seen.columns else ():
        if new.number in seen.columns.values() or new.name in known:
            continue
        if source.hides_deleted and new.name == DELETED_AT:
            continue
        column = Column(new.name, new.type, None, read_only=new.generated)
        text = f"{source.relation} has a new column {new.name} ({new.type})"
        if source.drift_policy is DriftPolicy.STRICT:
            told.append(_told(column, f"{text}, which is left alone: driftPolicy is STRICT."))
            continue
        columns.append(column)
        told.append(_told(column, f"{text}: it is in rows and changes, and synced once a {noun} has its name."))
    return TableDrift(
        columns=tuple(columns),
        key=tuple(renamed.get(name, name) for name in source.key),
        told=tuple(told),
        renamed=renamed,
        forgotten=(*(column.name for column in dropped), *again),
        left_out=tuple(column.field for column in dropped if column.field is not None),
    )


def _told(column: Column, message: str) -> Told:
    return Told(message, column.field or "", column.name)


def _column(column: Column, source: Source) -> str:
    return f"Column {column.name} of {source.relation}"


def _goes_with(column: Column, noun: str) -> str:
    return "" if column.field is None else f", and stays bound to the {noun} “{column.field}”"


def _dropped(column: Column, source: Source, table: Table, noun: str) -> str:
    gone = f"{source.relation} has no column {column.name} any more"
    if column.field is None:
        return f"{gone}."
    return (
        f"{gone}: the {noun} “{column.field}” keeps what it has and is synced with nothing. To have it back: "
        f'ALTER TABLE {table.relation.quoted} ADD "{column.name}" {SQL_TYPES[column.type]};'
    )
