"""changes(minIntervalMs): merged by key, and what a client builds is exact at every cursor."""

import asyncio
import gc

import pytest
from graphql.execution.collect_fields import CollectedFields

from db.session import connect
from tests.schema.ground import GraphQLFailed, Ground, Json
from tests.schema.test_changes import apply, rows

CHANGES = """subscription($ms: Int, $after: Cursor, $where: RowFilter, $operations: [Operation!]) {
  changes(source: "customers", minIntervalMs: $ms, after: $after, snapshot: true, where: $where, operations: $operations) {
    cursor transactionId committedAt cause actor snapshot reset last upToDate
    changes { operation moved key row before changed }
  }
}"""  # noqa: E501


async def test_commits_while_away_are_one_batch(ground: Ground) -> None:
    async with ground.subscribe(CHANGES, {"ms": 100}) as stream:
        cursor = (await stream.until_up_to_date())[-1]["cursor"]
    for statement in (
        "INSERT INTO customers VALUES (1, 'Ada', 30), (2, 'Bob', 20)",
        "UPDATE customers SET age = age + 1",
        "DELETE FROM customers WHERE id = 2",
        "UPDATE customers SET id = 3",
    ):
        await ground.sql(statement)
    async with ground.subscribe(CHANGES, {"ms": 3_600_000, "after": cursor}) as stream:
        [batch] = await stream.until_up_to_date()
    assert [(c["operation"], c["key"], c["row"] and c["row"]["age"]) for c in batch["changes"]] == [
        ("INSERT", {"id": 3}, 31)
    ]
    assert {batch[name] for name in ("transactionId", "committedAt", "cause", "actor")} == {None}
    async with ground.subscribe(CHANGES, {"ms": 100, "after": batch["cursor"]}) as stream:
        assert [each["changes"] for each in await stream.until_up_to_date()] == [[]]


async def test_under_writers_a_client_gets_fewer_batches_and_the_same_rows(ground: Ground) -> None:
    stopped = asyncio.Event()
    commits = [0]

    async def write(lane: int) -> None:
        async with await connect(ground.dsn, "rowcast test writer") as connection:
            n = 0
            while not stopped.is_set():
                n += 1
                id_ = lane * 100 + n % 5
                await connection.execute(
                    "INSERT INTO customers VALUES (%s, 'n', %s) ON CONFLICT (id) DO UPDATE SET age = excluded.age",
                    (id_, n),
                )
                if n % 7 == 0:
                    await connection.execute("DELETE FROM customers WHERE id = %s", (id_,))
                commits[0] += 1

    where = {"not": {"column": "age", "in": [3, 10, 50]}}
    client: dict[int, Json] = {}
    cursor, batches = None, 0
    async with asyncio.TaskGroup() as group:
        for lane in range(2):
            group.create_task(write(lane))
        while commits[0] < 500:
            variables = {"ms": 50, "after": cursor, "where": where}
            async with ground.subscribe(CHANGES, variables) as stream:
                for _ in range(5):
                    batch = await stream.next()
                    apply(client, batch)
                    cursor, batches = batch["cursor"], batches + 1
        stopped.set()
    async with ground.subscribe(CHANGES, {"ms": 50, "after": cursor, "where": where}) as stream:
        for batch in await stream.until_up_to_date():
            apply(client, batch)
    assert client == await rows(ground, where)
    assert batches < commits[0]


async def test_operations_are_those_of_what_is_left(ground: Ground) -> None:
    async with ground.subscribe(CHANGES, {"ms": 100}) as stream:
        cursor = (await stream.until_up_to_date())[-1]["cursor"]
    await ground.sql("INSERT INTO customers VALUES (1, 'Ada', 30)")
    await ground.sql("UPDATE customers SET age = 31")
    merged = {"ms": 3_600_000, "after": cursor, "operations": ["UPDATE"]}
    async with ground.subscribe(CHANGES, merged) as stream:
        [batch] = await stream.until_up_to_date()
    assert batch["changes"] == []
    async with ground.subscribe(CHANGES, {**merged, "ms": 1, "after": batch["cursor"]}) as stream:
        await stream.until_up_to_date()
        await ground.sql("UPDATE customers SET age = 32")
        [change] = (await stream.next())["changes"]
    assert (change["operation"], change["changed"]) == ("UPDATE", ["age"])


@pytest.mark.parametrize("ms", [-1, 3_600_001])
async def test_an_interval_that_is_none_is_refused(ground: Ground, ms: int) -> None:
    async with ground.subscribe(CHANGES, {"ms": ms}) as stream:
        with pytest.raises(GraphQLFailed, match="3600000") as failed:
            await stream.next()
    assert failed.value.code == "BAD_USER_INPUT"


async def test_a_subscription_keeps_nothing_of_what_was_sent(ground: Ground) -> None:
    def kept() -> int:
        gc.collect()
        return sum(isinstance(each, CollectedFields) for each in gc.get_objects())

    async with ground.subscribe(CHANGES, {"ms": 1}) as stream:
        await stream.until_up_to_date()
        before = kept()
        for n in range(20):
            await ground.sql(f"INSERT INTO customers VALUES ({n}, 'n')")
            [change] = (await stream.next())["changes"]
            assert change["key"] == {"id": n}
        # Each batch is executed anew, with two selections within the field's.
        assert kept() - before < 20
