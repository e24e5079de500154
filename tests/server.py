"""The real server for tests: in a thread of this process, or as a process of its own that may be killed.

Both speak to a real database and a real sandbox, and are spoken to by real clients.
"""

import asyncio
import json
import os
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any, Self, TypeVar

import httpx
import uvicorn
from starlette.applications import Starlette
from websockets.asyncio.client import ClientConnection, connect
from websockets.typing import Subprotocol

from api.app import create_app
from api.cli_listen import bound
from api.server import server_config
from api.settings import Settings
from db.embedded_launch import launch
from sandbox.accounts import DEMO_ACCOUNT
from sandbox.server import Sandbox
from tests.loopback import LOOPBACK

DEADLINE_S = 60.0
"""Generous: only a test that fails waits for it."""

T = TypeVar("T")
Json = Any


class GraphQLFailed(AssertionError):
    """The answer had errors; `code` is the first one's."""

    def __init__(self, errors: list[dict[str, Json]]) -> None:
        super().__init__(json.dumps(errors, indent=2))
        self.errors = errors
        self.code: str | None = errors[0].get("extensions", {}).get("code")


class Subscription:
    """One operation on a WebSocket of its own, spoken as `graphql-transport-ws`. Iterate over its data."""

    def __init__(self, connection: ClientConnection) -> None:
        self.connection = connection

    async def next(self, deadline_s: float = DEADLINE_S) -> Json:
        """The next data. GraphQLFailed for an error, StopAsyncIteration when the operation is complete."""
        async with asyncio.timeout(deadline_s):
            while True:
                message = json.loads(await self.connection.recv())
                match message["type"]:
                    case "next" if "errors" in message["payload"]:
                        raise GraphQLFailed(message["payload"]["errors"])
                    case "next":
                        return message["payload"]["data"]
                    case "error":
                        raise GraphQLFailed(message["payload"])
                    case "complete":
                        raise StopAsyncIteration
                    case "ping":
                        await self.connection.send(json.dumps({"type": "pong"}))

    def __aiter__(self) -> Self:
        return self

    async def __anext__(self) -> Json:
        return await self.next()

    async def until(self, condition: Callable[[Json], bool], deadline_s: float = DEADLINE_S) -> list[Json]:
        """Everything up to the first data that fulfils the condition, that included."""
        seen: list[Json] = []
        async with asyncio.timeout(deadline_s):
            while not seen or not condition(seen[-1]):
                seen.append(await self.next(deadline_s))
        return seen


class Client:
    """A GraphQL client of the server at `url`."""

    def __init__(self, url: str) -> None:
        self.url = url

    async def post(self, path: str, **arguments: Any) -> httpx.Response:
        async with self.http() as http:
            return await http.post(path, **arguments)

    async def get(self, path: str, **arguments: Any) -> httpx.Response:
        async with self.http() as http:
            return await http.get(path, **arguments)

    def http(self) -> httpx.AsyncClient:
        return httpx.AsyncClient(base_url=self.url, timeout=DEADLINE_S, **LOOPBACK)

    async def graphql(
        self, query: str, variables: Mapping[str, Json] | None = None, patience_s: float = DEADLINE_S
    ) -> Json:
        """The data of a query or mutation; GraphQLFailed if there are errors."""
        answer = await self.post("/graphql", json={"query": query, "variables": variables or {}}, timeout=patience_s)
        body = answer.json()
        if "errors" in body:
            raise GraphQLFailed(body["errors"])
        return body["data"]

    @asynccontextmanager
    async def subscribe(self, query: str, variables: Mapping[str, Json] | None = None) -> AsyncIterator[Subscription]:
        async with self.websocket() as connection:
            await connection.send(json.dumps({"type": "connection_init"}))
            assert json.loads(await connection.recv())["type"] == "connection_ack"
            payload = {"query": query, "variables": variables or {}}
            await connection.send(json.dumps({"id": "1", "type": "subscribe", "payload": payload}))
            yield Subscription(connection)

    def websocket(self, protocol: str = "graphql-transport-ws", **arguments: Any) -> connect:
        return connect(
            self.url.replace("http", "ws", 1) + "/graphql",
            subprotocols=[Subprotocol(protocol)],
            max_size=None,
            proxy=None,
            **arguments,
        )

    async def ready(self, path: str = "/readyz") -> bool:
        """Whether `/readyz` says so."""
        try:
            return (await self.get(path)).status_code == 200
        except httpx.TransportError:
            return False


