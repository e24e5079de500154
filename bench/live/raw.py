"""The floor: a Starlette application that sends one string to everybody who subscribed, and does nothing else.

`python -m bench.live.raw PORT`: `POST /publish` sends its body to all, as many times as `times` says.
"""

import sys
from collections.abc import Sequence
from typing import Final

import uvicorn
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute, Route, WebSocketRoute
from starlette.websockets import WebSocket, WebSocketDisconnect

_subscribers: Final[list[WebSocket]] = []


async def _socket(socket: WebSocket) -> None:
    await socket.accept(subprotocol="graphql-transport-ws")
    try:
        await socket.receive_json()
        await socket.send_text('{"type":"connection_ack"}')
        await socket.receive_json()
        _subscribers.append(socket)
        await socket.send_text('{"id":"1","type":"next","payload":{"data":{"changes":{"upToDate":true}}}}')
        await socket.receive_text()
    except WebSocketDisconnect:
        pass


async def _publish(request: Request) -> Response:
    text = (await request.body()).decode()
    for _ in range(int(request.query_params.get("times", "1"))):
        for socket in _subscribers:
            await socket.send_text(text)
    return Response()


async def _healthy(_: Request) -> Response:
    return Response()


def _routes() -> Sequence[BaseRoute]:
    return [
        WebSocketRoute("/graphql", _socket),
        Route("/publish", _publish, methods=["POST"]),
        Route("/healthz", _healthy),
    ]


if __name__ == "__main__":
    uvicorn.run(
        Starlette(routes=_routes()),
        port=int(sys.argv[1]),
        loop="uvloop",
        http="httptools",
        ws="websockets-sansio",
        # As ours: of many connections it takes a share of the CPU.
        ws_ping_interval=40,
        ws_ping_timeout=40,
        log_level="warning",
        access_log=False,
    )
