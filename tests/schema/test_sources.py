"""Sources: their list, how they are doing, and the mutations that need no look at a sheet."""

import asyncio
from dataclasses import replace

import pytest

from db.changes import Cause
from db.conflicts import ConflictKind, NewConflict, record_conflict
from db.cursor import Cursor
from db.events import EventKind, insert_event
from db.failures import NewFailure, record_failure
from db.origin import emit_origin
from db.runs import RunCounts, RunState, RunTrigger, finish_run, start_run
from db.session import connect
from db.sources import Direction, Side
from db.view import view
from schema.sources import require_source
from tests.replication.leader import ORIGIN_KEY
from tests.schema.ground import CUSTOMERS, CUSTOMERS_SQL, GraphQLFailed, Ground, Json

SOURCE = """query($name: String = "customers") { source(name: $name) {
  name description kind state stateReason direction table key url hookUrl hasSecret pollSeconds rowCount pendingWrites
  columns { name field type readOnly isKey } sheet { spreadsheet worksheet headerRow credential } feed { url }
  conflictPolicy deletePolicy driftPolicy maxDeleteShare openConflicts openFailures createdAt updatedAt
  lastRun { id state trigger rowsRead apiCalls message finishedAt } heldRun { id }
} }"""


async def test_a_source_says_what_it_is(ground: Ground) -> None:
    await ground.sql("INSERT INTO customers VALUES (1, 'Ada'), (2, 'Bob')")
    source = await ground.run(SOURCE)
    assert source["url"].startswith("https://docs.google.com/spreadsheets/d/sheet-of-customers/")
    assert source["hookUrl"] == "http://127.0.0.1:8000/hooks/sheets/customers"
    assert source["table"] == "public.customers"
    assert source["columns"][0] == {"name": "id", "field": "id", "type": "INTEGER", "readOnly": False, "isKey": True}
    assert source["rowCount"] == "2"
    assert (source["hasSecret"], source["lastRun"], source["heldRun"], source["feed"]) == (False, None, None, None)
    assert await ground.run(SOURCE, {"name": "nope"}) is None


async def test_a_source_says_how_it_is_doing(ground: Ground) -> None:
    source = await ground.bind("others", CUSTOMERS_SQL, CUSTOMERS, direction=Direction.FROM_SOURCE)
    async with await connect(ground.dsn, "rowcast test", autocommit=False) as connection:
        run = await start_run(connection, source.id, RunTrigger.MANUAL)
        await finish_run(connection, run.id, RunState.PARTIAL, RunCounts(rows_read=3, api_calls=2), "Look.")
        conflict = NewConflict('["1"]', ConflictKind.CELL, "age", 1, 2, 3, None, None)
        await record_conflict(connection, source.id, conflict)
        failure = NewFailure(Side.DATABASE, "UNFIT", "Mend it.", '["2"]', "age", "Sheet1!C3", "x")
        await record_failure(connection, source.id, failure)
    shown = await ground.run(SOURCE, {"name": "others"})
    assert (shown["openConflicts"], shown["openFailures"], shown["pendingWrites"]) == (1, 1, 0)
    assert (shown["lastRun"]["state"], shown["lastRun"]["rowsRead"], shown["lastRun"]["apiCalls"]) == ("PARTIAL", 3, 2)
    conflicts = await ground.run(
        '{ conflicts(source: "others") { totalCount nodes { key kind column base database sourceValue resolution } } }'
    )
    assert conflicts["nodes"] == [
        {
            "key": {"id": 1},
            "kind": "CELL",
            "column": "age",
            "base": 1,
            "database": 2,
            "sourceValue": 3,
            "resolution": None,
        }
    ]
    failures = await ground.run(
        "{ failures { totalCount nodes { key column address side value code message state } } }"
    )
    assert failures["nodes"][0]["key"] == {"id": 2}
    assert failures["nodes"][0]["address"] == "Sheet1!C3"
    assert (await ground.run("{ failures(state: RESOLVED) { totalCount } }"))["totalCount"] == 0
    assert (await ground.refused('{ conflicts(source: "nope") { totalCount } }')).code == "NOT_FOUND"
    stats = await ground.run("{ stats { openConflicts openFailures pendingWrites sources } }")
    assert stats == {"openConflicts": 1, "openFailures": 1, "pendingWrites": 0, "sources": 2}
    found = await ground.run(
        f'{{ run(id: "{run.id}") {{ source message heldDeletes {{ totalCount nodes {{ key }} }} }} }}'
    )
    assert found == {"source": "others", "message": "Look.", "heldDeletes": {"totalCount": 0, "nodes": []}}
    assert await ground.run('{ run(id: "x") { id } }') is None


