"""Which column of the table is which column of the sheet: by the tags that we left there, else by the headers. Pure.

A tag is a developer metadata of ours whose id the source has stored; it goes wherever its column goes. An id that
nobody stored, as a copy has one, says nothing.
"""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from db.sources import Column
from sync.values.names import column_name


@dataclass(frozen=True, slots=True)
class Match:
    """What a header row says of a source's columns. Places count from 0.

    `columns` are the source's, in its order, each with the header that it has now and without a tag that is gone;
    `places` has those that are there. `lost` are the names of bound columns whose header is not there, `torn` has the
    places of a bound column's header that is there more than once. `repeated` are places of other headers that stand
    there more than once, `new` the places of headers that no column has and that stand there once.
    """

    columns: tuple[Column, ...]
    places: Mapping[str, int]
    lost: Sequence[str]
    torn: Mapping[str, Sequence[int]]
    repeated: Sequence[int]
    new: Sequence[int]


def match_headers(columns: Sequence[Column], headers: Sequence[str], tags: Mapping[int, int]) -> Match:
    """`headers` are the texts of the header row, `tags` the place of each developer metadata of ours by its id."""
    at: dict[str, list[int]] = defaultdict(list)
    for place, text in enumerate(headers):
        if text:
            at[text].append(place)
    places = _tagged(columns, tags)
    torn: dict[str, list[int]] = {}
    _by_header(columns, at, places, torn)
    lost = [column.name for column in columns if column.field is not None and column.name not in {*places, *torn}]
    spoken_for = {place for found in torn.values() for place in found}
    return Match(
        columns=tuple(_now(column, places.get(column.name), headers, at, tags) for column in columns),
        places={column.name: places[column.name] for column in columns if column.name in places},
        lost=lost,
        torn=torn,
        repeated=[place for found in at.values() if len(found) > 1 for place in found if place not in spoken_for],
        new=[found[0] for found in at.values() if len(found) == 1 and found[0] not in places.values()],
    )


def _tagged(columns: Sequence[Column], tags: Mapping[int, int]) -> dict[str, int]:
    places: dict[str, int] = {}
    for column in columns:
        place = None if column.tag is None else tags.get(column.tag)
        if place is not None and place not in places.values():
            places[column.name] = place
    return places


def _by_header(
    columns: Sequence[Column],
    at: Mapping[str, Sequence[int]],
    places: dict[str, int],
    torn: dict[str, list[int]],
) -> None:
    """Bound columns by their header; then those that lost it, and those that the table alone has, by theirs."""
    taken = set(places.values())
    for column in columns:
        if column.field is None or column.name in places:
            continue
        found = [place for place in at.get(column.field, ()) if place not in taken]
        if len(found) == 1:
            places[column.name] = found[0]
            taken.add(found[0])
        elif found:
            torn[column.name] = found
            taken.update(found)
    for column in columns:
        if column.field is not None or column.name in places or (column.read_only and column.former is None):
            continue
        free = [text for text, found in at.items() if len(found) == 1 and found[0] not in taken]
        header = next((text for text in free if _is_of(column, text)), None)
        if header is not None:
            places[column.name] = at[header][0]
            taken.add(at[header][0])


def _is_of(column: Column, header: str) -> bool:
    return column_name(header) == column.name if column.former is None else header == column.former


def _now(
    column: Column,
    place: int | None,
    headers: Sequence[str],
    at: Mapping[str, Sequence[int]],
    tags: Mapping[int, int],
) -> Column:
    tag = column.tag if column.tag is not None and place is not None and tags.get(column.tag) == place else None
    if place is None:
        return replace(column, tag=tag)
    text = headers[place] if place < len(headers) else ""
    field = text if len(at.get(text, ())) == 1 else column.field or column.former
    return replace(column, field=field, former=None, tag=tag)
