"""A source's columns at their places in a grid, and what is wrong with its headers. Pure."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from db.sources import Column, SheetBinding, Source
from db.wire import ColumnType
from sync.seen_columns import takes_columns
from sync.sheets.grid import Grid, column_letters, header_text
from sync.sheets.headers import Match, match_headers
from sync.source import Problem
from sync.values.names import column_names


@dataclass(frozen=True, slots=True)
class Bound:
    """The columns that are read, at their places in the grid. `header_row` counts from 0.

    `columns` has, behind the source's own, those of `new` headers that are to become columns; they are TEXT until
    their values are looked at. `seen` are all of the source's columns as the headers show them, `lost` the names of
    bound ones that aren't there. `refusal` says why the rows can't be synced as they stand: a key column is gone (there
    is no `key` then), or a bound header is there twice.
    """

    header_row: int
    columns: Sequence[tuple[Column, int]]
    key: Sequence[tuple[Column, int]]
    managed: bool
    problems: Sequence[Problem]
    seen: Sequence[Column] = ()
    lost: Sequence[str] = ()
    new: Sequence[tuple[Column, int]] = ()
    refusal: str | None = None

    @property
    def places(self) -> Mapping[str, int]:
        """The grid's column of each bound column's name."""
        return {column.name: place for column, place in self.columns}

    @property
    def data_columns(self) -> Sequence[tuple[Column, int]]:
        """Without the column of the managed key, which people don't see."""
        return [bound for bound in self.columns if not (self.managed and bound in self.key)]

    @property
    def untagged(self) -> Sequence[tuple[Column, int]]:
        """The source's columns that carry no tag of ours yet."""
        seen = {column.name for column in self.seen}
        return [(column, place) for column, place in self.columns if column.tag is None and column.name in seen]


def bind(source: Source, binding: SheetBinding, grid: Grid) -> Bound:
    """Find the columns; `refusal` says what is wrong where a key column is gone, or a bound header is there twice."""
    header_row = binding.header_row - 1
    headers = [header_text(cell) for cell in grid.row(header_row)]
    match = match_headers(source.columns, headers, grid.tags)
    columns = [(column, match.places[column.name]) for column in match.columns if column.name in match.places]
    by_name = {column.name: (column, place) for column, place in columns}
    names = column_names([headers[place] for place in match.new], [column.name for column in match.columns])
    new = [(Column(name, ColumnType.TEXT, headers[place]), place) for name, place in zip(names, match.new, strict=True)]
    return Bound(
        header_row=header_row,
        columns=[*columns, *new] if takes_columns(source) else columns,
        key=[by_name[name] for name in source.key] if all(name in by_name for name in source.key) else (),
        managed=source.managed_key,
        problems=_problems(grid, header_row, headers, match),
        seen=match.columns,
        lost=match.lost,
        new=new,
        refusal=_refusal(source, match, grid, binding),
    )


def _refusal(source: Source, match: Match, grid: Grid, binding: SheetBinding) -> str | None:
    for name, places in match.torn.items():
        column = source.column(name)
        assert column is not None
        cells = ", ".join(grid.address(binding.header_row - 1, place) for place in places)
        return f"The header “{column.field}” is there {len(places)} times ({cells}): rename all but the right one."
    for name in source.key:
        column = source.column(name)
        if name not in match.places:
            header = name if column is None else column.field
            return (
                f"The header “{header}” of the key column {name} is not in row {binding.header_row} of"
                f" “{grid.title}” any more: put it back, or change the column's field with updateSource."
            )
    return None


def _problems(grid: Grid, header_row: int, headers: Sequence[str], match: Match) -> list[Problem]:
    problems = [
        Problem(
            "DUPLICATE_HEADER",
            f"The header “{headers[place]}” is there {headers.count(headers[place])} times: give each its own name.",
            address=grid.address(header_row, place),
            value=headers[place],
        )
        for place in match.repeated
    ]
    names = {place: name for name, place in match.places.items()}
    for place in blank_headers(grid, header_row, headers):
        what = (
            f"The header of column {column_letters(place)}, which is {names[place]}, is gone: type one."
            if place in names
            else f"Column {column_letters(place)} has values but no header, so it isn't synced: type one, or clear it."
        )
        problems.append(Problem("BLANK_HEADER", what, address=grid.address(header_row, place)))
    return problems


def blank_headers(grid: Grid, header_row: int, headers: Sequence[str]) -> list[int]:
    """The columns that have something a person entered below, and no header."""
    width = max(map(len, grid.values), default=0)
    unnamed = [place for place in range(width) if place >= len(headers) or not headers[place]]
    return [
        place
        for place in unnamed
        if any(
            grid.value(index, place) not in (None, "") and (index, place) not in grid.computed
            for index in range(header_row + 1, len(grid.values))
        )
    ]
