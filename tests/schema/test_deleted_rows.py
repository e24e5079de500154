"""Rows that are marked as deleted are no rows to clients: not read, counted, filtered or sent."""

from collections.abc import AsyncIterator

import pytest

from db.sources import DeletePolicy
from tests.schema.ground import CUSTOMERS, CUSTOMERS_SQL, Ground, Json, standing
from tests.schema.test_changes import CHANGES
from tests.schema.test_writes import DELETE, UPSERT

_ROWS = """query($where: RowFilter) {
  rows(source: "customers", where: $where, orderBy: [{column: "age", direction: DESC}]) {
    totalCount nodes { key data absentInSource }
  }
}"""
_MARK = "UPDATE customers SET deleted_at = now() WHERE id = 1"
_CLEAR = "UPDATE customers SET deleted_at = NULL WHERE id = 1"


@pytest.fixture
async def soft(database: str) -> AsyncIterator[Ground]:
    async with standing(database) as ground:
        columns = CUSTOMERS_SQL + ", deleted_at timestamptz"
        settings = {"hides_deleted": True, "delete_policy": DeletePolicy.SOFT}
        await ground.bind("customers", columns, CUSTOMERS, **settings)
        await ground.sql("INSERT INTO customers VALUES (1, 'Ada', 30), (2, 'Bob', 40)")
        yield ground


async def _ids(ground: Ground, where: Json = None) -> list[int]:
    found = await ground.run(_ROWS, {"where": where})
    assert found["totalCount"] == str(len(found["nodes"]))
    assert all("deleted_at" not in node["data"] for node in found["nodes"])
    return [node["key"]["id"] for node in found["nodes"]]


async def test_a_marked_row_is_hidden_everywhere(soft: Ground) -> None:
    await soft.sql(_MARK)
    assert await _ids(soft) == [2]
    assert await _ids(soft, {"column": "name", "eq": "Ada"}) == []
    assert await _ids(soft, {"not": {"column": "name", "eq": "Bob"}}) == []
    assert await soft.run('{ row(source: "customers", key: {id: 1}) { key } }') is None
    assert await soft.run('{ source(name: "customers") { rowCount } }') == {"rowCount": "1"}
    refused = await soft.refused(_ROWS, {"where": {"column": "deleted_at", "isNull": False}})
    assert refused.code == "BAD_USER_INPUT"
    await soft.sql(_CLEAR)
    assert await _ids(soft) == [2, 1]


async def test_a_row_leaves_and_comes_back_in_a_subscription(soft: Ground) -> None:
    await soft.sql(_MARK)
    async with soft.subscribe(CHANGES, {"snapshot": True}) as stream:
        first, *_ = await stream.until_up_to_date()
        assert [change["key"]["id"] for change in first["changes"]] == [2]
        await soft.sql(_CLEAR)
        [change] = (await stream.next())["changes"]
        assert (change["operation"], change["moved"], change["row"]["name"]) == ("INSERT", True, "Ada")
        assert "deleted_at" not in change["row"]
        await soft.sql("UPDATE customers SET age = 31, deleted_at = now() WHERE id = 1")
        [change] = (await stream.next())["changes"]
        assert (change["operation"], change["moved"], change["before"]["age"]) == ("DELETE", True, 30)
        # What happens to a row that is hidden is nobody's business but the log's.
        await soft.sql("UPDATE customers SET age = 32 WHERE id = 1", "DELETE FROM customers WHERE id = 1")
        await soft.sql("UPDATE customers SET age = 41 WHERE id = 2")
        [change] = (await stream.next())["changes"]
        assert (change["operation"], change["key"]) == ("UPDATE", {"id": 2})


async def test_delete_rows_marks_and_upsert_rows_revives(soft: Ground) -> None:
    deleted = await soft.run(DELETE, {"keys": [{"id": 1}, {"id": 9}]})
    assert deleted["deleted"] == 1
    assert (await soft.run(DELETE, {"keys": [{"id": 1}]}))["deleted"] == 0, "it is deleted already"
    assert await _ids(soft) == [2]
    history = await soft.run(
        '{ history(source: "customers", key: {id: 1}, first: 1) { nodes { change { operation } } } }'
    )
    assert history["nodes"][0]["change"]["operation"] == "UPDATE", "the row is still there, for SQL"
    written = await soft.run(UPSERT, {"rows": [{"id": 1, "age": 33}, {"id": 3, "name": "Eve"}]})
    assert [row["data"]["name"] for row in written["rows"]] == ["Ada", "Eve"]
    await soft.run(DELETE, {"keys": [{"id": 1}]})
    await soft.run(UPSERT, {"rows": [{"id": 1}]})
    assert sorted(await _ids(soft)) == [1, 2, 3]


async def test_marks_of_an_earlier_policy_stay_hidden_while_rows_are_deleted_for_good(database: str) -> None:
    async with standing(database) as ground:
        await ground.bind("customers", CUSTOMERS_SQL + ", deleted_at timestamptz", CUSTOMERS, hides_deleted=True)
        await ground.sql("INSERT INTO customers VALUES (1, 'Ada', 30), (2, 'Bob', 40)", _MARK)
        assert await _ids(ground) == [2]
        assert (await ground.run(DELETE, {"keys": [{"id": 1}, {"id": 2}]}))["deleted"] == 1
        await ground.sql(_CLEAR)
        assert await _ids(ground) == [1]


async def test_a_row_that_the_source_no_longer_has_says_so(soft: Ground) -> None:
    await soft.sql("INSERT INTO rowcast.base (source_id, key, absent) SELECT id, '[\"1\"]', true FROM rowcast.sources")
    found = await soft.run(_ROWS)
    assert {node["key"]["id"]: node["absentInSource"] for node in found["nodes"]} == {1: True, 2: False}
