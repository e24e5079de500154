"""uvicorn's HTTP protocol with limits on what a client may do before there is a request.

How many connections there are at once, how large a request's head may be, and how long it may take to come: neither an
idle socket nor an endless header may hold a descriptor or memory for ever. WebSockets begin here, too.
"""

import asyncio
from typing import Any, Final, cast

from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol, RequestResponseCycle

from api.runtime import Runtime

HEAD_LIMIT: Final = 64 * 1024
"""Bytes of a request line with its headers; 431 beyond."""
REQUEST_S: Final = 60.0
"""Seconds until a request has come to its end, from the connection's beginning or its own first byte; 408 beyond."""


class HttpProtocol(HttpToolsProtocol):
    """One connection."""

    def __init__(self, *arguments: Any, most: int, **named: Any) -> None:
        """`most`: connections of this server at once, WebSockets among them."""
        super().__init__(*arguments, **named)
        self._most = most
        self._head = 0
        self._coming: asyncio.TimerHandle | None = None

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        """Refuses those that are too many."""
        super().connection_made(transport)
        if len(self.connections) > self._most:
            self._refuse("503 Service Unavailable", "This server has as many connections as it takes: try again.")
        else:
            self._expect()

    def connection_lost(self, exc: Exception | None) -> None:
        """It is over."""
        self._came()
        super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        """Refuses a head without end."""
        if self.transport.is_closing():
            return
        self._head += len(data)
        super().data_received(data)
        if self._head > HEAD_LIMIT:
            self._refuse("431 Request Header Fields Too Large", f"A request's head has {HEAD_LIMIT} bytes at most.")

    def on_message_begin(self) -> None:
        """The first byte of a request."""
        super().on_message_begin()
        if self._coming is None:
            self._expect()

    def on_headers_complete(self) -> None:
        """What follows is the body, which its route limits."""
        super().on_headers_complete()
        self._head = 0

    def on_body(self, body: bytes) -> None:
        """A part of it."""
        super().on_body(body)
        self._head = 0

    def on_message_complete(self) -> None:
        """All of the request is here."""
        super().on_message_complete()
        self._came()
        self._head = 0

    def handle_websocket_upgrade(self) -> None:
        """From here on it is the other protocol's, when its turn comes."""
        self._came()
        self.transport.pause_reading()
        if (runtime := self._runtime) is not None:
            runtime.context.hub.turns.soon(self._upgrade)
        else:
            self._upgrade()

    def _upgrade(self) -> None:
        if self.transport.is_closing():
            return
        try:
            super().handle_websocket_upgrade()
        except BaseException:
            # Nobody reads it any more.
            self.transport.abort()
            raise
        self.parser = cast("Any", None)  # each refers to the other: collecting them as a cycle is dear, of many
        self.transport.resume_reading()

    @property
    def _runtime(self) -> Runtime | None:
        """None where it serves something else than ours."""
        return cast("Runtime | None", self.app_state.get("runtime"))

    def _expect(self) -> None:
        self._coming = self.loop.call_later(REQUEST_S, self._late)

    def _came(self) -> None:
        if self._coming is not None:
            self._coming.cancel()
            self._coming = None

    def _late(self) -> None:
        self._coming = None
        self._refuse("408 Request Timeout", f"A request comes within {REQUEST_S:.0f} seconds.")

    def _refuse(self, status: str, reason: str) -> None:
        """Says why, unless an answer is under way, and ends the connection."""
        if (runtime := self._runtime) is not None:
            runtime.context.activity.refused_requests[int(status.split(maxsplit=1)[0])] += 1
        cycle = cast("RequestResponseCycle | None", self.cycle)
        if cycle is None or cycle.response_complete:
            head = f"HTTP/1.1 {status}\r\nContent-Type: text/plain\r\nContent-Length: {len(reason)}\r\n"
            again = "Retry-After: 5\r\n" if status.startswith("503") else ""
            self.transport.write(f"{head}{again}Connection: close\r\n\r\n{reason}".encode())
        self.transport.close()
