"""rollbackSource and rollbackRow: any history, back to any of its commits and forward again, whoever else writes."""

import asyncio
from collections.abc import Coroutine
from dataclasses import dataclass
from typing import Any, TypeVar

import psycopg
import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from tests.examples import many
from tests.schema.ground import Ground, Json
from tests.schema.rolling import ROW, SOURCE, as_of, table, whole_history

T = TypeVar("T")


async def test_a_source_goes_back_and_forward_again_as_one_commit(ground: Ground) -> None:
    await ground.sql("INSERT INTO customers VALUES (1, 'Ada', 30, 5), (2, 'Bob', 20, 6), (3, 'Cy', 10, 7)")
    before, then = await as_of(ground), table(ground)
    await ground.sql("UPDATE customers SET age = 31 WHERE id = 1", "DELETE FROM customers WHERE id = 2")
    await ground.sql("INSERT INTO customers VALUES (4, 'Di', 40)", "UPDATE customers SET name = 'Cy' WHERE id = 3")
    after, now = await as_of(ground), table(ground)
    done = await ground.run(SOURCE, {"to": before})
    assert table(ground) == then
    assert done["deleted"] == 1
    assert sorted(row["key"]["id"] for row in done["rows"]) == [1, 2]
    assert {"id": 2, "name": "Bob", "age": 20, "total": "6"} in [row["data"] for row in done["rows"]]
    again = await ground.run(SOURCE, {"to": after})
    assert table(ground) == now
    assert (again["deleted"], [row["key"]["id"] for row in again["rows"]]) == (1, [1, 4])
    nothing = await ground.run(SOURCE, {"to": again["cursor"]})
    assert (nothing["deleted"], nothing["rows"], table(ground)) == (0, [], now)
    entries = await whole_history(ground)
    rolled = [entry for entry in entries if entry["cause"] == "ROLLBACK"]
    assert {entry["transactionId"] for entry in rolled} == {done["transactionId"], again["transactionId"]}
    assert {entry["actor"] for entry in rolled} == {"local"}
    # The third row is as it was: nobody touched it.
    assert sorted(entry["change"]["key"]["id"] for entry in rolled) == [1, 1, 2, 2, 4, 4]


@dataclass(frozen=True)
class Remembered:
    """A moment between two commits."""

    cursor: str
    table: list[tuple[object, ...]]


IDS = st.integers(1, 4)
STATEMENTS = st.one_of(
    st.builds(
        "INSERT INTO customers VALUES ({}, '{}', {}) ON CONFLICT (id) DO UPDATE SET name = excluded.name".format,
        IDS,
        st.sampled_from("ab"),
        st.sampled_from(["NULL", "1", "2"]),
    ),
    st.builds("UPDATE customers SET age = {} WHERE id = {}".format, st.sampled_from(["NULL", "1", "2"]), IDS),
    st.builds("DELETE FROM customers WHERE id = {}".format, IDS),
    st.builds(
        "UPDATE customers SET id = {0} WHERE id = {1} AND NOT EXISTS (SELECT FROM customers WHERE id = {0})".format,
        IDS,
        IDS,
    ),
    st.just("TRUNCATE customers"),
)
HISTORIES = st.lists(st.lists(STATEMENTS, min_size=1, max_size=3), min_size=1, max_size=6)


async def _there_and_back(ground: Ground, history: list[list[str]], to: int) -> None:
    moments = []
    for commit in ([], *history):
        await ground.sql("SELECT 1", *commit)
        moments.append(Remembered(await as_of(ground), table(ground)))
    then, now = moments[to % len(moments)], moments[-1]
    await ground.run(SOURCE, {"to": then.cursor})
    assert table(ground) == then.table
    await ground.run(SOURCE, {"to": now.cursor})
    assert table(ground) == now.table


async def test_any_history_back_to_any_commit_and_forward_again(ground: Ground) -> None:
    await ground.sql(
        "CREATE TRIGGER ours BEFORE TRUNCATE ON customers EXECUTE FUNCTION rowcast.delete_before_truncate()",
        "UPDATE rowcast.sources SET adopted = false",
    )
    loop = asyncio.get_running_loop()

    def wait_for(work: Coroutine[Any, Any, T]) -> T:
        return asyncio.run_coroutine_threadsafe(work, loop).result()

    @settings(
        max_examples=many(4),
        phases=[Phase.explicit, Phase.generate],
        suppress_health_check=list(HealthCheck),
        database=None,
    )
    @given(HISTORIES, st.integers(0, 6))
    def there_and_back(history: list[list[str]], to: int) -> None:
        wait_for(_there_and_back(ground, history, to))

    await asyncio.to_thread(there_and_back)


