"""What the engine needs of a source, and all that it knows of one: the narrow interface of sheets and feeds.

A source is read whole, and written by small edits addressed by key. It has no transactions, no compare-and-set and
may change between any two calls: whoever implements this locates rows by a fresh read right before writing, and
verifies after. Nothing here knows of Postgres.
"""

from collections.abc import Awaitable, Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Final, Protocol

from db.in_doubt import RequestInDoubt
from sync.seen_columns import SeenColumns

Cell = str | float | bool | None
"""A cell as the source keeps it: text, a double, a boolean; None where it is empty. A feed's: `sync.feeds.mapping`."""

TermCheck = Callable[[], None]
"""Asked before each call to a source: raises where this process leads no more."""

Mark = Mapping[str, str]
"""The source's own version marks (for a sheet Drive's version); equal marks mean that nothing changed."""


@dataclass(frozen=True, slots=True)
class SourceRow:
    """A row as read. `cells` has the bound columns by column name, `formulas` those that hold a formula.

    `errors` are the columns whose cell shows an error (#N/A, #REF!): no value of theirs is in `cells`. `merged` are
    those whose cell is merged into another, which alone holds a value.
    `address` is for people, such as `customers!A7`; `addresses` the same of each column.
    """

    key: str
    cells: Mapping[str, Cell]
    formulas: frozenset[str]
    errors: Mapping[str, str]
    address: str
    addresses: Mapping[str, str]
    merged: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True)
class Problem:
    """What is wrong with the source at one place, and what to do about it; becomes a failure there."""

    code: str
    message: str
    address: str | None = None
    column: str | None = None
    key: str | None = None
    value: Cell = None


@dataclass(frozen=True, slots=True)
class Reading:
    """One complete read. `rows` are ordered by key, each key once; rows that have none or a copied one are problems.

    `unsure` is True while any row's key is unreadable, duplicate or not yet verified: no key may then count as
    vanished. `mark` was taken before the values were read. `modified_at` is the source's own time of its last change.
    `zone` is the time zone that its times are in. `columns` None: the source's columns are as they were bound.
    `copied` are the keys that several rows have, where there are more of them than problems are told of.
    """

    rows: Sequence[SourceRow]
    problems: Sequence[Problem]
    unsure: bool
    mark: Mark
    modified_at: datetime | None
    calls: int
    zone: str = "UTC"
    columns: SeenColumns | None = None
    copied: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True)
class Edit:
    """What to do with the row of a key. `expected` are its cells as the plan saw them, to notice an edit in between.

    `cells`: for an insert all, for an update the changed; None deletes the row. Never a formula cell: an update of one
    is refused with a problem, an inserted row gets the formula of the row above. `idempotency_key` is the same for
    every try of the same write.
    """

    key: str
    cells: Mapping[str, Cell] | None
    insert: bool = False
    expected: Mapping[str, Cell] = field(default_factory=dict)
    idempotency_key: str = ""


@dataclass(frozen=True, slots=True)
class Written:
    """What became of one edit: `row` as read back afterwards (None where it is gone), or the problems that refused it.

    `moved_on`: the row was no longer as the edit expected it, so nothing of it was written; the next run sees it anew.
    """

    key: str
    row: SourceRow | None
    problems: Sequence[Problem] = ()
    moved_on: bool = False


@dataclass(frozen=True, slots=True)
class WriteOutcome:
    """What became of all edits of one write, and the calls that it took. A key that is in `written` is settled; of the
    others nobody knows yet whether their write arrived, and the next run looks again."""

    written: Sequence[Written]
    calls: int


LastShown = Callable[[Sequence[str]], Awaitable[Mapping[str, Mapping[str, Cell]]]]
"""What the rows of some keys showed when both sides last agreed: their cells by column, without the key's."""


async def nothing_shown(keys: Sequence[str]) -> Mapping[str, Mapping[str, Cell]]:  # noqa: ARG001
    """Of a source that was never read before."""
    return {}


class RowCalls(Protocol):
    """Is told of each call that inserts or deletes rows by their place: made twice, it would do so twice."""

    async def sent(self) -> None:
        """One is about to be made. Kept, whatever becomes of the process."""
        ...

    async def over(self) -> None:
        """It was answered, or what it did is seen: nothing is to be expected of it any more."""
        ...


class _Unkept:
    async def sent(self) -> None: ...

    async def over(self) -> None: ...


UNKEPT: Final[RowCalls] = _Unkept()
"""For who writes once, and looks himself at what came of it."""


class InDoubt(Protocol):
    """The requests to one source that were sent, or about to be, and of which nobody knows yet what became. They
    outlive the process: whoever comes next deals with them as the sender would have."""

    async def all(self) -> Sequence[RequestInDoubt]:
        """In the order in which they were sent."""
        ...

    async def keep(self, id_: str, request: bytes) -> None:
        """It is about to be sent, or sent again."""
        ...

    async def keep_instead(self, id_: str, request: bytes) -> None:
        """More is known of one that is kept."""
        ...

    async def forget(self, ids: Collection[str]) -> None:
        """It is known what became of them, or nobody needs to know."""
        ...


class NothingInDoubt:
    """Of a source that nobody writes to, or whose writer need not be followed by another."""

    async def all(self) -> Sequence[RequestInDoubt]:
        """None."""
        return ()

    async def keep(self, id_: str, request: bytes) -> None:
        """Not kept."""

    async def keep_instead(self, id_: str, request: bytes) -> None:
        """Nor this."""

    async def forget(self, ids: Collection[str]) -> None:
        """There is nothing."""


NOTHING_IN_DOUBT: Final = NothingInDoubt()


class SourceReader(Protocol):
    """A source for who may only read it."""

    async def read(self, last_shown: LastShown = nothing_shown) -> Reading:
        """As an adapter's. SourceUnreachable."""
        ...


class SourceAdapter(Protocol):
    """A sheet or feed. Errors: SourceUnreachable (its message says what mends it); nothing was written by the plan then
    except what the next read will show."""

    async def mark(self) -> Mark:
        """The version marks now: one small call."""
        ...

    async def read(self, last_shown: LastShown = nothing_shown, in_doubt: InDoubt = NOTHING_IN_DOUBT) -> Reading:
        """Everything, consistent in itself, once the accidents of the requests in doubt are mended. `last_shown` is
        asked where two rows have one key that we gave."""
        ...

    async def write(
        self, edits: Sequence[Edit], row_calls: RowCalls = UNKEPT, in_doubt: InDoubt = NOTHING_IN_DOUBT
    ) -> WriteOutcome:
        """Carry out the edits, in as few calls as can be; each row is located freshly and verified after. A request
        whose outcome has to be known is in doubt from before it is sent until it is."""
        ...
