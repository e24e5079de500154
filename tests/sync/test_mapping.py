"""Cells and texts: a table of values, and that Postgres itself prints what the mapping says."""

import datetime as dt
import math
from decimal import Decimal

import psycopg
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from db.session import session_dsn
from db.sources import Column
from db.wire import SQL_TYPES
from db.wire import ColumnType as T
from sync.source import Cell
from sync.values.cell_mapping import Unfit
from sync.values.mapping import cell_to_text, same_text, same_value, text_to_cell

UUID = "c0ffee00-0000-4000-8000-000000000001"


def _column(type_: T) -> Column:
    return Column("c", type_, "C")


@pytest.mark.parametrize(
    ("type_", "cell", "text"),
    [
        (T.TEXT, "007", "007"),
        (T.TEXT, "=1+1", "=1+1"),
        (T.TEXT, 7.0, "7"),
        (T.TEXT, 0.1, "0.1"),
        (T.TEXT, 1e21, "1e+21"),
        (T.TEXT, True, "TRUE"),
        (T.TEXT, False, "FALSE"),
        (T.TEXT, "", None),
        (T.TEXT, None, None),
        (T.INTEGER, 7.0, "7"),
        (T.INTEGER, -0.0, "0"),
        (T.INTEGER, "007", "7"),
        (T.BIGINT, 2.0**53, "9007199254740992"),
        (T.BIGINT, "9223372036854775807", "9223372036854775807"),
        (T.FLOAT, 0.1, "0.1"),
        (T.FLOAT, 1e15, "1e+15"),
        (T.FLOAT, -1.25e15, "-1.25e+15"),
        (T.FLOAT, 1e300, "1e+300"),
        (T.FLOAT, "1.5", "1.5"),
        (T.FLOAT, "NaN", "NaN"),
        (T.NUMERIC, 0.1, "0.1"),
        (T.NUMERIC, 1e20, "100000000000000000000"),
        (T.NUMERIC, "1.50", "1.50"),
        (T.NUMERIC, "-0.0", "0.0"),
        (T.NUMERIC, "-Infinity", "-Infinity"),
        (T.BOOLEAN, True, "t"),
        (T.BOOLEAN, "False", "f"),
        (T.DATE, 46053.0, "2026-01-31"),
        (T.DATE, 0.0, "1899-12-30"),
        (T.DATE, "2026-01-31", "2026-01-31"),
        (T.DATE, "0044-03-15 BC", "0044-03-15 BC"),
        (T.DATE, "infinity", "infinity"),
        (T.TIMESTAMP, 46053.5, "2026-01-31 12:00:00"),
        (T.TIMESTAMP, 46053.00000001157, "2026-01-31 00:00:00.001"),
        (T.TIMESTAMP, "2026-01-31T13:05:00.120", "2026-01-31 13:05:00.12"),
        (T.TIMESTAMP, "12026-01-31 00:00:00", "12026-01-31 00:00:00"),
        (T.TIME, 0.5, "12:00:00"),
        (T.TIME, "13:05:00.5", "13:05:00.5"),
        (T.TIME, "24:00:00", "24:00:00"),
        (T.UUID, UUID.upper(), UUID),
        (T.JSON, '{"a": 0.12345678901234567890}', '{"a": 0.12345678901234567890}'),
        (T.JSON, r'"\\u0000"', r'"\\u0000"'),
        (T.JSON, 7.0, "7"),
        (T.JSON, True, "true"),
        (T.JSON, False, "false"),
    ],
)
def test_cells_to_text(type_: T, cell: Cell, text: str | None) -> None:
    assert cell_to_text(_column(type_), cell) == text


