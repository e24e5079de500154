"""Feeds' cells and texts: tables for JSON and XML, both ways, and that Postgres prints what the mapping says."""

from decimal import Decimal

import psycopg
import pytest
from hypothesis import given
from hypothesis import strategies as st

from db.session import session_dsn
from db.sources import Column
from db.wire import SQL_TYPES
from db.wire import ColumnType as T
from sync.feeds.mapping import JSON_FEED, STRINGS, XML_FEED
from sync.source import Cell
from sync.values.cell_mapping import CellMapping, Unfit

UUID = "c0ffee00-0000-4000-8000-000000000001"
BIG = "12345678901234567890.123456789"


def column(type_: T, format_: str | None = None) -> Column:
    return Column("c", type_, "c", format=format_)


Row = tuple[T, Cell, str | None, Cell]

# A cell, the text that it is, and the cell that the text is written as.
JSON: list[Row] = [
    (T.TEXT, "007", "007", "007"),
    (T.TEXT, "", "", ""),
    (T.TEXT, None, None, None),
    (T.TEXT, " a\r\nb ", " a\r\nb ", " a\r\nb "),
    (T.TEXT, "2026-01-31", "2026-01-31", "2026-01-31"),
    (T.TEXT, 7.0, "7", "7"),
    (T.TEXT, 0.5, "0.5", "0.5"),
    (T.TEXT, True, "true", "true"),
    (T.TEXT, BIG, BIG, BIG),
    (T.TEXT, '{"a":1}', '{"a":1}', '{"a":1}'),
    (T.INTEGER, 7.0, "7", 7.0),
    (T.INTEGER, -0.0, "0", 0.0),
    (T.INTEGER, "7", "7", 7.0),
    (T.INTEGER, "", None, None),
    (T.INTEGER, -2147483648.0, "-2147483648", -2147483648.0),
    (T.BIGINT, 9007199254740992.0, "9007199254740992", 9007199254740992.0),
    (T.BIGINT, "9007199254740993", "9007199254740993", "9007199254740993"),
    (T.BIGINT, "-9223372036854775808", "-9223372036854775808", "-9223372036854775808"),
    (T.FLOAT, 0.1, "0.1", 0.1),
    (T.FLOAT, 1e300, "1e+300", "1e+300"),
    (T.FLOAT, 5e-324, "5e-324", 5e-324),
    (T.FLOAT, "NaN", "NaN", "NaN"),
    (T.FLOAT, "0.1000000000000000055511151231257827", "0.1", 0.1),
    (T.NUMERIC, 19.9, "19.9", 19.9),
    (T.NUMERIC, "19.90", "19.90", 19.9),
    (T.NUMERIC, 1e20, "100000000000000000000", "100000000000000000000"),
    (T.NUMERIC, BIG, BIG, BIG),
    (T.NUMERIC, "-0.0", "0.0", 0.0),
    (T.BOOLEAN, True, "t", True),
    (T.BOOLEAN, False, "f", False),
    (T.BOOLEAN, "true", "t", True),
    (T.BOOLEAN, None, None, None),
    (T.DATE, "2026-01-31", "2026-01-31", "2026-01-31"),
    (T.DATE, "", None, None),
    (T.DATE, "infinity", "infinity", "infinity"),
    (T.TIME, "13:05:00.50", "13:05:00.5", "13:05:00.5"),
    (T.TIME, "24:00:00", "24:00:00", "24:00:00"),
    (T.TIMESTAMP, "2026-01-31T13:05:00", "2026-01-31 13:05:00", "2026-01-31T13:05:00"),
    (T.TIMESTAMP, "2026-01-31 13:05:00.000001", "2026-01-31 13:05:00.000001", "2026-01-31T13:05:00.000001"),
    (T.TIMESTAMP, "0044-03-15 00:00:00 BC", "0044-03-15 00:00:00 BC", "0044-03-15T00:00:00 BC"),
    (T.TIMESTAMPTZ, "2026-01-31T13:05:00Z", "2026-01-31 13:05:00+00", "2026-01-31T13:05:00+00:00"),
    (T.TIMESTAMPTZ, "2026-01-31T14:05:00+01:00", "2026-01-31 13:05:00+00", "2026-01-31T13:05:00+00:00"),
    (T.TIMESTAMPTZ, "2026-01-31T13:05:00", "2026-01-31 13:05:00+00", "2026-01-31T13:05:00+00:00"),
    (T.UUID, UUID.upper(), UUID, UUID),
    (T.JSON, '{"a": [1, 2.50]}', '{"a": [1, 2.50]}', '{"a": [1, 2.50]}'),
    (T.JSON, '"text"', '"text"', '"text"'),
    (T.JSON, "[]", "[]", "[]"),
    (T.JSON, BIG, BIG, BIG),
    (T.JSON, None, None, None),
]

