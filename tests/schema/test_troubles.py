"""confirmDeletes and resolveConflict: what they ask of the next run, and that they answer with its outcome."""

import asyncio
from uuid import UUID

from db.conflicts import ConflictKind, NewConflict, close_conflict, record_conflict
from db.held import HeldDelete, hold, permitted
from db.runs import RunCounts, RunState, RunTrigger, finish_run, start_run
from db.session import Connection, connect
from db.sources import Side
from tests.schema.ground import Ground


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
    assert (await ground.refused('mutation { confirmDeletes(run: "x") { id } }')).code == "NOT_FOUND"
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
