"""Which requests may come in at all: only those addressed to us, and from no other site's page.

Where no token is required, loopback is the fence. A browser is inside it: a page of another site could call us
under a name that it points at 127.0.0.1 (DNS rebinding; the Host check refuses it) or directly (the Origin check).
WebSockets know no same-origin policy, so they are checked like HTTP. Never let a path past this.
"""

import ipaddress
from collections.abc import Collection
from dataclasses import dataclass
from functools import lru_cache
from urllib.parse import urlsplit

from starlette.datastructures import Headers
from starlette.responses import PlainTextResponse
from starlette.types import ASGIApp, Receive, Scope, Send
from starlette.websockets import WebSocket

LOOPBACK_ORIGIN = r"https?://(localhost|127(\.\d{1,3}){3}|\[::1\])(:\d{1,5})?"
"""A regular expression of the origins that `Guard` always admits."""


@dataclass(frozen=True, slots=True)
class Admitted:
    """What is admitted besides loopback: host names (with or without port) and origins (`scheme://host[:port]`)."""

    hosts: frozenset[str]
    origins: frozenset[str]

    @classmethod
    def of(cls, hosts: Collection[str], origins: Collection[str]) -> "Admitted":
        """From settings; case doesn't matter."""
        return cls(
            frozenset(host.lower().rstrip(".") for host in hosts),
            frozenset(origin.lower().rstrip("/") for origin in origins),
        )


def refusal(headers: Headers, admitted: Admitted) -> str | None:
    """Why a request with these headers is refused, and what would admit it; None where it may come in."""
    host = headers.get("host", "")
    if not _host_admitted(host, admitted):
        return (
            f"The host {host!r} is not one of this server's. Call it by a loopback name such as 127.0.0.1, "
            "or name the host in ROWCAST_ALLOWED_HOSTS."
        )
    origin = headers.get("origin")
    if origin is not None:
        if _origin_admitted(origin, host, admitted):
            return None
        return f"Pages of the origin {origin!r} may not call this server. ROWCAST_ALLOWED_ORIGINS can admit it."
    # Without an Origin, a browser still says when another site embeds us; following a link to us is fine.
    if headers.get("sec-fetch-site") == "cross-site" and headers.get("sec-fetch-mode") != "navigate":
        return "Pages of other sites may not load anything from this server."
    return None


def _host_admitted(host: str, admitted: Admitted) -> bool:
    name = _host_name(host)
    if name is None:
        return False
    return _is_loopback(name) or name in admitted.hosts or host.lower() in admitted.hosts


def _origin_admitted(origin: str, host: str, admitted: Admitted) -> bool:
    origin = origin.lower()
    if origin in admitted.origins:
        return True
    try:
        parts = urlsplit(origin)
    except ValueError:
        return False  # such as an unclosed bracket
    if parts.scheme not in ("http", "https"):
        return False  # "null" among others: a sandboxed frame of any site
    # A proxy that ends TLS leaves the scheme different, so the same host and port is the same origin.
    if parts.netloc == host.lower():
        return True
    name = _host_name(parts.netloc)
    return name is not None and _is_loopback(name)


_LONGEST_HOST = 300
"""Characters: a name has 253 at most."""


def _host_name(netloc: str) -> str | None:
    """The name of `name[:port]`, lower case, without brackets; None if that is not what it is."""
    return _known_host_name(netloc) if len(netloc) <= _LONGEST_HOST else None


@lru_cache(maxsize=1000)
def _known_host_name(netloc: str) -> str | None:
    try:
        parts = urlsplit(f"//{netloc}")
        name, _ = parts.hostname, parts.port  # the port raises ValueError if it is none
    except ValueError:
        return None
    if name is None or parts.netloc != netloc or "@" in netloc:
        return None
    return name.rstrip(".")


@lru_cache(maxsize=1000)
def _is_loopback(name: str) -> bool:
    try:
        return ipaddress.ip_address(name).is_loopback
    except ValueError:
        return name == "localhost"


class Guard:
    """ASGI middleware: 403 with the reason for what `refusal` refuses, WebSocket handshakes included."""

    def __init__(self, app: ASGIApp, admitted: Admitted) -> None:
        self._app = app
        self._admitted = admitted

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "lifespan":
            await self._app(scope, receive, send)
            return
        reason = refusal(Headers(scope=scope), self._admitted)
        if reason is None:
            await self._app(scope, receive, send)
            return
        response = PlainTextResponse(reason, status_code=403)
        if scope["type"] == "websocket":
            await WebSocket(scope, receive, send).send_denial_response(response)
        else:
            await response(scope, receive, send)