async def test_database_edits_since_the_last_run_are_pending(ground: Ground) -> None:
    async with ground.subscribe('subscription { changes(source: "customers") { cursor upToDate } }') as stream:
        [first] = await stream.until_up_to_date()
        await ground.sql(f"UPDATE rowcast.sync_state SET cursor = '{first['cursor']}'")
        await ground.sql("INSERT INTO customers VALUES (1, 'Ada'), (2, 'Bob')")
        await stream.next()
    assert (await ground.run(SOURCE))["pendingWrites"] == 2
    async with view(ground.context.pool) as (connection, seen):
        source = await require_source(connection, "customers")
    # A run whose snapshot saw them, though the log did not have them yet.
    held = replace(Cursor.decode(first["cursor"]), view=seen.view)
    await ground.sql(f"UPDATE rowcast.sync_state SET cursor = '{held.encode()}'")
    assert (await ground.run(SOURCE))["pendingWrites"] == 0
    # Another source of the same table made one of these; the other one's write is under way.
    async with ground.subscribe('subscription { changes(source: "customers") { upToDate } }') as stream:
        await stream.until_up_to_date()
        for actor, id_ in (("customers", 1), ("others", 1), (None, 2)):
            async with await connect(ground.dsn, "rowcast test", autocommit=False) as connection:
                await emit_origin(connection, ORIGIN_KEY, Cause.SOURCE, actor)
                await connection.execute("UPDATE customers SET age = coalesce(age, 0) + 1 WHERE id = %s", (id_,))
            await stream.next()
    await ground.sql(f"INSERT INTO rowcast.base (source_id, key, pending) VALUES ('{source.id}', '[\"2\"]', '{{}}')")
    assert (await ground.run(SOURCE))["pendingWrites"] == 2


async def test_sources_are_paged_and_filtered(ground: Ground) -> None:
    for name in ("alpha", "beta"):
        await ground.bind(name, CUSTOMERS_SQL, CUSTOMERS)
    query = (
        "query($after: String) { sources(first: 2, after: $after) { nodes { name } endCursor hasNextPage totalCount } }"
    )
    page = await ground.run(query)
    assert ([n["name"] for n in page["nodes"]], page["hasNextPage"], page["totalCount"]) == (["alpha", "beta"], True, 3)
    page = await ground.run(query, {"after": page["endCursor"]})
    assert ([n["name"] for n in page["nodes"]], page["hasNextPage"]) == (["customers"], False)
    assert (await ground.run("{ sources(kind: FEED) { totalCount } }"))["totalCount"] == 0
    assert (await ground.run("{ sources(state: ACTIVE, kind: SHEET) { totalCount } }"))["totalCount"] == 3


async def test_pause_resume_update_and_delete(ground: Ground) -> None:
    paused = await ground.run('mutation { pauseSource(name: "customers") { state } }')
    assert paused["state"] == "PAUSED"
    assert (await ground.refused('mutation { syncSource(name: "customers") { id } }')).code == "CONFLICT"
    resumed = await ground.run('mutation { resumeSource(name: "customers") { state } }')
    assert resumed["state"] == "ACTIVE"
    update = """mutation($input: UpdateSourceInput!) {
      updateSource(name: "customers", input: $input) { description pollSeconds }
    }"""
    updated = await ground.run(update, {"input": {"description": "For tests", "pollSeconds": 7}})
    assert updated == {"description": "For tests", "pollSeconds": 7}
    updated = await ground.run(update, {"input": {"description": None}})
    assert updated == {"description": None, "pollSeconds": 7}
    for wrong in ({"pollSeconds": None}, {"pollSeconds": 0}, {"columns": None}, {"sheet": {"worksheet": None}}):
        assert (await ground.refused(update, {"input": wrong})).code == "BAD_USER_INPUT", wrong
    secret = await ground.run('mutation { rotateHookSecret(name: "customers") { url secret } }')
    assert secret["url"].endswith("/hooks/sheets/customers")
    assert (await ground.run(SOURCE))["hasSecret"]
    deleted = await ground.run(
        'mutation { deleteSource(name: "customers") { name rowCount pendingWrites lastRun { id } } }'
    )
    assert deleted == {"name": "customers", "rowCount": "0", "pendingWrites": 0, "lastRun": None}
    assert await ground.run(SOURCE) is None


