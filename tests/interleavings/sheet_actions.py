"""What people, programs and Google do to a sheet: `SheetDeeds` carries it out."""

from dataclasses import dataclass
from enum import StrEnum
from typing import Final

from hypothesis import strategies as st

from tests.interleavings.actions import COLUMNS, ROWS, Column, Fault, Harm, drawn


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
class SheetMisfit:
    """A word where the column takes numbers."""

    row: int


@dataclass(frozen=True, slots=True)
class SheetInsert:
    at: int


@dataclass(frozen=True, slots=True)
class SheetDelete:
    row: int


@dataclass(frozen=True, slots=True)
class SheetClear:
    """All rows deleted."""


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


class Call(StrEnum):
    """The calls of Google's that a fault meets."""

    READ = "GET /v4/spreadsheets"
    VALUES = "POST /v4/spreadsheets/[^/]+/values:batchUpdate"
    BATCH = "POST /v4/spreadsheets/[^/:]+:batchUpdate"
    DRIVE = "GET /drive/v3/"


@dataclass(frozen=True, slots=True)
class EditBetween:
    """A person edits right after we have read."""


_HARMS: Final = [harm for harm in Harm if harm not in (Harm.REFUSED, Harm.LATE)]

SHEET_ACTIONS: Final = drawn(
    st.builds(SheetEdit, ROWS, COLUMNS, st.sampled_from(Way)),
    (
        st.builds(SheetInsert, ROWS),
        st.builds(SheetDelete, ROWS),
        st.builds(SheetSort, COLUMNS, st.booleans()),
        st.builds(SheetMoveColumn, COLUMNS, st.integers(0, 5)),
        st.builds(SheetKeyChange, ROWS),
        st.builds(SheetMisfit, ROWS),
        st.builds(Fault, st.sampled_from(Call), st.sampled_from(_HARMS), st.integers(1, 2)),
        st.builds(Fault, st.just(Call.BATCH), st.just(Harm.LATE), st.just(1)),
        st.builds(EditBetween),
    ),
    st.builds(SheetClear),
)
