"""What can happen to a source, as plain values that hypothesis draws and shrinks: `World` carries them out.

`row` counts the rows that there are at that moment, from any number on: it is taken modulo.
"""

from dataclasses import dataclass
from enum import StrEnum

from hypothesis import strategies as st


class Column(StrEnum):
    """The columns that are edited; the key and the formula column stand apart."""

    NAME = "name"
    CITY = "city"
    QTY = "qty"


class Way(StrEnum):
    """How an edit of the sheet is made: a person's fires the trigger, a program's does not."""

    PERSON = "person"
    PROGRAM = "program"


@dataclass(frozen=True, slots=True)
class SheetEdit:
    row: int
    column: Column
    way: Way


@dataclass(frozen=True, slots=True)
class SheetInsert:
    at: int


@dataclass(frozen=True, slots=True)
class SheetDelete:
    row: int


@dataclass(frozen=True, slots=True)
class SheetSort:
    column: Column
    descending: bool


@dataclass(frozen=True, slots=True)
class SheetMoveColumn:
    column: Column
    to: int


@dataclass(frozen=True, slots=True)
class SheetKeyChange:
    row: int


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


class Call(StrEnum):
    """The calls of Google's that a fault meets, as the sandbox matches them."""

    READ = "GET /v4/spreadsheets"
    VALUES = "POST /v4/spreadsheets/[^/]+/values:batchUpdate"
    BATCH = "POST /v4/spreadsheets/[^/:]+:batchUpdate"
    DRIVE = "GET /drive/v3/"


class Harm(StrEnum):
    """What a fault does: refuse, break, close the connection unanswered, before or after the change was made."""

    QUOTA = "429"
    BROKEN = "500"
    DROPPED = "dropped"
    ANSWER_LOST = "answer lost"
    ANSWER_BROKEN = "answer broken"


@dataclass(frozen=True, slots=True)
class Fault:
    call: Call
    harm: Harm
    times: int


@dataclass(frozen=True, slots=True)
class EditBetween:
    """A person edits right after we have read."""


@dataclass(frozen=True, slots=True)
class Sync:
    """Wait for a run."""


@dataclass(frozen=True, slots=True)
class Kill:
    """`kill -9` of the server, and a new start."""


Action = (
    SheetEdit
    | SheetInsert
    | SheetDelete
    | SheetSort
    | SheetMoveColumn
    | SheetKeyChange
    | SqlUpdate
    | SqlBulk
    | SqlInsert
    | SqlDelete
    | SqlKeyChange
    | ApiUpsert
    | ApiInsert
    | ApiDelete
    | Fault
    | EditBetween
    | Sync
    | Kill
)

_ROWS = st.integers(0, 11)
_COLUMNS = st.sampled_from(Column)
_OFTEN = st.one_of(
    st.builds(SheetEdit, _ROWS, _COLUMNS, st.sampled_from(Way)),
    st.builds(SqlUpdate, _ROWS, _COLUMNS),
    st.builds(ApiUpsert, _ROWS, _COLUMNS),
)
_SOMETIMES = st.one_of(
    st.builds(SheetInsert, _ROWS),
    st.builds(SheetDelete, _ROWS),
    st.builds(SheetSort, _COLUMNS, st.booleans()),
    st.builds(SheetMoveColumn, _COLUMNS, st.integers(0, 5)),
    st.builds(SheetKeyChange, _ROWS),
    st.builds(SqlBulk, _COLUMNS),
    st.builds(SqlInsert),
    st.builds(SqlDelete, _ROWS),
    st.builds(SqlKeyChange, _ROWS),
    st.builds(ApiInsert),
    st.builds(ApiDelete, _ROWS),
    st.builds(Fault, st.sampled_from(Call), st.sampled_from(Harm), st.integers(1, 2)),
    st.builds(EditBetween),
    st.builds(Sync),
)
_SELDOM = st.builds(Kill)

ACTIONS = st.lists(
    st.one_of(_OFTEN, _OFTEN, _OFTEN, _SOMETIMES, _SOMETIMES, _SOMETIMES, _SOMETIMES, _SELDOM), min_size=4, max_size=24
)
