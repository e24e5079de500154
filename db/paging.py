"""A page of a list that is read by keyset: what follows a known last one, so that pages hold while rows are added."""

from dataclasses import dataclass
from typing import Generic, TypeVar

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Page(Generic[T]):
    """`total` counts the whole list under the same filters."""

    nodes: tuple[T, ...]
    has_next_page: bool
    total: int


def page_of(rows: list[T], first: int, total: int) -> Page[T]:
    """The page of `first` nodes, from a query that asked for one more."""
    return Page(tuple(rows[:first]), len(rows) > first, total)
