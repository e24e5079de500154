"""confirmDeletes and resolveConflict: what they ask of the next run, and that they answer with its outcome."""

import asyncio
from dataclasses import replace
from uuid import UUID

import pytest

from db.conflicts import ConflictKind, NewConflict, close_conflict, record_conflict
from db.failures import NewFailure, close_failures, record_failure
from db.held import HeldDelete, hold, permitted
from db.runs import RunCounts, RunState, RunTrigger, finish_run, start_run
from db.session import Connection, connect
from db.sources import Side
from db.sync_requests import end_request, take_request
from tests.schema.ground import CUSTOMERS, CUSTOMERS_SQL, GraphQLFailed, Ground, standing
from tests.sync.memory_source import MemorySource


async def _source_id(ground: Ground) -> UUID:
    return UUID((await ground.run('{ source(name: "customers") { id } }'))["id"])


async def _woken(connection: Connection) -> None:
    assert [notified.channel async for notified in connection.notifies(stop_after=1)]


async def test_confirmed_deletes_are_let_go_by_the_next_run(ground: Ground) -> None:
    source_id = await _source_id(ground)
    async with await connect(ground.dsn, "rowcast test leader") as connection:
        await connection.execute("LISTEN rowcast_wake")
        run = await start_run(connection, source_id, RunTrigger.SCHEDULE)
        held = [HeldDelete(Side.DATABASE, f'["{n}"]', {"id": n}) for n in range(3)]
        await hold(connection, source_id, run.id, held)
        await finish_run(connection, run.id, RunState.HELD, RunCounts(), "Too much.")
        query = """query($after: String) { source(name: "customers") {
          heldRun { heldDeletes(first: 2, after: $after) { nodes { side key row } endCursor hasNextPage totalCount } }
        } }"""
        page = (await ground.run(query))["heldRun"]["heldDeletes"]
        assert page["nodes"][0] == {"side": "DATABASE", "key": {"id": 0}, "row": {"id": 0}}
        assert (page["hasNextPage"], page["totalCount"]) == (True, 3)
        rest = (await ground.run(query, {"after": page["endCursor"]}))["heldRun"]["heldDeletes"]
        assert [node["key"] for node in rest["nodes"]] == [{"id": 2}]
        assert (await ground.refused(query, {"after": "x"})).code == "BAD_USER_INPUT"
        # Both are under way when the deletes are confirmed; the second one sees it.
        earlier = await start_run(connection, source_id, RunTrigger.HOOK)
        done = await start_run(connection, source_id, RunTrigger.SCHEDULE)
        confirmed = asyncio.create_task(ground.run(f'mutation {{ confirmDeletes(run: "{run.id}") {{ id state }} }}'))
        await _woken(connection)
        assert len(await permitted(connection, source_id)) == 3
        await finish_run(connection, earlier.id, RunState.SUCCEEDED, RunCounts(), None)
        await finish_run(connection, done.id, RunState.SUCCEEDED, RunCounts(database_deletes=3), None)
        assert await confirmed == {"id": str(done.id), "state": "SUCCEEDED"}
    unknown = await ground.refused('mutation { confirmDeletes(run: "x") { id } }')
    assert unknown.code == "NOT_FOUND"
    assert 'no run "x": runs(source:) lists them' in str(unknown)
    assert (await ground.refused(f'mutation {{ confirmDeletes(run: "{done.id}") {{ id }} }}')).code == "CONFLICT"


RESOLVE = """mutation($id: ID!, $choice: ConflictChoice!, $value: JSON) {
  resolveConflict(id: $id, choice: $choice, value: $value) { id state resolution resolvedBy }
}"""


