"""Tokens on every transport: who may come in, and that what is open ends with its token."""

import asyncio
import json
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import httpx
import pytest
from websockets.exceptions import ConnectionClosed

from db.session import connect
from db.tokens import Token, insert_token, new_secret, revoke_token
from tests.api.edge import edge_app
from tests.postgres import Server as PostgresServer
from tests.replication.leader import execute
from tests.server import DEADLINE_S, Server, ThreadServer, eventually, server_settings

WHO = {"query": "{ who }"}
NAMED = {"query": "subscription { named }"}
FOREVER = {"query": "subscription { forever }"}
MULTIPART = "multipart/mixed;boundary=graphql;subscriptionSpec=1.0,application/json"
PROTOCOLS = ("graphql-transport-ws", "graphql-ws")


@pytest.fixture(scope="module")
def locked(
    postgres_server: PostgresServer, database_template: str, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Server]:
    """A server that requires a token."""
    database = postgres_server.create(template=database_template)
    settings = server_settings(database, tmp_path_factory.mktemp("locked"), require_token=True)
    server = ThreadServer(settings, edge_app(settings), ready_path="/healthz")
    asyncio.run(server.start())
    yield server
    asyncio.run(server.stop())
    postgres_server.drop(database)


def dsn(server: Server) -> str:
    assert server.settings.database_url is not None
    return server.settings.database_url


async def made(server: Server, *, lasts: timedelta | None = None) -> tuple[Token, str]:
    secret = new_secret()
    expires_at = None if lasts is None else datetime.now(UTC) + lasts
    async with await connect(dsn(server), "test") as connection, connection.transaction():
        return await insert_token(connection, new_secret(), "VIEWER", [], secret, expires_at, "test"), secret


async def revoke(server: Server, token: Token) -> None:
    async with await connect(dsn(server), "test") as connection, connection.transaction():
        await revoke_token(connection, token.id, "test")


def bearer(secret: str) -> dict[str, str]:
    return {"authorization": f"Bearer {secret}"}


async def test_a_request_is_from_its_token(locked: Server) -> None:
    token, secret = await made(locked)
    for scheme in ("Bearer", "bearer"):
        answer = await locked.post("/graphql", json=WHO, headers={"authorization": f"{scheme} {secret}"})
        assert answer.json() == {"data": {"who": token.name}}
    answer = await locked.get("/graphql", params=WHO, headers=bearer(secret))
    assert answer.json() == {"data": {"who": token.name}}


async def test_when_it_was_last_used_is_noted(locked: Server) -> None:
    token, secret = await made(locked)
    assert token.last_used_at is None
    for _ in range(2):
        await locked.post("/graphql", json=WHO, headers=bearer(secret))
    async with await connect(dsn(locked), "test") as connection:
        row = await (
            await connection.execute("SELECT last_used_at FROM rowcast.tokens WHERE id = %s", (token.id,))
        ).fetchone()
    assert row is not None
    assert row[0] >= token.created_at


@pytest.mark.parametrize("header", [None, "", "Bearer", "Basic eDp5", "Bearer rowcast_nothing", "rowcast_nothing"])
async def test_without_a_token_in_use_nothing_is_done(locked: Server, header: str | None) -> None:
    headers = {} if header is None else {"authorization": header}
    answer = await locked.post("/graphql", json=WHO, headers=headers)
    assert answer.status_code == 401
    assert answer.headers["www-authenticate"] == "Bearer"
    assert answer.json()["errors"][0]["extensions"]["code"] == "UNAUTHENTICATED"


async def test_a_token_that_ended_is_not_in_use(locked: Server) -> None:
    revoked, first = await made(locked)
    await revoke(locked, revoked)
    expired, second = await made(locked)
    await execute(dsn(locked), f"UPDATE rowcast.tokens SET expires_at = now() WHERE id = {expired.id}")
    for secret in (first, second):
        assert (await locked.post("/graphql", json=WHO, headers=bearer(secret))).status_code == 401


async def test_where_none_is_required_a_wrong_one_is_still_refused(edge: Server) -> None:
    assert (await edge.post("/graphql", json=WHO)).json() == {"data": {"who": "local"}}
    assert (await edge.post("/graphql", json=WHO, headers=bearer("x"))).status_code == 401


class Opened:
    """An operation on a WebSocket of its own, in either protocol."""

    def __init__(self, connection: Any, protocol: str) -> None:
        self.connection = connection
        self._start = "subscribe" if protocol == "graphql-transport-ws" else "start"

    async def send(self, **message: Any) -> None:
        await self.connection.send(json.dumps(message))

    async def next(self) -> Any:
        """The next message that isn't there to keep the connection alive."""
        while True:
            message = json.loads(await asyncio.wait_for(self.connection.recv(), DEADLINE_S))
            if message["type"] not in ("ka", "ping"):
                return message

    async def ask(self, query: dict[str, str]) -> Any:
        await self.send(id="1", type=self._start, payload=query)
        return (await self.next())["payload"]["data"]

    async def closed(self) -> tuple[int, str]:
        try:
            while True:
                await self.next()
        except ConnectionClosed:
            return self.connection.close_code, self.connection.close_reason


@asynccontextmanager
async def websocket(server: Server, protocol: str, payload: Any = None, **arguments: Any) -> AsyncIterator[Opened]:
    async with server.websocket(protocol, **arguments) as connection:
        opened = Opened(connection, protocol)
        await opened.send(type="connection_init", **({} if payload is None else {"payload": payload}))
        yield opened


