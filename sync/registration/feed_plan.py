"""From what is wanted, what the feed shows and what the database has: the columns and the key to bind. Pure.

Refuses with every problem at once, each with what mends it, as `sync.registration.plan` does for sheets.
"""

from collections import Counter
from collections.abc import Sequence
from dataclasses import replace
from typing import Final

from db.errors import BadUserInput
from db.feeds import FeedBinding, FeedFormat
from db.keys import key_text
from db.sources import Column, DeletePolicy, Direction, Initial
from db.tables import MAX_COLUMNS, Relation, Table, adoption_problems
from db.wire import ColumnType
from sync.feeds.input import WantedFeed, template_problems
from sync.feeds.inspection import FeedField, FeedInspection, field_name
from sync.feeds.mapping import STRINGS, feed_mapping
from sync.registration.input import RegisterSource, WantedColumn
from sync.registration.plan import Planned
from sync.registration.table import FEED, SHOWN, like_table, listed
from sync.soft_delete import soft_problems, without_mark
from sync.values.cell_mapping import Unfit
from sync.values.names import column_names, name_problem

_NEVER_STRINGS: Final = frozenset({ColumnType.TEXT, ColumnType.JSON})


def direction_of(wanted: RegisterSource, feed: WantedFeed) -> Direction:
    """A feed without `write` is only read, so TWO_WAY, which is the default, is FROM_SOURCE. BadUserInput for
    TO_SOURCE."""
    if feed.write is not None or wanted.direction is Direction.FROM_SOURCE:
        return wanted.direction
    if wanted.direction is Direction.TO_SOURCE:
        raise BadUserInput("TO_SOURCE writes to the feed: say in feed.write how, or choose direction FROM_SOURCE.")
    if wanted.initial is Initial.DATABASE:
        raise BadUserInput("initial: DATABASE writes to the feed: say in feed.write how, or leave initial out.")
    return Direction.FROM_SOURCE


def bind_feed(wanted: WantedFeed, inspected: FeedInspection) -> FeedBinding:
    """Where the records are, with what was found."""
    return FeedBinding(
        url=wanted.url,
        format=inspected.format,
        records=inspected.records,
        namespaces=dict(inspected.namespaces),
        header_names=tuple(wanted.secrets.headers),
        auth=wanted.auth,
        pagination=wanted.pagination,
        write=wanted.write,
    )


def plan_feed(wanted: RegisterSource, inspected: FeedInspection, table: Table | None) -> Planned:
    """The binding; `table` is the existing table to adopt. BadUserInput with all that is in its way."""
    planned, problems = draft_feed(wanted, inspected, table)
    if problems:
        raise BadUserInput(listed(problems))
    return planned


def draft_feed(wanted: RegisterSource, inspected: FeedInspection, table: Table | None) -> tuple[Planned, list[str]]:
    """The same with the problems beside it: then it is what could be made of it."""
    problems = list(inspected.problems)
    problems += [problem for column in wanted.columns if (problem := name_problem(column.name)) is not None]
    columns = _bind(wanted.columns, inspected, problems)
    if table is not None:
        columns = like_table(columns, table, wanted, problems, FEED)
    if wanted.delete_policy is DeletePolicy.SOFT:
        relation = Relation.parse(wanted.table or wanted.name)
        problems += soft_problems(columns, relation, table, ours=table is None)
        columns = list(without_mark(columns))
    if len(columns) > MAX_COLUMNS:
        problems.append(f"There are {len(columns):,} fields, and a table has {MAX_COLUMNS:,} columns at most.")
    key = _key(wanted, columns, table, problems)
    if not problems:
        problems += key_problems(inspected, columns, key)
    if table is not None and key:
        problems += adoption_problems(table, key)
    if wanted.feed is not None:
        problems += template_problems(wanted.feed.write, [c.name for c in columns if c.field is not None], key)
    return Planned(tuple(columns), key, managed_key=False), problems


