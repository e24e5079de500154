"""Types beyond the common ones: the log has what Postgres prints, rows and changes the same, and nothing raises."""

from collections.abc import Iterator
from contextlib import AsyncExitStack, suppress

import psycopg
import pytest

from db.session import connect, session_dsn
from db.sources import Column
from db.wire import ColumnType
from tests.replication.leader import value
from tests.schema.ground import Ground, standing
from tests.tls_postgres import NOT_FOUND, tls_postgres, tls_programs

TYPES = {
    "numbers": ("integer[]", "'{1,NULL,-3}'"),
    "words": ("text[]", "ARRAY['a,b', 'c\"d', NULL, '', 'NULL']"),
    "nested": ("integer[][]", "'{{1,2},{3,4}}'"),
    "bounds": ("integer[]", "'[0:1]={7,8}'"),
    "mood": ("mood", "'fine'"),
    "moods": ("mood[]", "'{fine,sad}'"),
    "share": ("share", "0.25"),
    "place": ("place", "ROW('Main St, 1', 7)"),
    "span": ("int4range", "'[1,5)'"),
    "spans": ("int8multirange", "'{[1,3),[5,)}'"),
    "times": ("tstzrange", "'[2026-01-31 12:00+01,infinity)'"),
    "raw": ("bytea", "'\\\\x00ff27'::bytea"),
    "took": ("interval", "'1 year -2 days 03:04:05.6'"),
    "clock": ("timetz", "'13:05:06.7+02'"),
    "day": ("date", "'-infinity'"),
    "at": ("timestamptz", "'infinity'"),
    "long_ago": ("timestamp", "'0044-03-15 10:00 BC'"),
    "real": ("real", "'NaN'"),
    "double": ("double precision", "'-Infinity'"),
    "exact": ("numeric", "'NaN'"),
    "endless": ("numeric", "'Infinity'"),
    "price": ("money", "12.5"),
    "bits": ("bit varying", "B'0101'"),
    "host": ("inet", "'10.0.0.1/8'"),
    "card": ("macaddr", "'08:00:2b:01:02:03'"),
    "spot": ("point", "'(1.5,-2)'"),
    "shape": ("polygon", "'((0,0),(1,1),(1,0))'"),
    "found": ("tsvector", "'a:1 b:2'"),
    "sought": ("tsquery", "'a & !b'"),
    "markup": ("xml", "'<a>é</a>'"),
    "path": ("jsonpath", "'$.a[*]'"),
    "document": ("jsonb", "'{\"a\": [1e400, null]}'"),
    "padded": ("char(5)", "'ab'"),
    "one": ('"char"', "'x'"),
    "name": ("name", "'n'"),
    "oid": ("oid", "4294967295"),
    "kind": ("regtype", "'integer'"),
    "lsn": ("pg_lsn", "'16/B374D848'"),
    "xid": ("xid8", "'18446744073709551615'"),
    "uuids": ("uuid[]", "'{6ba7b810-9dad-11d1-80b4-00c04fd430c8,NULL}'"),
    "stamps": ("timestamptz[]", "'{2026-01-31 12:00+01,infinity}'"),
    "places": ("place[]", "ARRAY[ROW('a\"b, c', NULL)::place]"),
    "shares": ("share[]", "'{0.25,1}'"),
    "odd_name": ('"Odd, type"', "'it''s, \"odd\"'"),
    "spans_own": ("share_range", "'(0.25,1]'"),
    "three_bits": ("bit(3)", "B'010'"),
    "net": ("cidr", "'10.0.0.0/8'"),
    "card8": ("macaddr8", "'08:00:2b:01:02:03:04:05'"),
    "debt": ("money", "'-1234.5'"),
    "straight": ("line", "'{1,-1,0}'"),
    "corners": ("box", "'(1,1),(0,0)'"),
    "disc": ("circle", "'<(0,0),5>'"),
    "way": ("path", "'[(0,0),(1,1)]'"),
    "midnight": ("time", "'24:00:00'"),
    "last_day": ("date", "'5874897-12-31'"),
    "huge": ("numeric", "('1' || repeat('0', 500))"),
    "tiny": ("numeric", "('0.' || repeat('0', 500) || '1')"),
    "zero": ("double precision", "'-0'"),
    "odd_numbers": ("json", '\'{"a": 1.10, "b": -0, "c": 1e-400, "d": 12345678901234567890, "d": 1}\''),
    "pairs": ("hstore", "'a=>1, \"b c\"=>NULL'"),
    "nobody": ("citext", "'Ada'"),
    "branch": ("ltree", "'Top.Science'"),
    "room": ("cube", "'(1,2),(3,4)'"),
}
EXTENSIONS = ("hstore", "citext", "ltree", "cube")
JSON_KEYS = {"document": ["a"], "odd_numbers": ["a", "b", "c", "d"]}
"""JSON is no text on the wire, and has no order to compare by."""

PREPARE = (
    "CREATE TYPE mood AS ENUM ('sad', 'fine')",
    "CREATE DOMAIN share AS numeric CHECK (value BETWEEN 0 AND 1)",
    "CREATE TYPE place AS (street text, number integer)",
    "CREATE TYPE \"Odd, type\" AS ENUM ('it''s, \"odd\"')",
    "CREATE TYPE share_range AS RANGE (subtype = numeric)",
)
FILTERED = """subscription($where: RowFilter) {
    changes(source: "t", where: $where) { upToDate changes { operation key } } }"""