async def test_a_conflict_is_resolved_by_the_next_run(ground: Ground) -> None:
    source_id = await _source_id(ground)
    async with await connect(ground.dsn, "rowcast test leader") as connection:
        await connection.execute("LISTEN rowcast_wake")
        found = NewConflict('["1"]', ConflictKind.CELL, "age", 1, 2, 3, None, None)
        id_ = await record_conflict(connection, source_id, found)
        for variables in (
            {"choice": "VALUE", "value": "x"},
            {"choice": "DATABASE", "value": 4},
        ):
            failed = await ground.refused(RESOLVE, {"id": str(id_), **variables})
            assert failed.code == "BAD_USER_INPUT", variables
        chosen = asyncio.create_task(ground.run(RESOLVE, {"id": str(id_), "choice": "VALUE", "value": 4}))
        await _woken(connection)
        run = await start_run(connection, source_id, RunTrigger.MANUAL)
        await close_conflict(connection, id_)
        await finish_run(connection, run.id, RunState.SUCCEEDED, RunCounts(), None)
        assert await chosen == {"id": str(id_), "state": "RESOLVED", "resolution": "VALUE", "resolvedBy": "local"}
    assert (await ground.refused(RESOLVE, {"id": str(id_), "choice": "SOURCE"})).code == "CONFLICT"
    assert (await ground.refused(RESOLVE, {"id": "x", "choice": "SOURCE"})).code == "NOT_FOUND"


async def test_a_paused_source_resolves_later(ground: Ground) -> None:
    source_id = await _source_id(ground)
    async with await connect(ground.dsn, "rowcast test leader") as connection:
        found = NewConflict('["1"]', ConflictKind.CELL, "age", 1, 2, 3, None, None)
        id_ = await record_conflict(connection, source_id, found)
    await ground.run('mutation { pauseSource(name: "customers") { state } }')
    asked = await ground.run(RESOLVE, {"id": str(id_), "choice": "DATABASE"})
    assert asked == {"id": str(id_), "state": "OPEN", "resolution": None, "resolvedBy": None}


SYNC = """mutation($winner: Side, $dryRun: Boolean! = false) {
  syncSource(name: "customers", winner: $winner, dryRun: $dryRun) { id state message databaseUpserts sourceDeletes }
}"""


async def test_a_winner_is_asked_for_and_answered_with_the_run_that_carried_it_out(ground: Ground) -> None:
    source_id = await _source_id(ground)
    async with await connect(ground.dsn, "rowcast test leader") as connection:
        await connection.execute("LISTEN rowcast_wake")
        asked = asyncio.create_task(ground.run(SYNC, {"winner": "SOURCE"}))
        await _woken(connection)
        # A run that does not take it up is not the answer.
        other = await start_run(connection, source_id, RunTrigger.MANUAL)
        await finish_run(connection, other.id, RunState.SUCCEEDED, RunCounts(), None)
        run = await start_run(connection, source_id, RunTrigger.MANUAL)
        request = await take_request(connection, source_id, run.id)
        assert request is not None
        assert request.winner is Side.SOURCE
        await end_request(connection, request.id)
        await finish_run(connection, run.id, RunState.SUCCEEDED, RunCounts(database_upserts=3), None)
        assert (await asked)["id"] == str(run.id)
        paused = asyncio.create_task(ground.run(SYNC, {"winner": "SOURCE"}))
        await _woken(connection)
        await ground.run('mutation { pauseSource(name: "customers") { id } }')
        await finish_run(connection, run.id, RunState.SUCCEEDED, RunCounts(), None)
        with pytest.raises(GraphQLFailed, match="nothing was overwritten"):
            await paused


async def test_a_request_that_nobody_takes_up_is_withdrawn(ground: Ground) -> None:
    impatient = replace(ground, context=replace(ground.context, run_deadline_s=0.2))
    refused = await impatient.refused(SYNC, {"winner": "DATABASE"})
    assert refused.code == "UNAVAILABLE"
    assert "nothing was done" in str(refused)
    async with await connect(ground.dsn, "rowcast test leader") as connection:
        run = await start_run(connection, await _source_id(ground), RunTrigger.MANUAL)
        assert await take_request(connection, run.source_id, run.id) is None