async def test_exactly_one_of_sheet_and_feed(ground: Ground) -> None:
    failed = await ground.refused('mutation { registerSource(input: {name: "x"}) { id } }')
    assert failed.code == "BAD_USER_INPUT"


async def test_a_run_that_nobody_does_is_unavailable(ground: Ground) -> None:
    object.__setattr__(ground.context, "run_deadline_s", 0.05)
    failed = await ground.refused('mutation { syncSource(name: "customers") { id } }')
    assert failed.code == "UNAVAILABLE"


async def test_sync_waits_for_a_run_that_began_after_the_call(ground: Ground) -> None:
    source = await ground.run('{ source(name: "customers") { id } }')
    async with await connect(ground.dsn, "rowcast test leader") as connection:
        await connection.execute("LISTEN rowcast_wake")
        before = await start_run(connection, source["id"], RunTrigger.SCHEDULE)
        asked = [
            asyncio.create_task(ground.run('mutation { syncSource(name: "customers") { id state } }')) for _ in range(2)
        ]
        assert [notified.channel async for notified in connection.notifies(stop_after=2)] == ["rowcast_wake"] * 2
        await finish_run(connection, before.id, RunState.SUCCEEDED, RunCounts(), None)
        run = await start_run(connection, source["id"], RunTrigger.MANUAL)
        await finish_run(connection, run.id, RunState.SUCCEEDED, RunCounts(), None)
        for each in asked:
            assert await each == {"id": str(run.id), "state": "SUCCEEDED"}


async def test_deleting_ends_the_wait(ground: Ground) -> None:
    async with await connect(ground.dsn, "rowcast test leader") as connection:
        await connection.execute("LISTEN rowcast_wake")
        asked = asyncio.create_task(ground.refused('mutation { syncSource(name: "customers") { id } }'))
        assert [notified.channel async for notified in connection.notifies(stop_after=1)] == ["rowcast_wake"]
        await ground.run('mutation { deleteSource(name: "customers") { id } }')
        await connection.execute("NOTIFY rowcast_runs, '0'")
        assert (await asked).code == "NOT_FOUND"


async def test_events_are_followed(ground: Ground) -> None:
    query = """subscription($source: String, $kinds: [EventKind!]) {
      events(source: $source, kinds: $kinds) { id kind source message detail at }
    }"""

    async def tell(kind: EventKind, source: str | None, message: str) -> None:
        async with await connect(ground.dsn, "rowcast test") as connection:
            await insert_event(connection, kind, source, message, {"n": 1})

    async with ground.subscribe(query, {"source": "customers", "kinds": ["STATE"]}) as stream:
        first: asyncio.Task[Json] = asyncio.create_task(stream.next())
        while not first.done():
            # Nothing says when a subscription to events has begun.
            await tell(EventKind.STATE, "customers", "First.")
            await asyncio.wait({first}, timeout=0.1)
        await tell(EventKind.STATE, "others", "Not mine.")
        await tell(EventKind.SYSTEM, "customers", "Not asked for.")
        async with await connect(ground.dsn, "rowcast test") as connection:
            await connection.execute("NOTIFY rowcast_events, 'nonsense'")
            await connection.execute("NOTIFY rowcast_events, '999999'")
        await tell(EventKind.STATE, "customers", "Last.")
        later = await stream.next()
        while later["message"] == "First.":
            later = await stream.next()
        event = first.result()
        assert (event["message"], event["kind"], event["detail"]) == ("First.", "STATE", {"n": 1})
        assert later["message"] == "Last."
        # After the listener's connection was lost everything since is read.
        await ground.sql(
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name = 'rowcast test listener'"
        )
        await tell(EventKind.STATE, "customers", "Missed.")
        assert (await stream.next())["message"] == "Missed."


