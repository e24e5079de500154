"""What an update makes of a source's settings and columns, before anything is asked of the sheet. Pure."""

from collections.abc import Sequence
from dataclasses import fields, replace

from db.errors import BadUserInput
from db.sources import Column, SheetBinding, Source
from sync.absent import ABSENT
from sync.registration.input import (
    UpdateSheet,
    UpdateSource,
    WantedColumn,
    WantedSheet,
    check_header_row,
)
from sync.values.names import name_problem

_CLEARABLE = frozenset({"description"})


def refuse_nulls(wanted: UpdateSource) -> None:
    """BadUserInput for a null where there is nothing to clear."""
    names = [field.name for field in fields(wanted) if getattr(wanted, field.name) is None]
    if isinstance(wanted.sheet, UpdateSheet):
        names += [
            f"sheet.{name}"
            for name in ("spreadsheet", "worksheet", "header_row")
            if getattr(wanted.sheet, name) is None
        ]
    refused = [name for name in names if name not in _CLEARABLE]
    if refused:
        raise BadUserInput(f"{', '.join(refused)} can't be cleared: leave it out to keep it.")


def with_changes(source: Source, wanted: Sequence[WantedColumn]) -> tuple[Column, ...]:
    """The source's columns, changed, and behind them those that are new. BadUserInput for what can't be meant."""
    if twice := twice_in([column.name for column in wanted]):
        raise BadUserInput(f"columns names {', '.join(sorted(twice))} twice.")
    by_name = {column.name: column for column in wanted}
    added = [column for column in wanted if source.column(column.name) is None]
    if unclear := [column.name for column in added if column.field is None or column.type is None]:
        listed = ", ".join(column.name for column in source.columns)
        raise BadUserInput(
            f"There is no column {', '.join(unclear)}: {source.name} has {listed}. To add one, give its field (the "
            "header) and its type, too."
        )
    if unfit := [problem for column in added if (problem := name_problem(column.name)) is not None]:
        raise BadUserInput(" ".join(unfit))
    changed = [_changed(column, by_name.get(column.name)) for column in source.columns]
    return (*changed, *(_new(column) for column in added))


def twice_in(names: Sequence[str | None]) -> set[str]:
    """The names that stand there more than once."""
    return {name for name in names if name is not None and names.count(name) > 1}


def _new(wanted: WantedColumn) -> Column:
    assert wanted.type is not None
    return Column(wanted.name, wanted.type, wanted.field, bool(wanted.read_only), wanted.format)


def _changed(column: Column, wanted: WantedColumn | None) -> Column:
    if wanted is None:
        return column
    changed = replace(
        column,
        type=wanted.type or column.type,
        read_only=column.read_only if wanted.read_only is None else wanted.read_only,
        format=column.format if wanted.format is None else wanted.format,
    )
    # Who names the header has the last word: it is looked for by that, and tagged anew.
    return changed if wanted.field is None else replace(changed, field=wanted.field, former=None, tag=None)


def moved(sheet: SheetBinding, wanted: UpdateSheet) -> WantedSheet:
    """Where the rows are from now on."""
    place = WantedSheet(
        spreadsheet=sheet.spreadsheet if wanted.spreadsheet is ABSENT else wanted.spreadsheet,
        worksheet=str(sheet.sheet_id) if wanted.worksheet is ABSENT else wanted.worksheet,
        header_row=sheet.header_row if wanted.header_row is ABSENT else wanted.header_row,
        credential=sheet.credential if wanted.credential is ABSENT else wanted.credential,
    )
    if wanted.spreadsheet is not ABSENT and wanted.worksheet is ABSENT:
        place = replace(place, worksheet=sheet.worksheet)
    check_header_row(place.header_row)
    return place
