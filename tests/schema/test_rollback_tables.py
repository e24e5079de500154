"""Rolling back tables as people have them: every type, columns that came and went, constraints, marks; and limits."""

import psycopg
import pytest

from db import rollback, rollback_rows
from db.cursor import Cursor
from db.position import Position
from db.sources import Column, DeletePolicy
from db.wire import ColumnType
from tests.schema.ground import CUSTOMERS_SQL, GraphQLFailed, Ground
from tests.schema.rolling import ROW, SOURCE, as_of, table, whole_history

THINGS = """
    flag boolean, code char(4), "growth %" numeric(8,2),
    PRIMARY KEY (flag, code, "growth %"),
    number integer GENERATED ALWAYS AS IDENTITY,
    small smallint, big bigint, single real, double double precision, exact numeric,
    words text[], mood mood, part point, span interval, bytes bytea, raw json, document jsonb, price money,
    day date, clock time, local timestamp, instant timestamptz, net inet, spread int4range, pair pair, bits bit varying,
    doubled bigint GENERATED ALWAYS AS (small * 2) STORED, quiet text NOT NULL
"""
THING = """
    (true, 'a b', -1.5, DEFAULT, 3, 9223372036854775807, 0.1, 1e300, 98765432109876543210.09876543210987654321,
    '{a,NULL,"b c"}', 'sad', '(1,2.5)', '1 year 2 days 03:04:05.6', '\\xdeadbeef', '{"a":  1}',
    '{"precise": 0.12345678901234567890, "b": [true, null]}', 12.5,
    '0044-03-15 BC', '24:00', 'infinity', '12345-06-07 08:09:10.5+00', '10.0.0.0/8', '[1,5)', '(7,"x y")', B'101',
    DEFAULT, '')
"""
TYPES = ("CREATE TYPE mood AS ENUM ('sad', 'ok')", "CREATE TYPE pair AS (n integer, t text)")


async def _things(ground: Ground) -> None:
    columns = (
        Column("flag", ColumnType.BOOLEAN, "flag"),
        Column("code", ColumnType.TEXT, "code"),
        Column("growth %", ColumnType.NUMERIC, "growth %"),
        Column("quiet", ColumnType.TEXT, "quiet"),
    )
    await ground.sql(*TYPES)
    await ground.bind("things", THINGS, columns, key=("flag", "code", "growth %"))


async def test_every_type_comes_back_as_it_was(ground: Ground) -> None:
    await _things(ground)
    await ground.sql(f"INSERT INTO things VALUES {THING}")
    before, then = await as_of(ground, "things"), table(ground, "things")
    key = {"flag": True, "code": "a b", "growth %": "-1.5"}
    changes = (
        "UPDATE things SET small = 4, words = NULL, quiet = 'x'",
        "UPDATE things SET flag = false, bytes = NULL, span = NULL, price = 13, exact = 1",
        "DELETE FROM things",
    )
    for change in changes:
        await ground.sql(change)
        done = await ground.run(ROW, {"source": "things", "key": key, "to": before})
        assert len(done["rows"]) == 1
        assert table(ground, "things") == _with_json_as_the_log_has_it(then, change)
        await ground.sql("DELETE FROM things", f"INSERT INTO things OVERRIDING SYSTEM VALUE VALUES {_numbered(1)}")
        before = await as_of(ground, "things")


def _numbered(number: int) -> str:
    return THING.replace("DEFAULT", str(number), 1)


def _with_json_as_the_log_has_it(then: list[tuple[object, ...]], change: str) -> list[tuple[object, ...]]:
    """A row that is there keeps its JSON to the last digit. One that comes back has it as clients saw it."""
    if change.startswith("UPDATE things SET small"):
        return then
    [(row,)] = then
    return [(str(row).replace("0.12345678901234567890", "0.12345678901234568").replace('{""a"":  1}', '{""a"":1}'),)]


async def test_columns_that_came_and_went(ground: Ground) -> None:
    await ground.sql("INSERT INTO customers VALUES (1, 'Ada', 30), (2, 'Bob', 20), (3, 'Cy', 10)")
    before = await as_of(ground)
    await ground.sql("UPDATE customers SET age = 1 WHERE id = 1")
    await ground.sql("ALTER TABLE customers ADD note text DEFAULT 'none'", "ALTER TABLE customers ALTER age TYPE text")
    await ground.sql("UPDATE customers SET age = 'two', note = 'kept' WHERE id = 2")
    between = await as_of(ground)
    await ground.sql("ALTER TABLE customers ADD later integer DEFAULT 7", "DELETE FROM customers WHERE id IN (1, 3)")
    await ground.run(SOURCE, {"to": before})
    assert table(ground) == [("(1,Ada,30,,none,7)",), ("(2,Bob,20,,none,7)",), ("(3,Cy,10,,none,7)",)]
    await ground.sql("ALTER TABLE customers DROP note", "UPDATE customers SET later = 8")
    await ground.run(SOURCE, {"to": between})
    assert table(ground) == [("(1,Ada,1,,7)",), ("(2,Bob,two,,7)",), ("(3,Cy,10,,7)",)]


