"""Google refuses, or is down: the source says so, nobody storms, and it goes on by itself."""

import json
from collections.abc import AsyncIterator
from pathlib import Path

import psycopg
import pytest

from sandbox.demo import CUSTOMERS, SPREADSHEET_ID
from sandbox.server import Sandbox
from tests.e2e.customers import REGISTER, Customers, Sheet
from tests.server import GraphQLFailed, ThreadServer, eventually, server_settings

SALES = "sales@rowcast-sandbox.iam.gserviceaccount.com"
STATE = '{ source(name: "customers") { state stateReason sheet { credential } } }'


@pytest.fixture
async def named(database: str, sheet: Sheet, tmp_path: Path) -> AsyncIterator[ThreadServer]:
    """A server with a folder of credentials, `sales` among them, and no credential else."""
    await sheet.share(SALES)
    put_key(tmp_path, sheet.sandbox)
    settings = server_settings(database, tmp_path, google_api_url=sheet.sandbox.url, google_credentials_dir=tmp_path)
    running = ThreadServer(settings)
    await running.start()
    yield running
    await running.stop()


def put_key(folder: Path, sandbox: Sandbox) -> None:
    (folder / "sales.json").write_text(json.dumps(sandbox.service_account_info(SALES)))


async def test_a_revoked_key_is_a_state_until_a_new_one_is_put_in_its_place(
    named: ThreadServer, sheet: Sheet, database: str, tmp_path: Path
) -> None:
    place = {"spreadsheet": SPREADSHEET_ID, "worksheet": CUSTOMERS}
    with pytest.raises(GraphQLFailed) as failed:
        await named.graphql(REGISTER, {"input": {"name": "customers", "sheet": {**place, "credential": "seals"}}})
    assert failed.value.errors[0]["message"] == "There is no credential “seals”: there are sales."
    assert failed.value.code == "BAD_USER_INPUT"
    customers = Customers(named, sheet, database)
    await customers.register(sheet={**place, "credential": "sales"})

    await sheet.control("POST", "revoke", {"email": SALES})
    await customers.sql("UPDATE customers SET city = 'Lima' WHERE id = 7")

    async def failing() -> str:
        source = (await named.graphql(STATE))["source"]
        return source["stateReason"] if source["state"] == "FAILING" else ""

    reason = await eventually(failing)
    assert SALES in reason
    assert f"in the place of {tmp_path / 'sales.json'}" in reason
    await sheet.control("DELETE", "requests")
    for _ in range(5):
        run = await customers.sync()
        assert run["state"] == "FAILED"
        assert "No call is made until" in run["message"]
    assert await sheet.control("GET", "requests") == []
    assert 'rowcast_circuit_state{circuit="google sales"} 2.0' in (await named.get("/metrics")).text

    put_key(tmp_path, sheet.sandbox)
    await eventually(customers.agree)
    assert await customers.value(7, "city") == "Lima"
    assert 'rowcast_circuit_state{circuit="google sales"} 0.0' in (await named.get("/metrics")).text
    quotas = (await named.graphql("{ stats { apiQuota { name limit used } } }"))["stats"]["apiQuota"]
    assert {(quota["name"], quota["limit"]) for quota in quotas} == {
        ("google sales read", 60),
        ("google sales write", 60),
        ("google project rowcast-sandbox read", 300),
        ("google project rowcast-sandbox write", 300),
    }


async def test_500_commits_to_one_row_during_a_backoff_are_written_once(customers: Customers, sheet: Sheet) -> None:
    await sheet.control("POST", "faults", {"match": "GET /v4/", "status": 503, "times": 1000})
    await customers.sql("UPDATE customers SET city = 'begun' WHERE id = 7")

    async def refused() -> bool:
        return len(await sheet.control("GET", "faults")) == 1 and any(
            call["status"] == 503 for call in await sheet.control("GET", "requests")
        )

    await eventually(refused)
    async with await psycopg.AsyncConnection.connect(customers.dsn, autocommit=True) as connection:
        for number in range(500):
            await connection.execute("UPDATE customers SET city = %s WHERE id = 7", (f"city {number}",))
    await sheet.control("DELETE", "requests")
    await sheet.control("DELETE", "faults")
    await eventually(customers.agree)
    assert await customers.value(7, "city") == "city 499"
    # What answers may be the run that the last commits woke, which finds nothing to do.
    assert (await customers.sync())["state"] in ("SUCCEEDED", "UNCHANGED")
    calls = await sheet.control("GET", "requests")
    assert [
        call["path"].rpartition(":")[2] for call in calls if call["method"] == "POST" and "/v4/" in call["path"]
    ] == ["batchUpdate"]
