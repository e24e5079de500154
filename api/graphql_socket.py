"""GraphQL over WebSocket: Strawberry's two protocols, hardened where a client's bad message would break them.

`graphql-transport-ws` is what current clients speak, `graphql-ws` its predecessor. A message that is not what the
protocol has ends the connection with a code and a reason, never with a traceback.
"""

import asyncio
import json
from abc import abstractmethod
from collections.abc import AsyncGenerator, Mapping
from dataclasses import replace
from typing import Any

import psycopg
import structlog
from graphql import GraphQLError
from starlette.websockets import WebSocketDisconnect, WebSocketState
from strawberry.asgi import ASGIWebSocketAdapter
from strawberry.http.async_base_view import AsyncWebSocketAdapter
from strawberry.http.exceptions import NonJsonMessageReceived, NonTextMessageReceived, WebSocketDisconnected
from strawberry.subscriptions.protocols.graphql_transport_ws.handlers import BaseGraphQLTransportWSHandler
from strawberry.subscriptions.protocols.graphql_transport_ws.types import ConnectionInitMessage, SubscribeMessage
from strawberry.subscriptions.protocols.graphql_ws.handlers import BaseGraphQLWSHandler
from strawberry.subscriptions.protocols.graphql_ws.types import ConnectionInitMessage as LegacyConnectionInitMessage
from strawberry.subscriptions.protocols.graphql_ws.types import StartMessage

from api.authentication import Authentication
from api.limits import ID_LIMIT
from api.runtime import Runtime, runtime
from db.errors import LimitExceeded, RateLimited, Unauthenticated
from schema.access import Principal
from schema.context import Context

_log = structlog.stdlib.get_logger(__name__)

_REASON_BYTES = 123  # what a close frame has room for
_INVALID, _INIT_TIMEOUT, _INIT_AGAIN, _TRY_AGAIN = 4400, 4408, 4429, 1013
# Clients don't connect again after 4401; after 4403 they may, with a new token.
_UNAUTHENTICATED, _ENDED = 4401, 4403


def objection(message: object) -> str | None:
    """What is wrong with the form of a client's message, in either protocol; None where nothing is."""
    if not isinstance(message, Mapping):
        return "A message must be a JSON object"
    kind = message.get("type")
    if not isinstance(kind, str):
        return "A message must have a `type`"
    if kind in ("subscribe", "start", "complete", "stop"):
        id_ = message.get("id")
        if not isinstance(id_, str):
            return f"A message of type {kind} must have an `id`, a string"
        if len(id_) > ID_LIMIT:
            return f"An `id` has {ID_LIMIT} characters at most"
    if kind in ("subscribe", "start"):
        return operation_objection(message.get("payload"))
    return None


def operation_objection(payload: object) -> str | None:
    """What is wrong with the form of an operation, on any transport; None where nothing is."""
    if not isinstance(payload, Mapping):
        return "The payload must be an object with the operation in `query`"
    if not isinstance(payload.get("query"), str):
        return "The operation must be in `query`, a string"
    if not isinstance(payload.get("variables"), Mapping | None):
        return "`variables` must be an object"
    if not isinstance(payload.get("operationName"), str | None):
        return "`operationName` must be a string"
    if not isinstance(payload.get("extensions"), Mapping | None):
        return "`extensions` must be an object"
    return None


class Socket(AsyncWebSocketAdapter):
    """One connection: what comes in is bounded and well-formed, what goes out fits, also while it closes."""

    @property
    @abstractmethod
    def runtime(self) -> Runtime:
        """Of the process."""

    @property
    @abstractmethod
    def authorization(self) -> str | None:
        """The header of the handshake, as long as it may be asked for."""

    async def read(self, text: str) -> object:
        """The message of a text. NonJsonMessageReceived. None: it was none, for which the connection is closed."""
        try:
            message = self.view.decode_json(text)
        except json.JSONDecodeError as error:
            raise NonJsonMessageReceived from error
        if (wrong := objection(message)) is None:
            return message
        await self.close(_INVALID, wrong)
        return None


class ASGISocket(Socket, ASGIWebSocketAdapter):
    """A connection by ASGI, whatever server there is."""

    @property
    def runtime(self) -> Runtime:
        """Of the process."""
        return runtime(self.ws)

    @property
    def authorization(self) -> str | None:
        """The header of the handshake."""
        return self.ws.headers.get("authorization")

    async def iter_json(self, *, ignore_parsing_errors: bool = False) -> AsyncGenerator[object, None]:
        """The client's messages, until one can't be taken; `ignore_parsing_errors` skips what is no JSON."""
        while self.ws.application_state is not WebSocketState.DISCONNECTED:
            try:
                message = await self.read(await self.ws.receive_text())
            except WebSocketDisconnect:
                return
            except KeyError as error:
                raise NonTextMessageReceived from error
            except NonJsonMessageReceived:
                if ignore_parsing_errors:
                    continue
                raise
            if message is None:
                return
            yield message
            # However many wait, the others have their turn.
            await asyncio.sleep(0)

    async def send_json(self, message: Mapping[str, object]) -> None:
        """WebSocketDisconnected also once we closed ourselves."""
        if self.ws.application_state is WebSocketState.DISCONNECTED:
            raise WebSocketDisconnected
        await super().send_json(message)

    async def close(self, code: int, reason: str) -> None:
        """Does nothing where it is closed already."""
        if self.ws.application_state is not WebSocketState.DISCONNECTED:
            await super().close(code, fitting(reason))


