"""uvicorn's WebSocket protocol with a way past ASGI for frames that are ready, and messages compressed on their own.

An application finds it in its scope as the extension `EXTENSION`, and must do without where another server runs it.
permessage-deflate is negotiated without context takeover in both directions: what was sent before then doesn't matter
to a message, so one block can be sent to many, and no connection keeps a window in memory.

What a client may cost the others is bounded here as well: how fast it is read, what it is answered while it doesn't
read, and how long its socket lives once it doesn't answer.
"""

import asyncio
import random
from collections.abc import Callable, Sequence
from functools import partial
from typing import TYPE_CHECKING, Any, Final, cast

from uvicorn.protocols.utils import ClientDisconnected
from uvicorn.protocols.websockets.websockets_sansio_impl import WebSocketsSansIOProtocol
from websockets.extensions.base import Extension
from websockets.extensions.permessage_deflate import PerMessageDeflate, ServerPerMessageDeflateFactory
from websockets.frames import Frame, Opcode
from websockets.http11 import Request
from websockets.typing import ExtensionParameter

from api.allowance import Allowance
from api.live.keepalive import is_answer, ping_frame
from api.live.lean import LeanEvent, LeanQueue
from api.live.prepared import SMALLEST

if TYPE_CHECKING:
    from api.runtime import Runtime

EXTENSION: Final = "rowcast.frames"

