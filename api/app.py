"""The ASGI application: every route and every middleware, and nothing that runs by itself (that is `api.lifespan`)."""

from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from functools import partial

import psycopg
from starlette.applications import Starlette
from starlette.middleware import Middleware
from starlette.middleware.cors import CORSMiddleware
from starlette.requests import Request
from starlette.responses import JSONResponse, PlainTextResponse, Response
from starlette.routing import BaseRoute, Route, WebSocketRoute
from strawberry import Schema

from api import health, hooks, metrics, static
from api.graphql import GraphQLView
from api.guard import LOOPBACK_ORIGIN, Admitted, Guard
from api.limits import GRAPHQL_LIMIT
from api.request_log import RequestLog
from api.runtime import Runtime
from api.settings import Settings
from db.errors import Unavailable

Running = Callable[[], AbstractAsyncContextManager[Runtime]]
"""Starts the process' services and stops them when left."""


def create_app(settings: Settings) -> Starlette:
    """The server of `settings`, whose `database_url` is set. It starts and stops its services with the lifespan."""
    from api.lifespan import running
    from schema.build import build_schema

    return assemble(settings, build_schema(), partial(running, settings))


def assemble(settings: Settings, schema: Schema, running: Running) -> Starlette:
    """Routes and middleware around a schema and whatever `running` starts."""

    @asynccontextmanager
    async def lifespan(_: Starlette) -> AsyncIterator[Mapping[str, Runtime]]:
        async with running() as process:
            yield {"runtime": process}

    return Starlette(
        routes=_routes(schema),
        middleware=[
            Middleware(RequestLog),
            Middleware(Guard, Admitted.of(settings.allowed_hosts, settings.allowed_origins)),
            Middleware(
                CORSMiddleware,
                allow_origins=settings.allowed_origins,
                allow_origin_regex=LOOPBACK_ORIGIN,
                allow_methods=("GET", "POST"),
                allow_headers=("authorization", "content-type", "x-request-id"),
                expose_headers=("x-request-id",),
            ),
        ],
        exception_handlers={psycopg.OperationalError: _unavailable, Unavailable: _unavailable},
        lifespan=lifespan,
    )


async def _unavailable(_: Request, error: Exception) -> Response:
    """What needs Postgres outside of GraphQL, which has errors of its own."""
    message = str(error) if isinstance(error, Unavailable) else "Postgres does not answer at the moment. Try again."
    return JSONResponse({"error": message}, status_code=503, headers={"Retry-After": "5"})


def _routes(schema: Schema) -> list[BaseRoute]:
    view = GraphQLView(schema)
    sdl = schema.as_str()

    async def schema_text(_: Request) -> Response:
        return PlainTextResponse(sdl)

    return [
        Route("/graphql", view, methods=["GET", "POST"], max_body_size=GRAPHQL_LIMIT),
        WebSocketRoute("/graphql", view),
        Route("/schema.graphql", schema_text),
        *hooks.routes(),
        *health.routes(),
        *metrics.routes(),
        *static.routes(),
    ]
