"""What is cut off: servers and Postgres killed in the middle of edits, leaders that are stopped and wake again."""

import asyncio
import signal
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import httpx
import pytest
from websockets.exceptions import ConnectionClosed

from db.embedded import EmbeddedPostgres
from sandbox.server import Sandbox
from tests.e2e.conftest import FIRST, SECOND
from tests.e2e.customers import CHANGES, SYNC, Customers, Sheet, caught_up, change_of
from tests.e2e.mirror import Mirror
from tests.server import Client, GraphQLFailed, ProcessServer, eventually, server_settings

RESUME = {"source": "customers", "snapshot": True}
HISTORY = """query ($key: JSON!) {
    history(source: "customers", key: $key, first: 1000) { nodes { change { row } } hasNextPage } }"""

CONFLICTS = """query ($state: ConflictState!) {
    conflicts(state: $state, first: 1000) { nodes { key column sourceValue } } }"""


@pytest.fixture
async def own_process(own_postgres: EmbeddedPostgres, sandbox: Sandbox, tmp_path: Path) -> AsyncIterator[ProcessServer]:
    """A server process on a Postgres that the test may kill."""
    made = ProcessServer(server_settings(own_postgres.dsn, tmp_path, sandbox))
    await made.start()
    yield made
    await made.kill()


async def follow(client: Client, mirror: Mirror, goal: asyncio.Event) -> None:
    """A subscriber that comes back with its cursor for as long as it takes, until the goal and what came before it."""
    while True:
        variables = RESUME if mirror.cursor is None else {**RESUME, "after": mirror.cursor}
        try:
            async with client.subscribe(CHANGES, variables) as subscription:
                while True:
                    mirror.apply((await subscription.next())["changes"])
                    if goal.is_set():
                        return
        except (ConnectionClosed, OSError, EOFError):
            mirror.up_to_date = False
            await eventually(client.ready)


async def type_into_the_sheet(sheet: Sheet, ids: range, say: str) -> dict[int, str]:
    """A program's edits of column B, one after the other; what it wrote last, by id."""
    written = {}
    for id_ in ids:
        await sheet.write(f"B{await sheet.line(id_)}", [[f"{say} {id_}"]])
        written[id_] = f"{say} {id_}"
    return written


async def values_of(client: Client, id_: int, column: str) -> set[Any]:
    """Every value that history and conflicts know of a cell."""
    page = (await client.graphql(HISTORY, {"key": {"id": id_}}))["history"]
    assert not page["hasNextPage"]
    seen = {node["change"]["row"][column] for node in page["nodes"] if node["change"]["row"] is not None}
    for state in ("OPEN", "RESOLVED"):
        for conflict in (await client.graphql(CONFLICTS, {"state": state}))["conflicts"]["nodes"]:
            if conflict["key"] == {"id": id_} and conflict["column"] == column:
                seen.add(conflict["sourceValue"])
    return seen


async def test_kills_amid_edits_on_both_sides_lose_nothing(
    own_process: ProcessServer, own_postgres: EmbeddedPostgres, sheet: Sheet
) -> None:
    customers = Customers(own_process, sheet, own_postgres.dsn)
    await customers.register()
    await customers.connect_trigger()
    mirror, goal = Mirror(), asyncio.Event()
    following = asyncio.create_task(follow(own_process, mirror, goal))
    typing = asyncio.create_task(type_into_the_sheet(sheet, range(1, 31), "sheet"))
    for id_ in range(21, 36):  # some of the cells that the sheet's side edits, too
        await customers.sql("UPDATE customers SET name = %s WHERE id = %s", f"table {id_}", id_)
        if id_ == 25:
            await own_process.kill()
        if id_ == 30:
            own_process.launch()
            own_postgres.kill()
            own_postgres.start()
    typed = await typing
    await own_process.kill()
    await customers.sql("UPDATE customers SET city = 'while away' WHERE id = 40")
    await sheet.write(f"D{await sheet.line(41)}", [["while away"]])
    await own_process.start()
    await eventually(lambda: _has(customers, 41, "city", "while away"))
    await customers.sync()
    await eventually(customers.agree)
    rows = await customers.rows()
    assert (rows[40]["city"], rows[41]["city"]) == ("while away", "while away")
    for id_ in range(21, 36):
        assert f"table {id_}" in await values_of(own_process, id_, "name")
    for id_, name in typed.items():
        assert name == rows[id_]["name"] or name in await values_of(own_process, id_, "name")
    goal.set()
    await customers.sql("UPDATE customers SET city = 'the end' WHERE id = 1")
    await following
    assert {id_: row["name"] for id_, row in mirror.rows.items()} == {
        id_: row["name"] for id_, row in (await customers.rows()).items()
    }
    assert mirror.resets <= 1, "it had to begin again, though the log was there"


