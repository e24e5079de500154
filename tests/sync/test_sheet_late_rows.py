"""Calls that insert or delete rows and are carried out after nobody waits for their answer any more."""

from datetime import timedelta
from typing import Any
from uuid import uuid4

import pytest

from api.settings import Settings
from db.runs import RunState
from db.sources import SourceState
from sync.retry import RetryPolicy
from tests.server import eventually
from tests.sync.sheets import Bench, bench
from tests.sync.syncing import Sync, syncing
from tests.sync.test_sheet_engine import BATCH

LATE: dict[str, Any] = {"match": BATCH, "delaySeconds": 2.5}
PATIENCE: dict[str, Any] = {"retry": RetryPolicy(attempts=2, base_s=0.01), "timeout_s": 1.0}


async def landed(people: Bench) -> None:
    """The late call was carried out."""

    async def there() -> bool:
        calls = people.control("GET", "requests")
        return any(call["path"].endswith(f"{people.book}:batchUpdate") and call["status"] is None for call in calls)

    await eventually(there)


async def ids(sync: Sync) -> list[Any]:
    return [row[0] for row in await sync.sheet()]


async def test_a_delete_that_arrives_late_takes_no_other_row(database: str) -> None:
    with bench(**PATIENCE) as people:
        async with syncing(database, people) as sync:
            assert (await sync.settle()).state is RunState.SUCCEEDED
            people.calls()
            sync.sql("DELETE FROM people WHERE id = 1")
            people.fault(**LATE)
            assert (await sync.run()).state is RunState.FAILED
            run = await sync.run()
            assert run.state is RunState.SUCCEEDED
            assert run.message is not None
            assert run.message.startswith("Google gave no answer to a call that inserts or deletes rows")
            await landed(people)
            await sync.settle()
            assert await ids(sync) == [2, 3]
            assert sync.sql("SELECT id FROM people ORDER BY id") == [(2,), (3,)]


async def test_a_row_that_a_late_delete_hit_comes_back_with_what_was_typed_meanwhile(database: str) -> None:
    with bench(**PATIENCE) as people:
        async with syncing(database, people) as sync:
            assert (await sync.settle()).state is RunState.SUCCEEDED
            people.calls()
            sync.sql("DELETE FROM people WHERE id = 1")
            people.fault(match=BATCH, delaySeconds=5)
            assert (await sync.run()).state is RunState.FAILED
            sync.sql("DELETE FROM people WHERE id > 1")
            people.type("A2", [["3", "typed", "Wilmslow"], ["2", "Grace", "Arlington"], ["1", "Ada", "London"]])
            assert (await sync.run()).state is RunState.HELD, "so nothing of what it read is anywhere else"
            await landed(people)
            assert [row[1] for row in await sync.sheet()] == ["Grace", "Ada"]
            await sync.run()
            assert sorted(row[1] for row in await sync.sheet()) == ["Ada", "Grace", "typed"]


@pytest.mark.parametrize("key", [("id",), None])
async def test_an_insert_that_arrives_late_is_one_row(database: str, key: tuple[str, ...] | None) -> None:
    with bench(**PATIENCE) as people:
        people.adapters._new_id = lambda: str(uuid4())
        async with syncing(database, people, key=key) as sync:
            assert (await sync.settle()).state is RunState.SUCCEEDED
            people.calls()
            sync.sql("INSERT INTO people (id, name) VALUES (9, 'Niklaus')")
            people.fault(**LATE)
            assert (await sync.run()).state is RunState.FAILED
            await sync.run()
            await landed(people)
            await sync.settle()
            assert sorted(await ids(sync)) == [1, 2, 3, 9]
            assert sync.sql("SELECT count(*) FROM people WHERE id = 9") == [(1,)]
            assert sync.failures() == []


async def test_a_call_that_never_arrives_is_made_again_when_its_time_is_over(database: str) -> None:
    with bench(**PATIENCE) as people:
        async with syncing(database, people, grace=timedelta(seconds=4)) as sync:
            assert (await sync.settle()).state is RunState.SUCCEEDED
            sync.sql("DELETE FROM people WHERE id = 1")
            sync.sql("INSERT INTO people (id, name) VALUES (9, 'Niklaus')")
            sync.sql("UPDATE people SET name = 'Grace H' WHERE id = 2")
            people.fault(match=BATCH, delaySeconds=2.5, drop=True)
            assert (await sync.run()).state is RunState.FAILED

            async def written() -> bool:
                await sync.run()
                return (await ids(sync)) == [2, 3, 9]

            await eventually(written)
            assert [row[1] for row in await sync.sheet()] == ["Grace H", "Alan", "Niklaus"]
            await sync.settle()
            assert sync.sql("SELECT state FROM rowcast.sources") == [(SourceState.ACTIVE.value,)]


async def test_a_row_that_is_gone_meanwhile_is_not_deleted_before_the_call_is_over(database: str) -> None:
    """It may be the one that the late call hits."""
    with bench(**PATIENCE) as people:
        async with syncing(database, people, grace=timedelta(seconds=4)) as sync:
            assert (await sync.settle()).state is RunState.SUCCEEDED
            sync.sql("DELETE FROM people WHERE id = 1")
            people.fault(match=BATCH, delaySeconds=2.5, drop=True)
            await sync.run()
            await people.batch({"deleteDimension": {
                "range": {"sheetId": 0, "dimension": "ROWS", "startIndex": 2, "endIndex": 3}
            }})  # fmt: skip
            for _ in range(2):
                await sync.run()
            assert sync.sql("SELECT id FROM people ORDER BY id") == [(2,), (3,)]

            async def over() -> bool:
                await sync.run()
                return sync.sql("SELECT id FROM people") == [(3,)] and await ids(sync) == [3]

            await eventually(over)


@pytest.mark.parametrize(("timeout_s", "over"), [(60, True), (180, False)])
async def test_a_longer_time_out_lengthens_both_how_long_rows_wait_and_how_long_a_write_is_in_doubt(
    database: str, timeout_s: int, over: bool
) -> None:
    grace = Settings(google_timeout_seconds=timeout_s).write_grace
    with bench(**PATIENCE) as people:
        async with syncing(database, people, grace=grace) as sync:
            assert (await sync.settle()).state is RunState.SUCCEEDED
            sync.sql("DELETE FROM people WHERE id = 1")
            people.fault(match=BATCH, delaySeconds=2.5, drop=True)
            assert (await sync.run()).state is RunState.FAILED
            sync.ahead += timedelta(seconds=300)
            sync.sql("UPDATE rowcast.in_doubt SET at = at - interval '300 seconds'")
            run = await sync.run()
            assert (run.message is None) is over, "or it says that rows wait"
            assert sync.sql("SELECT count(*) FROM rowcast.in_doubt") == [(0 if over else 1,)]
            assert await ids(sync) == ([2, 3] if over else [1, 2, 3])
