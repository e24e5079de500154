"""changes(columns): only these are sent, and a commit that touches none of them is none."""

import pytest

from db.session import connect
from db.sources import Column, update_columns
from db.wire import ColumnType
from schema import subscriber as subscriber_module
from tests.schema.ground import CUSTOMERS, CUSTOMERS_SQL, GraphQLFailed, Ground, Json, standing

COLUMNS = """subscription($columns: [String!], $after: Cursor, $where: RowFilter, $snapshot: Boolean! = true) {
  changes(source: "customers", columns: $columns, after: $after, where: $where, snapshot: $snapshot) {
    cursor snapshot upToDate changes { operation moved key row before changed }
  }
}"""


def seen_in(batches: list[Json]) -> list[tuple[str, Json, Json, Json]]:
    return [(c["operation"], c["key"], c["row"], c["before"]) for batch in batches for c in batch["changes"]]


async def test_only_the_columns_are_sent_and_only_what_touches_them(ground: Ground) -> None:
    await ground.sql("INSERT INTO customers VALUES (1, 'Ada', 30)")
    variables = {"columns": ["age", "age"], "where": {"column": "name", "ne": "Bob"}}
    async with ground.subscribe(COLUMNS, variables) as stream:
        first = await stream.until_up_to_date()
        assert seen_in(first) == [("INSERT", {"id": 1}, {"age": 30}, None)]
        await ground.sql("UPDATE customers SET name = 'Eve'")
        await ground.sql("UPDATE customers SET name = 'Ada', total = 7", "UPDATE customers SET age = 31")
        await ground.sql("UPDATE customers SET name = 'Bob'")
        await ground.sql("UPDATE customers SET age = 5")
        await ground.sql("UPDATE customers SET name = 'Ada', id = 2")
        await ground.sql("DELETE FROM customers")
        batches = [await stream.next() for _ in range(4)]
    assert seen_in(batches) == [
        ("UPDATE", {"id": 1}, {"age": 31}, {"age": 30}),
        ("DELETE", {"id": 1}, None, {"age": 31}),
        ("INSERT", {"id": 2}, {"age": 5}, None),
        ("DELETE", {"id": 2}, None, {"age": 5}),
    ]
    assert batches[0]["changes"][0]["changed"] == ["age"]
    # From any cursor on it is the same.
    async with ground.subscribe(COLUMNS, {**variables, "after": first[-1]["cursor"]}) as stream:
        assert seen_in(await stream.until_up_to_date()) == seen_in(batches)


async def test_no_columns_are_the_keys_alone(ground: Ground) -> None:
    await ground.sql("INSERT INTO customers VALUES (1, 'Ada', 30)")
    async with ground.subscribe(COLUMNS, {"columns": []}) as stream:
        assert seen_in(await stream.until_up_to_date()) == [("INSERT", {"id": 1}, {}, None)]
        await ground.sql("UPDATE customers SET name = 'Eve'")
        await ground.sql("UPDATE customers SET id = 2")
        batch = await stream.next()
    assert seen_in([batch]) == [("DELETE", {"id": 1}, None, {}), ("INSERT", {"id": 2}, {}, None)]


async def test_a_column_that_is_followed_may_go_and_new_ones_do_not_join(database: str) -> None:
    now = [0.0]
    async with standing(database, clock=lambda: now[0]) as ground:
        source = await ground.bind("customers", CUSTOMERS_SQL, CUSTOMERS)
        async with ground.subscribe(COLUMNS, {"columns": ["name", "age"]}) as stream:
            await stream.until_up_to_date()
            await ground.sql("ALTER TABLE customers DROP age, ADD phone text")
            async with await connect(ground.dsn, "rowcast test") as connection:
                kept = [column for column in source.columns if column.name != "age"]
                await update_columns(connection, source.id, [*kept, Column("phone", ColumnType.TEXT, "Phone")])
            now[0] += subscriber_module.ASK_AGAIN_S
            await ground.sql("INSERT INTO customers (id, name, phone) VALUES (1, 'Ada', '7')")
            assert seen_in([await stream.next()]) == [("INSERT", {"id": 1}, {"name": "Ada"}, None)]


async def test_columns_that_are_not_there_are_refused(database: str) -> None:
    async with standing(database) as ground:
        twice = "twice integer GENERATED ALWAYS AS (age * 2) STORED"
        generated = Column("twice", ColumnType.INTEGER, None, read_only=True)
        await ground.bind("customers", f"{CUSTOMERS_SQL}, {twice}", [*CUSTOMERS, generated])
        for columns in (["nope"], ["name", "twice"]):
            async with ground.subscribe(COLUMNS, {"columns": columns}) as stream:
                with pytest.raises(GraphQLFailed, match=columns[-1]) as failed:
                    await stream.next()
            assert failed.value.code == "BAD_USER_INPUT"
