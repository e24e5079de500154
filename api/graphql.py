"""`/graphql`: Strawberry's ASGI view, kept to what we promise on each transport.

POST takes `application/json` and nothing else, GET answers queries only; subscriptions come over WebSocket
(`api.graphql_socket`), as multipart (`multipart/mixed;subscriptionSpec=1.0`) and as server-sent events.
What an operation means is `schema`'s; nothing here looks into one.
"""

import asyncio
import json
import math
from collections.abc import AsyncGenerator, AsyncIterator, Callable, Mapping
from dataclasses import replace
from datetime import timedelta
from typing import Never, cast

from cross_web import AsyncHTTPRequestAdapter, HTTPException
from graphql import GraphQLError, OperationType, get_operation_ast, parse
from starlette.exceptions import HTTPException as StarletteHTTPException
from starlette.requests import Request
from starlette.responses import JSONResponse, RedirectResponse, Response
from starlette.types import Receive, Scope, Send
from starlette.websockets import WebSocket
from strawberry import Schema
from strawberry.asgi import GraphQL
from strawberry.http import GraphQLRequestData
from strawberry.http.base import BaseRequestProtocol
from strawberry.http.streaming import AsyncTextStream, HTTPStreamTransport
from strawberry.schema.exceptions import InvalidOperationTypeError
from strawberry.subscriptions import (
    GRAPHQL_SSE_PROTOCOL,
    GRAPHQL_TRANSPORT_WS_PROTOCOL,
    GRAPHQL_WS_PROTOCOL,
    MULTIPART_SUBSCRIPTION_PROTOCOL,
)
from strawberry.types import ExecutionResult, SubscriptionExecutionResult

from api.graphql_socket import ASGISocket, LegacyHandler, TransportHandler, operation_objection
from api.live.handler import SharingHandler
from api.runtime import runtime
from db.errors import LimitExceeded, RateLimited, Unauthenticated
from schema.access import Principal
from schema.context import Context
from schema.limits import MAX_TOKENS
from schema.unless import until

MAX_OPERATIONS = 1000
"""Operations under way on one WebSocket."""
INIT_S = 10.0
"""How long a WebSocket may stay open without `connection_init`."""


class GraphQLView(GraphQL[Context, None]):
    """The endpoint. Every refusal is JSON in GraphQL's own shape, with a code."""

    websocket_adapter_class = ASGISocket
    graphql_transport_ws_handler_class: type[TransportHandler] = SharingHandler
    graphql_ws_handler_class = LegacyHandler

    def __init__(self, schema: Schema) -> None:
        super().__init__(
            schema,
            subscription_protocols=(
                GRAPHQL_TRANSPORT_WS_PROTOCOL,
                GRAPHQL_WS_PROTOCOL,
                MULTIPART_SUBSCRIPTION_PROTOCOL,
                GRAPHQL_SSE_PROTOCOL,
            ),
            keep_alive=True,
            keep_alive_interval=20,
            connection_init_wait_timeout=timedelta(seconds=INIT_S),
            max_subscriptions_per_connection=MAX_OPERATIONS,
            allowed_origins=("*",),  # api.guard has checked them, on every path alike
        )

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "websocket":
            socket = WebSocket(scope, receive, send)
            activity = runtime(socket).context.activity
            activity.connections += 1
            try:
                await self.run(socket)
            finally:
                activity.connections -= 1
            return
        response = await self._answer(Request(scope, receive))
        await response(scope, receive, send)

    async def _answer(self, request: Request) -> Response:
        if request.method == "POST" and _media_type(request) != "application/json":
            return _refuse(415, "Send the operation as application/json.", {"Accept-Post": "application/json"})
        try:
            principal = await runtime(request).authentication.principal(request.headers.get("authorization"))
        except Unauthenticated as error:
            return _refuse(401, str(error), {"WWW-Authenticate": "Bearer"})
        request.state.principal = principal
        try:
            runtime(request).authentication.rates.take(principal)
            return await self.run(request)
        except RateLimited as error:
            runtime(request).context.activity.refused_operations += 1
            return _refuse(429, str(error), {"Retry-After": str(math.ceil(error.after_s))})
        except HTTPException as error:
            if isinstance(error.__cause__, InvalidOperationTypeError):
                return _refuse(405, error.reason, {"Allow": "POST"})
            return _refuse(error.status_code, error.reason)
        except StarletteHTTPException as error:
            return _refuse(error.status_code, error.detail)

    async def get_context(self, request: Request | WebSocket, response: Response | WebSocket) -> Context:  # noqa: ARG002
        context = runtime(request).context
        if isinstance(request, WebSocket):
            return context  # its handler says who it is, at connection_init
        principal: Principal = request.state.principal
        by_get = request.method == "GET"
        return replace(context, by_get=by_get, principal=principal) if by_get or principal.token else context

    def should_render_graphql_ide(self, request: BaseRequestProtocol) -> bool:
        """For whoever opens /graphql in a browser."""
        accepted = request.headers.get("accept", "")
        return request.method == "GET" and request.query_params.get("query") is None and "text/html" in accepted

    async def render_graphql_ide(self, request: Request) -> Response:  # noqa: ARG002
        return RedirectResponse("/playground")

    def parse_json(self, data: str | bytes) -> object:
        """A body, or, a text, a parameter of the URL."""
        try:
            parsed = self.decode_json(data)
        except json.JSONDecodeError as error:
            what = "The body" if isinstance(data, bytes) else "`variables`"
            raise HTTPException(400, f"{what} is not JSON ({error}): {_SEND}") from error
        if isinstance(data, bytes) and (wrong := _objection(parsed)) is not None:
            raise HTTPException(400, f"{wrong}: {_SEND}")
        return parsed

    def decode_json(self, data: str | bytes) -> object:
        return decode_json(data)

    async def execute_single(
        self,
        request: Request,
        request_adapter: AsyncHTTPRequestAdapter,
        sub_response: Response,
        context: Context,
        root_value: None,
        request_data: GraphQLRequestData,
    ) -> ExecutionResult:
        if request_data.query is None:
            raise HTTPException(400, f"There is no operation in `query`: {_SEND}")
        if _subscribes(request_data):
            raise HTTPException(400, _STREAMED)
        return await super().execute_single(request, request_adapter, sub_response, context, root_value, request_data)

    def _stream_result(
        self, request: Request, result: SubscriptionExecutionResult, transport: HTTPStreamTransport
    ) -> AsyncTextStream:
        results = cast("SubscriptionExecutionResult", self._while_in_use(request, result))
        return super()._stream_result(request, results, transport)

    async def _while_in_use(
        self, request: Request, results: SubscriptionExecutionResult
    ) -> AsyncGenerator[object, None]:
        """A stream's results, until its token is no longer in use."""
        principal: Principal = request.state.principal
        if principal.token is None:
            async for result in results:
                yield result
            return
        ending = asyncio.create_task(runtime(request).authentication.until_ended(principal))
        try:
            async for result in until(ending, results):
                yield result
            if ending.done():
                error = GraphQLError(ending.result(), extensions={"code": Unauthenticated.code})
                yield ExecutionResult(data=None, errors=[error])
        finally:
            ending.cancel()
            await asyncio.wait({ending})

    async def create_streaming_response(
        self,
        request: Request | WebSocket,
        stream: Callable[[], AsyncIterator[str]],
        sub_response: Response,
        headers: Mapping[str, str],
    ) -> Response:
        activity = runtime(request).context.activity

        async def counted() -> AsyncIterator[str]:
            activity.connections += 1
            try:
                async for part in stream():
                    yield part
            finally:
                activity.connections -= 1

        return await super().create_streaming_response(request, counted, sub_response, headers)


