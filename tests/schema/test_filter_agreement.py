"""A filter means the same in SQL and in Python, for every row: three-valued, for every type."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import psycopg
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from psycopg import sql

from db.changes import WireRow
from db.session import session_dsn
from db.wire import ColumnType, column_type, to_wire
from schema.comparable import comparable, fit
from schema.filter_predicate import compile_filter
from schema.filter_sql import Parameters, condition
from schema.filters import And, Compare, Comparison, Filter, FilterColumn, IsNull, Like, Not, OneOf, Operand, Or
from tests.examples import many

COLUMNS = {
    "words": "text",
    "short words": "varchar(6)",
    "padded %": "char(4)",
    "mood": "mood",
    "address": "inet",
    "small": "smallint",
    "whole": "integer",
    "big": "bigint",
    "single": "real",
    "double": "double precision",
    "exact": "numeric",
    "cents": "numeric(8,2)",
    "flag": "boolean",
    "day": "date",
    "clock": "time",
    "local": "timestamp",
    "instant": "timestamptz",
    "id": "uuid",
    "document": "jsonb",
    "raw": "json",
}

words = st.text(st.sampled_from("aAbB%_\\ é\u00c9\u0130ß\U0001f600z\n"), max_size=6)
integers = st.integers(-3, 3) | st.integers(-(2**15), 2**15 - 1)
floats = st.floats(width=32, allow_nan=False, allow_infinity=False) | st.sampled_from(
    ["NaN", "Infinity", "-Infinity", 0.1, -0.0, 1e-45, 0.30000001192092896]
)
wide_floats = st.floats(allow_nan=False, allow_infinity=False) | floats
decimals = st.decimals(allow_nan=False, allow_infinity=False, places=3, min_value=-1000, max_value=1000).map(str)
numerics = decimals | st.sampled_from(["NaN", "Infinity", "-Infinity", "1", "1.0", "1.00", "0.1", "1e3", "-0"])
days = st.dates().map(str) | st.sampled_from(
    ["infinity", "-infinity", "0044-03-15 BC", "0001-12-31 BC", "4714-11-24 BC", "10000-01-01", "294276-12-31"]
)
clocks = st.times().map(str) | st.sampled_from(["24:00:00", "00:00:00", "13:05", "13:05:00.5", "13:05:00.500"])
locals_ = st.datetimes().map(lambda at: at.isoformat()) | st.sampled_from(
    ["infinity", "-infinity", "0044-03-15T10:00:00 BC", "12345-06-07T08:09:10.5", "2026-01-31", "2026-01-31 24:00:00"]
)
instants = st.datetimes().map(lambda at: at.isoformat() + "+02:00") | st.sampled_from(
    [
        "infinity",
        "-infinity",
        "0044-03-15T10:00:00+00:00 BC",
        "12345-06-07T08:09:10Z",
        "2026-01-31T13:05:00Z",
        "2026-01-31T14:05:00+01:00",
        "2026-01-31T12:35:00-0030",
    ]
)
documents = st.sampled_from(["null", "true", "1", '"a"', '{"a": [1, null]}', " null "])

VALUES: dict[str, st.SearchStrategy[Any]] = {
    "words": words,
    "short words": words,
    "padded %": st.text("ab", max_size=4),
    "mood": st.sampled_from(["sad", "fine", "Happy"]),
    "address": st.sampled_from(["127.0.0.1", "10.0.0.0/8", "::1"]),
    "small": integers,
    "whole": integers | st.integers(-(2**31), 2**31 - 1),
    "big": integers.map(str) | st.integers(-(2**63), 2**63 - 1).map(str) | integers,
    "single": floats,
    "double": wide_floats,
    "exact": numerics,
    "cents": decimals | st.just("NaN"),
    "flag": st.booleans(),
    "day": days,
    "clock": clocks,
    "local": locals_,
    "instant": instants,
    "id": st.uuids().map(str) | st.just("A0EEBC99-9C0B-4EF8-BB6D-6BB9BD380A11"),
}
TEXTS = ("words", "short words", "padded %", "mood", "address")
DOCUMENTS = ("document", "raw")
PATTERNS = st.text(st.sampled_from("aAbBz%%__ é\U0001f600"), max_size=6) | st.sampled_from(
    ["\\%", "a\\_%", "%\\\\", "%", "", "%a%b%", "\\a"]
)


@dataclass(frozen=True)
class Table:
    """An open transaction with the table `everything`."""

    connection: psycopg.Connection
    columns: dict[str, FilterColumn]


@pytest.fixture
def table(database: str) -> Iterator[Table]:
    with psycopg.connect(session_dsn(database, "test")) as connection:
        listed = [sql.SQL("{} {}").format(sql.Identifier(name), sql.SQL(type_)) for name, type_ in COLUMNS.items()]
        connection.execute("CREATE TYPE mood AS ENUM ('sad', 'fine', 'Happy')")
        connection.execute(sql.SQL("CREATE TABLE everything ({})").format(sql.SQL(", ").join(listed)))
        rows = connection.execute(
            "SELECT attname, atttypid::int8 FROM pg_attribute WHERE attrelid = 'everything'::regclass AND attnum > 0"
        ).fetchall()
        yield Table(connection, {name: FilterColumn(name, column_type(oid), oid) for name, oid in rows})
        connection.rollback()


def _operand(column: FilterColumn, value: Any) -> Operand | None:
    if value is None:
        return None
    compared, text = comparable(column.type, value), fit(column.type, value)
    assert compared is not None
    assert text is not None
    return Operand(text, compared)


def _leaf(draw: Callable[..., Any], column: FilterColumn) -> Filter:
    if column.name in DOCUMENTS:
        return IsNull(column)
    match draw(st.sampled_from(["compare", "in", "null"] + ["like"] * 3 * (column.name in TEXTS))):
        case "null":
            return IsNull(column)
        case "like":
            return Like(column, draw(st.none() | PATTERNS), draw(st.booleans()))
        case "in":
            drawn = draw(st.lists(st.none() | VALUES[column.name], max_size=3))
            return OneOf(column, tuple(_operand(column, value) for value in drawn))
        case _:
            operand = draw(st.none() | VALUES[column.name])
            return Compare(column, draw(st.sampled_from(Comparison)), _operand(column, operand))


def _draw_filter(draw: Callable[..., Any], columns: Sequence[FilterColumn], depth: int = 2) -> Filter:
    kind = draw(st.sampled_from(["leaf", "leaf", "and", "or", "not"])) if depth else "leaf"
    if kind == "leaf":
        return _leaf(draw, draw(st.sampled_from(columns)))
    if kind == "not":
        return Not(_draw_filter(draw, columns, depth - 1))
    parts = tuple(_draw_filter(draw, columns, depth - 1) for _ in range(draw(st.integers(0, 2))))
    return And(parts) if kind == "and" else Or(parts)


def _insert(table: Table, names: Sequence[str], rows: Sequence[Sequence[Any]]) -> None:
    listed = sql.SQL(", ").join([sql.Identifier(name) for name in names])
    given: list[str | None] = []
    tuples = []
    for row in rows:
        placeholders = []
        for name, value in zip(names, row, strict=True):
            given.append(value if name in DOCUMENTS else fit(table.columns[name].type, value))
            placeholders.append(sql.SQL(f"${len(given)}::text::{{}}").format(sql.SQL(COLUMNS[name])))
        tuples.append(sql.SQL("({})").format(sql.SQL(", ").join(placeholders)))
    query = sql.SQL("INSERT INTO everything ({}) VALUES {}").format(listed, sql.SQL(", ").join(tuples))
    psycopg.RawCursor(table.connection).execute(query.as_bytes(table.connection), given, prepare=False)


def _answers(table: Table, names: Sequence[str], part: Filter) -> list[tuple[WireRow, bool | None]]:
    """Every row as it is on the wire, with what SQL says of it."""
    parameters = Parameters()
    listed = sql.SQL(", ").join([sql.Identifier(name) for name in names])
    query = sql.SQL("SELECT {}, {} FROM everything").format(listed, condition(part, parameters))
    cursor = psycopg.RawCursor(table.connection)
    cursor.execute(query.as_bytes(table.connection), parameters.values, prepare=False)
    result = cursor.pgresult
    assert result is not None
    answers: list[tuple[WireRow, bool | None]] = []
    for index in range(result.ntuples):
        texts = [None if (raw := result.get_value(index, n)) is None else raw.decode() for n in range(result.nfields)]
        row = {name: to_wire(column_type(result.ftype(n)), texts[n]) for n, name in enumerate(names)}
        answers.append((row, None if texts[-1] is None else texts[-1] == "t"))
    return answers


RELAXED = settings(
    max_examples=many(15), suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow]
)


@pytest.mark.parametrize("name", COLUMNS)
def test_sql_and_python_agree_on_every_row(table: Table, name: str) -> None:
    @given(st.data())
    @RELAXED
    def agree(data: st.DataObject) -> None:
        names = [name, data.draw(st.sampled_from([other for other in COLUMNS if other != name]))]
        columns = [table.columns[each] for each in names]
        row = st.tuples(*(st.none() | VALUES.get(each, documents) for each in names))
        with table.connection.transaction(force_rollback=True):
            _insert(table, names, data.draw(st.lists(row, min_size=1, max_size=5)))
            for _ in range(3):
                part = _draw_filter(data.draw, columns)
                predicate = compile_filter(part)
                for wire, answer in _answers(table, names, part):
                    assert predicate(wire) is answer, (part, wire)

    agree()


@pytest.mark.parametrize(
    "name", sorted(set(VALUES) - {"padded %", "short words", "single", "cents", "mood", "address"})
)
def test_a_value_that_fits_comes_back_equal(table: Table, name: str) -> None:
    @given(st.lists(VALUES[name], min_size=1, max_size=10))
    @settings(parent=RELAXED, max_examples=many(8))
    def same(values: list[Any]) -> None:
        type_ = table.columns[name].type
        with table.connection.transaction(force_rollback=True):
            _insert(table, [name], [(value,) for value in values])
            stored = [row[name] for row, _ in _answers(table, [name], And(()))]
        assert [comparable(type_, value) for value in stored] == [comparable(type_, value) for value in values]

    same()


@pytest.mark.parametrize("text", ["1e131073", "-1e-131073", "1e99999999999999999999", "1" * 131_074])
def test_a_number_that_postgres_does_not_take_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="at most 131072 digits"):
        comparable(ColumnType.NUMERIC, text)
