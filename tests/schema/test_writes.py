"""upsertRows and deleteRows: one transaction, by key, all or nothing, and marked as ours in the log."""

import asyncio

from db.cursor import Cursor
from db.session import connect
from db.sources import Column
from db.wire import ColumnType
from tests.schema.ground import Ground, Json

UPSERT = """mutation($rows: [JSON!]!, $source: String = "customers") {
  upsertRows(source: $source, rows: $rows) { transactionId cursor deleted rows { key data } }
}"""
DELETE = """mutation($keys: [JSON!]!) {
  deleteRows(source: "customers", keys: $keys) { transactionId cursor deleted rows { key } }
}"""


async def _table(ground: Ground) -> list[Json]:
    found = await ground.run('{ rows(source: "customers") { nodes { data } } }')
    return [node["data"] for node in found["nodes"]]


async def test_rows_are_inserted_and_updated_by_key_in_the_order_given(ground: Ground) -> None:
    await ground.sql("INSERT INTO customers VALUES (1, 'Ada', 30, 5)")
    written = await ground.run(UPSERT, {"rows": [{"id": 2, "name": "Bob"}, {"id": 1, "age": 31}]})
    assert [each["data"] for each in written["rows"]] == [
        {"id": 2, "name": "Bob", "age": None, "total": None},
        {"id": 1, "name": "Ada", "age": 31, "total": "5"},
    ]
    assert written["deleted"] == 0
    assert await _table(ground) == [each["data"] for each in reversed(written["rows"])]


async def test_a_row_of_only_its_key_is_inserted_once(ground: Ground) -> None:
    await ground.sql("ALTER TABLE customers ALTER name SET DEFAULT 'somebody'")
    for _ in range(2):
        written = await ground.run(UPSERT, {"rows": [{"id": 1}]})
        assert written["rows"][0]["data"]["name"] == "somebody"
    history = await ground.run('{ rows(source: "customers") { totalCount } }')
    assert history["totalCount"] == "1"


async def test_the_write_is_in_the_log_behind_no_later_cursor(ground: Ground) -> None:
    query = """subscription {
      changes(source: "customers") { cursor transactionId cause actor upToDate changes { operation } }
    }"""
    async with ground.subscribe(query) as stream:
        await stream.until_up_to_date()
        written = await ground.run(UPSERT, {"rows": [{"id": 1, "name": "Ada"}]})
        batch = await stream.next()
        assert (batch["cause"], batch["actor"]) == ("API", "local")
        assert batch["transactionId"] == written["transactionId"]
        assert Cursor.decode(written["cursor"]).position > Cursor.decode(batch["cursor"]).position
        deleted = await ground.run(DELETE, {"keys": [{"id": 1}, {"id": 9}]})
        batch = await stream.next()
        assert batch["transactionId"] == deleted["transactionId"]
    assert (deleted["deleted"], deleted["rows"]) == (1, [])
    assert await _table(ground) == []


WRONG_ROWS: list[tuple[list[Json], str]] = [
    ([{"id": 3, "name": "Cy"}, {"id": 3}], "given twice"),
    ([{"id": 3, "name": "Cy", "nope": 1}], 'no column "nope"'),
    ([{"id": 3, "name": "Cy"}, {"id": 4, "name": "Di", "age": "x"}], 'rows[2]: the INTEGER column "age"'),
    ([{"id": 3, "name": "Cy", "total": 1}], "read only"),
    ([{"name": "Cy"}], 'lacks the key column "id"'),
    ([{"id": None, "name": "Cy"}], "can't be null"),
    ([{"id": 3}], "not-null"),
    ([{"id": 3, "name": "Cy"}, 7], "must be an object"),
    ([{"id": 1, "age": 200}], "check"),
]


async def test_a_wrong_row_fails_the_whole_call(ground: Ground) -> None:
    await ground.sql("ALTER TABLE customers ADD CHECK (age < 150)", "INSERT INTO customers VALUES (1, 'Ada', 30)")
    for rows, says in WRONG_ROWS:
        given = rows if rows[0].get("id") == 1 else [{"id": 1, "age": 31}, *rows]
        failed = await ground.refused(UPSERT, {"rows": given})
        assert failed.code == "BAD_USER_INPUT", says
        assert says in str(failed)
        assert await _table(ground) == [{"id": 1, "name": "Ada", "age": 30, "total": None}]