async def test_a_side_that_does_not_count_can_not_overwrite(ground: Ground) -> None:
    await ground.sql("UPDATE rowcast.sources SET direction = 'FROM_SOURCE'")
    refused = await ground.refused(SYNC, {"winner": "DATABASE", "dryRun": True})
    assert refused.code == "BAD_USER_INPUT"
    assert "is FROM_SOURCE" in str(refused)


async def test_a_dry_run_is_answered_without_a_leader_and_is_no_outcome_of_a_real_one(database: str) -> None:
    sheet = MemorySource()
    sheet.edit('["1"]', id=1.0, name="Ada", age=30.0)
    async with standing(database, adapter_for=lambda _: sheet) as ground:
        await ground.bind("customers", CUSTOMERS_SQL, CUSTOMERS)
        tried = await ground.run(SYNC, {"dryRun": True, "winner": "SOURCE"})
        assert (tried["state"], tried["databaseUpserts"]) == ("SUCCEEDED", 1)
        assert "nothing was written" in tried["message"]
        query = '{ source(name: "customers") { rowCount lastRun { id } } }'
        assert await ground.run(query) == {"rowCount": "0", "lastRun": None}
        runs = await ground.run('{ runs(source: "customers") { nodes { id message } } }')
        assert [run["id"] for run in runs["nodes"]] == [tried["id"]]


FAILURE = """mutation($id: ID!) { %s(id: $id) { id state attempts } }"""
FAILURES = "{ failures { totalCount } }"


async def _failure(connection: Connection, source_id: UUID) -> int:
    found = NewFailure(Side.SOURCE, "PROTECTED", "The cell is protected.", '["1"]', "age", "A1", 5)
    return await record_failure(connection, source_id, found)


async def test_a_failure_is_retried_by_the_next_run(ground: Ground) -> None:
    source_id = await _source_id(ground)
    async with await connect(ground.dsn, "rowcast test leader") as connection:
        await connection.execute("LISTEN rowcast_wake")
        id_ = await _failure(connection, source_id)
        assert await ground.run(FAILURES) == {"totalCount": 1}
        tried = asyncio.create_task(ground.run(FAILURE % "retryFailure", {"id": str(id_)}))
        await _woken(connection)
        assert (await ground.run("{ failures(state: RETRYING) { totalCount } }"))["totalCount"] == 1
        run = await start_run(connection, source_id, RunTrigger.MANUAL)
        await close_failures(connection, [id_])
        await finish_run(connection, run.id, RunState.SUCCEEDED, RunCounts(), None)
        assert await tried == {"id": str(id_), "state": "RESOLVED", "attempts": 1}
    assert (await ground.refused(FAILURE % "retryFailure", {"id": str(id_)})).code == "CONFLICT"
    assert (await ground.refused(FAILURE % "retryFailure", {"id": "x"})).code == "NOT_FOUND"


async def test_a_discarded_failure_is_shown_and_counted_no_more(ground: Ground) -> None:
    async with await connect(ground.dsn, "rowcast test leader") as connection:
        id_ = await _failure(connection, await _source_id(ground))
    discarded = await ground.run(FAILURE % "discardFailure", {"id": str(id_)})
    assert discarded == {"id": str(id_), "state": "DISCARDED", "attempts": 1}
    assert await ground.run(FAILURES) == {"totalCount": 0}
    assert await ground.run('{ source(name: "customers") { openFailures } }') == {"openFailures": 0}
    for asked in ("retryFailure", "discardFailure"):
        assert (await ground.refused(FAILURE % asked, {"id": str(id_)})).code == "CONFLICT"
    assert (await ground.refused(FAILURE % "discardFailure", {"id": "9"})).code == "NOT_FOUND"


async def test_a_paused_source_retries_later(ground: Ground) -> None:
    async with await connect(ground.dsn, "rowcast test leader") as connection:
        id_ = await _failure(connection, await _source_id(ground))
    await ground.run('mutation { pauseSource(name: "customers") { state } }')
    asked = await ground.run(FAILURE % "retryFailure", {"id": str(id_)})
    assert asked == {"id": str(id_), "state": "RETRYING", "attempts": 1}