async def _has(customers: Customers, id_: int, column: str, value: Any) -> bool:
    return bool(await customers.value(id_, column) == value)


async def test_a_server_whose_postgres_restarts_stays_and_recovers(
    own_process: ProcessServer, own_postgres: EmbeddedPostgres, sheet: Sheet
) -> None:
    customers = Customers(own_process, sheet, own_postgres.dsn)
    await customers.register()
    async with own_process.subscribe(CHANGES, {**RESUME, "snapshot": False}) as subscription:
        await caught_up(subscription)
        own_postgres.kill()
        assert (await own_process.get("/healthz")).status_code == 200
        away = await own_process.get("/readyz")
        assert away.status_code == 503
        assert away.json()["checks"]["database"]["ok"] is False
        assert "rowcast_database_up 0.0" in (await own_process.get("/metrics")).text
        own_postgres.start()
        await eventually(own_process.ready)
        await customers.sql("UPDATE customers SET city = 'after' WHERE id = 7")
        assert (await change_of(subscription, 7, "UPDATE"))["row"]["city"] == "after"
    await eventually(customers.agree)
    assert own_process.process.poll() is None


async def test_without_postgres_graphql_and_hooks_say_so(
    own_process: ProcessServer, own_postgres: EmbeddedPostgres
) -> None:
    own_postgres.stop()
    answer = await own_process.post("/graphql", json={"query": "{ sources { totalCount } }"})
    assert answer.json()["errors"][0]["extensions"]["code"] == "UNAVAILABLE"
    assert (await own_process.post("/hooks/sheets/customers", content=b"{}")).status_code == 503
    own_postgres.start()
    await eventually(own_process.ready)
    assert (await own_process.graphql("{ sources { totalCount } }"))["sources"]["totalCount"] == 0


async def leads(client: Client) -> bool:
    """False also while it doesn't answer yet."""
    try:
        return "rowcast_leader 1.0" in (await client.get("/metrics")).text
    except httpx.TransportError:
        return False


async def test_a_stopped_leader_makes_no_call_after_it_was_passed_over(
    process: ProcessServer, second: ProcessServer, sheet: Sheet, database: str
) -> None:
    first = Customers(process, sheet, database)
    await first.register(pollSeconds=3600)
    async with process.subscribe(CHANGES, {**RESUME, "snapshot": False}) as subscription:
        await caught_up(subscription)
        await eventually(lambda: _idle(process))
        process.send_signal(signal.SIGSTOP)
        second.launch()
        await eventually(lambda: leads(second))
        await sheet.control("DELETE", "requests")
        await first.sql("UPDATE customers SET city = 'while stopped' WHERE id = 7")
        await eventually(first.agree)
        process.send_signal(signal.SIGCONT)
        # It serves on as a standby: what the new leader appends reaches its subscribers.
        assert (await change_of(subscription, 7, "UPDATE"))["row"]["city"] == "while stopped"
        await eventually(lambda: _stands_by(process))
        await first.sql("UPDATE customers SET city = 'afterwards' WHERE id = 8")
        await change_of(subscription, 8, "UPDATE")
    await eventually(first.agree)
    callers = {request["account"] for request in await sheet.control("GET", "requests")}
    assert SECOND in callers
    assert FIRST not in callers


