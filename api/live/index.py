"""Which subscriptions a commit may concern, without asking each: a commit costs what it matches. Pure.

A filter that pins a column to values (`eq`, `in`, alone or in an `and`) is found by the values that a row has before
and after a change; every other is asked each time. The index only ever says too much: the filter has the last word.
"""

from collections.abc import Hashable, Iterator, Mapping, Sequence
from typing import Generic, TypeVar

from db.changes import Change, Operation
from db.wire import ColumnType
from schema.comparable import Comparable
from schema.filter_predicate import value_of
from schema.filters import And, Compare, Comparison, Filter, FilterColumn, OneOf

T = TypeVar("T", bound=Hashable)

Places = Sequence[int] | None
"""Which changes may concern somebody, by their places; None: any."""


def pin(part: Filter) -> tuple[FilterColumn, frozenset[Comparable]] | None:
    """A column, and values of it one of which every row has that the filter selects; None where there is none such.

    >>> pin(And(()))
    """
    match part:
        case Compare(column, Comparison.EQ, operand):
            return column, frozenset() if operand is None else frozenset({operand.value})
        case OneOf(column, operands):
            return column, frozenset(operand.value for operand in operands if operand is not None)
        case And(parts):
            pins = [found for each in parts if (found := pin(each)) is not None]
            return min(pins, key=lambda found: len(found[1]), default=None)
        case _:
            return None


_NOWHERE: tuple[FilterColumn, frozenset[Comparable]] = (FilterColumn("", ColumnType.TEXT, 0), frozenset())


class MatchIndex(Generic[T]):
    """Whose filters a commit's changes may match."""

    def __init__(self) -> None:
        self._pinned: dict[FilterColumn, dict[Comparable, set[T]]] = {}
        self._others: set[T] = set()

    def add(self, whose: T, where: Filter) -> None:
        """From now on it may be found."""
        for place in self._places(where, make=True):
            place.add(whose)

    def remove(self, whose: T, where: Filter) -> None:
        """What was added with that filter."""
        for place in self._places(where, make=False):
            place.discard(whose)
        column, values = pin(where) or _NOWHERE
        by_value = self._pinned.get(column, {})
        for value in values:
            if value in by_value and not by_value[value]:
                del by_value[value]
        if not by_value:
            self._pinned.pop(column, None)

    def match(self, changes: Sequence[Change]) -> Mapping[T, Places]:
        """Whom the changes may concern, and which of them."""
        if any(change.operation is Operation.TRUNCATE for change in changes):
            return dict.fromkeys(self._all(), None)
        found: dict[T, Places] = dict.fromkeys(self._others, None)
        places: dict[T, list[int]] = {}
        for column, by_value in self._pinned.items():
            for place, change in enumerate(changes):
                values = {value_of(row, column) for row in (change.before, change.after) if row is not None}
                for value in values:
                    if value is not None:
                        for whose in by_value.get(value, ()):
                            places.setdefault(whose, []).append(place)
        # Both values of an update may lead to the same: its place counts once.
        found.update({whose: sorted(set(each)) for whose, each in places.items()})
        return found

    def _all(self) -> Iterator[T]:
        yield from self._others
        for by_value in self._pinned.values():
            for each in by_value.values():
                yield from each

    def _places(self, where: Filter, *, make: bool) -> Iterator[set[T]]:
        column, values = pin(where) or _NOWHERE
        if not values:
            yield self._others
            return
        by_value = self._pinned.setdefault(column, {}) if make else self._pinned.get(column, {})
        for value in values:
            if make:
                yield by_value.setdefault(value, set())
            elif value in by_value:
                yield by_value[value]
