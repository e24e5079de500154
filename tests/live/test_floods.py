"""Floods by HTTP, or of what can't begin: each is refused or waits, is counted, and the others go on."""

import asyncio
import time
from collections import Counter
from collections.abc import Iterator, Mapping

import psycopg
import pytest

from api.hook_signature import sign
from db.secrets import Keyring, store_hook_secret
from db.session import connect
from db.sources import source_by_name
from db.tokens import insert_token, new_secret
from tests.live.client import EVERYTHING, TABLE
from tests.live.conftest import serving
from tests.live.raw_client import raw_client, text
from tests.live.test_faults import Sql, metric, others_go_on
from tests.postgres import Server as PostgresServer
from tests.server import Client, ThreadServer, eventually

RATE = 1
AT_ONCE = 10 * RATE
MANY = 100
WHO = {"query": "{ __typename }"}


@pytest.fixture(scope="module")
def live(
    postgres_server: PostgresServer, database_template: str, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[ThreadServer]:
    folder = tmp_path_factory.mktemp("floods")
    with serving(postgres_server, database_template, folder, token_operations_per_second=RATE) as server:
        yield server


def dsn(server: ThreadServer) -> str:
    assert server.settings.database_url is not None
    return server.settings.database_url


async def statuses(server: Client, path: str, count: int, headers: Mapping[str, str], body: bytes) -> Counter[int]:
    """Of as many calls at once."""
    async with server.http() as http:
        calls = (http.post(path, content=body, headers=headers) for _ in range(count))
        return Counter([answer.status_code for answer in await asyncio.gather(*calls)])


@pytest.mark.parametrize(
    ("path", "status"), [(f"/hooks/sheets/{TABLE}", 401), ("/hooks/feeds/nobody", 404), ("/hooks/drive", 404)]
)
async def test_hooks_of_nobody_are_refused_and_counted(live: ThreadServer, sql: Sql, path: str, status: int) -> None:
    before = await metric(live, "rowcast_refused_hooks_total", status=str(status))
    timestamp = str(int(time.time()))
    headers = {"x-rowcast-timestamp": timestamp, "x-rowcast-signature": sign("no secret of ours", timestamp, b"{}")}
    async with others_go_on(live, sql):
        assert await statuses(live, path, MANY, headers, b"{}") == {status: MANY}
    assert await metric(live, "rowcast_refused_hooks_total", status=str(status)) == before + MANY


async def test_hooks_however_many_leave_subscribers_alone(live: ThreadServer, sql: Sql) -> None:
    secret = "of the hook"
    async with await connect(dsn(live), "rowcast test") as connection, connection.transaction():
        source = await source_by_name(connection, TABLE)
        assert source is not None
        assert live.settings.secret_key is not None
        await store_hook_secret(connection, Keyring.derive(live.settings.secret_key), source.id, secret)
    timestamp = str(int(time.time()))
    headers = {"x-rowcast-timestamp": timestamp, "x-rowcast-signature": sign(secret, timestamp, b"{}")}
    async with others_go_on(live, sql):
        assert await statuses(live, f"/hooks/sheets/{TABLE}", MANY, headers, b"{}") == {202: MANY}


async def bearer(server: ThreadServer, name: str) -> dict[str, str]:
    """The header of a new token."""
    secret = new_secret()
    async with await connect(dsn(server), "rowcast test") as connection, connection.transaction():
        await insert_token(connection, name, "VIEWER", [], secret, None, "test")
    return {"authorization": f"Bearer {secret}", "content-type": "application/json"}


async def test_a_token_that_asks_too_fast_leaves_the_others_alone(live: ThreadServer, sql: Sql) -> None:
    hasty, other = await bearer(live, "hasty"), await bearer(live, "other")
    before = await metric(live, "rowcast_refused_operations_total")
    async with others_go_on(live, sql):
        found = await statuses(live, "/graphql", MANY, hasty, b'{"query": "{ __typename }"}')
        assert set(found) == {200, 429}
        assert found[200] >= AT_ONCE
        assert (await live.post("/graphql", json=WHO, headers=other)).status_code == 200
    assert await metric(live, "rowcast_refused_operations_total") == before + found[429]


async def test_subscriptions_of_a_hasty_token_fail_alone(live: ThreadServer, sql: Sql) -> None:
    hasty = await bearer(live, "hasty with a socket")
    before = await metric(live, "rowcast_refused_operations_total")
    async with others_go_on(live, sql), raw_client(live) as client:
        await client.send(text({"type": "connection_init", "payload": {"authorization": hasty["authorization"]}}))
        for number in range(MANY):
            await client.send(text({"id": str(number), "type": "subscribe", "payload": {"query": EVERYTHING}}))
        acknowledged, *answers = await client.messages(1 + MANY)
        assert acknowledged["type"] == "connection_ack"
        refused = [each for each in answers if each["type"] == "error"]
        begun = [each for each in answers if each["type"] == "next"]
        assert len(refused) + len(begun) == MANY
        assert len(begun) >= AT_ONCE
        assert {each["payload"][0]["extensions"]["code"] for each in refused} == {"RATE_LIMITED"}
        assert await metric(live, "rowcast_refused_operations_total") == before + len(refused) > before


@pytest.mark.parametrize("variables", [{}, {"snapshot": True}], ids=["together", "alone"])
async def test_who_can_not_begin_is_counted_and_waits(live: ThreadServer, sql: Sql, variables: dict[str, bool]) -> None:
    count = 500
    async with others_go_on(live, sql), raw_client(live) as client:
        async with await psycopg.AsyncConnection.connect(dsn(live)) as locking:
            await locking.execute("LOCK TABLE rowcast.sources IN ACCESS EXCLUSIVE MODE")
            await client.send(text({"type": "connection_init"}))
            payload = {"query": EVERYTHING, "variables": variables}
            for number in range(count):
                await client.send(text({"id": str(number), "type": "subscribe", "payload": payload}))

            async def waiting() -> bool:
                return await metric(live, "rowcast_waiting_subscriptions") > 0

            await eventually(waiting)
        [acknowledged], begun = await client.messages(1), set[str]()
        assert acknowledged["type"] == "connection_ack"
        while len(begun) < count:
            [message] = await client.messages(1)
            assert message["type"] == "next", message
            begun.add(message["id"])
    assert await metric(live, "rowcast_waiting_subscriptions") == 0
