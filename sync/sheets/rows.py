"""From a grid to rows by key: which lines are rows, and what is wrong with them. Pure.

A line is a row if one of its bound cells holds something that a person entered; formulas that were filled down and
checkboxes that are off make no row. A row without a usable key is a problem, never a guess.
"""

from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field

from db.keys import key_text
from sync.sheets.arrays import filled_by_array, open_arrays
from sync.sheets.binding import Bound
from sync.sheets.grid import Grid
from sync.source import Cell, Problem, SourceRow
from sync.values.cell_mapping import Unfit
from sync.values.mapping import cell_to_text


@dataclass(frozen=True, slots=True)
class Located:
    """A row and the grid's row it is in."""

    index: int
    row: SourceRow


@dataclass(frozen=True, slots=True)
class Rows:
    """All lines of a grid, told apart. `by_key` has each row that has a key of its own, ordered by key.

    `keyless` are lines with values and an empty key (all, where a key column is gone), `repeated` the lines of each key
    that more than one line has. `arrays` has the columns that an array formula fills without an end, and its row
    (`sync.sheets.arrays`).
    """

    grid: Grid
    bound: Bound
    by_key: Mapping[str, Located]
    keyless: Sequence[int]
    repeated: Mapping[str, Sequence[int]]
    unreadable: Mapping[int, Problem]
    arrays: Mapping[int, int] = field(default_factory=dict)

    @property
    def unsure(self) -> bool:
        """Whether some line's key is not known."""
        return bool(self.keyless or self.repeated or self.unreadable)

    @property
    def last(self) -> int:
        """The grid's row of the last row that has a key of its own; the header's if there is none."""
        return max((located.index for located in self.by_key.values()), default=self.bound.header_row)

    def problems(self) -> list[Problem]:
        """What is wrong with headers and keys, each with its address."""
        place = self.bound.key[0][1]
        found = [*self.bound.problems, *self.unreadable.values()]
        found.extend(
            Problem(
                "KEY_PENDING" if self.bound.managed else "EMPTY_KEY",
                f"Row {index + 1} has no {self._key_names} yet; it is synced once rowcast has given it one."
                if self.bound.managed
                else f"Row {index + 1} has values but no key: fill in {self._key_names}, or clear the row.",
                address=self.grid.address(index, place),
            )
            for index in self.keyless
            if not self.has_merged_key(index)
        )
        found.extend(
            Problem(
                "MERGED_KEY",
                f"Row {index + 1} has values, but the cell of its {self._key_names} is merged into another: unmerge"
                " it. Until then the row is not synced.",
                address=self.grid.address(index, place),
            )
            for index in self.keyless
            if self.has_merged_key(index)
        )
        for key, indexes in self.repeated.items():
            found.extend(self._repeated(key, indexes, place))
        return found

    def has_merged_key(self, index: int) -> bool:
        """Whether a cell of the line's key is merged into another, so that nobody can fill it."""
        return any(self.grid.is_covered(index, place) for _, place in self.bound.key)

    @property
    def _key_names(self) -> str:
        return ", ".join(column.field or column.name for column, _ in self.bound.key)

    def _repeated(self, key: str, indexes: Sequence[int], place: int) -> Iterator[Problem]:
        lines = ", ".join(str(index + 1) for index in indexes)
        message = f"Rows {lines} have the same {self._key_names}: give each its own. Until then none of them is synced."
        for index in indexes:
            yield Problem(
                "DUPLICATE_KEY",
                message,
                address=self.grid.address(index, place),
                key=key,
                value=self.grid.value(index, place),
            )


@dataclass(frozen=True, slots=True, eq=False, repr=False)
class _Addresses(Mapping[str, str]):
    """The address of each of a row's cells, made when it is asked for: a large sheet has millions."""

    grid: Grid
    index: int
    places: Mapping[str, int]

    def __getitem__(self, name: str) -> str:
        return self.grid.address(self.index, self.places[name])

    def __iter__(self) -> Iterator[str]:
        return iter(self.places)

    def __len__(self) -> int:
        return len(self.places)


def read_rows(bound: Bound, grid: Grid) -> Rows:
    """Tell the lines below the header apart."""
    found: dict[str, list[int]] = defaultdict(list)
    keyless: list[int] = []
    unreadable: dict[int, Problem] = {}
    places, arrays = bound.places, open_arrays(grid)
    for index in range(bound.header_row + 1, len(grid.values)):
        if is_blank(bound, grid, index):
            continue
        try:
            key = _key_of(bound, grid, index)
        except Unfit as error:
            unreadable[index] = Problem(
                "UNREADABLE_KEY",
                f"The key of row {index + 1} can't be read: {error}",
                address=grid.address(index, bound.key[0][1]),
                value=grid.value(index, bound.key[0][1]),
            )
            continue
        if key is None:
            keyless.append(index)
        else:
            found[key].append(index)
    repeated = {key: indexes for key, indexes in found.items() if len(indexes) > 1}
    by_key = {
        key: Located(found[key][0], _row_at(bound, places, arrays, grid, found[key][0], key))
        for key in sorted(found)
        if key not in repeated
    }
    return Rows(grid, bound, by_key, keyless, repeated, unreadable, arrays)


def is_blank(bound: Bound, grid: Grid, index: int) -> bool:
    """Whether a line holds nothing that was entered; a managed key counts, for people can't see it to remove it."""
    cells = grid.row(index)
    return not any(
        place < len(cells) and cells[place] not in (None, "", False) and (index, place) not in grid.computed
        for _, place in bound.columns
    )


def _key_of(bound: Bound, grid: Grid, index: int) -> str | None:
    if not bound.key:
        return None
    texts: list[str] = []
    for column, place in bound.key:
        if (index, place) in grid.errors:
            raise Unfit(f"{column.name} shows {grid.errors[index, place]}")
        text = cell_to_text(column, grid.value(index, place), grid.zone)
        if text is None:
            return None
        texts.append(text)
    return key_text(texts)


def _row_at(
    bound: Bound, places: Mapping[str, int], arrays: Mapping[int, int], grid: Grid, index: int, key: str
) -> SourceRow:
    cells: dict[str, Cell] = {}
    errors: dict[str, str] = {}
    for column, place in bound.columns:
        if (index, place) in grid.errors:
            errors[column.name] = grid.errors[index, place]
        else:
            cells[column.name] = grid.value(index, place)
    return SourceRow(
        key=key,
        cells=cells,
        formulas=frozenset(
            column.name
            for column, place in bound.columns
            if (index, place) in grid.computed or filled_by_array(arrays, grid, index, place)
        ),
        errors=errors,
        address=grid.address(index),
        addresses=_Addresses(grid, index, places),
        merged=frozenset(column.name for column, place in bound.columns if grid.is_covered(index, place))
        if index in grid.covered
        else frozenset(),
    )