async def test_what_the_source_computes_is_left_to_it(ground: Ground) -> None:
    await ground.sql("INSERT INTO customers VALUES (1, 'Ada', 30, 5), (2, 'Bob', 20, 6)")
    before = await as_of(ground)
    await ground.sql(
        "UPDATE customers SET age = 31, total = 7 WHERE id = 1", "UPDATE customers SET total = 8 WHERE id = 2"
    )
    done = await ground.run(SOURCE, {"to": before})
    assert [row["key"] for row in done["rows"]] == [{"id": 1}]
    assert table(ground) == [("(1,Ada,30,7)",), ("(2,Bob,20,8)",)]


async def test_constraints_that_can_wait_do_and_others_refuse_all_of_it(ground: Ground) -> None:
    await ground.sql(
        "ALTER TABLE customers ADD boss integer REFERENCES customers, ADD place integer",
        "ALTER TABLE customers ADD UNIQUE (place) DEFERRABLE",
        "INSERT INTO customers (id, name, place) VALUES (1, 'Ada', 1), (2, 'Bob', 2), (3, 'Cy', 3)",
        "UPDATE customers SET boss = 1 WHERE id > 1",
    )
    before, then = await as_of(ground), table(ground)
    await ground.sql("UPDATE customers SET boss = 2", "DELETE FROM customers WHERE id = 1")
    await ground.sql("SET CONSTRAINTS ALL DEFERRED", "UPDATE customers SET place = 5 - place")
    await ground.run(SOURCE, {"to": before})
    assert table(ground) == then
    await ground.sql("CREATE TABLE orders (customer integer REFERENCES customers)")
    await ground.sql("INSERT INTO customers VALUES (4, 'Di'), (5, 'Eve')", "INSERT INTO orders VALUES (4)")
    now = table(ground)
    failed = await ground.refused(SOURCE, {"to": before})
    assert failed.code == "CONFLICT"
    assert "nothing was rolled back" in str(failed)
    assert 'still referenced from table "orders"' in str(failed)
    assert table(ground) == now


async def test_values_that_change_places_need_a_constraint_that_waits(ground: Ground) -> None:
    await ground.sql("ALTER TABLE customers ADD UNIQUE (name)", "INSERT INTO customers VALUES (1, 'Ada'), (2, 'Bob')")
    before = await as_of(ground)
    await ground.sql("DELETE FROM customers WHERE id = 2", "UPDATE customers SET name = 'Bob' WHERE id = 1")
    await ground.run(SOURCE, {"to": before})
    assert table(ground) == [("(1,Ada,,)",), ("(2,Bob,,)",)]
    await ground.sql(*(f"UPDATE customers SET name = '{name}' WHERE id = {n}" for n, name in ((1, "x"), (2, "Ada"))))
    await ground.sql("UPDATE customers SET name = 'Bob' WHERE id = 1")
    now = table(ground)
    failed = await ground.refused(SOURCE, {"to": before})
    assert (failed.code, table(ground)) == ("CONFLICT", now)


async def test_marked_rows_come_back_and_rows_that_were_not_are_marked(ground: Ground) -> None:
    await ground.bind(
        "soft",
        "id integer PRIMARY KEY, name text, deleted_at timestamptz",
        (Column("id", ColumnType.INTEGER, "id"), Column("name", ColumnType.TEXT, "name")),
        delete_policy=DeletePolicy.SOFT,
        hides_deleted=True,
    )
    await ground.sql("INSERT INTO soft VALUES (1, 'Ada', NULL), (2, 'Bob', NULL), (3, 'Cy', now())")
    before = await as_of(ground, "soft")
    await ground.sql("UPDATE soft SET deleted_at = now() WHERE id = 1", "INSERT INTO soft VALUES (4, 'Di')")
    await ground.sql("UPDATE soft SET deleted_at = NULL WHERE id = 3")
    done = await ground.run(SOURCE, {"source": "soft", "to": before})
    assert (done["deleted"], [row["key"]["id"] for row in done["rows"]]) == (2, [1])
    with psycopg.connect(ground.dsn) as connection:
        rows = connection.execute("SELECT id, deleted_at IS NULL FROM soft ORDER BY id").fetchall()
    assert rows == [(1, True), (2, True), (3, False), (4, False)]
    marked = await ground.run(ROW, {"source": "soft", "key": {"id": 4}, "to": before})
    assert (marked["deleted"], marked["rows"]) == (0, [])