def decode_json(data: str | bytes) -> object:
    """JSON as its standard has it. JSONDecodeError for everything else: NaN, numbers and nesting beyond all measure."""
    try:
        # A text as json.loads does it, which would make a decoder each time.
        return _DECODER.decode(data) if isinstance(data, str) else json.loads(data, parse_constant=_refuse_constant)
    except json.JSONDecodeError:
        raise
    except (ValueError, RecursionError) as error:
        raise json.JSONDecodeError("Not JSON that can be read", "", 0) from error


def _refuse_constant(name: str) -> Never:
    raise ValueError(f"{name} is not JSON")


_DECODER = json.JSONDecoder(parse_constant=_refuse_constant)


_STREAMED = (
    "A subscription has more than one answer: send it over WebSocket (graphql-transport-ws), or with the header "
    "`Accept: multipart/mixed;subscriptionSpec=1.0` or `Accept: text/event-stream`."
)


_SEND = (
    'send by POST {"query": "query ($name: String!) { source(name: $name) { table } }", "variables": {"name": "…"}}.'
)


def _objection(body: object) -> str | None:
    """What is wrong with a body that is JSON; None where nothing is."""
    if isinstance(body, list):
        return "A list of operations is not taken, send each by itself"
    if not isinstance(body, Mapping):
        return "The body must be a JSON object"
    return operation_objection(body)


def _subscribes(request: GraphQLRequestData) -> bool:
    query = request.query
    if query is None or "subscription" not in query:
        return False
    try:
        operation = get_operation_ast(parse(query, max_tokens=MAX_TOKENS), request.operation_name)
    except GraphQLError:
        return False  # its execution says what is wrong with it
    return operation is not None and operation.operation is OperationType.SUBSCRIPTION


def _media_type(request: Request) -> str:
    return request.headers.get("content-type", "").partition(";")[0].strip().lower()


_CODES: dict[int, str] = {401: Unauthenticated.code, 413: LimitExceeded.code, 429: RateLimited.code}


def _refuse(status: int, reason: str, headers: Mapping[str, str] | None = None) -> JSONResponse:
    error = {"message": reason, "extensions": {"code": _CODES.get(status, "BAD_USER_INPUT")}}
    return JSONResponse({"errors": [error]}, status_code=status, headers=headers)