@pytest.mark.parametrize(
    ("type_", "cell"),
    [
        (T.TEXT, "a\0b"),
        (T.TEXT, "\ud800"),
        (T.TEXT, math.inf),
        (T.INTEGER, 7.5),
        (T.INTEGER, 2.0**31),
        (T.INTEGER, True),
        (T.INTEGER, "seven"),
        (T.BIGINT, "9223372036854775808"),
        (T.BIGINT, "1" * 400),
        (T.FLOAT, True),
        (T.FLOAT, "much"),
        (T.FLOAT, "1e400"),
        (T.NUMERIC, False),
        (T.NUMERIC, "1,5"),
        (T.BOOLEAN, 1.0),
        (T.BOOLEAN, "maybe"),
        (T.DATE, "2026-02-30"),
        (T.TIMESTAMP, "2026-02-30 12:00:00"),
        (T.DATE, 46053.5),
        (T.DATE, 1e9),
        (T.DATE, True),
        (T.DATE, "31/01/2026"),
        (T.TIMESTAMP, "2026-01-31T00:00:00Z"),
        (T.TIMESTAMP, -1e9),
        (T.TIMESTAMP, True),
        (T.TIMESTAMP, "soon"),
        (T.TIMESTAMPTZ, True),
        (T.TIMESTAMPTZ, "soon"),
        (T.TIMESTAMPTZ, 1e9),
        (T.TIMESTAMPTZ, "0001-01-01T00:00:00+10:00"),
        (T.TIME, 1.5),
        (T.TIME, True),
        (T.TIME, "noon"),
        (T.TIME, "13:05:00+02:00"),
        (T.UUID, "c0ffee"),
        (T.UUID, 1.0),
        (T.JSON, "{"),
        (T.JSON, "NaN"),
        (T.JSON, '"\\u0000"'),
    ],
)
def test_what_a_column_cannot_take_is_said(type_: T, cell: Cell) -> None:
    with pytest.raises(Unfit, match=r"Column c \(.*expects .* found "):
        cell_to_text(_column(type_), cell)


@pytest.mark.parametrize(
    ("type_", "text", "cell"),
    [
        (T.TEXT, "007", "007"),
        (T.TEXT, "", ""),
        (T.TEXT, None, None),
        (T.INTEGER, "7", 7.0),
        (T.BIGINT, "9007199254740992", 9007199254740992.0),
        (T.BIGINT, "9007199254740993", "9007199254740993"),
        (T.FLOAT, "0.1", 0.1),
        (T.FLOAT, "NaN", "NaN"),
        (T.NUMERIC, "1.50", 1.5),
        (T.NUMERIC, "0.1234567890123456789", "0.1234567890123456789"),
        (T.BOOLEAN, "t", True),
        (T.BOOLEAN, "f", False),
        (T.DATE, "2026-01-31", 46053.0),
        (T.DATE, "infinity", "infinity"),
        (T.TIMESTAMP, "2026-01-31 12:00:00", 46053.5),
        (T.TIMESTAMP, "2026-01-31 12:00:00.000001", "2026-01-31 12:00:00.000001"),
        (T.TIMESTAMP, "0044-03-15 00:00:00 BC", "0044-03-15 00:00:00 BC"),
        (T.TIME, "12:00:00", 0.5),
        (T.TIME, "12:00:00.000001", "12:00:00.000001"),
        (T.TIME, "24:00:00", "24:00:00"),
        (T.UUID, UUID, UUID),
        (T.JSON, "7", "7"),
    ],
)
def test_texts_to_cell(type_: T, text: str | None, cell: Cell) -> None:
    assert text_to_cell(_column(type_), text) == cell


def test_an_instant_is_shown_in_the_spreadsheets_zone() -> None:
    column = _column(T.TIMESTAMPTZ)
    assert cell_to_text(column, 46053.5, "Europe/Berlin") == "2026-01-31 11:00:00+00"
    assert text_to_cell(column, "2026-01-31 11:00:00+00", "Europe/Berlin") == 46053.5
    assert cell_to_text(column, "2026-01-31T12:00:00+01:00", "Asia/Tokyo") == "2026-01-31 11:00:00+00"
    assert cell_to_text(column, "infinity") == "infinity"
    assert text_to_cell(column, "infinity") == "infinity"


def test_of_an_hour_that_a_zone_has_twice_the_second_goes_as_text() -> None:
    column = _column(T.TIMESTAMPTZ)
    for text, cell in (
        ("2025-10-26 00:30:00+00", 45956 + 2.5 / 24),
        ("2025-10-26 01:30:00+00", "2025-10-26 01:30:00+00"),
    ):
        assert text_to_cell(column, text, "Europe/Berlin") == cell
        assert cell_to_text(column, cell, "Europe/Berlin") == text