async def test_a_truncated_table_goes_back_no_further(ground: Ground) -> None:
    await ground.sql("INSERT INTO customers VALUES (1, 'Ada')")
    before = await as_of(ground)
    await ground.sql("TRUNCATE customers")
    await ground.sql("INSERT INTO customers VALUES (2, 'Bob')")
    failed = await ground.refused(SOURCE, {"to": before})
    assert failed.code == "CURSOR_EXPIRED"
    assert "TRUNCATE" in str(failed)
    earliest = str(failed).rpartition("the cursor ")[2].partition(",")[0]
    assert (await ground.run(SOURCE, {"to": earliest}))["deleted"] == 1
    assert table(ground) == []


async def test_a_table_that_is_replaced_goes_back_no_further(ground: Ground) -> None:
    await ground.sql("INSERT INTO customers VALUES (1, 'Ada')")
    before = await as_of(ground)
    await ground.sql(
        "DROP TABLE customers",
        f"CREATE TABLE customers ({CUSTOMERS_SQL})",
        "ALTER TABLE customers REPLICA IDENTITY FULL",
        "ALTER PUBLICATION rowcast_tables ADD TABLE customers",
        "INSERT INTO customers VALUES (2, 'Bob')",
    )
    # The log notices a little later.
    while (failed := await ground.refused(SOURCE, {"to": before})).code == "CONFLICT":
        assert "was altered" in str(failed)
    assert failed.code == "CURSOR_EXPIRED"
    assert "replaced" in str(failed)
    await ground.sql("INSERT INTO customers VALUES (3, 'Cyd')")
    earliest = str(failed).rpartition("the cursor ")[2].partition(",")[0].removesuffix(".")
    assert (await ground.run(SOURCE, {"to": earliest}))["deleted"] == 1
    assert table(ground) == [("(2,Bob,,)",)]


async def test_a_cursor_that_means_no_state_says_why(ground: Ground) -> None:
    cursor = Cursor.decode(await as_of(ground))
    epoch, lsn = cursor.position.epoch, cursor.position.lsn
    await ground.bind("younger", CUSTOMERS_SQL, (Column("id", ColumnType.INTEGER, "id"),))
    await ground.sql("INSERT INTO younger VALUES (1, 'Ada')")
    for source, given, code, says in (
        ("customers", "nonsense", "BAD_USER_INPUT", "not a cursor"),
        ("customers", Cursor(cursor.position, partial=True).encode(), "BAD_USER_INPUT", "within a snapshot"),
        ("customers", Cursor(Position(epoch - 1, lsn, 0)).encode(), "CURSOR_EXPIRED", "begin anew"),
        ("customers", Cursor(Position(epoch, 1, 0)).encode(), "CURSOR_EXPIRED", "no longer reaches back"),
        ("younger", Cursor(cursor.position).encode(), "CURSOR_EXPIRED", "registered after this cursor"),
        ("customers", Cursor(Position(epoch, lsn + 2**40, 0)).encode(), "CURSOR_EXPIRED", "ahead of the database"),
        ("nobody", Cursor(cursor.position).encode(), "NOT_FOUND", "no source"),
    ):
        failed = await ground.refused(SOURCE, {"source": source, "to": given})
        assert (failed.code, says in str(failed)) == (code, True), str(failed)
        if "The earliest state" in str(failed):
            earliest = str(failed).rpartition("the cursor ")[2].rstrip(".").partition(",")[0]
            await ground.run(SOURCE, {"source": source, "to": earliest})
    assert table(ground, "younger") == []
    # Read just after the registration, by a snapshot that sees it, though the log may not be there yet.
    await ground.bind("youngest", CUSTOMERS_SQL, (Column("id", ColumnType.INTEGER, "id"),))
    at_once = await as_of(ground, "youngest")
    await ground.sql("INSERT INTO youngest VALUES (1, 'Ada')")
    assert (await ground.run(SOURCE, {"source": "youngest", "to": at_once}))["deleted"] == 1


