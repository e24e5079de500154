"""Calls whose method stands in `X-HTTP-Method-Override`, as Google takes them: its libraries send a GET with a long
address as a POST, and the query as a form in its body."""

from starlette.datastructures import Headers
from starlette.types import ASGIApp, Receive, Scope, Send

from sandbox.bodies import read_body, replay
from sandbox.guard import media_type

_FORM = "application/x-www-form-urlencoded"


class MethodOverride:
    """ASGI middleware: what is behind it sees the call that is meant."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        headers = Headers(scope=scope) if scope["type"] == "http" else Headers()
        meant = headers.get("x-http-method-override", "").upper()
        if not meant or scope["method"] != "POST":
            await self._app(scope, receive, send)
            return
        body = await read_body(receive)
        scope = {**scope, "method": meant}
        if meant == "GET" and media_type(headers) == _FORM:
            scope["query_string"] = b"&".join(filter(None, (scope["query_string"], body)))
            body = b""
        await self._app(scope, replay(body, receive), send)