async def test_a_row_goes_back_without_the_others(ground: Ground) -> None:
    await ground.sql("INSERT INTO customers VALUES (1, 'Ada', 30), (2, 'Bob', 20)")
    before = await as_of(ground)
    await ground.sql("UPDATE customers SET age = age + 1")
    await ground.sql("DELETE FROM customers WHERE id = 1")
    done = await ground.run(ROW, {"key": {"id": 1}, "to": before})
    assert done["rows"] == [{"key": {"id": 1}, "data": {"id": 1, "name": "Ada", "age": 30, "total": None}}]
    assert table(ground) == [("(1,Ada,30,)",), ("(2,Bob,21,)",)]
    inserted = (await whole_history(ground))[0]
    await ground.run(ROW, {"key": {"id": 1}, "to": inserted["cursor"]})
    assert table(ground) == [("(1,Ada,30,)",), ("(2,Bob,21,)",)]
    await ground.sql("INSERT INTO customers VALUES (3, 'new')")
    gone = await ground.run(ROW, {"key": {"id": 3}, "to": before})
    assert (gone["deleted"], gone["rows"]) == (1, [])
    missing = await ground.refused(ROW, {"key": {"id": 9}, "to": before})
    assert missing.code == "NOT_FOUND"
    unchanged = await ground.run(ROW, {"key": {"id": 2}, "to": await as_of(ground)})
    assert [row["data"]["age"] for row in unchanged["rows"]] == [21]


async def test_a_row_goes_back_to_the_key_that_it_had(ground: Ground) -> None:
    await ground.sql("INSERT INTO customers VALUES (1, 'Ada'), (2, 'Bob'), (3, 'Cy')")
    before, then = await as_of(ground), table(ground)
    for asked in (1, 2, 12):
        # The two change places, and one of them goes on.
        await ground.sql("UPDATE customers SET id = 10 WHERE id = 1", "UPDATE customers SET id = 1 WHERE id = 2")
        await ground.sql("UPDATE customers SET id = 12 WHERE id = 10", "UPDATE customers SET age = 5")
        done = await ground.run(ROW, {"key": {"id": asked}, "to": before})
        assert [row["data"] for row in done["rows"]] == [
            {"id": 1, "name": "Ada", "age": None, "total": None},
            {"id": 2, "name": "Bob", "age": None, "total": None},
        ]
        await ground.run(ROW, {"key": {"id": 3}, "to": before})
        assert table(ground) == then


async def _waits(ground: Ground) -> None:
    """Until somebody waits for a lock in this database."""
    async with asyncio.timeout(30), await psycopg.AsyncConnection.connect(ground.dsn, autocommit=True) as connection:
        while True:
            rows = await connection.execute(
                """SELECT FROM pg_stat_activity WHERE wait_event_type = 'Lock' AND datname = current_database()"""
            )
            if await rows.fetchone() is not None:
                return


@pytest.mark.parametrize(("query", "key"), [(SOURCE, None), (ROW, {"id": 1})])
async def test_what_was_under_way_is_rolled_back_too_and_stays_in_the_history(
    ground: Ground, query: str, key: Json
) -> None:
    await ground.sql("INSERT INTO customers VALUES (1, 'Ada', 30)")
    before, then = await as_of(ground), table(ground)
    async with await psycopg.AsyncConnection.connect(ground.dsn) as writer:
        await writer.execute("UPDATE customers SET age = 31 WHERE id = 1")
        rolling = asyncio.create_task(ground.run(query, {"to": before, "key": key} if key else {"to": before}))
        await _waits(ground)
        await writer.execute("UPDATE customers SET name = 'Bea' WHERE id = 1")
    await rolling
    assert table(ground) == then
    entries = await whole_history(ground)
    assert [entry["cause"] for entry in entries] == ["SQL", "SQL", "SQL", "ROLLBACK"]
    assert entries[-1]["change"]["before"] == {"id": 1, "name": "Bea", "age": 31, "total": None}


async def test_many_writers_lose_nothing(ground: Ground) -> None:
    await ground.sql("INSERT INTO customers SELECT n, 'n' || n, 0 FROM generate_series(1, 5) n")
    before, then = await as_of(ground), table(ground)
    rolled_back = asyncio.Event()

    async def write(number: int) -> int:
        commits = 0
        async with await psycopg.AsyncConnection.connect(ground.dsn, autocommit=True) as connection:
            while not rolled_back.is_set():
                id_ = 1 + (commits + number) % 5
                await connection.execute("UPDATE customers SET age = age + 1 WHERE id = %s", (id_,))
                commits += 1
        return commits

    writers = [asyncio.create_task(write(number)) for number in range(3)]
    for _ in range(3):
        await ground.run(SOURCE, {"to": before})
        await ground.run(ROW, {"key": {"id": 2}, "to": before})
    rolled_back.set()
    commits = sum([await writer for writer in writers])
    await ground.run(SOURCE, {"to": before})
    assert table(ground) == then
    entries = await whole_history(ground)
    assert sum(entry["cause"] == "SQL" for entry in entries) == commits + 5
    state: dict[int, Json] = {}
    for entry in entries:
        change = entry["change"]
        # Each one goes on from what the one before it left: nothing was overwritten that the log didn't have.
        assert state.get(change["key"]["id"]) == change["before"]
        state[change["key"]["id"]] = change["row"]
        if entry["cause"] == "ROLLBACK":
            assert change["row"]["age"] == 0
