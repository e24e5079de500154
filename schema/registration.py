"""Registering and changing sources: from the inputs to the service of `sync`, and what of it is not built yet."""

from collections.abc import Sequence
from typing import Annotated, TypeVar

import strawberry
from strawberry import UNSET

from db.errors import BadUserInput
from db.sources import ConflictPolicy, DeletePolicy, Direction, DriftPolicy, Initial
from schema.context import Info
from schema.feed_inputs import read_feed, read_feed_update
from schema.source_inputs import ColumnInput, RegisterSourceInput, SheetInput, SheetUpdateInput, UpdateSourceInput
from schema.source_types import Source, hook_url
from schema.system_types import HookSecret
from sync.absent import ABSENT, Absent
from sync.registration.input import (
    RegisterSource,
    UpdateSheet,
    UpdateSource,
    WantedColumn,
    WantedSheet,
)

T = TypeVar("T")

Name = Annotated[str, strawberry.argument(description="The source's name.")]
Register = Annotated[RegisterSourceInput, strawberry.argument(description="The new source.")]
Update = Annotated[UpdateSourceInput, strawberry.argument(description="What to change.")]
DropTable = Annotated[
    bool, strawberry.argument(description="True drops the table too, unless it was adopted or is shared.")
]


async def register_source(info: Info, input: Register) -> Source:  # noqa: A002 - the contract's name
    """Returns once table, publication and binding exist; the import is its `lastRun`."""
    info.context.principal.require_administering()
    return Source.of(await info.context.registration.register(read_registration(input)))


async def update_source(info: Info, name: Name, input: Update) -> Source:  # noqa: A002 - the contract's name
    """Changes what is given."""
    info.context.principal.require_administering()
    return Source.of(await info.context.registration.update(name, read_update(input)))


async def delete_source(info: Info, name: Name, drop_table: DropTable = False) -> Source:
    """Forgets the source as it was; its table and history stay."""
    info.context.principal.require_administering()
    return Source.of(await info.context.registration.delete(name, drop=drop_table))


async def pause_source(info: Info, name: Name) -> Source:
    """No runs until it is resumed."""
    info.context.principal.require_administering()
    return Source.of(await info.context.registration.pause(name))


async def resume_source(info: Info, name: Name) -> Source:
    """Runs again, at once."""
    info.context.principal.require_administering()
    return Source.of(await info.context.registration.resume(name))


async def rotate_hook_secret(info: Info, name: Name) -> HookSecret:
    """A new secret, or the first; the one before serves for a day more."""
    info.context.principal.require_administering()
    registration = info.context.registration
    secret = await registration.rotate_hook_secret(name)
    return HookSecret(url=hook_url(info, await registration.get(name)), secret=secret)


def read_registration(given: RegisterSourceInput) -> RegisterSource:
    """What is wanted; an explicit null is the default. BadUserInput."""
    if bool(given.feed) is bool(given.sheet):
        raise BadUserInput("Name the source's sheet or its feed: exactly one of sheet and feed.")
    return RegisterSource(
        name=given.name,
        sheet=_sheet(given.sheet) if given.sheet else None,
        feed=read_feed(given.feed) if given.feed else None,
        description=given.description or None,
        table=given.table or None,
        adopt=_or(given.adopt, False),
        key=tuple(given.key) if given.key is not None and given.key is not UNSET else None,
        columns=_columns(given.columns),
        direction=_or(given.direction, Direction.TWO_WAY),
        poll_seconds=_or(given.poll_seconds, 30),
        conflict_policy=_or(given.conflict_policy, ConflictPolicy.DATABASE_WINS),
        delete_policy=_or(given.delete_policy, DeletePolicy.PROPAGATE),
        drift_policy=_or(given.drift_policy, DriftPolicy.ADD_COLUMNS),
        max_delete_share=_or(given.max_delete_share, 0.5),
        initial=_or(given.initial, Initial.MERGE),
    )


def read_update(given: UpdateSourceInput) -> UpdateSource:
    """What is to change: absent keeps, null clears what can be cleared. BadUserInput."""
    return UpdateSource(
        description=_absent(given.description),
        sheet=_update_sheet(given.sheet) if given.sheet else ABSENT,
        feed=read_feed_update(given.feed) if given.feed else ABSENT,
        columns=ABSENT if given.columns is UNSET else _columns(_given("columns", given.columns)),
        direction=_kept("direction", given.direction),
        poll_seconds=_kept("pollSeconds", given.poll_seconds),
        conflict_policy=_kept("conflictPolicy", given.conflict_policy),
        delete_policy=_kept("deletePolicy", given.delete_policy),
        drift_policy=_kept("driftPolicy", given.drift_policy),
        max_delete_share=_kept("maxDeleteShare", given.max_delete_share),
    )


def _sheet(given: SheetInput) -> WantedSheet:
    return WantedSheet(
        spreadsheet=given.spreadsheet,
        worksheet=given.worksheet or None,
        header_row=_or(given.header_row, 1),
        credential=given.credential or None,
    )


def _update_sheet(given: SheetUpdateInput) -> UpdateSheet:
    return UpdateSheet(
        spreadsheet=_kept("sheet.spreadsheet", given.spreadsheet),
        worksheet=_kept("sheet.worksheet", given.worksheet),
        header_row=_kept("sheet.headerRow", given.header_row),
        credential=_absent(given.credential),
    )


def _columns(given: Sequence[ColumnInput] | None) -> tuple[WantedColumn, ...]:
    return tuple(
        WantedColumn(
            name=each.name,
            field=_or(each.field, None),
            type=_or(each.type, None),
            read_only=_or(each.read_only, None),
            format=_or(each.format, None),
        )
        for each in given or ()
    )


def _or(value: T | None, default: T) -> T:
    return default if value is None or value is UNSET else value


def _absent(value: T) -> T | Absent:
    return ABSENT if value is UNSET else value


def _kept(name: str, value: T | None) -> T | Absent:
    return ABSENT if value is UNSET else _given(name, value)


def _given(name: str, value: T | None) -> T:
    if value is None:
        raise BadUserInput(f"{name} can't be cleared: leave it out to keep it.")
    return value