@pytest.mark.parametrize("protocol", PROTOCOLS)
async def test_a_websocket_says_who_it_is_when_it_begins(locked: Server, protocol: str) -> None:
    token, secret = await made(locked)
    async with websocket(locked, protocol, bearer(secret)) as opened:
        assert (await opened.next())["type"] == "connection_ack"
        assert await opened.ask(NAMED) == {"named": token.name}
    async with websocket(locked, protocol, additional_headers=bearer(secret)) as opened:
        assert (await opened.next())["type"] == "connection_ack"
        assert await opened.ask(NAMED) == {"named": token.name}


@pytest.mark.parametrize("protocol", PROTOCOLS)
@pytest.mark.parametrize("payload", [None, {}, {"authorization": "Bearer x"}, {"authorization": 7}])
async def test_a_websocket_without_a_token_in_use_is_closed(locked: Server, protocol: str, payload: Any) -> None:
    async with websocket(locked, protocol, payload) as opened:
        code, reason = await opened.closed()
    assert code == 4401
    assert reason


@pytest.mark.parametrize("protocol", PROTOCOLS)
async def test_a_websocket_ends_with_its_token(locked: Server, protocol: str) -> None:
    revoked, first = await made(locked)
    _, second = await made(locked, lasts=timedelta(seconds=5))
    _, third = await made(locked)
    async with (
        websocket(locked, protocol, bearer(first)) as one,
        websocket(locked, protocol, bearer(second)) as two,
        websocket(locked, protocol, bearer(third)) as other,
    ):
        for opened in (one, two, other):
            assert (await opened.next())["type"] == "connection_ack"
            assert await opened.ask(FOREVER) == {"forever": 0}
        await revoke(locked, revoked)
        assert await one.closed() == (4403, "The token was revoked.")
        assert await two.closed() == (4403, "The token has expired.")
        await other.send(id="2", type="subscribe" if protocol == "graphql-transport-ws" else "start", payload=WHO)
        assert (await other.next())["id"] == "2"


@pytest.fixture(scope="module")
def slow(
    postgres_server: PostgresServer, database_template: str, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Server]:
    """A server where a token may begin one operation in ten seconds."""
    database = postgres_server.create(template=database_template)
    folder = tmp_path_factory.mktemp("slow")
    settings = server_settings(database, folder, require_token=True, token_operations_per_second=0.1)
    server = ThreadServer(settings, edge_app(settings), ready_path="/healthz")
    asyncio.run(server.start())
    yield server
    asyncio.run(server.stop())
    postgres_server.drop(database)


async def test_a_token_that_asks_too_fast_is_told_to_wait(slow: Server) -> None:
    _, secret = await made(slow)
    _, other = await made(slow)
    assert (await slow.post("/graphql", json=WHO, headers=bearer(secret))).status_code == 200
    answer = await slow.post("/graphql", json=WHO, headers=bearer(secret))
    assert answer.status_code == 429
    assert 1 <= int(answer.headers["retry-after"]) <= 10
    (error,) = answer.json()["errors"]
    assert error["extensions"]["code"] == "RATE_LIMITED"
    assert (await slow.post("/graphql", json=WHO, headers=bearer(other))).status_code == 200


@pytest.mark.parametrize("protocol", PROTOCOLS)
async def test_an_operation_too_soon_fails_alone(slow: Server, protocol: str) -> None:
    _, secret = await made(slow)
    kind = "subscribe" if protocol == "graphql-transport-ws" else "start"
    async with websocket(slow, protocol, bearer(secret)) as opened:
        assert (await opened.next())["type"] == "connection_ack"
        assert await opened.ask(FOREVER) == {"forever": 0}
        await opened.send(id="2", type=kind, payload=WHO)
        message = await opened.next()
        assert (message["id"], message["type"]) == ("2", "error")
        assert "RATE_LIMITED" in json.dumps(message["payload"])


@pytest.mark.parametrize("accepted", [MULTIPART, "text/event-stream"])
async def test_a_stream_ends_with_its_token(locked: Server, accepted: str) -> None:
    token, secret = await made(locked)
    headers = {"accept": accepted, **bearer(secret)}
    async with (
        httpx.AsyncClient(base_url=locked.url, timeout=DEADLINE_S, trust_env=False) as http,
        http.stream("POST", "/graphql", json=FOREVER, headers=headers) as answer,
    ):
        text, revoked = "", False
        async for part in answer.aiter_text():
            text += part
            if not revoked and '"forever"' in text:
                await revoke(locked, token)
                revoked = True
    assert "The token was revoked." in text
    assert "UNAUTHENTICATED" in text


async def test_a_revocation_that_nobody_heard_of_is_found_when_listening_begins_again(locked: Server) -> None:
    token, secret = await made(locked)
    async with websocket(locked, "graphql-transport-ws", bearer(secret)) as opened:
        assert (await opened.next())["type"] == "connection_ack"
        assert await opened.ask(FOREVER) == {"forever": 0}
        await execute(dsn(locked), f"UPDATE rowcast.tokens SET revoked_at = now() WHERE id = {token.id}")
        closing = asyncio.create_task(opened.closed())

        async def ended() -> bool:
            await execute(
                dsn(locked),
                "SELECT pg_terminate_backend(pid) FROM pg_stat_activity "
                "WHERE query LIKE 'LISTEN%' AND datname = current_database()",
            )
            return closing.done()

        await eventually(ended)
        assert await closing == (4403, "The token was revoked.")


def test_the_command_line_makes_the_first(
    locked: Server, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    from api.__main__ import main

    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("ROWCAST_DATABASE_URL", dsn(locked))
    assert main(["create-token", "first", "--role", "EDITOR", "--days", "7"]) == 0
    secret = capsys.readouterr().out.strip()
    answer = asyncio.run(locked.post("/graphql", json=WHO, headers=bearer(secret)))
    assert answer.json() == {"data": {"who": "first"}}
    assert main(["create-token", "first"]) == 1
    assert "already" in capsys.readouterr().err
