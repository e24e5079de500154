"""The whole server on a fresh database, without sheets: what it says of itself."""

import json
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from prometheus_client.parser import text_string_to_metric_families

from schema.build import sdl
from schema.limits import MAX_TOKENS
from tests.server import GraphQLFailed, Server, ThreadServer, eventually, server_settings


@pytest.fixture
async def server(database: str, tmp_path: Path) -> AsyncIterator[ThreadServer]:
    running = ThreadServer(server_settings(database, tmp_path))
    await running.start()
    yield running
    await running.stop()


async def test_it_is_ready_with_every_part_on(server: Server) -> None:
    assert (await server.get("/healthz")).text == "ok\n"
    body = (await server.get("/readyz")).json()
    assert body["ready"] is True
    assert set(body["checks"]) == {"database", "migrated", "replication", "scheduler"}
    assert all(check["ok"] and check["detail"] for check in body["checks"].values())


async def test_its_metrics_say_that_it_leads_and_reads_the_slot(server: Server) -> None:
    answer = await server.get("/metrics")
    assert answer.headers["content-type"].startswith("text/plain; version=0.0.4")
    values = {
        sample.name: sample.value
        for family in text_string_to_metric_families(answer.text)
        for sample in family.samples
        if not sample.labels
    }
    for name in ("leader", "scheduler_on", "replication_streaming", "database_up"):
        assert values[f"rowcast_{name}"] == 1
    assert values["process_resident_memory_bytes"] > 0


async def test_an_operation_that_the_document_lacks_is_the_callers_mistake(server: Server) -> None:
    asked = {"query": "query A { viewer { name } }", "operationName": "B"}
    assert (await server.post("/graphql", json=asked)).status_code == 400
    async with server.websocket() as connection:
        await connection.send(json.dumps({"type": "connection_init"}))
        assert json.loads(await connection.recv())["type"] == "connection_ack"
        await connection.send(json.dumps({"id": "1", "type": "subscribe", "payload": asked}))
        answer = json.loads(await connection.recv())
    assert answer["type"] == "error"
    assert "B" in answer["payload"][0]["message"]
    assert answer["payload"][0]["extensions"]["code"] == "BAD_USER_INPUT"


async def test_a_document_is_parsed_no_further_than_the_limit_to_learn_whether_it_subscribes(server: Server) -> None:
    answer = await server.post("/graphql", json={"query": f"subscription {{ {'a ' * MAX_TOKENS} }}"})
    [error] = answer.json()["errors"]
    assert f"more than {MAX_TOKENS} tokens" in error["message"]


async def test_its_schema_is_the_exported_one(server: Server) -> None:
    assert (await server.get("/schema.graphql")).text.strip() == sdl().strip()


async def test_a_second_process_stands_by(server: ThreadServer, database: str, tmp_path: Path) -> None:
    second = ThreadServer(server_settings(database, tmp_path / "second"))
    await second.start()
    checks = (await second.get("/readyz")).json()["checks"]
    assert "another process" in checks["replication"]["detail"]
    assert await second.graphql("{ viewer { name } }") == {"viewer": {"name": "local"}}
    await server.stop()

    async def leads() -> bool:
        return "The slot streams" in (await second.get("/readyz")).text

    await eventually(leads)
    await second.stop()


async def test_without_credentials_a_sheet_is_a_clear_error(server: Server) -> None:
    mutation = 'mutation { registerSource(input: {name: "a", sheet: {spreadsheet: "x"}, key: ["id"]}) { name } }'
    with pytest.raises(GraphQLFailed, match="ROWCAST_GOOGLE_CREDENTIALS") as failed:
        await server.graphql(mutation)
    assert failed.value.code == "SOURCE_UNREACHABLE"


async def test_an_unmigrated_database_is_said_until_it_is_migrated(empty_database: str, tmp_path: Path) -> None:
    from db.migrate import upgrade

    server = ThreadServer(server_settings(empty_database, tmp_path), ready_path="/healthz")
    await server.start()
    answer = await server.get("/readyz")
    assert answer.status_code == 503
    assert "python -m api migrate" in answer.json()["checks"]["migrated"]["detail"]
    upgrade(empty_database)
    await eventually(server.ready)
    await server.stop()
