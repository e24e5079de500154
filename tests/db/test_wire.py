"""Wire values, keys and origins agree with what Postgres prints and reads."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from db.changes import Cause, WireValue
from db.keys import key_sql, key_text, key_values
from db.origin import read_origin, sign_origin
from db.session import connect
from db.wire import DEEPEST, SQL_TYPES, ColumnType, column_type, to_text, to_wire

VALUES: list[tuple[ColumnType, str, WireValue]] = [
    (ColumnType.TEXT, "'a\u00e9'", "a\u00e9"),
    (ColumnType.INTEGER, "'-2147483648'", -(2**31)),
    (ColumnType.BIGINT, "9007199254740993", "9007199254740993"),
    (ColumnType.FLOAT, "0.1", 0.1),
    (ColumnType.FLOAT, "'NaN'", "NaN"),
    (ColumnType.FLOAT, "'-Infinity'", "-Infinity"),
    (ColumnType.NUMERIC, "1.10", "1.10"),
    (ColumnType.BOOLEAN, "true", True),
    (ColumnType.BOOLEAN, "false", False),
    (ColumnType.DATE, "'2026-01-31'", "2026-01-31"),
    (ColumnType.DATE, "'infinity'", "infinity"),
    (ColumnType.TIME, "'13:05'", "13:05:00"),
    (ColumnType.TIME, "'24:00'", "24:00:00"),
    (ColumnType.DATE, "'12028-02-29'", "12028-02-29"),
    (ColumnType.DATE, "'0005-02-29 BC'", "0005-02-29 BC"),
    (ColumnType.TIMESTAMPTZ, "'294276-12-31 23:59:59.5+00'", "294276-12-31T23:59:59.5+00:00"),
    (ColumnType.TIMESTAMP, "'2026-01-31 13:05'", "2026-01-31T13:05:00"),
    (ColumnType.TIMESTAMP, "'infinity'", "infinity"),
    (ColumnType.TIMESTAMPTZ, "'2026-01-31 13:05+01'", "2026-01-31T12:05:00+00:00"),
    (ColumnType.TIMESTAMPTZ, "'0044-03-15 12:00+00 BC'", "0044-03-15T12:00:00+00:00 BC"),
    (ColumnType.TIMESTAMPTZ, "'-infinity'", "-infinity"),
    (ColumnType.UUID, "'00000000-0000-0000-0000-000000000001'", "00000000-0000-0000-0000-000000000001"),
    (ColumnType.JSON, "'{\"a\": [1, null]}'", {"a": [1, None]}),
]


@pytest.mark.parametrize(("type_", "literal", "wire"), VALUES)
async def test_a_value_reads_and_writes_back_the_same(
    read_only_database: str, type_: ColumnType, literal: str, wire: WireValue
) -> None:
    async with await connect(read_only_database, "rowcast test") as connection:
        sql_type = SQL_TYPES[type_]
        cursor = await connection.execute(
            f"SELECT format('%s', {literal}::{sql_type}), '{sql_type}'::regtype::oid::bigint".encode()
        )
        row = await cursor.fetchone()
        assert row is not None
        assert column_type(row[1]) is type_
        assert to_wire(type_, row[0]) == wire
        back = await connection.execute(
            f"SELECT %s::text::{sql_type} IS NOT DISTINCT FROM {literal}::{sql_type}".encode(), (to_text(type_, wire),)
        )
        assert await back.fetchone() == (True,)


@pytest.mark.parametrize(
    ("type_", "value"),
    [
        (ColumnType.INTEGER, 2**31),
        (ColumnType.INTEGER, True),
        (ColumnType.BIGINT, "1.5"),
        (ColumnType.BIGINT, 2**63),
        (ColumnType.FLOAT, "1"),
        (ColumnType.NUMERIC, 1.5),
        (ColumnType.BOOLEAN, "true"),
        (ColumnType.TEXT, "a\0b"),
        (ColumnType.TEXT, "\ud800"),
        (ColumnType.JSON, {"a": "\ud800"}),
        (ColumnType.DATE, "31.01.2026"),
        (ColumnType.DATE, "2026-02-30"),
        (ColumnType.DATE, "12026-02-29"),
        (ColumnType.DATE, "0004-02-29 BC"),
        (ColumnType.TIMESTAMP, "2026-01-31T25:00:00"),
        (ColumnType.TIME, "25:00"),
        (ColumnType.TIMESTAMP, "2026-01-31T13:05:00+00:00"),
        (ColumnType.TIMESTAMPTZ, "2026-01-31T13:05:00"),
        (ColumnType.UUID, "1"),
    ],
)
def test_what_does_not_fit_says_what_was_expected(type_: ColumnType, value: WireValue) -> None:
    with pytest.raises(ValueError, match="expected"):
        to_text(type_, value)


@pytest.mark.parametrize(
    ("type_", "value", "text"),
    [
        (ColumnType.DATE, "2026-W05-6", "2026-01-31"),
        (ColumnType.TIMESTAMP, "20260131T1305", "2026-01-31T13:05:00"),
        (ColumnType.TIMESTAMPTZ, "2026-01-31 13:05Z", "2026-01-31T13:05:00+00:00"),
        (ColumnType.UUID, "00000000000000000000000000ABCDEF", "00000000-0000-0000-0000-000000abcdef"),
    ],
)
def test_other_forms_are_written_in_full(type_: ColumnType, value: str, text: str) -> None:
    assert to_text(type_, value) == text


def test_null_is_null() -> None:
    assert to_wire(ColumnType.INTEGER, None) is None
    assert to_text(ColumnType.INTEGER, None) is None


@given(st.lists(st.text(st.characters(exclude_categories=["Cs"]), max_size=20), min_size=1, max_size=4))
def test_keys_are_read_as_they_were_written(values: list[str]) -> None:
    assert key_values(key_text(values)) == values


async def test_keys_are_the_same_in_sql(database: str) -> None:
    texts = ["", 'O"Neil', "a\\b", "\u00e9\u4e16\U0001f600", "tab\tnew\nline", "\x01\x1f\x7f", "\u2028", "</x>"]
    async with await connect(database, "rowcast test") as connection:
        await connection.execute("CREATE TABLE t (id integer, b boolean, name text)")
        for id_, text in enumerate(texts):
            await connection.execute("INSERT INTO t VALUES (%s, true, %s)", (id_, text))
        cursor = await connection.execute(b"SELECT " + key_sql(["id", "b", "name"]).as_bytes() + b" FROM t ORDER BY id")
        found = [row[0] for row in await cursor.fetchall()]
    assert found == [key_text([str(id_), "t", text]) for id_, text in enumerate(texts)]


KEY = b"k" * 32


def test_an_origin_is_believed_only_where_it_was_signed() -> None:
    payload = sign_origin(KEY, 7, Cause.API, "a token").encode()
    assert read_origin(KEY, 7, payload) == (Cause.API, "a token")
    assert read_origin(KEY, 8, payload) is None
    assert read_origin(b"another", 7, payload) is None
    message = json.loads(payload)
    forgeries: list[object] = [
        {**message, "cause": "SQL"},
        {**message, "actor": 1},
        {**message, "mac": None},
        {},
        [],
        "x",
    ]
    for forged in forgeries:
        assert read_origin(KEY, 7, json.dumps(forged).encode()) is None
    assert read_origin(KEY, 7, b"\xff") is None


def test_json_is_a_value_unless_it_is_nested_too_deep() -> None:
    def lists(depth: int) -> str:
        return "[" * depth + "]" * depth

    def objects(depth: int) -> str:
        return '{"a": [' * (depth // 2) + "]}" * (depth // 2)

    wide = f"[{', '.join([lists(3)] * DEEPEST)}]"
    for text in (lists(DEEPEST), objects(DEEPEST), wide, json.dumps("[" * 2 * DEEPEST)):
        assert to_wire(ColumnType.JSON, text) == json.loads(text)
    for text in (lists(DEEPEST + 1), objects(DEEPEST + 2), f"[1, {lists(DEEPEST)}, []]", lists(100_000)):
        assert to_wire(ColumnType.JSON, text) == text