async def test_an_event_that_commits_late_is_not_lost_with_the_listener(ground: Ground) -> None:
    async with ground.subscribe("subscription { events { message } }") as stream:
        first: asyncio.Task[Json] = asyncio.create_task(stream.next())
        async with (
            await connect(ground.dsn, "rowcast test") as connection,
            await connect(ground.dsn, "rowcast test", autocommit=False) as late,
        ):
            while not first.done():
                # Nothing says when a subscription to events has begun.
                await insert_event(connection, EventKind.SYSTEM, None, "First.")
                await asyncio.wait({first}, timeout=0.1)
            await insert_event(late, EventKind.SYSTEM, None, "Late.")
            await insert_event(connection, EventKind.SYSTEM, None, "Sooner.")
            while (await stream.next())["message"] != "Sooner.":
                pass
            # In one commit: the listener is not there to hear of it.
            await late.execute(
                "SELECT pg_terminate_backend(pid, 10000) FROM pg_stat_activity "
                "WHERE application_name = 'rowcast test listener'"
            )
            await late.commit()
            assert (await stream.next())["message"] == "Late."
            await insert_event(connection, EventKind.SYSTEM, None, "Last.")
            assert (await stream.next())["message"] == "Last."


async def test_what_was_told_is_read_later_newest_first(ground: Ground) -> None:
    query = """query($source: String, $kinds: [EventKind!], $first: Int, $after: String) {
      events(source: $source, kinds: $kinds, first: $first, after: $after) {
        nodes { kind source message detail } endCursor hasNextPage } }"""
    async with await connect(ground.dsn, "rowcast test") as connection:
        for number in range(3):
            await insert_event(connection, EventKind.DRIFT, "customers", f"Header {number}.", {"header": f"h{number}"})
            await insert_event(connection, EventKind.STATE, "customers", "A state.")
            # Events outlive their source.
            await insert_event(connection, EventKind.DRIFT, "gone", "Header of another.")
    asked = {"source": "customers", "kinds": ["DRIFT"], "first": 2}
    page = await ground.run(query, asked)
    assert page["nodes"][0] == {
        "kind": "DRIFT", "source": "customers", "message": "Header 2.", "detail": {"header": "h2"}
    }  # fmt: skip
    assert ([node["message"] for node in page["nodes"]], page["hasNextPage"]) == (["Header 2.", "Header 1."], True)
    rest = await ground.run(query, {**asked, "after": page["endCursor"]})
    assert ([node["message"] for node in rest["nodes"]], rest["hasNextPage"]) == (["Header 0."], False)
    assert len((await ground.run(query, {"source": "gone"}))["nodes"]) == 3
    assert {node["source"] for node in (await ground.run(query))["nodes"]} >= {"customers", "gone"}
    assert (await ground.refused(query, {"after": "x"})).code == "BAD_USER_INPUT"


async def test_events_of_no_source_are_refused(ground: Ground) -> None:
    async with ground.subscribe('subscription { events(source: "nope") { id } }') as stream:
        with pytest.raises(GraphQLFailed) as failed:
            await stream.next()
    assert failed.value.code == "NOT_FOUND"


PREVIEW = """query($input: RegisterSourceInput!) {
  previewSource(input: $input) {
    columns { name field type readOnly isKey } key rows rowCount onlyInSource onlyInDatabase different problems
  }
}"""


async def test_a_preview_tells_problems_and_is_no_link(ground: Ground) -> None:
    nothing = await ground.run(PREVIEW, {"input": {"name": "other"}})
    assert nothing == {
        "columns": [],
        "key": [],
        "rows": [],
        "rowCount": "0",
        "onlyInSource": "0",
        "onlyInDatabase": "0",
        "different": "0",
        "problems": nothing["problems"],
    }
    assert "exactly one of sheet and feed" in nothing["problems"][0]
    linked = Ground(ground.dsn, replace(ground.context, by_get=True))
    refused = await linked.refused(PREVIEW, {"input": {"name": "other"}})
    assert (refused.code, "POST" in str(refused)) == ("BAD_USER_INPUT", True)