XML: list[Row] = [
    (T.TEXT, "007", "007", "007"),
    (T.TEXT, "", "", ""),
    (T.TEXT, None, None, None),
    (T.TEXT, "<&>", "<&>", "<&>"),
    (T.INTEGER, " 7 ", "7", "7"),
    (T.INTEGER, "", None, None),
    (T.BIGINT, "9007199254740993", "9007199254740993", "9007199254740993"),
    (T.FLOAT, "1.0840", "1.084", "1.084"),
    (T.FLOAT, "1e15", "1e+15", "1e+15"),
    (T.NUMERIC, "1.0840", "1.0840", "1.0840"),
    (T.NUMERIC, BIG, BIG, BIG),
    (T.BOOLEAN, "true", "t", "true"),
    (T.BOOLEAN, "0", "f", "false"),
    (T.DATE, "2026-01-31", "2026-01-31", "2026-01-31"),
    (T.TIME, "13:05:00", "13:05:00", "13:05:00"),
    (T.TIMESTAMP, "2026-01-31T13:05:00.5", "2026-01-31 13:05:00.5", "2026-01-31T13:05:00.5"),
    (T.TIMESTAMPTZ, "2026-01-31T13:05:00Z", "2026-01-31 13:05:00+00", "2026-01-31T13:05:00+00:00"),
    (T.UUID, UUID, UUID, UUID),
    (T.JSON, '{"a":1}', '{"a":1}', '{"a":1}'),
]

STRINGED: list[Row] = [
    (T.INTEGER, "7", "7", "7"),
    (T.BIGINT, "9007199254740993", "9007199254740993", "9007199254740993"),
    (T.NUMERIC, "19.90", "19.90", "19.90"),
    (T.FLOAT, "0.5", "0.5", "0.5"),
    (T.BOOLEAN, "true", "t", "true"),
]

ALL: list[tuple[CellMapping, Column, Cell, str | None, Cell]] = [
    *((JSON_FEED, column(type_), cell, text, back) for type_, cell, text, back in JSON),
    *((JSON_FEED, column(type_, STRINGS), cell, text, back) for type_, cell, text, back in STRINGED),
    *((XML_FEED, column(type_), cell, text, back) for type_, cell, text, back in XML),
]


@pytest.mark.parametrize(("mapping", "of", "cell", "text", "written"), ALL)
def test_a_value_goes_to_the_table_and_back(
    mapping: CellMapping, of: Column, cell: Cell, text: str | None, written: Cell
) -> None:
    assert mapping.to_text(of, cell) == text
    back = mapping.to_cell(of, text)
    assert (type(back), back) == (type(written), written)
    assert mapping.to_text(of, back) == text or mapping.same_text(of, mapping.to_text(of, back), text)
    assert mapping.same(of, cell, back)


