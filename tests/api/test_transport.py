"""GraphQL on each transport, with real clients."""

import asyncio
import json
from contextlib import AsyncExitStack
from typing import Any

import httpx
import pytest
from websockets.asyncio.client import ClientConnection

from api.graphql import MAX_OPERATIONS
from api.limits import GRAPHQL_LIMIT, ID_LIMIT, WEBSOCKET_LIMIT
from tests.server import GraphQLFailed, Server, eventually

MULTIPART = "multipart/mixed;boundary=graphql;subscriptionSpec=1.0,application/json"


# ---- POST and GET


async def test_post_answers_and_says_its_request_id(edge: Server) -> None:
    answer = await edge.post("/graphql", json={"query": "{ echo }"}, headers={"x-request-id": "abc-1"})
    assert (answer.status_code, answer.json()) == (200, {"data": {"echo": "hello"}})
    assert answer.headers["x-request-id"] == "abc-1"
    other = await edge.post("/graphql", json={"query": "{ echo }"}, headers={"x-request-id": "no\tsuch id"})
    assert len(other.headers["x-request-id"]) == 32


@pytest.mark.parametrize(
    "content_type", ["text/plain", "application/x-www-form-urlencoded", "multipart/form-data; boundary=x", "text/json"]
)
async def test_post_takes_json_only(edge: Server, content_type: str) -> None:
    body = json.dumps({"query": "mutation { touch }"})
    answer = await edge.post("/graphql", content=body, headers={"content-type": content_type})
    assert answer.status_code == 415
    assert "application/json" in answer.json()["errors"][0]["message"]


async def test_post_without_content_type_is_refused(edge: Server) -> None:
    assert (await edge.post("/graphql", content=b"{}")).status_code == 415


async def test_a_charset_is_fine(edge: Server) -> None:
    answer = await edge.post(
        "/graphql", content=b'{"query":"{ echo }"}', headers={"content-type": "application/json; charset=utf-8"}
    )
    assert answer.json() == {"data": {"echo": "hello"}}


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"{",
        b"nothing",
        b"null",
        b"1",
        b'"query"',
        b"[]",
        b'[{"query":"{ echo }"}]',
        b"{}",
        b'{"query": 1}',
        b'{"query": "{ echo }", "variables": []}',
        b'{"query": "{ echo }", "variables": NaN}',
        b'{"query": "{ echo }", "variables": {"a": ' + b"1" * 5000 + b"}}",
        b"[" * 100_000,
        b"\xff\xfe",
    ],
)
async def test_a_bad_body_is_one_clear_error(edge: Server, body: bytes) -> None:
    answer = await edge.post("/graphql", content=body, headers={"content-type": "application/json"})
    assert answer.status_code == 400
    error = answer.json()["errors"][0]
    assert 'send by POST {"query": ' in error["message"]
    assert error["extensions"]["code"] == "BAD_USER_INPUT"


async def test_a_bad_body_is_said_what_it_lacks(edge: Server) -> None:
    for body, words in (
        ("[]", "A list of operations is not taken"),
        ("7", "must be a JSON object"),
        ("{}", "must be in `query`, a string"),
        ('{"query": "{ echo }", "variables": 1}', "`variables` must be an object"),
        ('{"query": "{ echo }", "operationName": 1}', "`operationName` must be a string"),
        ('{"query": "{ echo }"', "The body is not JSON (Expecting ',' delimiter: line 1 column 21"),
    ):
        answer = await edge.post("/graphql", content=body, headers={"content-type": "application/json"})
        assert words in answer.json()["errors"][0]["message"], body
    for parameters in ({"operationName": "One"}, {"query": "{ echo }", "variables": "{"}):
        answer = await edge.get("/graphql", params=parameters)
        assert "send by POST" in answer.json()["errors"][0]["message"]


@pytest.mark.parametrize("accept", ["application/json", "*/*", "multipart/mixed"])
async def test_a_subscription_without_a_stream_says_how_it_goes(edge: Server, accept: str) -> None:
    query = "query One { echo } subscription Two { count }"
    body = {"query": query, "operationName": "Two"}
    answer = await edge.post("/graphql", json=body, headers={"accept": accept})
    assert answer.status_code == 400
    (error,) = answer.json()["errors"]
    assert "over WebSocket" in error["message"]
    assert error["extensions"]["code"] == "BAD_USER_INPUT"
    assert "data" in (await edge.post("/graphql", json={**body, "operationName": "One"})).json()