async def _idle(client: Client) -> bool:
    """Whether no run is under way."""
    data = await client.graphql('{ runs(source: "customers") { nodes { state } } }')
    return all(run["state"] != "RUNNING" for run in data["runs"]["nodes"])


async def _stands_by(client: Client) -> bool:
    if not await client.ready():
        return False
    checks = (await client.get("/readyz")).json()["checks"]
    return "another process" in checks["scheduler"]["detail"]


async def test_a_standby_takes_over_from_a_killed_leader(
    process: ProcessServer, second: ProcessServer, sheet: Sheet, database: str
) -> None:
    customers = Customers(second, sheet, database)
    await Customers(process, sheet, database).register()
    await second.start()
    assert await _stands_by(second)
    async with second.subscribe(CHANGES, {**RESUME, "snapshot": False}) as subscription:
        await caught_up(subscription)
        await customers.sql("UPDATE customers SET city = 'before' WHERE id = 7")
        await change_of(subscription, 7, "UPDATE")
        await process.kill()
        await customers.sql("UPDATE customers SET city = 'between' WHERE id = 8")
        assert (await change_of(subscription, 8, "UPDATE"))["row"]["city"] == "between"
    assert await leads(second)
    await eventually(customers.agree)


async def test_a_standby_serves_everything_while_another_process_leads(
    process: ProcessServer, second: ProcessServer, sheet: Sheet, database: str
) -> None:
    await second.start()
    assert await _stands_by(second)
    customers = Customers(second, sheet, database)
    await customers.register(pollSeconds=3600)
    async with second.subscribe(CHANGES, RESUME) as subscription:
        await caught_up(subscription)
        await customers.sql("UPDATE customers SET city = 'by SQL' WHERE id = 7")
        assert (await change_of(subscription, 7, "UPDATE"))["row"]["city"] == "by SQL"
        await second.graphql(
            'mutation { upsertRows(source: "customers", rows: [{id: 8, city: "by the API"}]) { deleted } }'
        )
        assert (await change_of(subscription, 8, "UPDATE"))["row"]["city"] == "by the API"
        await sheet.write(f"D{await sheet.line(9)}", [["by a program"]])
        assert (await second.graphql(SYNC, {"name": "customers"}))["syncSource"]["state"] == "SUCCEEDED"
        assert (await change_of(subscription, 9, "UPDATE"))["row"]["city"] == "by a program"
        await second.graphql('mutation { deleteSource(name: "customers") { id } }')
        with pytest.raises(GraphQLFailed) as failed:
            await subscription.until(lambda _: False)
    assert failed.value.code == "NOT_FOUND"
    assert await leads(process)


async def test_an_orderly_stop_hands_over_at_once(
    process: ProcessServer, second: ProcessServer, sheet: Sheet, database: str
) -> None:
    await Customers(process, sheet, database).register()
    await second.start()
    async with process.subscribe(CHANGES, RESUME) as subscription:
        await caught_up(subscription)
        assert await process.stop() in (0, -signal.SIGTERM)
        with pytest.raises(ConnectionClosed):
            await subscription.next()
    log = process.log.read_text()
    assert "Traceback" not in log, log
    await eventually(lambda: leads(second))


async def test_a_restart_in_order_finds_everything(process: ProcessServer, sheet: Sheet, database: str) -> None:
    customers = Customers(process, sheet, database)
    await customers.register()
    async with process.subscribe(CHANGES, {**RESUME, "snapshot": False}) as subscription:
        cursor = (await caught_up(subscription))[-1]["cursor"]
    await process.stop()
    await customers.sql("UPDATE customers SET city = 'stopped' WHERE id = 7")
    await process.start()
    async with process.subscribe(CHANGES, {**RESUME, "snapshot": False, "after": cursor}) as subscription:
        assert (await change_of(subscription, 7, "UPDATE"))["row"]["city"] == "stopped"
    await eventually(customers.agree)
