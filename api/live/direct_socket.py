"""A connection past ASGI: its messages are taken from the protocol, and given to it.

Nothing of the handshake is kept, nor any of the application's layers that it came through.
"""

from collections.abc import AsyncGenerator, Mapping
from typing import Any

from strawberry.http.exceptions import NonTextMessageReceived, WebSocketDisconnected

from api.graphql_socket import Socket, fitting
from api.live.protocol import FrameProtocol
from api.runtime import Runtime


class DirectSocket(Socket):
    """One connection, of which another socket has accepted the handshake."""

    def __init__(self, accepted: Socket, connection: FrameProtocol) -> None:
        super().__init__(accepted.view)
        self._runtime = accepted.runtime
        self._authorization = accepted.authorization
        self._connection = connection
        self.over = False
        """Whether nothing more is to be taken."""

    @property
    def runtime(self) -> Runtime:
        """Of the process."""
        return self._runtime

    @property
    def authorization(self) -> str | None:
        """The header of the handshake, until it is forgotten."""
        return self._authorization

    def forget_authorization(self) -> None:
        """It is known by now who it is."""
        self._authorization = None

    async def iter_json(self, *, ignore_parsing_errors: bool = False) -> AsyncGenerator[object, None]:  # noqa: ARG002
        """The messages that have come. It never waits for one."""
        while not self.over and not self._connection.queue.empty():
            event: Any = await self._connection.receive()
            if event["type"] == "websocket.disconnect":
                self.over = True
            elif (text := event.get("text")) is None:
                raise NonTextMessageReceived
            elif (message := await self.read(text)) is not None:
                yield message

    async def send_json(self, message: Mapping[str, object]) -> None:
        """WebSocketDisconnected once it is closed, whoever closed it."""
        await self._connection.drained()
        if self._connection.closed:
            raise WebSocketDisconnected
        text = self.view.encode_json(message)
        await self._connection.send(
            {"type": "websocket.send", "text": text if isinstance(text, str) else text.decode()}
        )

    async def close(self, code: int, reason: str) -> None:
        """Does nothing where it is closed already."""
        self.over = True
        if not self._connection.closed:
            await self._connection.send({"type": "websocket.close", "code": code, "reason": fitting(reason)})
