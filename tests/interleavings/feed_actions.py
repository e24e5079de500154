"""What a feed's owner and the way to it do to it: `FeedDeeds` carries it out. And how a feed may be made."""

from dataclasses import dataclass
from enum import StrEnum
from typing import Final

from hypothesis import strategies as st

from tests.interleavings.actions import COLUMNS, ROWS, Column, Fault, Harm, drawn


class Writing(StrEnum):
    """How the feed takes writes."""

    WHOLE = "PUT one record"
    FIELDS = "PATCH one record, POST a new one"
    BATCH = "PUT some records"


class Format(StrEnum):
    """What its document is."""

    JSON = "JSON"
    XML = "XML"


@dataclass(frozen=True, slots=True)
class Shape:
    """`paged`: it is read in pages, at different moments. `hooked`: its owner's edits are told at once."""

    format: Format
    writing: Writing
    paged: bool
    hooked: bool


@dataclass(frozen=True, slots=True)
class FeedEdit:
    row: int
    column: Column


@dataclass(frozen=True, slots=True)
class FeedEditBetween:
    """Its owner edits right after we have read."""

    row: int
    column: Column


@dataclass(frozen=True, slots=True)
class FeedMisfit:
    """A word where the column takes numbers."""

    row: int


@dataclass(frozen=True, slots=True)
class FeedAdd:
    at: int


@dataclass(frozen=True, slots=True)
class FeedRemove:
    row: int


@dataclass(frozen=True, slots=True)
class FeedClear:
    """All records removed."""


@dataclass(frozen=True, slots=True)
class FeedReverse:
    """The records in the opposite order."""


@dataclass(frozen=True, slots=True)
class FeedKeyChange:
    row: int


@dataclass(frozen=True, slots=True)
class ForgedHook:
    """Somebody calls the hook who doesn't know its secret."""


class Call(StrEnum):
    """The requests to a feed that a fault meets."""

    READ = "GET /feeds/"
    UPSERT = "(PUT|PATCH|POST) /feeds/"
    DELETE = "DELETE /feeds/"


_FAULTS: Final = st.builds(Fault, st.sampled_from(Call), st.sampled_from(Harm), st.integers(1, 2))

SHAPES: Final = st.builds(Shape, st.sampled_from(Format), st.sampled_from(Writing), st.booleans(), st.booleans())
FEED_ACTIONS: Final = drawn(
    st.builds(FeedEdit, ROWS, COLUMNS),
    (
        st.builds(FeedAdd, ROWS),
        st.builds(FeedRemove, ROWS),
        st.builds(FeedReverse),
        st.builds(FeedKeyChange, ROWS),
        st.builds(FeedMisfit, ROWS),
        st.builds(FeedEditBetween, ROWS, COLUMNS),
        _FAULTS,
        _FAULTS,
        _FAULTS,
    ),
    st.one_of(st.builds(FeedClear), st.builds(ForgedHook)),
)
