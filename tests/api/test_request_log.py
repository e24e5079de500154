"""Errors that nobody handled: one answer that leaks nothing, one log entry under its id."""

from collections.abc import AsyncIterator

import pytest
import structlog
from httpx import ASGITransport, AsyncClient
from starlette.applications import Starlette
from starlette.middleware import Middleware
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response, StreamingResponse
from starlette.routing import Route, WebSocketRoute
from starlette.types import Message
from starlette.websockets import WebSocket

from api.request_log import RequestLog


async def fail(_: Request) -> Response:
    raise RuntimeError("the password is 1234")


async def fail_halfway(_: Request) -> Response:
    async def parts() -> AsyncIterator[bytes]:
        yield b"half"
        raise RuntimeError("the password is 1234")

    return StreamingResponse(parts())


async def fail_socket(socket: WebSocket) -> None:
    await socket.accept()
    raise RuntimeError("the password is 1234")


async def fine(_: Request) -> Response:
    return PlainTextResponse("fine")


APP = Starlette(
    routes=[
        Route("/fail", fail),
        Route("/halfway", fail_halfway),
        Route("/fine", fine),
        Route("/healthz", fine),
        WebSocketRoute("/socket", fail_socket),
    ],
    middleware=[Middleware(RequestLog)],
)


def client() -> AsyncClient:
    return AsyncClient(transport=ASGITransport(APP), base_url="http://127.0.0.1")


async def test_an_escaped_error_is_a_500_with_its_id() -> None:
    with structlog.testing.capture_logs() as logs:
        async with client() as http:
            answer = await http.get("/fail")
    assert answer.status_code == 500
    assert "1234" not in answer.text
    error = answer.json()["errors"][0]
    assert error["extensions"]["code"] == "INTERNAL"
    failed = next(entry for entry in logs if entry["event"] == "request failed")
    assert failed["id"] == error["extensions"]["id"] == answer.headers["x-request-id"]
    assert failed["exc_info"]


async def test_half_an_answer_breaks_off() -> None:
    async with client() as http:
        with pytest.raises(RuntimeError):
            await http.get("/halfway")


async def test_a_websocket_closes_so_that_clients_come_back() -> None:
    sent: list[Message] = []

    async def receive() -> Message:
        return {"type": "websocket.connect"}

    async def send(message: Message) -> None:
        sent.append(message)

    await APP({"type": "websocket", "path": "/socket", "headers": [], "subprotocols": []}, receive, send)
    assert [message["type"] for message in sent] == ["websocket.accept", "websocket.close"]
    assert sent[1]["code"] == 1013
    assert "1234" not in sent[1]["reason"]


async def test_requests_are_logged_but_not_the_probes() -> None:
    with structlog.testing.capture_logs() as logs:
        async with client() as http:
            await http.get("/fine")
            await http.get("/healthz")
    assert [(entry["path"], entry["status"]) for entry in logs] == [("/fine", 200)]
