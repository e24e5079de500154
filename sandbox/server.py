"""Runs the sandbox: `serve` for the command line, `Sandbox` inside of a test's process."""

import asyncio
import socket
import threading
from collections.abc import Awaitable, Callable
from concurrent.futures import Future
from datetime import datetime
from pathlib import Path
from types import TracebackType
from typing import Self, TypeVar

import uvicorn
from starlette.applications import Starlette
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

from sandbox.accounts import DEMO_ACCOUNT
from sandbox.app import create_app
from sandbox.office import Office
from sandbox.recorder import Watch
from sandbox.settings import SandboxSettings, system_clock
from sandbox.wire import TRANSPORT

_GRACE_SECONDS = 3
T = TypeVar("T")


class _Protocol(HttpToolsProtocol):
    """Leaves the connection where a fault finds it."""

    def on_message_begin(self) -> None:
        super().on_message_begin()
        self.scope[TRANSPORT] = self.transport  # type: ignore[literal-required]


class _Server(uvicorn.Server):
    """Says when it listens, and ends the pages' event streams before it waits for connections to close."""

    def __init__(self, config: uvicorn.Config, listening: Callable[[], None]) -> None:
        super().__init__(config)
        self._listening = listening

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets)
        self._listening()

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        _office(self.config).live.close()
        await super().shutdown(sockets)


async def serve(
    host: str, port: int, data_path: Path | None, listening: Callable[[str], None] = lambda _url: None
) -> None:
    """Serves until it is cancelled or the process is told to stop. Port 0 takes a free one; `listening` hears the URL.

    Raises:
        OSError: the port can't be had.
    """
    listener = _listen(host, port)
    settings = SandboxSettings(f"http://{host}:{listener.getsockname()[1]}", data_path)
    server = _server(create_app(settings), lambda: listening(settings.base_url))
    try:
        await server.serve([listener])
    except asyncio.CancelledError:
        await server.shutdown([listener])
        raise
    finally:
        listener.close()


class Sandbox:
    """A sandbox on a free port of the loopback, in a thread with an event loop of its own, so that blocking clients
    can be used beside it. Works as a context manager, plain or async."""

    def __init__(
        self,
        data_path: Path | None = None,
        clock: Callable[[], datetime] = system_clock,
        sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
        watch: Watch | None = None,
    ) -> None:
        self._listener = _listen("127.0.0.1", 0)
        self.url = f"http://127.0.0.1:{self._listener.getsockname()[1]}"
        self._settings = SandboxSettings(self.url, data_path, clock, sleep, watch)
        self._started = threading.Event()
        self._failure: BaseException | None = None
        self._thread = threading.Thread(target=self._run, name="sandbox", daemon=True)

    def __enter__(self) -> Self:
        self._thread.start()
        self._started.wait()
        if self._failure is not None:
            raise RuntimeError("The sandbox didn't start.") from self._failure
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._server.should_exit = True
        self._thread.join()
        if self._failure is not None:
            raise RuntimeError("The sandbox died.") from self._failure

    async def __aenter__(self) -> Self:
        return await asyncio.to_thread(self.__enter__)

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await asyncio.to_thread(self.__exit__, kind, error, trace)

    def service_account_info(self, email: str = DEMO_ACCOUNT) -> dict[str, str]:
        """A service account's key file in Google's format; the account is made if there is none."""
        return self.do(lambda office: office.account(email))

    def workbook_id(self, name: str) -> str:
        """The id of the spreadsheet of that name, made if there is none: a person's, which every account that was
        made before may write."""
        return self.do(lambda office: office.workbook(name)).file_id

    def do(self, work: Callable[[Office], T]) -> T:
        """Runs `work` in the sandbox's own thread, between two requests."""
        result: Future[T] = Future()

        def run() -> None:
            try:
                result.set_result(work(_office(self._server.config)))
            except BaseException as error:  # noqa: BLE001 - goes to the caller
                result.set_exception(error)

        self._loop.call_soon_threadsafe(run)
        return result.result()

    def _run(self) -> None:
        try:
            asyncio.run(self._serve())
        except BaseException as error:  # noqa: BLE001 - told by __enter__ or __exit__
            self._failure = error
        finally:
            self._started.set()

    async def _serve(self) -> None:
        self._loop = asyncio.get_running_loop()
        self._server = _server(create_app(self._settings), self._started.set)
        await self._server.serve([self._listener])


def _server(app: Starlette, listening: Callable[[], None] = lambda: None) -> _Server:
    config = uvicorn.Config(
        app,
        http=_Protocol,
        ws="none",
        lifespan="on",
        log_level="warning",
        access_log=False,
        timeout_graceful_shutdown=_GRACE_SECONDS,
        # A client that pauses, on a busy machine, must not find its connection closed just as it sends.
        timeout_keep_alive=75,
    )
    return _Server(config, listening)


def _office(config: uvicorn.Config) -> Office:
    app = config.app
    assert isinstance(app, Starlette)
    office = app.state.office
    assert isinstance(office, Office)
    return office


def _listen(host: str, port: int) -> socket.socket:
    listener = socket.socket(socket.AF_INET6 if ":" in host else socket.AF_INET)
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        listener.bind((host, port))
    except OSError:
        listener.close()
        raise
    listener.listen(512)
    return listener