def fitting(reason: str) -> str:
    """A reason, cut to what a close frame has room for."""
    return reason.encode()[:_REASON_BYTES].decode(errors="ignore")


class Admission:
    """One connection's principal, from `connection_init` until its token ends.

    The token is in the payload as `authorization` (`Bearer …`), or, where a client can, in the handshake's header.
    """

    def __init__(self) -> None:
        self._ending: asyncio.Task[None] | None = None

    async def admit(self, socket: object, context: Context, payload: object) -> Context | None:
        """The context to go on with; None where it may not, and is closed."""
        assert isinstance(socket, Socket)
        if self._ending is not None:
            return context
        authorization: object = socket.authorization
        if isinstance(payload, Mapping):
            authorization = payload.get("authorization", authorization)
        authentication = socket.runtime.authentication
        try:
            principal = await authentication.principal(authorization)
        except Unauthenticated as error:
            await socket.close(_UNAUTHENTICATED, str(error))
            return None
        except psycopg.OperationalError:
            await socket.close(_TRY_AGAIN, "Postgres does not answer at the moment: try again.")
            return None
        if principal.token is None:
            return context
        self._ending = asyncio.create_task(self._end(socket, authentication, principal))
        return replace(context, principal=principal)

    async def forget(self) -> None:
        """Once the connection is over."""
        if self._ending is not None:
            self._ending.cancel()
            await asyncio.wait({self._ending})

    async def _end(self, socket: Socket, authentication: Authentication, principal: Principal) -> None:
        await socket.close(_ENDED, await authentication.until_ended(principal))


def _refusal(socket: object, context: Context, others: int, most: int | None) -> GraphQLError | None:
    """Why a connection with so many others under way may begin no operation now; None where it may."""
    assert isinstance(socket, Socket)
    try:
        if most is not None and others >= most:
            raise LimitExceeded(
                f"One WebSocket has {most} operations under way at most: complete some, or open another."
            )
        socket.runtime.authentication.rates.take(context.principal)
    except (LimitExceeded, RateLimited) as error:
        context.activity.refused_operations += 1
        return GraphQLError(str(error), extensions={"code": error.code})
    return None


class TransportHandler(BaseGraphQLTransportWSHandler[Context, None]):
    """`graphql-transport-ws`. An operation that can't be parsed fails alone, and leaves the others their connection."""

    websocket: Socket

    def __init__(self, *arguments: Any, **named: Any) -> None:
        super().__init__(*arguments, **named)
        self._admission = Admission()

    async def shutdown(self) -> None:
        """The connection is over."""
        try:
            await super().shutdown()
        finally:
            await self._admission.forget()

    async def handle_connection_init(self, message: ConnectionInitMessage) -> None:
        context = await self._admission.admit(self.websocket, self.context, message.get("payload"))
        if context is not None:
            self.context = context
            await super().handle_connection_init(message)

    async def handle_subscribe(self, message: SubscribeMessage) -> None:
        """One operation too many fails alone."""
        refusal = None
        if self.connection_acknowledged:
            most = self.max_subscriptions_per_connection
            refusal = _refusal(self.websocket, self.context, len(self.operations), most)
        if refusal is None:
            await self.begin(message)
        else:
            await self.send_message({"id": message["id"], "type": "error", "payload": [refusal.formatted]})

    async def begin(self, message: SubscribeMessage) -> None:
        """An operation that the limits allow."""
        await super().handle_subscribe(message)

    @staticmethod
    def _get_pre_execution_close_reason(error: GraphQLError) -> str | None:  # noqa: ARG004
        return None

    async def handle_task_exception(self, error: Exception) -> None:
        """The client going away in the middle of a message is nothing to report."""
        if not isinstance(error, WebSocketDisconnected):
            _log.error("operation failed", exc_info=error)


class LegacyHandler(BaseGraphQLWSHandler[Context, None]):
    """`graphql-ws`, with what its successor says of `connection_init`: there is one, and in time."""

    async def handle(self) -> None:
        """Until the connection ends."""
        self._admission = Admission()
        expiry = asyncio.create_task(self._expire())
        try:
            await super().handle()
        finally:
            expiry.cancel()
            await self._admission.forget()

    async def handle_connection_init(self, message: LegacyConnectionInitMessage) -> None:
        if self.connection_acknowledged:
            # Each would have a task of its own that keeps the connection alive.
            await self.websocket.close(_INIT_AGAIN, "Too many initialisation requests")
            return
        context = await self._admission.admit(self.websocket, self.context, message.get("payload"))
        if context is not None:
            self.context = context
            await super().handle_connection_init(message)

    async def handle_start(self, message: StartMessage) -> None:
        """One operation too many fails alone."""
        refusal = None
        if self.connection_acknowledged:
            # One with an id that is in use takes the place of the other.
            others = len(self.tasks.keys() - {message["id"]})
            refusal = _refusal(self.websocket, self.context, others, self.max_subscriptions_per_connection)
        if refusal is None:
            await super().handle_start(message)
        else:
            await self.send_message({"id": message["id"], "type": "error", "payload": refusal.formatted})

    async def _expire(self) -> None:
        await asyncio.sleep(self.view.connection_init_wait_timeout.total_seconds())
        if not self.connection_acknowledged:
            await self.websocket.close(_INIT_TIMEOUT, "Connection initialisation timeout")