async def test_a_cursor_of_a_slice_means_its_whole_commit(ground: Ground) -> None:
    await ground.sql("INSERT INTO customers VALUES (1, 'Ada'), (2, 'Bob')")
    first, then = (await whole_history(ground))[0], table(ground)
    position = Cursor.decode(first["cursor"]).position
    await ground.sql("DELETE FROM customers")
    await ground.run(SOURCE, {"to": Cursor(Position(position.epoch, position.lsn, 1)).encode()})
    assert table(ground) == then


async def test_thousands_of_rows_and_an_answer_that_has_an_end(ground: Ground) -> None:
    await ground.sql("INSERT INTO customers SELECT n, 'n' || n, 0 FROM generate_series(1, 20000) n")
    before = await as_of(ground)
    await ground.sql("UPDATE customers SET age = 1 WHERE id <= 10001")
    failed = await ground.refused(SOURCE, {"to": before})
    assert failed.code == "LIMIT_EXCEEDED"
    query = 'mutation($to: Cursor!) { rollbackSource(source: "customers", to: $to) { deleted } }'
    await ground.sql("INSERT INTO customers VALUES (0, 'new')")
    assert await ground.run(query, {"to": before}) == {"deleted": 1}
    with psycopg.connect(ground.dsn) as connection:
        assert connection.execute("SELECT count(*), sum(age) FROM customers").fetchone() == (20000, 0)


async def test_who_holds_it_up_and_a_key_that_is_none_are_told(ground: Ground, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(rollback, "_LOCK_TIMEOUT", "50ms")
    await ground.sql("INSERT INTO customers VALUES (1, 'Ada')")
    before = await as_of(ground)
    await ground.sql("UPDATE customers SET age = 1")
    async with await psycopg.AsyncConnection.connect(ground.dsn) as writer:
        await writer.execute("UPDATE customers SET age = 2")
        for query, more in ((SOURCE, {}), (ROW, {"key": {"id": 1}})):
            failed = await ground.refused(query, {"to": before, **more})
            assert (failed.code, "has not ended" in str(failed)) == ("CONFLICT", True)
    assert table(ground) == [("(1,Ada,2,)",)]
    for key, code in (({"id": "x"}, "BAD_USER_INPUT"), ({"nope": 1}, "BAD_USER_INPUT"), ({"id": 9}, "NOT_FOUND")):
        assert (await ground.refused(ROW, {"to": before, "key": key})).code == code


async def test_a_row_that_is_tied_up_with_too_many(ground: Ground, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(rollback_rows, "MOST_LINKED", 3)
    await ground.sql("INSERT INTO customers VALUES (1, 'Ada')")
    before, then = await as_of(ground), table(ground)
    for id_ in (2, 3):
        await ground.sql(f"UPDATE customers SET id = {id_}")
    await ground.run(ROW, {"to": before, "key": {"id": 3}})
    assert table(ground) == then
    for id_ in (2, 3, 4):
        await ground.sql(f"UPDATE customers SET id = {id_}")
    assert (await ground.refused(ROW, {"to": before, "key": {"id": 1}})).code == "LIMIT_EXCEEDED"


async def test_a_row_whose_key_never_rests(ground: Ground, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("schema.rollback._MOST_ROUNDS", 1)
    await ground.sql("INSERT INTO customers VALUES (1, 'Ada')")
    before = await as_of(ground)
    await ground.sql("UPDATE customers SET id = 2")
    failed = await ground.refused(ROW, {"to": before, "key": {"id": 2}})
    assert (failed.code, "kept changing" in str(failed), table(ground)) == ("CONFLICT", True, [("(2,Ada,,)",)])


async def test_a_table_that_is_not_logged_is_not_rolled_back(ground: Ground) -> None:
    """Nothing in the log would be taken for nothing done."""
    await ground.sql("INSERT INTO customers VALUES (1, 'Ada', 30, 5)")
    await ground.sql("ALTER PUBLICATION rowcast_tables DROP TABLE customers")
    async with ground.subscribe('subscription { changes(source: "customers") { upToDate } }') as stream:
        with pytest.raises(GraphQLFailed):
            await stream.next()
    before = await as_of(ground)
    await ground.sql("UPDATE customers SET age = 31")
    then = table(ground)
    for query in (SOURCE, ROW):
        refused = await ground.refused(query, {"to": before, "key": {"id": 1}})
        assert refused.code == "CONFLICT"
        assert "ALTER PUBLICATION rowcast_tables ADD TABLE" in str(refused)
    assert table(ground) == then
