"""`graphql-transport-ws` without a task for a connection on which nothing happens: of many, that is most of the time.

The application accepts the handshake, and returns. From then on the protocol says when a message has come, and a task
takes those that wait, and ends.
"""

import asyncio
from collections.abc import Coroutine
from contextvars import copy_context
from typing import Any, cast

import structlog
from strawberry.http.exceptions import NonJsonMessageReceived, NonTextMessageReceived, WebSocketDisconnected
from strawberry.subscriptions.protocols.graphql_transport_ws.types import ConnectionInitMessage, Message

from api.graphql_socket import ASGISocket, TransportHandler
from api.live.direct_socket import DirectSocket
from api.live.prepared import text_frame
from api.live.protocol import EXTENSION, FrameProtocol
from api.request_log import FAULT

_log = structlog.stdlib.get_logger(__name__)

_ACKNOWLEDGED = text_frame(b'{"type":"connection_ack"}')


class ConnectionHandler(TransportHandler):
    """One connection. `connection` is None where another server runs the application: then it is as Strawberry's."""

    def __init__(self, *arguments: Any, **named: Any) -> None:
        super().__init__(*arguments, **named)
        assert isinstance(self.websocket, ASGISocket)
        found = self.websocket.ws.scope.get("extensions", {}).get(EXTENSION)
        self.connection: FrameProtocol | None = found if isinstance(found, FrameProtocol) else None
        self._init_timer: asyncio.TimerHandle | None = None
        self._taking: asyncio.Task[None] | None = None
        self._variables = copy_context()

    async def handle(self) -> None:
        """Until the connection ends, or is handed over."""
        if self.connection is None:
            await super().handle()
            return
        assert isinstance(self.websocket, ASGISocket)
        self.websocket = DirectSocket(self.websocket, self.connection)
        self.context.activity.connections += 1
        self.on_request_accepted()
        self.connection.hand_over(self._heard)

    def spawn(self, work: Coroutine[Any, Any, None]) -> "asyncio.Task[None]":
        """A task of this connection: what it logs is of the request that was the handshake."""
        work = self.context.hub.turns.each(work)
        return asyncio.create_task(work, context=self._variables.copy())

    # ---- the messages

    def _heard(self) -> None:
        if self._taking is None:
            assert self.connection is not None
            self._taking = self.spawn(self._take())
            # A server that stops waits for it.
            self.connection.tasks.add(self._taking)
            self._taking.add_done_callback(self.connection.tasks.discard)

    async def _take(self) -> None:
        over = True
        try:
            over = await self._take_waiting()
        finally:
            if over:
                await self._end()
            else:
                self._taking = None

    async def _take_waiting(self) -> bool:
        """Whether the connection is over."""
        assert isinstance(self.websocket, DirectSocket)
        assert self.connection is not None
        try:
            async for message in self.websocket.iter_json():
                await self.handle_message(cast("Message", message))
                if not self.connection.queue.empty():
                    # However many wait, the others have their turn.
                    await asyncio.sleep(0)
        except NonTextMessageReceived:
            await self.handle_invalid_message("WebSocket message type must be text")
        except NonJsonMessageReceived:
            await self.handle_invalid_message("WebSocket message must be valid JSON")
        except WebSocketDisconnected:
            return True
        except Exception:  # noqa: BLE001 - logged with its trace
            request = structlog.contextvars.get_contextvars().get("request_id")
            _log.exception("a message could not be handled")
            await self.websocket.close(FAULT, f"Internal error {request}")
        return self.websocket.over

    async def _end(self) -> None:
        assert self.connection is not None
        self.connection.let_go()
        try:
            await self.shutdown()
        finally:
            self.context.activity.connections -= 1

    # ---- what is said at the beginning

    def on_request_accepted(self) -> None:
        """Waits for `connection_init`, by a timer: most connections need no task for it."""
        wait_s = self.connection_init_wait_timeout.total_seconds()
        self._init_timer = asyncio.get_running_loop().call_later(wait_s, self._init_missed)

    async def handle_connection_init(self, message: ConnectionInitMessage) -> None:
        """Nothing waits for it any more then."""
        self._stop_timer()
        await super().handle_connection_init(message)
        if isinstance(self.websocket, DirectSocket):
            self.websocket.forget_authorization()

    async def shutdown(self) -> None:
        """The connection is over."""
        self._stop_timer()
        await super().shutdown()

    async def send_message(self, message: Message) -> None:
        """What every connection is sent has its bytes ready."""
        if self.connection is not None and message == {"type": "connection_ack"}:
            self.connection.write(_ACKNOWLEDGED)
        else:
            await super().send_message(message)

    def _stop_timer(self) -> None:
        if self._init_timer is not None:
            self._init_timer.cancel()
            self._init_timer = None

    def _init_missed(self) -> None:
        if self._taking is not None:
            # It has said something, to which we have not come yet.
            self.on_request_accepted()
            return
        self.connection_timed_out = True
        self.connection_init_timeout_task = self.spawn(self._end_unbegun())
        self.connection_init_timeout_task.add_done_callback(self._task_done)

    async def _end_unbegun(self) -> None:
        try:
            await self.websocket.close(code=4408, reason="Connection initialisation timeout")
        except Exception as error:  # noqa: BLE001 - as Strawberry does
            await self.handle_task_exception(error)
