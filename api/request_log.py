"""One id and one log line for each request, and the last stop of errors that nobody handled.

The id comes from `X-Request-Id` where a proxy sent a sane one; it is in the answer and in everything logged meanwhile.
"""

import re
import time
import uuid
from collections.abc import Callable
from typing import Final

import structlog
from starlette.datastructures import Headers, MutableHeaders
from starlette.requests import ClientDisconnect
from starlette.responses import JSONResponse
from starlette.types import ASGIApp, Message, Receive, Scope, Send

_log = structlog.stdlib.get_logger(__name__)

FAULT: Final = 1013
"""Ends a WebSocket for a fault of ours: "try again later". After 1011 npm's graphql-ws tries no more, though the next
message may well be taken.
"""
_CLIENT_LEFT: Final = 499
"""In the log: amid its request, so that nobody gets an answer. nginx' number for it."""
_SANE: Final = re.compile(r"[A-Za-z0-9._-]{1,64}")
# Asked every few seconds by machines, or by anybody with every key that is typed: not worth a line each.
_QUIET: Final = ("/healthz", "/readyz", "/metrics", "/hooks/")


class RequestLog:
    """The outermost ASGI middleware. An escaped error becomes a 500 that leaks nothing but the id under which it is
    logged."""

    def __init__(self, app: ASGIApp, clock: Callable[[], float] = time.monotonic) -> None:
        self._app = app
        self._clock = clock

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "lifespan":
            await self._app(scope, receive, send)
            return
        # Not the context manager: it would stay in memory for as long as a WebSocket does.
        tokens = structlog.contextvars.bind_contextvars(request_id=_request_id(Headers(scope=scope)))
        try:
            await self._handle(scope, receive, send)
        finally:
            structlog.contextvars.reset_contextvars(**tokens)

    async def _handle(self, scope: Scope, receive: Receive, send: Send) -> None:
        request_id = structlog.contextvars.get_contextvars()["request_id"]
        started, status = self._clock(), 0

        async def noting(message: Message) -> None:
            nonlocal status
            if message["type"] in ("http.response.start", "websocket.http.response.start"):
                status = message["status"]
                MutableHeaders(scope=message)["X-Request-Id"] = request_id
            elif message["type"] == "websocket.accept":
                status = 101
            await send(message)

        try:
            await self._app(scope, receive, noting)
        except ClientDisconnect:
            status = _CLIENT_LEFT
        except Exception:
            _log.exception("request failed", path=scope["path"], id=request_id)
            if status == 0 and scope["type"] == "http":
                await _internal_error(request_id)(scope, receive, noting)
            elif scope["type"] == "http":
                raise  # half an answer is out: the server must break the connection
            else:
                await send({"type": "websocket.close", "code": FAULT, "reason": f"Internal error {request_id}"})
        if not scope["path"].startswith(_QUIET):
            _log.info(
                "request",
                method=scope.get("method", "WEBSOCKET"),
                path=scope["path"],
                status=status,
                ms=round((self._clock() - started) * 1000, 1),
            )


def _request_id(headers: Headers) -> str:
    given = headers.get("x-request-id", "")
    return given if _SANE.fullmatch(given) else uuid.uuid4().hex


def _internal_error(request_id: str) -> JSONResponse:
    error = {
        "message": f"Internal error. The server's log has it under the id {request_id}.",
        "extensions": {"code": "INTERNAL", "id": request_id},
    }
    return JSONResponse({"errors": [error]}, status_code=500)
