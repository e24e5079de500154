"""`serve`: the checks before the start, then uvicorn on a socket that is already ours."""

import asyncio
import errno
import gc
import resource
import socket
from functools import partial
from typing import Any, Final

import uvicorn
from starlette.applications import Starlette

from api.app import create_app
from api.cli_database import require_fit, watched_database
from api.cli_error import CommandError, port_forbidden, port_in_use
from api.http_protocol import HttpProtocol
from api.limits import WEBSOCKET_LIMIT
from api.live.protocol import FrameProtocol
from api.logging import configure
from api.settings import Settings
from db.errors import BadUserInput
from db.revision import current, newest
from db.session import connect
from sync.google.credentials import ServiceAccount

_GRACE_S: Final = 3
_OWN_FILES: Final = 200
"""Of the process itself: Postgres, the sources, the log."""
_COLLECT: Final = (10_000, 20, 10)
"""When to look for cycles among objects. With Python's own numbers that was a fifth of what a connection costs."""
_STALL_MS: Final = 90_000
"""How long a client may take nothing of what is written to it, whatever the protocol, before the kernel ends it."""


def run(settings: Settings) -> None:
    """Serves until SIGINT or SIGTERM. CommandError where the server can't start."""
    _require_credentials(settings)
    with bound(settings.host, settings.port, "ROWCAST_PORT") as listener, watched_database(settings) as dsn:
        require_fit(dsn)
        if settings.database_url is None:
            from db.migrate import upgrade

            upgrade(dsn)
        else:
            asyncio.run(_require_migrated(dsn))
        configure(settings.log_format, settings.log_level)
        app = create_app(settings.model_copy(update={"database_url": dsn}))
        server = uvicorn.Server(server_config(app, settings))
        # What is here now stays: no collection has to look at it again, however many connections come and go.
        gc.collect()
        gc.freeze()
        gc.set_threshold(*_COLLECT)
        try:
            server.run(sockets=[listener])
        except KeyboardInterrupt:
            # uvicorn has stopped in order, and then passes the signal on.
            return
        if not server.started:
            raise CommandError("The server could not start: the log above says why.")


def bound(host: str, port: int, variable: str) -> socket.socket:
    """A socket bound to the address, to be listened on. CommandError naming the variable where that fails."""
    family, kind, protocol, _, address = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0]
    listener = socket.socket(family, kind, protocol)
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    # Inherited by every connection.
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
    if hasattr(socket, "TCP_USER_TIMEOUT"):
        listener.setsockopt(socket.IPPROTO_TCP, socket.TCP_USER_TIMEOUT, _STALL_MS)
    try:
        listener.bind(address)
    except OSError as error:
        listener.close()
        if error.errno == errno.EADDRINUSE:
            raise port_in_use(port, variable) from error
        if error.errno == errno.EACCES:
            raise port_forbidden(port, variable) from error
        raise CommandError(f"{variable}: port {port} of {host} can't be had: {error.strerror}.") from error
    return listener


def server_config(app: Starlette, settings: Settings) -> uvicorn.Config:
    """How uvicorn serves the application."""
    files, _ = resource.getrlimit(resource.RLIMIT_NOFILE)
    most = settings.max_connections or max(files - _OWN_FILES, files // 2)
    http: Any = partial(HttpProtocol, most=most)
    websocket: Any = partial(FrameProtocol, messages_per_second=settings.client_messages_per_second)
    return uvicorn.Config(
        app,
        loop="uvloop",
        http=http,
        ws=websocket,
        ws_max_size=WEBSOCKET_LIMIT,
        ws_ping_interval=settings.ping_seconds,
        ws_ping_timeout=settings.ping_seconds,
        lifespan="on",
        log_config=None,
        access_log=False,
        server_header=False,
        proxy_headers=False,
        timeout_graceful_shutdown=_GRACE_S,
    )


async def _require_migrated(dsn: str) -> None:
    """Only the embedded database is migrated unasked: of the user's own, the user says when."""
    async with await connect(dsn, "rowcast serve") as connection:
        revision = await current(connection)
    if revision != newest():
        raise CommandError(
            f"The database is at revision {revision or 'none'}, and this version needs {newest()}: "
            "run `python -m api migrate`."
        )


def _require_credentials(settings: Settings) -> None:
    """Said at the start, not at the first sheet."""
    if settings.google_credentials is not None:
        try:
            ServiceAccount.load(settings.google_credentials)
        except BadUserInput as error:
            raise CommandError(f"ROWCAST_GOOGLE_CREDENTIALS: {error}", exit_code=2) from error