_WINDOW_BITS: Final = 12  # of what clients send: small, since it may be a hundred thousand connections
_LARGE: Final = 16 * 1024
_PORTION: Final = 4096
"""Bytes of a client that are read before it is looked at whether it may send more."""
_SLICE: Final = 256
"""Bytes of a portion that are read before it is looked at how many frames they were."""
_FRAMES: Final = 32
"""Of a portion, for which no other client waits longer: more are read in the next turn of the event loop."""
_FLOOD_S: Final = 5.0
"""A client whose one portion uses up its allowance for so long ahead sends nothing but frames."""
_FLOODED: Final = 4429
_SILENT: Final = 4408
_BAD_REQUEST: Final = b"HTTP/1.1 400 Bad Request\r\nConnection: close\r\nContent-Length: 0\r\n\r\n"
_LINGER_S: Final = 1.0
"""For how long what still comes is thrown away, once we closed: ended at once, the client would not learn why."""
_DISCARD_S: Final = 0.02
"""Between two readings of what is thrown away: who floods would have it taken as fast as the machine can."""


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

    def __init__(self, *arguments: Any, messages_per_second: float = 100.0, **named: Any) -> None:
        """`messages_per_second`: of the client, frames of any kind; every 4 KiB count as one, too."""
        super().__init__(*arguments, **named)
        self.queue = cast("asyncio.Queue[Any]", LeanQueue[Any]())
        self.writable = cast("asyncio.Event", LeanEvent())
        self.writable.set()
        self.window = 0
        self._allowance = Allowance(messages_per_second)
        self._unread = b""
        self._portion = _PORTION  # what is left of it
        self._next: asyncio.Handle | None = None
        self._holding = False
        self._failed = False
        self._handed_over = False
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

    def hand_over(self, heard: Callable[[], None]) -> None:
        """From now on it is `heard`'s, which is called whenever there is something to `receive`. The application may
        return then; the handshake, which it has accepted, is forgotten: a connection may last for days.
        """
        cast("LeanQueue[Any]", self.queue).heard = heard
        self._handed_over = True
        self.request.headers.clear()  # the parser keeps the request itself
        del self.request, self.response, self.scope
        if not self.queue.empty():
            heard()

    def let_go(self) -> None:
        """Nobody is told any more of what comes."""
        cast("LeanQueue[Any]", self.queue).heard = None

    async def run_asgi(self) -> None:
        """As uvicorn's, except that a connection outlives an application that has handed it over."""
        runtime = self._runtime
        if runtime is not None:
            await runtime.context.hub.turns.share()
            if self.transport.is_closing():
                # The client left while it waited for its turn.
                return
        try:
            app = self.app(self.scope, self.receive, self.send)
            await (app if runtime is None else runtime.context.hub.turns.each(app))
        except ClientDisconnected:
            pass
        except BaseException:
            self.logger.exception("Exception in ASGI application\n")
            self.send_500_response()
        else:
            if not self.handshake_complete and not self._handed_over:
                self.logger.error("ASGI callable returned without completing handshake.")
                self.send_500_response()
        if not self._handed_over and self.close_timer is None:
            self.transport.close()

    # ---- what the client sends

    def data_received(self, data: bytes) -> None:
        """Takes it in portions, as fast as the client may send and the application takes its messages."""
        if self._failed:
            self.transport.pause_reading()
            self._call_later(_DISCARD_S, self._discard_on)
            return
        if is_answer(data, self.pending_ping_payload) and not self._unread:
            self.handle_pong(Frame(Opcode.PONG, cast("bytes", self.pending_ping_payload)))
            return
        self._unread = self._unread + data if self._unread else data
        if self._next is None:
            self._take()

    async def receive(self) -> Any:
        """The application takes a message."""
        message = await super().receive()
        self._go_on()
        return message

    def handle_ping(self) -> None:
        """Answers, unless the client doesn't read: it asks only for the latest pong, and memory is bounded."""
        if self.full:
            self.conn.data_to_send()
        else:
            super().handle_ping()

    def _call_later(self, seconds: float, what: Callable[[], None]) -> None:
        if self._next is not None:
            self._next.cancel()
        self._next = self.loop.call_later(seconds, what)

    def _discard_on(self) -> None:
        if not self.transport.is_closing():
            self.transport.resume_reading()

    def _take(self) -> None:
        self._next = None
        if self._unread:
            self._parse()
            if self.conn.parser_exc is not None:
                self.handle_parser_exception()
            elif self.conn.handshake_exc is not None and not self.handshake_initiated:
                self._refuse_handshake()
            else:
                self.handle_events()
            if self._wait() > _FLOOD_S and not self.closed:
                self.fail(_FLOODED, "Too many messages at once")
        self._go_on()

    def _parse(self) -> None:
        """A portion, or as much of it as has not too many frames. It costs the client as much of its allowance."""
        end, start = min(self._portion, len(self._unread)), 0
        while start < end and len(self.conn.events) < _FRAMES and self.conn.parser_exc is None:
            upto = min(start + _SLICE, end)
            self.conn.receive_data(self._unread[start:upto])
            start = upto
        self._unread = self._unread[start:]
        self._portion = self._portion - start if self._unread and start < self._portion else _PORTION
        self._allowance.take(len(self.conn.events) + start / _PORTION, self.loop.time())

    def _wait(self) -> float:
        """The seconds until it may send more. None within a portion, by the whole of which a flood is known."""
        return self._allowance.wait(self.loop.time()) if self._portion == _PORTION else 0.0

    def _go_on(self) -> None:
        """With what comes next, once the client may send it, and the application has none of this left."""
        if self._failed or self._next is not None:
            return
        wait = self._wait()
        if self._unread or wait:
            self._holding = True
            self.transport.pause_reading()
            if self.close_sent or self.queue.empty():
                self._next = self.loop.call_later(wait, self._take)
                if wait and (runtime := self._runtime) is not None:
                    runtime.context.activity.slowed += 1
        elif self._holding:
            self._holding = False
            if not self.read_paused:
                self.transport.resume_reading()

    # ---- how it ends

    def shutdown(self) -> None:
        """The server stops. uvicorn's own would close once more what the client has just closed, and fail."""
        if self.transport.is_closing():
            self.stop_keepalive()
        else:
            super().shutdown()

    def fail(self, code: int, reason: str) -> None:
        """Close, whether or not the client reads. Never waits."""
        self.conn.fail(code, reason)
        self.handle_parser_exception()

    def handle_parser_exception(self) -> None:
        """It was closed for what came: as uvicorn does, except that the client is left the time to learn why."""
        self._failed, self._unread = True, b""
        closing = self.conn.close_sent
        assert closing is not None
        if not self.close_sent:
            self.close_sent = True
            self.queue.put_nowait({"type": "websocket.disconnect", "code": closing.code, "reason": closing.reason})
            self.transport.write(b"".join(self.conn.data_to_send()))
        self.transport.resume_reading()
        self._break_off_after(_LINGER_S)

    def _refuse_handshake(self) -> None:
        """It can't be read. uvicorn would leave the client waiting."""
        self._failed, self._unread = True, b""
        self.transport.write(b"".join(self.conn.data_to_send()) or _BAD_REQUEST)
        self.transport.close()

    def send_keepalive_ping(self) -> None:
        """As uvicorn's, with a frame that is ready."""
        self.ping_timer = None
        if not self.closed:
            self.pending_ping_payload = random.randbytes(4)  # noqa: S311 - tells pongs apart, no more
            self.ping_sent_at = self.loop.time()
            self.transport.write(ping_frame(self.pending_ping_payload))
            assert self.ping_timeout is not None
            self.pong_timer = self.loop.call_later(self.ping_timeout, self.keepalive_timeout)

    def keepalive_timeout(self) -> None:
        """The client answers no ping: it would not take the rest of what was written to it, either."""
        if (self._holding or self.read_paused) and not self.full:
            # Its answer may be behind what we don't read yet.
            self.pong_timer = None
            self.schedule_ping()
            return
        self.stop_keepalive()
        if not self.closed:
            # Not the library's 1011, after which npm's graphql-ws gives up: a client that was suspended comes back.
            self.fail(_SILENT, "No answer to a ping")

    def handle_close(self, event: Frame) -> None:
        """The client closes, or answers that we did."""
        super().handle_close(event)
        if not self.disconnected:
            self._break_off_after(_LINGER_S)

    async def send(self, message: Any) -> None:
        """From the application."""
        if message["type"] != "websocket.close" or not self.handshake_complete:
            await self.drained()
            await super().send(message)
        elif self.full:
            self.fail(message.get("code", 1000), message.get("reason") or "")
        else:
            await super().send(message)
            self._break_off_after(self.close_timeout)

    def connection_lost(self, exc: Exception | None) -> None:
        """It is over, whoever ended it. Many end at once: all others' deliveries don't wait for that."""
        if self._next is not None:
            self._next.cancel()
        if (runtime := self._runtime) is None:
            self._lost(exc)
        else:
            runtime.context.hub.turns.soon(partial(self._lost, exc))

    def _lost(self, exc: Exception | None) -> None:
        closing, runtime = self.conn.close_sent, self._runtime
        if closing is not None and not self.conn.close_rcvd_then_sent and runtime is not None:
            runtime.context.activity.closed[closing.code] += 1
        super().connection_lost(exc)

    @property
    def _runtime(self) -> "Runtime | None":
        """None where the application is another than ours."""
        return cast("Runtime | None", self.app_state.get("runtime"))

    def _break_off_after(self, seconds: float) -> None:
        """Closing in order waits until all is written, which a client can put off for ever."""
        if self.close_timer is not None:
            self.close_timer.cancel()
        self.close_timer = self.loop.call_later(seconds, self.transport.abort)

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
        """Wait until it is no longer full: of many who wait, those that one message leaves room for."""
        while self.full:
            await self.writable.wait()
