"""Which column is which: by tag, else by header. Examples, and what holds for any header row."""

from collections.abc import Mapping, Sequence
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from db.sources import Column
from db.wire import ColumnType
from sync.sheets.headers import match_headers


def column(name: str, field: str | None, tag: int | None = None, former: str | None = None) -> Column:
    return Column(name, ColumnType.TEXT, field, former=former, tag=tag)


ID, NAME, CITY = column("id", "ID", 1), column("name", "Name", 2), column("city", "City", 3)
TAGS = {1: 0, 2: 1, 3: 2}


@pytest.mark.parametrize(
    ("headers", "tags", "places", "lost", "torn", "repeated", "new"),
    [
        (["ID", "Name", "City"], TAGS, {"id": 0, "name": 1, "city": 2}, [], {}, [], []),
        (["ID", "Name", "City"], {}, {"id": 0, "name": 1, "city": 2}, [], {}, [], []),
        (["City", "", "Name", "ID"], {}, {"id": 3, "name": 2, "city": 0}, [], {}, [], []),
        # Renamed: the tag knows; without tags one is gone and another one new.
        (["ID", "Name", "Town"], TAGS, {"id": 0, "name": 1, "city": 2}, [], {}, [], []),
        (["ID", "Name", "Town"], {}, {"id": 0, "name": 1}, ["city"], {}, [], [2]),
        # Renamed, and another column took the old header.
        (["ID", "Name", "Town", "City"], TAGS, {"id": 0, "name": 1, "city": 2}, [], {}, [], [3]),
        # The headers changed hands.
        (["ID", "City", "Name"], TAGS, {"id": 0, "name": 1, "city": 2}, [], {}, [], []),
        (["ID", "City", "Name"], {}, {"id": 0, "name": 2, "city": 1}, [], {}, [], []),
        # Twice there: no matter to a tag.
        (["ID", "Name", "City", "City"], TAGS, {"id": 0, "name": 1, "city": 2}, [], {}, [2, 3], []),
        (["ID", "Name", "City", "City"], {}, {"id": 0, "name": 1}, [], {"city": [2, 3]}, [], []),
        (["ID", "Name", "City", "X", "X"], {}, {"id": 0, "name": 1, "city": 2}, [], {}, [3, 4], []),
        # Blanked, and all gone.
        (["ID", "Name"], TAGS, {"id": 0, "name": 1, "city": 2}, [], {}, [], []),
        ([], {}, {}, ["id", "name", "city"], {}, [], []),
        # Tags that nobody stored.
        (["Name", "ID", "City"], {7: 0, 8: 1}, {"id": 1, "name": 0, "city": 2}, [], {}, [], []),
    ],
)
def test_columns_are_found(
    headers: list[str],
    tags: dict[int, int],
    places: dict[str, int],
    lost: list[str],
    torn: dict[str, list[int]],
    repeated: list[int],
    new: list[int],
) -> None:
    match = match_headers([ID, NAME, CITY], headers, tags)
    assert match.places == places
    assert (match.lost, match.torn, match.repeated, match.new) == (lost, torn, repeated, new)


def test_a_header_follows_its_column_unless_it_names_two() -> None:
    renamed = match_headers([ID, CITY], ["No.", "", "Town"], TAGS).columns
    assert [(one.field, one.tag) for one in renamed] == [("No.", 1), ("Town", 3)]
    kept = match_headers([ID, CITY], ["Same", "", "Same"], TAGS).columns
    assert [one.field for one in kept] == ["ID", "City"]


def test_a_column_that_was_lost_comes_back_by_its_header_or_its_tag() -> None:
    lost = column("town", None, former="City")
    (back,) = match_headers([lost], ["x", "City"], {}).columns
    assert (back.field, back.former) == ("City", None)
    (away,) = match_headers([lost], ["Town"], {}).columns
    assert away == lost, "its name is no header that it had"
    (tagged,) = match_headers([replace(lost, tag=9)], ["Town"], {9: 0}).columns
    assert tagged.field == "Town"


def test_a_column_that_the_table_alone_has_takes_the_header_that_would_be_its_name() -> None:
    match = match_headers([column("zip_code", None)], ["Zip code"], {})
    assert match.places == {"zip_code": 0}
    generated = replace(column("zip_code", None), read_only=True)
    assert match_headers([generated], ["Zip code"], {}).new == [0]


HEADERS = st.lists(st.sampled_from(["", "ID", "Name", "City", "Town", "Zip"]), max_size=7)
COLUMNS = st.lists(
    st.builds(
        column,
        st.sampled_from("abcdef"),
        st.sampled_from(["ID", "Name", "City", None]),
        st.one_of(st.none(), st.integers(1, 4)),
        st.sampled_from([None, "Town"]),
    ),
    unique_by=lambda one: one.name,
    max_size=5,
)
PLACED = st.dictionaries(st.integers(1, 5), st.integers(0, 6), max_size=5)


@given(COLUMNS, HEADERS, PLACED)
def test_no_header_is_lost_and_none_has_two_columns(
    columns: Sequence[Column], headers: Sequence[str], tags: Mapping[int, int]
) -> None:
    match = match_headers(columns, headers, tags)
    places = list(match.places.values())
    assert len(set(places)) == len(places)
    assert [one.name for one in match.columns] == [one.name for one in columns]
    known = {*places, *match.new, *match.repeated, *(place for found in match.torn.values() for place in found)}
    assert {place for place, text in enumerate(headers) if text} <= known
    assert not {*match.new} & {*places}
    for before, now in zip(columns, match.columns, strict=True):
        if before.field is not None:
            assert sum((now.name in match.places, now.name in match.lost, now.name in match.torn)) == 1
        if now.tag is not None:
            assert tags[now.tag] == match.places[now.name]


@given(COLUMNS, HEADERS, PLACED)
def test_what_was_followed_once_is_found_again_as_it_is(
    columns: Sequence[Column], headers: Sequence[str], tags: Mapping[int, int]
) -> None:
    once = match_headers(columns, headers, tags)
    if once.torn:
        return
    again = match_headers(once.columns, headers, tags)
    assert (again.columns, again.places) == (once.columns, once.places)