def test_a_text_too_long_for_a_cell_is_said() -> None:
    with pytest.raises(Unfit, match="50,000 characters at most"):
        text_to_cell(_column(T.TEXT), "x" * 50_001)


@pytest.mark.parametrize(
    ("type_", "one", "other", "same"),
    [
        (T.TEXT, "", None, True),
        (T.TEXT, "a\r\nb", "a\nb", True),
        (T.TEXT, "a", None, False),
        (T.TEXT, None, "a", False),
        (T.NUMERIC, "1.50", "1.5", True),
        (T.FLOAT, "1e+15", "1000000000000000", True),
        (T.FLOAT, "NaN", "NaN", True),
        (T.FLOAT, "NaN", "1", False),
        (T.JSON, '{"b": 1, "aa": 2}', '{"aa": 2, "b": 1}', True),
        (T.INTEGER, "1", "2", False),
    ],
)
def test_the_same_value_in_two_spellings(type_: T, one: str | None, other: str | None, same: bool) -> None:
    assert same_text(type_, one, other) is same


def test_cells_that_are_the_same_when_read_back() -> None:
    assert same_value(_column(T.TEXT), "", None)
    assert same_value(_column(T.INTEGER), "7", 7.0)
    assert not same_value(_column(T.BOOLEAN), True, 1.0)
    assert same_value(_column(T.INTEGER), "x", "x")
    assert not same_value(_column(T.INTEGER), "x", "y")


# What Postgres prints for a cell's text is that text: keys and images rely on it.
_SERIALS = st.integers(-600_000, 2_900_000)
_CELLS: dict[T, st.SearchStrategy[Cell]] = {
    T.TEXT: st.one_of(
        st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"), min_size=1),
        st.floats(allow_nan=False, allow_infinity=False),
    ),
    T.INTEGER: st.integers(-(2**31), 2**31 - 1).map(float),
    T.BIGINT: st.one_of(st.integers(-(2**53), 2**53).map(float), st.integers(-(2**63), 2**63 - 1).map(str)),
    T.FLOAT: st.floats(allow_nan=False, allow_infinity=False),
    T.NUMERIC: st.one_of(st.floats(-1e18, 1e18), st.decimals(allow_nan=False, allow_infinity=False, places=6).map(str)),
    T.BOOLEAN: st.booleans(),
    T.DATE: _SERIALS.map(float),
    T.TIMESTAMP: st.floats(-600_000, 2_900_000),
    T.TIMESTAMPTZ: st.floats(-600_000, 2_900_000),
    T.TIME: st.floats(0, 0.99999),
    T.UUID: st.uuids().map(str),
}


@pytest.mark.parametrize("type_", _CELLS, ids=str)
def test_postgres_prints_the_same_text(type_: T, read_only_database: str) -> None:
    with psycopg.connect(session_dsn(read_only_database, "test"), autocommit=True) as connection:

        @settings(max_examples=100, suppress_health_check=list(HealthCheck))
        @given(_CELLS[type_])
        def check(cell: Cell) -> None:
            text = cell_to_text(_column(type_), cell)
            row = connection.execute(f"SELECT format('%%s', %s::{SQL_TYPES[type_]})", (text,)).fetchone()
            assert row == (text,)

        check()


@pytest.mark.parametrize("type_", _CELLS, ids=str)
def test_a_text_survives_the_way_through_a_cell(type_: T) -> None:
    @given(_CELLS[type_])
    def check(cell: Cell) -> None:
        text = cell_to_text(_column(type_), cell, "America/New_York")
        back = cell_to_text(_column(type_), text_to_cell(_column(type_), text, "America/New_York"), "America/New_York")
        assert same_text(type_, text, back)

    check()


def test_serials_are_sheets_own() -> None:
    day = dt.date(2026, 1, 31)
    assert text_to_cell(_column(T.DATE), day.isoformat()) == (day - dt.date(1899, 12, 30)).days
    assert Decimal(str(text_to_cell(_column(T.TIMESTAMP), "1899-12-31 06:00:00"))) == Decimal("1.25")
