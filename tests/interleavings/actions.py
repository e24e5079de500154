"""What can happen to any source, as plain values that hypothesis draws and shrinks: `Deeds` carries them out. What its
owner does to a sheet is in `sheet_actions`, to a feed in `feed_actions`.

`row` counts the rows that there are at that moment, from any number on: it is taken modulo. So are `nth` and `back`.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from hypothesis import strategies as st


class Column(StrEnum):
    """The columns that are edited; the key and the formula column stand apart."""

    NAME = "name"
    CITY = "city"
    QTY = "qty"


@dataclass(frozen=True, slots=True)
class SqlUpdate:
    row: int
    column: Column


@dataclass(frozen=True, slots=True)
class SqlBulk:
    """One commit for all rows."""

    column: Column


@dataclass(frozen=True, slots=True)
class SqlInsert:
    pass


@dataclass(frozen=True, slots=True)
class SqlDelete:
    row: int


@dataclass(frozen=True, slots=True)
class SqlClear:
    """All rows deleted."""


@dataclass(frozen=True, slots=True)
class SqlKeyChange:
    row: int


@dataclass(frozen=True, slots=True)
class ApiUpsert:
    row: int
    column: Column


@dataclass(frozen=True, slots=True)
class ApiInsert:
    pass


@dataclass(frozen=True, slots=True)
class ApiDelete:
    row: int


@dataclass(frozen=True, slots=True)
class RollbackRow:
    """Of what history names, to just after a commit of its own."""

    row: int
    back: int


@dataclass(frozen=True, slots=True)
class RollbackSource:
    back: int


@dataclass(frozen=True, slots=True)
class RetryFailure:
    nth: int


@dataclass(frozen=True, slots=True)
class DiscardFailure:
    nth: int


class Choice(StrEnum):
    """How a person settles a conflict."""

    DATABASE = "DATABASE"
    SOURCE = "SOURCE"
    VALUE = "VALUE"


@dataclass(frozen=True, slots=True)
class ResolveConflict:
    nth: int
    choice: Choice


@dataclass(frozen=True, slots=True)
class Confirm:
    """A person lets the held deletes go, where there are any."""


class Side(StrEnum):
    """Which side overwrites the other."""

    SOURCE = "SOURCE"
    DATABASE = "DATABASE"


@dataclass(frozen=True, slots=True)
class Overwrite:
    """A person lets one side overwrite the other wholesale."""

    winner: Side


@dataclass(frozen=True, slots=True)
class DryRun:
    """A person pauses the source, asks what a run would do, and resumes it."""

    winner: Side | None


class Harm(StrEnum):
    """What a fault does: refuse, break, close the connection unanswered or leave it open until the caller gives up,
    before or after the change was made."""

    QUOTA = "429"
    BROKEN = "500"
    REFUSED = "422"
    DROPPED = "dropped"
    ANSWER_LOST = "answer lost"
    ANSWER_BROKEN = "answer broken"
    TIMED_OUT = "timed out"
    ANSWER_TIMED_OUT = "answer timed out"
    LATE = "carried out after the time-out"


@dataclass(frozen=True, slots=True)
class Fault:
    """`call` is what the sandbox searches in "METHOD path"."""

    call: str
    harm: Harm
    times: int


@dataclass(frozen=True, slots=True)
class Sync:
    """Wait for a run."""


@dataclass(frozen=True, slots=True)
class Kill:
    """`kill -9` of the server, and a new start."""


Action = Any
"""One of these, or of the source's own."""

ROWS = st.integers(0, 11)
COLUMNS = st.sampled_from(Column)
_OFTEN = st.one_of(st.builds(SqlUpdate, ROWS, COLUMNS), st.builds(ApiUpsert, ROWS, COLUMNS))
_SOMETIMES = (
    st.builds(SqlBulk, COLUMNS),
    st.builds(SqlInsert),
    st.builds(SqlDelete, ROWS),
    st.builds(SqlKeyChange, ROWS),
    st.builds(ApiInsert),
    st.builds(ApiDelete, ROWS),
    st.builds(RollbackRow, ROWS, st.integers(0, 5)),
    st.builds(RollbackSource, st.integers(0, 20)),
    st.builds(RetryFailure, ROWS),
    st.builds(DiscardFailure, ROWS),
    st.builds(ResolveConflict, ROWS, st.sampled_from(Choice)),
    st.builds(Sync),
)
_SELDOM = st.one_of(
    st.builds(Kill),
    st.builds(SqlClear),
    st.builds(Confirm),
    st.builds(Overwrite, st.sampled_from(Side)),
    st.builds(DryRun, st.one_of(st.none(), st.sampled_from(Side))),
)


def drawn(
    edits: st.SearchStrategy[Action],
    others: Sequence[st.SearchStrategy[Action]],
    seldom: st.SearchStrategy[Action],
) -> st.SearchStrategy[list[Action]]:
    """Lists of these, and of what a source's owner does: edits often, `others` sometimes."""
    often, sometimes = st.one_of(edits, _OFTEN, _OFTEN), st.one_of(*others, *_SOMETIMES)
    return st.lists(
        st.one_of(often, often, often, sometimes, sometimes, sometimes, sometimes, st.one_of(seldom, _SELDOM)),
        min_size=4,
        max_size=24,
    )
