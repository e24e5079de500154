"""What people ask for when they register or update a source. Shapes and their own rules only. Pure."""

import re
from dataclasses import dataclass

from db.errors import BadUserInput
from db.sources import ConflictPolicy, DeletePolicy, Direction, DriftPolicy, Initial
from db.wire import ColumnType
from sync.absent import ABSENT, Absent
from sync.feeds.input import UpdateFeed, WantedFeed

_NAME = re.compile(r"[a-z][a-z0-9_]{0,47}\Z", re.ASCII)


_CONTRARY = ((Initial.SOURCE, Direction.TO_SOURCE), (Initial.DATABASE, Direction.FROM_SOURCE))


@dataclass(frozen=True, slots=True)
class WantedColumn:
    """A column as a person describes it: None is what is inferred, or kept."""

    name: str
    field: str | None = None
    type: ColumnType | None = None
    read_only: bool | None = None
    format: str | None = None


@dataclass(frozen=True, slots=True)
class WantedSheet:
    """`spreadsheet` is an id or URL, `worksheet` a title or gid (None: the first)."""

    spreadsheet: str
    worksheet: str | None = None
    header_row: int = 1
    credential: str | None = None


@dataclass(frozen=True, slots=True)
class RegisterSource:
    """A new source, of a sheet or a feed. `table` None is `public.<name>`, `key` None a managed key column."""

    name: str
    sheet: WantedSheet | None = None
    description: str | None = None
    table: str | None = None
    adopt: bool = False
    key: tuple[str, ...] | None = None
    columns: tuple[WantedColumn, ...] = ()
    direction: Direction = Direction.TWO_WAY
    poll_seconds: int = 30
    conflict_policy: ConflictPolicy = ConflictPolicy.DATABASE_WINS
    delete_policy: DeletePolicy = DeletePolicy.PROPAGATE
    drift_policy: DriftPolicy = DriftPolicy.ADD_COLUMNS
    max_delete_share: float = 0.5
    initial: Initial = Initial.MERGE
    feed: WantedFeed | None = None


@dataclass(frozen=True, slots=True)
class UpdateSheet:
    """Another place of the same rows."""

    spreadsheet: str | Absent = ABSENT
    worksheet: str | Absent = ABSENT
    header_row: int | Absent = ABSENT
    credential: str | Absent | None = ABSENT


@dataclass(frozen=True, slots=True)
class UpdateSource:
    """Changed settings of a source."""

    description: str | Absent | None = ABSENT
    sheet: UpdateSheet | Absent = ABSENT
    columns: tuple[WantedColumn, ...] | Absent = ABSENT
    direction: Direction | Absent = ABSENT
    poll_seconds: int | Absent = ABSENT
    conflict_policy: ConflictPolicy | Absent = ABSENT
    delete_policy: DeletePolicy | Absent = ABSENT
    drift_policy: DriftPolicy | Absent = ABSENT
    max_delete_share: float | Absent = ABSENT
    feed: UpdateFeed | Absent = ABSENT


def check_registration(wanted: RegisterSource) -> None:
    """BadUserInput for what can be refused without a look at the sheet or the database."""
    if not _NAME.match(wanted.name):
        raise BadUserInput(
            f'"{wanted.name}" can\'t name a source: use a lower-case letter, then up to 47 of a-z, 0-9 and _.'
        )
    if wanted.key is not None and not wanted.key:
        raise BadUserInput("key is empty: name its columns, or leave it out for a managed key column.")
    if wanted.key is not None and len(set(wanted.key)) != len(wanted.key):
        raise BadUserInput("key names a column twice.")
    if wanted.initial is Initial.DATABASE and not wanted.adopt:
        raise BadUserInput(
            "initial: DATABASE with a new, empty table would empty the source: adopt a table, or leave initial out."
        )
    if (wanted.initial, wanted.direction) in _CONTRARY:
        raise BadUserInput(f"initial: {wanted.initial} is not for {wanted.direction}: leave initial out.")
    if wanted.sheet is not None:
        check_header_row(wanted.sheet.header_row)
    check_settings(wanted.poll_seconds, wanted.max_delete_share)


def check_settings(poll_seconds: int, max_delete_share: float) -> None:
    """The rules that hold for a new and for an updated source."""
    if poll_seconds < 1:
        raise BadUserInput("pollSeconds is 1 at least.")
    if not 0 <= max_delete_share <= 1:
        raise BadUserInput("maxDeleteShare is a share between 0 and 1.")


def check_header_row(header_row: int) -> None:
    """Rows count from 1."""
    if header_row < 1:
        raise BadUserInput("headerRow counts from 1.")
