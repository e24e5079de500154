"""What a look at a source comes to before it is one: its binding, a draft of it, and what is refused. No I/O."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Protocol
from uuid import uuid4

from psycopg import errors

from db.errors import BadUserInput, Conflict, SourceUnreachable
from db.feeds import FeedBinding, FeedSecrets
from db.sources import (
    Column,
    DeletePolicy,
    Direction,
    SheetBinding,
    Source,
    SourceKind,
    SourceState,
)
from db.tables import Relation, Table
from sync.feeds.input import WantedFeed
from sync.feeds.inspection import FeedInspection
from sync.registration.feed import BoundFeed
from sync.registration.input import RegisterSource, WantedSheet
from sync.registration.inspection import SheetInspection
from sync.registration.plan import Planned
from sync.source import Reading

TAKEN = "That worksheet belongs to another source already: a worksheet has one."
FEED_TAKEN = "Those records of that feed belong to another source already: a list of records has one."

Place = tuple[str, int | str] | None
"""What belongs to one source: a worksheet, a feed's list of records."""


class SourceAccess(Protocol):
    """A look at sheets and feeds, and what registration writes there. Errors: SourceUnreachable, BadUserInput."""

    async def inspect(self, sheet: WantedSheet) -> SheetInspection:
        """The worksheet as it stands."""
        ...

    async def add_managed_key(self, binding: SheetBinding) -> None:
        """Make sure that the worksheet has the hidden key column; does nothing where it has."""
        ...

    async def inspect_feed(self, feed: WantedFeed, extra: Sequence[str], keyed: Collection[str]) -> FeedInspection:
        """The feed as it stands: its fields, those at the paths `extra` too, and the values of the names `keyed`."""
        ...

    async def read_feed(self, source: Source, secrets: FeedSecrets) -> Reading:
        """All records of a feed that nobody stored."""
        ...


@dataclass(frozen=True, slots=True)
class Look:
    """What a look at a source comes to."""

    planned: Planned
    direction: Direction
    sheet: SheetBinding | None = None
    feed: BoundFeed | None = None


@dataclass(frozen=True, slots=True)
class Draft:
    """What a registration would come to: empty where the source can't be looked at. `source` is None where anything is
    in the way; a feed is to be read with its `secrets`."""

    problems: Sequence[str]
    columns: Sequence[Column] = ()
    key: Sequence[str] = ()
    rows: int = 0
    source: Source | None = None
    sheet: SheetInspection | None = None
    secrets: FeedSecrets | None = field(default=None, repr=False)


def adoptable(relation: Relation, table: Table | None, *, adopt: bool) -> Table | None:
    """The table that is there, if that is what was asked for."""
    if table is None and adopt:
        raise BadUserInput(f"There is no table {relation} to adopt: create it, or leave adopt out.")
    if table is not None and not adopt:
        raise BadUserInput(exists(relation))
    return table


def refuse_other_keys(relation: Relation, key: Sequence[str], others: Sequence[Source]) -> None:
    """Sources of one table have one key."""
    if any(tuple(other.key) != tuple(key) for other in others):
        raise BadUserInput(
            f"{relation} is bound by {others[0].name} with the key {', '.join(others[0].key)}: use that key too."
        )


class Noted:
    """A block that ends where something is refused, which becomes one of the problems."""

    def __init__(self, problems: list[str]) -> None:
        self._problems = problems

    def __enter__(self) -> None: ...

    def __exit__(self, kind: object, error: BaseException | None, traceback: object) -> bool:
        if not isinstance(error, BadUserInput | Conflict | SourceUnreachable):
            return False
        self._problems.append(str(error))
        return True


def exists(relation: Relation) -> str:
    """What is said where a table is there that nobody wanted to adopt."""
    return f"The table {relation} exists: bind to it with adopt: true, or name another table."


def binding_of(inspected: SheetInspection, credential: str | None) -> SheetBinding:
    """Where the rows of the worksheet are."""
    return SheetBinding(
        inspected.spreadsheet, inspected.worksheet, inspected.sheet_id, inspected.header_row, credential
    )


def new_source(wanted: RegisterSource, relation: Relation, look: Look) -> Source:
    """The source, as it is to be stored."""
    now, planned = datetime.now(UTC), look.planned
    return Source(
        id=uuid4(),
        name=wanted.name,
        description=wanted.description,
        kind=SourceKind.SHEET if look.feed is None else SourceKind.FEED,
        state=SourceState.ACTIVE,
        state_reason=None,
        direction=look.direction,
        relation=str(relation),
        adopted=wanted.adopt,
        managed_key=planned.managed_key,
        key=planned.key,
        columns=planned.columns,
        sheet=look.sheet,
        feed=None if look.feed is None else look.feed.binding,
        poll_seconds=wanted.poll_seconds,
        conflict_policy=wanted.conflict_policy,
        delete_policy=wanted.delete_policy,
        drift_policy=wanted.drift_policy,
        max_delete_share=wanted.max_delete_share,
        initial=wanted.initial,
        created_at=now,
        updated_at=now,
        hides_deleted=wanted.delete_policy is DeletePolicy.SOFT,
    )


def taken(error: errors.UniqueViolation, source: Source) -> BadUserInput | Conflict:
    """What a unique index of ours says, in words."""
    if error.diag.constraint_name == "sources_worksheet":
        return BadUserInput(TAKEN)
    if error.diag.constraint_name == "sources_feed":
        return BadUserInput(FEED_TAKEN)
    if error.diag.constraint_name == "sources_name_key":
        return BadUserInput(f'There is a source "{source.name}" already: choose another name, or updateSource.')
    return Conflict(f"Something of that name was made meanwhile ({error.diag.message_detail}): try again.")


def place_of(binding: SheetBinding | FeedBinding | None) -> Place:
    """What the binding takes for its source alone."""
    match binding:
        case SheetBinding():
            return binding.spreadsheet, binding.sheet_id
        case FeedBinding():
            return binding.url, binding.records
        case None:
            return None