CHANGES = 'subscription { changes(source: "t", snapshot: true) { upToDate changes { operation row before } } }'


async def bound(ground: Ground) -> list[str]:
    """The table with a column of each type that this server has."""
    await ground.sql(*PREPARE)
    names = []
    with psycopg.connect(ground.dsn, autocommit=True) as connection:
        for extension in EXTENSIONS:
            with suppress(psycopg.errors.FeatureNotSupported):  # it isn't installed
                connection.execute(f"CREATE EXTENSION {extension}".encode())
        for name, (type_, literal) in TYPES.items():
            try:
                connection.execute(f"SELECT {literal}::{type_}".encode())
            except psycopg.errors.FeatureNotSupported:  # such as xml, where Postgres was built without it
                continue
            except psycopg.errors.UndefinedObject:
                assert type_ in EXTENSIONS
                continue
            names.append(name)
    columns = ", ".join(f'"{name}" {TYPES[name][0]}' for name in names)
    fields = [Column("id", ColumnType.INTEGER, "id"), *(Column(name, ColumnType.TEXT, name) for name in names)]
    await ground.bind("t", f"id integer PRIMARY KEY, {columns}", fields)
    return names


@pytest.fixture(params=["embedded", "installed"])
def postgres(request: pytest.FixtureRequest) -> Iterator[str]:
    """The DSN of a database on each server that there is: another version, and one with extensions and XML."""
    if request.param == "embedded":
        yield request.getfixturevalue("database")
        return
    programs = tls_programs()
    if programs is None:
        pytest.skip(NOT_FOUND)
    with tls_postgres(programs) as server:
        yield server.dsn


async def test_every_type_comes_through_as_postgres_prints_it(postgres: str) -> None:
    async with standing(postgres) as ground:
        names = await bound(ground)
        given = ", ".join(f"{TYPES[name][1]}::{TYPES[name][0]}" for name in names)
        async with ground.subscribe(CHANGES) as stream:
            await stream.until_up_to_date()
            await ground.sql(f"INSERT INTO t VALUES (1, {given})")
            await ground.sql("UPDATE t SET id = 2")
            [inserted] = (await stream.next())["changes"]
            gone, back = (await stream.next())["changes"]
        [node] = (await ground.run('{ rows(source: "t") { nodes { data } } }'))["nodes"]
        assert back["row"] == node["data"]
        assert inserted["row"] == gone["before"] == {**node["data"], "id": 1}
        async with await connect(postgres, "rowcast test") as connection:
            listed = ", ".join(f'concat("{name}")' for name in names)
            row = await (await connection.execute(f"SELECT {listed} FROM t".encode())).fetchone()
    assert row is not None
    printed = dict(zip(names, row, strict=True))
    assert printed["words"] == '{"a,b","c\\"d",NULL,"","NULL"}'
    assert printed["took"] == "1 year -2 days +03:04:05.6"
    for name in names:
        shown = node["data"][name]
        if name in ("at", "long_ago", "real", "double"):
            assert shown in ("infinity", "0044-03-15T10:00:00 BC", "NaN", "-Infinity")
        elif name in JSON_KEYS:
            assert list(shown) == JSON_KEYS[name]
        elif name == "zero":
            assert str(shown) == "-0.0"
        else:
            assert shown == printed[name], name


async def test_nothing_of_it_is_in_the_way_of_a_filter(postgres: str) -> None:
    async with standing(postgres) as ground:
        names = await bound(ground)
        given = ", ".join(f"{TYPES[name][1]}::{TYPES[name][0]}" for name in names)
        await ground.sql(f"INSERT INTO t VALUES (1, {given})", "INSERT INTO t VALUES (2)")
        query = 'query($where: RowFilter) { rows(source: "t", where: $where) { nodes { data } } }'
        [node] = (await ground.run(query, {"where": {"column": "id", "eq": 1}}))["nodes"]
        filters = {name: {"column": name, "eq": node["data"][name]} for name in names if name not in JSON_KEYS}
        filters |= {name: {"column": name, "isNull": False} for name in names if name in JSON_KEYS}
        async with AsyncExitStack() as stack:
            streams = {}
            for name, where in filters.items():
                found = await ground.run(query, {"where": where})
                assert [each["data"]["id"] for each in found["nodes"]] == [1], name
                streams[name] = await stack.enter_async_context(ground.subscribe(FILTERED, {"where": where}))
                await streams[name].until_up_to_date()
            # The log's filter is another program than Postgres', and has to say the same.
            await ground.sql(f"INSERT INTO t VALUES (3, {given})", "INSERT INTO t VALUES (4)")
            for name, stream in streams.items():
                keys = [(change["operation"], change["key"]) for change in (await stream.next())["changes"]]
                assert keys == [("INSERT", {"id": 3})], name


async def test_sessions_print_the_same_whatever_the_database_is_set_to(database: str) -> None:
    async with await connect(database, "rowcast test") as connection:
        name = await value(database, "SELECT current_database()")
        for setting in ("IntervalStyle = 'iso_8601'", "DateStyle = 'SQL, DMY'", "bytea_output = 'escape'"):
            await connection.execute(f"ALTER DATABASE {name} SET {setting}".encode())
    with psycopg.connect(session_dsn(database, "test")) as pinned:
        row = pinned.execute("SELECT concat('1 day'::interval), concat('2026-01-31'::date)").fetchone()
    assert row == ("1 day", "2026-01-31")