async def test_wrong_keys_fail_the_whole_call(ground: Ground) -> None:
    await ground.sql("INSERT INTO customers VALUES (1, 'Ada')")
    for keys in ([{"id": 1}, {"id": 1}], [{"id": 1}, {"nope": 1}], [{"id": 1}, {}], [{"id": 1}, "x"]):
        failed = await ground.refused(DELETE, {"keys": keys})
        assert failed.code == "BAD_USER_INPUT", keys
    assert len(await _table(ground)) == 1


async def test_too_many_rows_are_refused(ground: Ground) -> None:
    failed = await ground.refused(UPSERT, {"rows": [{"id": n} for n in range(10_001)]})
    assert failed.code == "LIMIT_EXCEEDED"


async def test_a_table_that_gives_keys_itself(ground: Ground) -> None:
    columns = (Column("id", ColumnType.UUID, "id"), Column("note %", ColumnType.NUMERIC, "note %"))
    await ground.bind("notes", 'id uuid PRIMARY KEY DEFAULT gen_random_uuid(), "note %" numeric(8,2)', columns)
    written = await ground.run(UPSERT, {"source": "notes", "rows": [{"note %": "1.5"}, {}]})
    first, second = written["rows"]
    assert (first["data"]["note %"], second["data"]["note %"]) == ("1.50", None)
    assert first["key"] != second["key"]
    again = {"id": first["key"]["id"].upper(), "note %": 2}
    twice = await ground.refused(UPSERT, {"source": "notes", "rows": [again, {**again, "id": first["key"]["id"]}]})
    assert twice.code == "BAD_USER_INPUT"
    written = await ground.run(UPSERT, {"source": "notes", "rows": [again]})
    assert written["rows"] == [{"key": first["key"], "data": {**first["data"], "note %": "2.00"}}]


async def test_what_the_role_may_not_do_is_said(ground: Ground) -> None:
    await ground.sql("REVOKE DELETE ON customers FROM CURRENT_USER")
    failed = await ground.refused(DELETE, {"keys": [{"id": 1}]})
    assert failed.code == "CONFLICT"
    assert "permission denied" in str(failed)


async def test_what_the_table_can_t_do_is_said(ground: Ground) -> None:
    await ground.sql("CREATE RULE none AS ON DELETE TO customers DO INSTEAD NOTHING")
    assert (await ground.refused(DELETE, {"keys": [{"id": 1}]})).code == "CONFLICT"


async def test_a_write_whose_connection_is_cut_is_unavailable_and_not_half_done(ground: Ground) -> None:
    async with await connect(ground.dsn, "rowcast test", autocommit=False) as holder:
        await holder.execute("INSERT INTO customers VALUES (2, 'Held')")
        rows = [{"id": 1, "name": "Ada"}, {"id": 2, "name": "Bob"}]
        writing = asyncio.create_task(ground.refused(UPSERT, {"rows": rows}))
        async with await connect(ground.dsn, "rowcast test") as other:
            while not writing.done():
                await other.execute(
                    "SELECT pg_terminate_backend(w.pid) FROM pg_locks w JOIN pg_stat_activity a USING (pid) "
                    "WHERE NOT w.granted AND a.datname = current_database()"
                )
                await asyncio.wait({writing}, timeout=0.05)
    assert (await writing).code == "UNAVAILABLE"
    found = await ground.run('{ rows(source: "customers") { nodes { key } } }')
    assert found["nodes"] == [{"key": {"id": 2}}]


async def test_texts_and_bits_of_a_length_are_kept_whole(ground: Ground) -> None:
    columns = (Column("code", ColumnType.TEXT, "code"), Column("bits", ColumnType.TEXT, "bits"))
    await ground.bind("codes", "code char(4) PRIMARY KEY, bits bit(3)", columns, key=("code",))
    for bits in ("101", "010"):
        written = await ground.run(UPSERT, {"source": "codes", "rows": [{"code": "ab", "bits": bits}]})
        assert [row["data"] for row in written["rows"]] == [{"code": "ab  ", "bits": bits}]
    found = await ground.run('{ row(source: "codes", key: {code: "ab"}) { data } }')
    assert found == {"data": {"code": "ab  ", "bits": "010"}}
