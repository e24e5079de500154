"""An HTTP server that a test's sandbox calls, and which answers as the test says."""

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import uvicorn
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route


class Receiver:
    """Any path is a hook. Answers with the statuses given, then 202; not before `gate` is open. `url` is one hook's."""

    def __init__(self, *statuses: int) -> None:
        self.statuses = list(statuses)
        self.calls: asyncio.Queue[tuple[dict[str, str], bytes]] = asyncio.Queue()
        self.gate = asyncio.Event()
        self.gate.set()
        self.base = ""

    @property
    def url(self) -> str:
        return f"{self.base}/hook"

    async def hook(self, request: Request) -> Response:
        headers = {**request.headers, "path": request.url.path}
        self.calls.put_nowait((headers, await request.body()))
        await self.gate.wait()
        return Response(status_code=self.statuses.pop(0) if self.statuses else 202)

    async def next(self) -> dict[str, Any]:
        _, body = await asyncio.wait_for(self.calls.get(), 30)
        event: dict[str, Any] = json.loads(body)
        return event


@asynccontextmanager
async def receiving(*statuses: int) -> AsyncIterator[Receiver]:
    receiver = Receiver(*statuses)
    app = Starlette(routes=[Route("/{path:path}", receiver.hook, methods=["POST"])])
    server = uvicorn.Server(uvicorn.Config(app, port=0, log_level="warning", ws="none", lifespan="off"))
    started = asyncio.Event()

    async def startup(sockets: Any = None) -> None:
        await uvicorn.Server.startup(server, sockets)
        started.set()

    server.startup = startup  # type: ignore[method-assign]
    task = asyncio.create_task(server.serve())
    await asyncio.wait_for(started.wait(), 30)
    receiver.base = f"http://127.0.0.1:{server.servers[0].sockets[0].getsockname()[1]}"
    try:
        yield receiver
    finally:
        server.should_exit = True
        await task