@pytest.mark.parametrize(
    ("mapping", "type_", "cell"),
    [
        (JSON_FEED, T.TEXT, "a\0b"),
        (JSON_FEED, T.TEXT, "\ud800"),
        (JSON_FEED, T.INTEGER, 7.5),
        (JSON_FEED, T.INTEGER, True),
        (JSON_FEED, T.INTEGER, "2147483648"),
        (JSON_FEED, T.BIGINT, "9223372036854775808"),
        (JSON_FEED, T.FLOAT, "much"),
        (JSON_FEED, T.NUMERIC, "1,5"),
        (JSON_FEED, T.BOOLEAN, 1.0),
        (JSON_FEED, T.BOOLEAN, "yes"),
        (JSON_FEED, T.DATE, 46053.0),
        (JSON_FEED, T.DATE, "31/01/2026"),
        (JSON_FEED, T.DATE, "2026-02-30"),
        (JSON_FEED, T.TIMESTAMP, 1769864700.0),
        (JSON_FEED, T.TIMESTAMP, "2026-01-31T13:05:00Z"),
        (JSON_FEED, T.TIMESTAMPTZ, "soon"),
        (JSON_FEED, T.TIME, True),
        (JSON_FEED, T.UUID, "c0ffee"),
        (JSON_FEED, T.JSON, "text"),
        (JSON_FEED, T.JSON, r'"\u0000"'),
        (JSON_FEED, T.JSON, r'"\ud800"'),
        (JSON_FEED, T.JSON, "NaN"),
        (JSON_FEED, T.JSON, "[" * 100_000),
        (XML_FEED, T.INTEGER, "seven"),
        (XML_FEED, T.BOOLEAN, "yes"),
        (XML_FEED, T.DATE, "31.01.2026"),
    ],
)
def test_what_a_column_cannot_take_is_said(mapping: CellMapping, type_: T, cell: Cell) -> None:
    with pytest.raises(Unfit, match=r"Column c \(.*expects .* found .*Correct the value in the feed"):
        mapping.to_text(column(type_), cell)


def test_what_xml_cannot_hold_is_said() -> None:
    with pytest.raises(Unfit, match=r"XML has no character U\+0001, which c has"):
        XML_FEED.to_cell(column(T.TEXT), "a\x01b")
    assert JSON_FEED.to_cell(column(T.TEXT), "a\x01b") == "a\x01b"


@pytest.mark.parametrize(
    ("mapping", "type_", "one", "other", "same"),
    [
        (JSON_FEED, T.TEXT, "", None, False),
        (XML_FEED, T.TEXT, "", None, False),
        (JSON_FEED, T.DATE, "", None, True),
        (JSON_FEED, T.TEXT, "a\r\nb", "a\nb", False),
        (XML_FEED, T.TEXT, "a\r\nb", "a\nb", True),
        (JSON_FEED, T.JSON, '{"a": 1, "b": 2.0}', '{"b":2,"a":1}', True),
        (JSON_FEED, T.JSON, "true", "1", False),
        (JSON_FEED, T.JSON, "0.12345678901234567890", "0.12345678901234567", False),
        (JSON_FEED, T.NUMERIC, 19.9, "19.90", True),
        (JSON_FEED, T.NUMERIC, BIG, BIG + "1", False),
        (JSON_FEED, T.TIMESTAMPTZ, "2026-01-31T13:05:00Z", "2026-01-31T14:05:00+01:00", True),
        (JSON_FEED, T.INTEGER, "seven", "eight", False),
    ],
)
def test_when_two_cells_are_the_same(mapping: CellMapping, type_: T, one: Cell, other: Cell, same: bool) -> None:
    assert mapping.same(column(type_), one, other) is same
    assert mapping.same(column(type_), other, one) is same


@pytest.mark.parametrize("mapping", [JSON_FEED, XML_FEED])
def test_a_feed_tells_null_from_an_empty_text_and_true_from_one(mapping: CellMapping) -> None:
    assert not mapping.unchanged(None, "")
    assert not mapping.unchanged(True, 1.0)
    assert mapping.unchanged("a", "a")


NUMBERS = st.decimals(allow_nan=False, allow_infinity=False, places=20, min_value=-(10**30), max_value=10**30)


@given(number=NUMBERS, mapping=st.sampled_from([JSON_FEED, XML_FEED]))
def test_no_digit_is_lost(number: Decimal, mapping: CellMapping) -> None:
    of = column(T.NUMERIC)
    text = mapping.to_text(of, format(number, "f"))
    assert text is not None
    assert mapping.same_text(of, mapping.to_text(of, mapping.to_cell(of, text)), text)


def test_postgres_prints_what_the_mapping_says(read_only_database: str) -> None:
    # A jsonb prints JSON in its own way.
    texts = [(of.type, text) for _, of, _, text, _ in ALL if text is not None and of.type is not T.JSON]
    with psycopg.connect(session_dsn(read_only_database, "test")) as connection:
        for type_, text in texts:
            # Postgres prints booleans as words only where they are cast.
            shown = {"true": "t", "false": "f"} if type_ is T.BOOLEAN else {}
            row = connection.execute(f"SELECT %s::{SQL_TYPES[type_]}::text".encode(), (text,)).fetchone()
            assert row is not None
            assert shown.get(row[0], row[0]) == text
