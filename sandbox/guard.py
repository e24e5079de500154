"""Which requests may come in at all: only those addressed to the loopback, and from no other site's page.

The control API has no authentication, and a browser stands inside the loopback: a page of another site could call the
sandbox directly (the Origin check refuses it) or under a name that it points at 127.0.0.1 (the Host check). Never let a
path past this.
"""

import re

from starlette.datastructures import Headers
from starlette.responses import PlainTextResponse
from starlette.types import ASGIApp, Receive, Scope, Send

_LOOPBACK = r"(localhost\.?|127(\.\d{1,3}){3}|\[::1\])(:\d{1,5})?"
_HOST = re.compile(_LOOPBACK, re.ASCII | re.IGNORECASE)
_ORIGIN = re.compile(f"https?://{_LOOPBACK}", re.ASCII | re.IGNORECASE)

JSON = "application/json"
SIMPLE_TYPES = frozenset({"application/x-www-form-urlencoded", "multipart/form-data", "text/plain"})
"""The media types that a browser lets any page send unasked."""


def refusal(headers: Headers) -> str | None:
    """Why a request with these headers is refused; None where it may come in."""
    host = headers.get("host", "")
    if not _HOST.fullmatch(host):
        return f"The host {host!r} is not the sandbox's. Call it by a loopback name such as 127.0.0.1."
    origin = headers.get("origin")
    if origin is not None and not _ORIGIN.fullmatch(origin):
        return f"Pages of the origin {origin!r} may not call the sandbox: only those of a loopback address may."
    # Without an Origin, a browser still says when another site embeds us; following a link to us is fine.
    if origin is None and headers.get("sec-fetch-site") == "cross-site" and headers.get("sec-fetch-mode") != "navigate":
        return "Pages of other sites may not load anything from the sandbox."
    return None


def media_type(headers: Headers) -> str:
    """The content type without its parameters, lower case; empty where there is none."""
    return headers.get("content-type", "").partition(";")[0].strip().lower()


class Guard:
    """ASGI middleware: 403 with the reason for what `refusal` refuses."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        reason = refusal(Headers(scope=scope)) if scope["type"] == "http" else None
        if reason is None:
            await self._app(scope, receive, send)
        else:
            await PlainTextResponse(reason, status_code=403)(scope, receive, send)
