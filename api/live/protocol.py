"""uvicorn's WebSocket protocol with a way past ASGI for frames that are ready, and messages compressed on their own.

An application finds it in its scope as the extension `EXTENSION`, and must do without where another server runs it.
permessage-deflate is negotiated without context takeover in both directions: what was sent before then doesn't matter
to a message, so one block can be sent to many, and no connection keeps a window in memory.
"""

from collections.abc import Sequence
from typing import Any, Final, cast

from uvicorn.protocols.websockets.websockets_sansio_impl import WebSocketsSansIOProtocol
from websockets.extensions.base import Extension
from websockets.extensions.permessage_deflate import PerMessageDeflate, ServerPerMessageDeflateFactory
from websockets.frames import Frame
from websockets.http11 import Request
from websockets.typing import ExtensionParameter

from api.live.prepared import SMALLEST

EXTENSION: Final = "rowcast.frames"

_WINDOW_BITS: Final = 12  # of what clients send: small, since it may be a hundred thousand connections
_LARGE: Final = 16 * 1024


class Deflate(PerMessageDeflate):
    """Leaves small messages as they are."""

    def encode(self, frame: Frame) -> Frame:
        return super().encode(frame) if len(frame.data) >= SMALLEST else frame


class DeflateFactory(ServerPerMessageDeflateFactory):
    """Negotiates `Deflate` in the place of the library's own."""

    def process_request_params(
        self, params: Sequence[ExtensionParameter], accepted_extensions: Sequence[Extension]
    ) -> tuple[list[ExtensionParameter], PerMessageDeflate]:
        """What to answer, and the extension. NegotiationError where it can't be had."""
        answer, agreed = super().process_request_params(params, accepted_extensions)
        return answer, Deflate(
            agreed.remote_no_context_takeover,
            agreed.local_no_context_takeover,
            agreed.remote_max_window_bits,
            agreed.local_max_window_bits,
            agreed.compress_settings,
        )


_DEFLATE: Final = DeflateFactory(
    server_no_context_takeover=True,
    client_no_context_takeover=True,
    client_max_window_bits=_WINDOW_BITS,
    compress_settings={"memLevel": 5},
)


class FrameProtocol(WebSocketsSansIOProtocol):
    """One connection."""

    def __init__(self, *arguments: Any, **named: Any) -> None:
        super().__init__(*arguments, **named)
        self.window = 0
        if self.config.ws_per_message_deflate:
            self.conn.available_extensions = [_DEFLATE]

    def handle_connect(self, event: Request) -> None:
        """The handshake: offers the connection to the application."""
        super().handle_connect(event)
        if self.response.status_code == 101:
            extensions = cast("dict[str, Any]", self.scope["extensions"])
            extensions[EXTENSION] = self
            for extension in self.conn.extensions:
                if isinstance(extension, PerMessageDeflate):
                    self.window = extension.local_max_window_bits

    def forget_handshake(self) -> None:
        """Once it is accepted: a connection may last for days, and a hundred thousand of them hold theirs."""
        del self.request, self.response
        self.scope["headers"] = []

    @property
    def closed(self) -> bool:
        """Whether nothing may be sent any more."""
        return self.close_sent or self.disconnected or self.transport.is_closing()

    @property
    def full(self) -> bool:
        """Whether the client reads more slowly than it is written to."""
        return not self.writable.is_set()

    def write(self, frame: tuple[bytes, bytes, bytes]) -> None:
        """Send a frame. It is kept in memory as far as the socket doesn't take it: see `full`. Nothing once closed."""
        if self.closed:
            return
        if len(frame[2]) < _LARGE:
            self.transport.write(b"".join(frame))
        else:
            # Not copied: what many can't take at once is in memory once.
            self.transport.writelines(frame)

    async def drained(self) -> None:
        """Wait until it is no longer full."""
        await self.writable.wait()