async def test_a_large_body_is_refused_with_and_without_its_length(edge: Server) -> None:
    async def chunks() -> Any:
        for _ in range(GRAPHQL_LIMIT // 2**20 + 2):
            yield b" " * 2**20

    headers = {"content-type": "application/json"}
    declared = await edge.post("/graphql", content=b" " * (GRAPHQL_LIMIT + 1), headers=headers)
    assert declared.status_code == 413
    streamed = await edge.post("/graphql", content=chunks(), headers=headers)
    assert streamed.status_code == 413


async def test_a_query_knows_that_it_came_by_get(edge: Server) -> None:
    assert (await edge.get("/graphql", params={"query": "{ byGet }"})).json() == {"data": {"byGet": True}}
    assert (await edge.post("/graphql", json={"query": "{ byGet }"})).json() == {"data": {"byGet": False}}


async def test_get_answers_queries_and_refuses_mutations(edge: Server) -> None:
    answer = await edge.get(
        "/graphql", params={"query": "query ($t: String!) { echo(text: $t) }", "variables": '{"t":"x"}'}
    )
    assert answer.json() == {"data": {"echo": "x"}}
    refused = await edge.get("/graphql", params={"query": "mutation { touch }"})
    assert refused.status_code == 405
    assert refused.headers["allow"] == "POST"
    assert (await edge.get("/graphql")).status_code == 400
    assert (await edge.get("/graphql", params={"query": "{ echo }", "variables": "{"})).status_code == 400


async def test_a_browser_that_opens_graphql_gets_the_playground(edge: Server) -> None:
    answer = await edge.get("/graphql", headers={"accept": "text/html,*/*"})
    assert (answer.status_code, answer.headers["location"]) == (307, "/playground")


async def test_other_methods_are_refused(edge: Server) -> None:
    async with edge.http() as http:
        answer = await http.delete("/graphql")
    assert answer.status_code == 405
    assert "POST" in answer.headers["allow"]


async def test_the_schema_is_served_as_text(edge: Server) -> None:
    answer = await edge.get("/schema.graphql")
    assert answer.headers["content-type"].startswith("text/plain")
    assert "type Query" in answer.text


# ---- hosts and origins


@pytest.mark.parametrize("path", ["/graphql", "/", "/metrics", "/healthz", "/hooks/sheets/a", "/nowhere"])
async def test_every_path_checks_the_host(edge: Server, path: str) -> None:
    answer = await edge.get(path, headers={"host": "evil.example"})
    assert answer.status_code == 403
    assert "ROWCAST_ALLOWED_HOSTS" in answer.text


async def test_an_admitted_host_and_origin_come_in(edge: Server) -> None:
    headers = {"host": "rowcast.example", "origin": "https://app.example"}
    answer = await edge.post("/graphql", json={"query": "{ echo }"}, headers=headers)
    assert answer.status_code == 200
    assert answer.headers["access-control-allow-origin"] == "https://app.example"


async def test_another_sites_page_is_refused(edge: Server) -> None:
    answer = await edge.post("/graphql", json={"query": "{ echo }"}, headers={"origin": "https://evil.example"})
    assert answer.status_code == 403
    assert "access-control-allow-origin" not in answer.headers


async def test_a_preflight_admits_whom_the_guard_admits(edge: Server) -> None:
    async def ask(origin: str) -> httpx.Response:
        wanted = {"access-control-request-method": "POST", "access-control-request-headers": "content-type"}
        async with edge.http() as http:
            return await http.options("/graphql", headers={"origin": origin, **wanted})

    assert (await ask("http://localhost:5173")).headers["access-control-allow-origin"] == "http://localhost:5173"
    assert (await ask("https://evil.example")).status_code == 403


@pytest.mark.parametrize("headers", [{"Origin": "https://evil.example"}, {"Origin": "null"}])
async def test_a_websocket_of_another_site_gets_403(edge: Server, headers: dict[str, str]) -> None:
    handshake = {"connection": "Upgrade", "upgrade": "websocket", "sec-websocket-version": "13"}
    key = {"sec-websocket-key": "dGhlIHNhbXBsZSBub25jZQ==", "sec-websocket-protocol": "graphql-transport-ws"}
    answer = await edge.get("/graphql", headers={**handshake, **key, **headers})
    assert answer.status_code == 403
    assert "ROWCAST_ALLOWED_ORIGINS" in answer.text


async def test_a_websocket_of_an_admitted_page_opens(edge: Server) -> None:
    async with edge.websocket(origin="https://app.example") as connection:
        assert connection.subprotocol == "graphql-transport-ws"


# ---- graphql-transport-ws


async def say(connection: ClientConnection, message: object) -> None:
    await connection.send(json.dumps(message))


async def hear(connection: ClientConnection) -> Any:
    async with asyncio.timeout(30):
        return json.loads(await connection.recv())


async def closed(connection: ClientConnection) -> tuple[int | None, str | None]:
    """Code and reason of the close."""
    async with asyncio.timeout(30):
        await connection.wait_closed()
    return connection.close_code, connection.close_reason


async def connections(edge: Server, count: int) -> None:
    """Wait until that many are open."""

    async def so_many() -> bool:
        return bool((await edge.graphql("{ connections }"))["connections"] == count)

    await eventually(so_many)


async def test_a_subscription_is_counted_and_delivered(edge: Server) -> None:
    async with edge.subscribe("subscription { count(to: 3) }") as subscription:
        assert [data["count"] async for data in subscription] == [0, 1, 2]
        await connections(edge, 1)
    await connections(edge, 0)


async def test_queries_and_mutations_go_by_websocket_too(edge: Server) -> None:
    async with edge.subscribe("mutation { touch }") as subscription:
        assert await subscription.next() == {"touch": True}


async def test_an_operation_that_fails_leaves_the_others_alone(edge: Server) -> None:
    async with edge.websocket() as connection:
        await say(connection, {"type": "connection_init"})
        assert (await hear(connection))["type"] == "connection_ack"
        await say(connection, {"id": "good", "type": "subscribe", "payload": {"query": "subscription { forever }"}})
        assert (await hear(connection))["type"] == "next"
        for query in ("{", "{ nothing }", "x" * 500):
            await say(connection, {"id": "bad", "type": "subscribe", "payload": {"query": query}})
            answer = await hear(connection)
            assert (answer["type"], answer["id"]) == ("error", "bad")
        await say(connection, {"type": "ping"})
        assert (await hear(connection))["type"] == "pong"
        await say(connection, {"id": "good", "type": "complete"})
        await say(connection, {"id": "good", "type": "subscribe", "payload": {"query": "{ echo }"}})
        assert (await hear(connection))["payload"] == {"data": {"echo": "hello"}}


async def test_a_resolver_that_raises_ends_its_subscription_with_an_error(edge: Server) -> None:
    async with edge.subscribe("subscription { broken }") as subscription:
        assert await subscription.next() == {"broken": 0}
        with pytest.raises(GraphQLFailed):
            await subscription.next()


@pytest.mark.parametrize(
    ("message", "code"),
    [
        ("no json", 4400),
        ("[" * 100_000, 4400),
        ("null", 4400),
        ("[]", 4400),
        ("{}", 4400),
        ('{"type": 1}', 4400),
        ('{"type": "subscribe"}', 4400),
        ('{"type": "subscribe", "id": 1, "payload": {"query": "{ echo }"}}', 4400),
        ('{"type": "subscribe", "id": "1", "payload": []}', 4400),
        ('{"type": "subscribe", "id": "1", "payload": {"query": null}}', 4400),
        ('{"type": "subscribe", "id": "1", "payload": {"query": "{ echo }", "variables": []}}', 4400),
        ('{"type": "subscribe", "id": "1", "payload": {"query": "{ echo }", "operationName": 1}}', 4400),
        ('{"type": "complete"}', 4400),
        (f'{{"type": "complete", "id": "{"x" * (ID_LIMIT + 1)}"}}', 4400),
        ('{"type": "' + "ü" * 400 + '"}', 4400),
        ('{"type": "subscribe", "id": "1", "payload": {"query": "{ echo }"}}', 4401),
        ('{"type": "connection_init", "payload": 1}', 4400),
        (b"\x00", 4400),
        (" " * (WEBSOCKET_LIMIT + 1), 1009),
    ],
)
async def test_a_bad_message_closes_with_its_code(edge: Server, message: str | bytes, code: int) -> None:
    async with edge.websocket() as connection:
        await connection.send(message)
        assert (await closed(connection))[0] == code
    assert (await edge.graphql("{ echo }")) == {"echo": "hello"}


async def test_a_second_init_and_an_id_in_use_close(edge: Server) -> None:
    async with edge.websocket() as connection:
        for _ in range(2):
            await say(connection, {"type": "connection_init"})
        assert (await closed(connection))[0] == 4429
    async with edge.websocket() as connection:
        await say(connection, {"type": "connection_init"})
        for _ in range(2):
            await say(connection, {"id": "1", "type": "subscribe", "payload": {"query": "subscription { forever }"}})
        assert (await closed(connection))[0] == 4409


async def test_an_unknown_subprotocol_is_closed(edge: Server) -> None:
    async with edge.websocket("something-else") as connection:
        assert (await closed(connection))[0] == 4406


async def test_a_client_that_vanishes_leaves_nothing_behind(edge: Server) -> None:
    async with AsyncExitStack() as stack:
        for _ in range(5):
            subscription = await stack.enter_async_context(edge.subscribe("subscription { forever }"))
            await subscription.next()
            subscription.connection.transport.abort()
    await connections(edge, 0)


# ---- graphql-ws


async def test_the_older_protocol_works(edge: Server) -> None:
    async with edge.websocket("graphql-ws") as connection:
        await say(connection, {"type": "connection_init", "payload": {}})
        assert (await hear(connection))["type"] == "connection_ack"
        await say(connection, {"type": "start", "id": "1", "payload": {"query": "subscription { count(to: 2) }"}})
        messages: list[Any] = []
        while not messages or messages[-1]["type"] != "complete":
            message = await hear(connection)
            if message["type"] != "ka":
                messages.append(message)
        assert [message.get("payload") for message in messages] == [
            {"data": {"count": 0}},
            {"data": {"count": 1}},
            None,
        ]
        await say(connection, {"type": "start", "id": "2", "payload": {"query": "subscription { nothing }"}})
        assert (await hear(connection))["type"] == "error"
        await say(connection, {"type": "connection_terminate"})
        assert (await closed(connection))[0] == 1000


async def test_the_older_protocol_needs_its_init_too(edge: Server) -> None:
    async with edge.websocket("graphql-ws") as connection:
        await say(connection, {"type": "start", "id": "1", "payload": {"query": "{ echo }"}})
        assert (await closed(connection))[0] == 4401
    async with edge.websocket("graphql-ws") as connection:
        await connection.send("ignored, as the protocol has it")
        await say(connection, {"type": "start"})
        assert (await closed(connection))[0] == 4400
    async with edge.websocket("graphql-ws") as connection:
        for _ in range(2):
            await say(connection, {"type": "connection_init"})
        assert (await closed(connection))[0] == 4429


async def test_an_operation_beyond_the_limit_fails_alone_in_the_older_protocol_too(edge: Server) -> None:
    async with edge.websocket("graphql-ws") as connection:
        await say(connection, {"type": "connection_init"})
        for number in range(MAX_OPERATIONS + 1):
            await say(
                connection, {"type": "start", "id": str(number), "payload": {"query": "subscription { forever }"}}
            )
        while (message := await hear(connection))["type"] != "error":
            assert message["type"] in ("connection_ack", "ka", "data")
        assert message["id"] == str(MAX_OPERATIONS)
        assert message["payload"]["extensions"]["code"] == "LIMIT_EXCEEDED"
        # One that takes the place of another is not one more.
        await say(connection, {"type": "start", "id": "0", "payload": {"query": "subscription { count(to: 1) }"}})
        while (message := await hear(connection)).get("payload") != {"data": {"count": 0}}:
            assert message["type"] != "error"


# ---- multipart and event streams


async def test_a_multipart_subscription(edge: Server) -> None:
    async with (
        edge.http() as http,
        http.stream(
            "POST", "/graphql", json={"query": "subscription { count(to: 2) }"}, headers={"accept": MULTIPART}
        ) as answer,
    ):
        assert answer.headers["content-type"].startswith("multipart/mixed;boundary=graphql;subscriptionSpec=1.0")
        text = (await answer.aread()).decode()
    parts = [part.partition("\r\n\r\n")[2].strip() for part in text.split("--graphql")]
    payloads = [json.loads(part) for part in parts if part.startswith("{")]
    assert [part["payload"]["data"]["count"] for part in payloads if part] == [0, 1]
    assert text.rstrip().endswith("--graphql--")


async def test_an_event_stream_subscription(edge: Server) -> None:
    async with (
        edge.http() as http,
        http.stream(
            "POST",
            "/graphql",
            json={"query": "subscription { count(to: 2) }"},
            headers={"accept": "text/event-stream"},
        ) as answer,
    ):
        events = [line for line in (await answer.aread()).decode().splitlines() if line]
    assert events == [
        "event: next",
        'data: {"data":{"count":0}}',
        "event: next",
        'data: {"data":{"count":1}}',
        "event: complete",
        "data: ",
    ]


async def test_a_stream_whose_reader_left_ends(edge: Server) -> None:
    async with (
        edge.http() as http,
        http.stream(
            "POST", "/graphql", json={"query": "subscription { forever }"}, headers={"accept": MULTIPART}
        ) as answer,
    ):
        # Kept: a client whose iterator is collected closes its connection.
        parts = answer.aiter_bytes()
        await anext(parts)
        await connections(edge, 1)
    await connections(edge, 0)
