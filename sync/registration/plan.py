"""From what is wanted, what the sheet shows and what the database has: the columns and the key to bind. Pure.

Refuses with every problem at once, each with what mends it, so that nobody mends them one by one.
"""

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass

from db.errors import BadUserInput
from db.keys import key_text
from db.sources import Column, DeletePolicy, Direction
from db.tables import MAX_COLUMNS, Relation, Table, adoption_problems
from db.wire import ColumnType
from sync.registration.input import RegisterSource, WantedColumn
from sync.registration.inspection import InspectedColumn, SheetInspection
from sync.registration.table import SHEET, SHOWN, like_table, listed
from sync.soft_delete import soft_problems, without_mark
from sync.values.cell_mapping import Unfit
from sync.values.infer import infer
from sync.values.mapping import cell_to_text
from sync.values.names import column_names, name_problem

MANAGED_KEY = "rowcast_id"
"""Header and column of the key that we keep ourselves, where a sheet has none."""


@dataclass(frozen=True, slots=True)
class Planned:
    """What to bind. With `managed_key` the sheet may not have its column yet."""

    columns: tuple[Column, ...]
    key: tuple[str, ...]
    managed_key: bool


def plan_registration(wanted: RegisterSource, inspected: SheetInspection, table: Table | None) -> Planned:
    """The binding; `table` is the existing table to adopt. BadUserInput with all that is in its way."""
    planned, problems = draft_registration(wanted, inspected, table)
    if problems:
        raise BadUserInput(listed(problems))
    return planned


def draft_registration(
    wanted: RegisterSource, inspected: SheetInspection, table: Table | None
) -> tuple[Planned, list[str]]:
    """The same with the problems beside it: then it is what could be made of it."""
    problems = list(inspected.problems)
    if inspected.reader is not None and wanted.direction is not Direction.FROM_SOURCE:
        problems.append(
            f"{inspected.title} is shared with {inspected.reader} for reading only: share it as Editor, or choose "
            "direction FROM_SOURCE."
        )
    if not inspected.columns:
        problems.append(
            f"{inspected.worksheet} has no headers in row {inspected.header_row}: type the columns' names there."
        )
    columns = _bind(wanted.columns, inspected.columns, problems)
    if table is not None:
        columns = like_table(columns, table, wanted, problems, SHEET)
    if wanted.delete_policy is DeletePolicy.SOFT:
        relation = Relation.parse(wanted.table or wanted.name)
        problems += soft_problems(columns, relation, table, ours=table is None)
        columns = list(without_mark(columns))
    key = _key(wanted, columns, table, problems)
    managed = key is None
    if key is None:
        key = (MANAGED_KEY,)
        columns = _with_managed_key(columns)
    elif not problems:
        problems += key_problems(inspected, columns, key)
    if len(columns) > MAX_COLUMNS:
        problems.append(
            f"There would be {len(columns):,} columns, and a table has {MAX_COLUMNS:,} at most: move some to another"
            " worksheet."
        )
    if table is not None and not managed:
        problems += adoption_problems(table, key)
    return Planned(tuple(columns), key, managed), problems


def key_problems(inspected: SheetInspection, columns: Sequence[Column], key: Sequence[str]) -> list[str]:
    """Rows of the sheet without a key, or with one that another row has too."""
    headers = {column.header: column for column in inspected.columns}
    by_name = {column.name: column for column in columns}
    bound = [(by_name[name], headers[by_name[name].field or ""]) for name in key]
    problems = []
    rows_of: dict[str, list[int]] = defaultdict(list)
    for index, row in enumerate(inspected.rows):
        texts = []
        for column, shown in bound:
            try:
                text = cell_to_text(column, shown.samples[index].cell, inspected.zone)
            except Unfit as error:
                problems.append(f"{inspected.worksheet}!{shown.letter}{row}: {error}")
                break
            if text is None:
                problems.append(f"{inspected.worksheet}!{shown.letter}{row}: the key is empty. Fill it.")
                break
            texts.append(text)
        else:
            rows_of[key_text(texts)].append(row)
    for text, rows in rows_of.items():
        if len(rows) > 1:
            listed = ", ".join(str(row) for row in rows[:SHOWN])
            problems.append(f"The key {text} stands in rows {listed} of {inspected.worksheet}: keep it in one of them.")
    return problems


def _bind(wanted: Sequence[WantedColumn], shown: Sequence[InspectedColumn], problems: list[str]) -> list[Column]:
    """A column for each header: named and typed as wanted, else as found."""
    problems += [problem for column in wanted if (problem := name_problem(column.name)) is not None]
    names = dict(zip((column.header for column in shown), column_names([c.header for c in shown]), strict=True))
    by_header: dict[str, WantedColumn] = {}
    for column in wanted:
        header = column.field if column.field is not None else _header_of(column.name, names)
        if header is None or header not in names:
            problems.append(
                f'No header "{column.field or column.name}" for column {column.name}: name one of {", ".join(names)}.'
            )
        elif header in by_header:
            problems.append(f'The header "{header}" is bound twice: by {by_header[header].name} and {column.name}.')
        else:
            by_header[header] = column
    columns = [_column(by_header.get(column.header), names[column.header], column) for column in shown]
    taken: set[str] = set()
    for bound in columns:
        if bound.name in taken:
            problems.append(f"Two columns would be named {bound.name}: give one of them another name in columns.")
        taken.add(bound.name)
    return columns


def _header_of(name: str, names: dict[str, str]) -> str | None:
    return next((header for header, found in names.items() if found == name), None)


def _column(wanted: WantedColumn | None, name: str, shown: InspectedColumn) -> Column:
    inferred = infer(shown.samples)
    if wanted is None:
        return Column(name, inferred.type, shown.header, inferred.formula)
    return Column(
        wanted.name,
        wanted.type or inferred.type,
        shown.header,
        inferred.formula if wanted.read_only is None else wanted.read_only,
        wanted.format,
    )


def _key(
    wanted: RegisterSource, columns: Sequence[Column], table: Table | None, problems: list[str]
) -> tuple[str, ...] | None:
    """The key's columns; None for a managed key."""
    bound = {column.name: column for column in columns if column.field is not None}
    key = wanted.key
    if key is None and table is not None:
        key = table.primary_key or ()
        if not key or any(name not in bound for name in key):
            problems.append(
                f"{table.relation} is adopted without a key that the sheet has too: name the columns in key that "
                "both have and that tell rows apart."
            )
            return key
    if key is None:
        if wanted.direction is Direction.FROM_SOURCE:
            problems.append("FROM_SOURCE writes nothing to the sheet, so it can't add a key column: name a key.")
        return None
    for name in key:
        if name not in bound:
            problems.append(f"The key column {name} is not in the sheet: it has {', '.join(bound)}.")
        elif bound[name].type is ColumnType.JSON:
            problems.append(f"The key column {name} is JSON, which does not tell rows apart: choose another.")
        elif bound[name].read_only and wanted.direction is not Direction.FROM_SOURCE:
            problems.append(
                f"The key column {name} holds formulas, so rows of the table can't be written to the sheet: choose "
                "another key, or direction FROM_SOURCE."
            )
    return key


def _with_managed_key(columns: Sequence[Column]) -> list[Column]:
    others = [column for column in columns if column.field != MANAGED_KEY]
    return [*others, Column(MANAGED_KEY, ColumnType.UUID, MANAGED_KEY)]
