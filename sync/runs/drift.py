"""What becomes of a source's columns when people rename, remove, bring back and add headers or fields. Pure.

| header, field | what becomes of it                                                                           |
|---------------|----------------------------------------------------------------------------------------------|
| renamed       | a header: its column stays what it is, and goes by the new one. A field: one gone, one new   |
| gone          | its column keeps its values in the table, and is bound to nothing                            |
| back          | its column is bound again; what differs by then is merged as between sides that never agreed |
| new           | ADD_COLUMNS: a column of the table. STRICT, TO_SOURCE, an adopted table without it: nothing  |

Each is told once, as an event. A header is gone when it isn't there. Records may leave a field out that has no value,
so a field is gone only where taking it for empty would empty as much as the delete guard holds.
"""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, replace

from db.base import Filled
from db.sources import DELETED_AT, Column, Direction, DriftPolicy, Source, SourceKind
from db.tables import MAX_COLUMNS, Relation, Table
from db.wire import SQL_TYPES
from sync.runs.delete_guard import SideCounts, holds
from sync.seen_columns import NewColumn, SeenColumns
from sync.source import Problem


@dataclass(frozen=True, slots=True)
class Told:
    """A change of a header or field, for people. `column` is None where no column has it."""

    message: str
    field: str
    column: str | None


@dataclass(frozen=True, slots=True)
class Drift:
    """What to do: `columns` become the source's, of which the table has yet to get `added`. The values of the columns
    `forgotten` are settled anew when they are back. `unsynced` are the headers or fields that no column has; they were
    told.
    """

    columns: tuple[Column, ...]
    added: tuple[Column, ...]
    forgotten: tuple[str, ...]
    told: tuple[Told, ...]
    problems: tuple[Problem, ...]
    unsynced: frozenset[str]


def plan_drift(
    source: Source, seen: SeenColumns, table: Table, told: Collection[str], left_out: Collection[str] = ()
) -> Drift:
    """What the reading's columns mean for the source. `told` are the unsynced headers that people know of, `left_out`
    those whose column was dropped from the table."""
    noun = noun_of(source)
    columns: list[Column] = []
    news: list[Told] = []
    for before, now in zip(source.columns, seen.columns, strict=True):
        lost = now.name in seen.lost
        columns.append(replace(now, field=None, former=now.field, tag=None) if lost else now)
        news += _told(noun, before, now, lost=lost)
    added: list[Column] = []
    problems: list[Problem] = []
    unsynced: list[str] = []
    for one in seen.new:
        field = one.column.field or ""
        column, obstacle, lasting = _place(one, source, table, added, left_out=field in left_out)
        if obstacle is None:
            columns.append(column)
            if table.column(column.name) is None:
                added.append(column)
            text = f"The new {noun} “{field}” ({one.address}) is column {column.name} ({column.type}) now."
            news.append(Told(text, field, column.name))
            continue
        unsynced.append(field)
        message = f"The {noun} “{field}” ({one.address}) is new and not synced: {obstacle}"
        if field not in told:
            news.append(Told(message, field, None))
        if lasting:
            problems.append(Problem(f"NEW_{noun.upper()}", message, address=one.address, value=field))
    return Drift(tuple(columns), tuple(added), tuple(seen.lost), tuple(news), tuple(problems), frozenset(unsynced))


def noun_of(source: Source) -> str:
    """What a column of the source goes by there: a sheet's header, a feed's field."""
    return "header" if source.kind is SourceKind.SHEET else "field"


def really_gone(source: Source, seen: SeenColumns, had: Mapping[str, Filled]) -> SeenColumns:
    """Without the fields that just no record has a value of now. `had`: what the lost columns had before."""
    if source.kind is SourceKind.SHEET:
        return seen
    counts = {name: had.get(name, Filled()) for name in seen.lost}
    gone = [name for name, has in counts.items() if holds(SideCounts(has.rows, has.filled, 0), source.max_delete_share)]
    return replace(seen, lost=frozenset(gone))


def _told(noun: str, before: Column, now: Column, *, lost: bool) -> Sequence[Told]:
    if lost:
        text = (
            f"The {noun} “{before.field}” is gone: column {now.name} keeps its values in the table, and is bound again"
            f" when the {noun} is back."
        )
        return [Told(text, before.field or "", now.name)]
    if now.field == before.field:
        return []
    assert now.field is not None
    if before.field is None:
        return [Told(f"The {noun} “{now.field}” is there: column {now.name} is bound to it.", now.field, now.name)]
    text = f"The {noun} “{before.field}” is “{now.field}” now: column {now.name} goes with it."
    return [Told(text, now.field, now.name)]


def _place(
    new: NewColumn, source: Source, table: Table, added: Sequence[Column], *, left_out: bool
) -> tuple[Column, str | None, bool]:
    """The column of a new header, or why it gets none; and whether that is something to be mended."""
    column = new.column
    found = table.column(column.name)
    bind = f'updateSource(columns: [{{name: "{column.name}", field: …, type: {column.type}}}])'
    if source.direction is Direction.TO_SOURCE:
        return column, f"under TO_SOURCE the table has no value for it. To add it, and empty it, {bind}.", False
    if source.drift_policy is DriftPolicy.STRICT:
        return column, f"driftPolicy is STRICT. To add it, {bind}.", False
    if source.hides_deleted and column.name == DELETED_AT:
        return column, f"{column.name} says which rows of {source.relation} are deleted: rename it.", True
    if found is not None:
        if found.generated:
            return column, f"{source.relation} generates {column.name}, so no source can hold it: rename it.", True
        return replace(column, type=found.type), None, False
    if left_out:
        return column, f"its column was dropped from {source.relation}. To have it back, {bind}.", False
    if source.adopted:
        statement = (
            f'ALTER TABLE {Relation.parse(source.relation).quoted} ADD "{column.name}" {SQL_TYPES[column.type]};'
        )
        return column, f"{source.relation} was adopted, so its owner adds the column: {statement}", True
    if max(table.width, len(table.columns)) + len(added) >= MAX_COLUMNS:
        limit = f"{MAX_COLUMNS:,} columns, which is Postgres' limit, dropped ones included"
        return column, f"{source.relation} has {limit}: remove it.", True
    return column, None, False