class Server(Client):
    """A server to be started."""

    def __init__(self, settings: Settings) -> None:
        super().__init__(f"http://127.0.0.1:{settings.port}")
        self.settings = settings


class ThreadServer(Server):
    """The server in a thread of this process, with an event loop of its own."""

    def __init__(self, settings: Settings, app: Starlette | None = None, ready_path: str = "/readyz") -> None:
        """`app`: another application than that of the settings. `ready_path`: what answers 200 once it has started."""
        self._ready_path = ready_path
        super().__init__(settings)
        self._listener = bound("127.0.0.1", settings.port, "ROWCAST_PORT")
        self._server = uvicorn.Server(server_config(create_app(settings) if app is None else app, settings))
        self._thread = threading.Thread(target=self._server.run, args=([self._listener],), name="rowcast")

    async def start(self) -> None:
        """Returns once it serves."""
        self._thread.start()
        await eventually(self._ready_or_dead)

    async def stop(self) -> None:
        """In order; does nothing where it has stopped."""
        self._server.should_exit = True
        await asyncio.to_thread(self._thread.join, DEADLINE_S)
        assert not self._thread.is_alive(), "The server does not stop."
        self._listener.close()

    @property
    def connections(self) -> Sequence[Any]:
        """uvicorn's protocols of those that it has."""
        return list(self._server.server_state.connections)

    async def _ready_or_dead(self) -> bool:
        assert self._thread.is_alive(), "The server ended while starting."
        return await self.ready(self._ready_path)


class ProcessServer(Server):
    """`python -m api serve`, to be killed, stopped in its tracks, and started again. It ends with us."""

    def __init__(self, settings: Settings) -> None:
        super().__init__(settings)
        self.log = settings.data_dir / "server.log"
        self._process: subprocess.Popen[bytes] | None = None

    async def start(self) -> None:
        """Starts it; waits until it is ready."""
        self.launch()
        await eventually(self.ready_or_dead)

    def launch(self) -> None:
        """Starts it, without waiting."""
        given = self.settings.model_dump(mode="json", exclude_none=True, exclude_defaults=True)
        environment = {
            f"ROWCAST_{name.upper()}": ",".join(value) if isinstance(value, list) else str(value)
            for name, value in given.items()
        }
        with self.log.open("ab") as log:
            self._process = launch(
                [sys.executable, "-m", "api", "serve"],
                output=log,
                env={**os.environ, **environment},
                cwd=str(Path.cwd()),
                death_signal=signal.SIGKILL,
            )

    async def ready_or_dead(self) -> bool:
        assert self.process.poll() is None, f"The server ended:\n{self.log.read_text()[-5000:]}"
        return await self.ready()

    @property
    def process(self) -> subprocess.Popen[bytes]:
        assert self._process is not None
        return self._process

    async def kill(self) -> None:
        """`kill -9`."""
        await self._end(signal.SIGKILL)

    async def stop(self) -> int:
        """Asks it to stop; its exit code."""
        return await self._end(signal.SIGTERM)

    def send_signal(self, number: signal.Signals) -> None:
        self.process.send_signal(number)

    async def _end(self, number: signal.Signals) -> int:
        if self._process is None:
            return 0
        self._process.send_signal(number)
        self._process.send_signal(signal.SIGCONT)
        code = await asyncio.to_thread(self._process.wait, DEADLINE_S)
        self._process = None
        return code


async def eventually(condition: Callable[[], Awaitable[T]], deadline_s: float = DEADLINE_S) -> T:
    """The first true answer of `condition`, asked again and again. AssertionError when none comes."""
    until = time.monotonic() + deadline_s
    while not (answer := await condition()):
        assert time.monotonic() < until, f"Not within {deadline_s:.0f} s: {condition}"
        await asyncio.sleep(0.05)
    return answer


def server_settings(
    database: str, folder: Path, sandbox: Sandbox | None = None, account: str = DEMO_ACCOUNT, **others: Any
) -> Settings:
    """Settings of a server on a free port, with a data folder of its own; without a sandbox it has no sheets."""
    given: dict[str, Any] = {
        "port": free_port(),
        "database_url": database,
        "data_dir": folder,
        "secret_key": "0123456789abcdef0123456789abcdef",
        **others,
    }
    if sandbox is not None:
        given["google_credentials"] = json.dumps(sandbox.service_account_info(account))
        given["google_api_url"] = sandbox.url
    return Settings(**given)


def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as free:
        port: int = free.getsockname()[1]
    return port