def key_problems(inspected: FeedInspection, columns: Sequence[Column], key: Sequence[str]) -> list[str]:
    """Records without a key, or with one that another record has too."""
    mapping = feed_mapping(inspected.format)
    samples = {field.path: field.samples for field in inspected.fields}
    by_name = {column.name: column for column in columns}
    bound = [(by_name[name], samples.get(by_name[name].field or "")) for name in key]
    problems: list[str] = []
    texts: Counter[str] = Counter()
    for index in range(inspected.count):
        found = []
        for column, cells in bound:
            if cells is None:
                return []
            try:
                text = mapping.to_text(column, cells[index])
            except Unfit as error:
                problems.append(f"Record {index + 1}: {error}")
                break
            if text is None:
                problems.append(f"Record {index + 1} has no {column.field}, which belongs to the key.")
                break
            found.append(text)
        else:
            texts[key_text(found)] += 1
    twice = [text for text, count in texts.items() if count > 1]
    problems += [
        f"The key {text} stands in {texts[text]} records: choose a key that tells them apart." for text in twice
    ]
    return problems


def _bind(wanted: Sequence[WantedColumn], inspected: FeedInspection, problems: list[str]) -> list[Column]:
    """A column for each field: named and typed as wanted, else as found."""
    fields = {field.path: field for field in inspected.fields}
    names = dict(zip(fields, column_names([field_name(path) for path in fields]), strict=True))
    by_path: dict[str, WantedColumn] = {}
    for column in wanted:
        path = column.field if column.field is not None else _path_of(column.name, names)
        if path is None or path not in fields:
            problems.append(
                f'No field "{column.field or column.name}" for column {column.name}: name one of '
                f"{', '.join(list(fields)[:SHOWN]) or 'the fields, by its path'}."
            )
        elif path in by_path:
            problems.append(f'The field "{path}" is bound twice: by {by_path[path].name} and {column.name}.')
        else:
            by_path[path] = column
    columns = [
        _column(by_path.get(path), names[path], field, inspected.format, problems) for path, field in fields.items()
    ]
    if not columns and not problems:
        problems.append("The feed has no record to take columns from: name them in columns, with field and type.")
    for name, count in Counter(column.name for column in columns).items():
        if count > 1:
            problems.append(f"{count} columns would be named {name}: give all but one another name in columns.")
    return columns


def _path_of(name: str, names: dict[str, str]) -> str | None:
    return next((path for path, found in names.items() if found == name), None)


def _column(
    wanted: WantedColumn | None, name: str, found: FeedField, format_: FeedFormat, problems: list[str]
) -> Column:
    column = Column(name, found.type, found.path, read_only=not found.plain)
    if wanted is None:
        return column
    if not found.seen and wanted.type is None:
        problems.append(f'No record has "{found.path}": correct its path, or give column {wanted.name} a type.')
    if wanted.read_only is False and not found.plain:
        problems.append(
            f'"{found.path}" is no plain path, so nothing can be written there: leave readOnly of {wanted.name} out.'
        )
    type_ = wanted.type or found.type
    strings = found.strings and type_ not in _NEVER_STRINGS and format_ is FeedFormat.JSON
    return replace(
        column,
        name=wanted.name,
        type=type_,
        read_only=column.read_only if wanted.read_only is None else wanted.read_only,
        format=wanted.format or (STRINGS if strings else None),
    )


def _key(
    wanted: RegisterSource, columns: Sequence[Column], table: Table | None, problems: list[str]
) -> tuple[str, ...]:
    bound = {column.name: column for column in columns if column.field is not None}
    key = wanted.key or (table.primary_key if table is not None else None) or ()
    if not key:
        problems.append(
            "A feed needs a key, which tells its records apart: name its columns in key, of "
            f"{', '.join(bound) or 'those'} that the feed has."
        )
    for name in key:
        if name not in bound:
            problems.append(f"The key column {name} is not in the feed: it has {', '.join(bound)}.")
        elif bound[name].type is ColumnType.JSON:
            problems.append(f"The key column {name} is JSON, which does not tell records apart: choose another.")
        elif bound[name].read_only and wanted.direction is not Direction.FROM_SOURCE:
            problems.append(
                f"The key column {name} is read only, so rows of the table can't be written to the feed: choose "
                "another key, or direction FROM_SOURCE."
            )
    return key
