"""`serve`: the checks before the start, then uvicorn on a socket that is already ours."""

import asyncio
import errno
import socket

import uvicorn
from starlette.applications import Starlette

from api.app import create_app
from api.cli_database import require_fit, watched_database
from api.cli_error import CommandError, port_forbidden, port_in_use
from api.live.protocol import FrameProtocol
from api.logging import configure
from api.settings import Settings
from db.errors import BadUserInput
from db.revision import current, newest
from db.session import connect
from sync.google.credentials import ServiceAccount

_GRACE_S = 3


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
        server = uvicorn.Server(server_config(create_app(settings.model_copy(update={"database_url": dsn}))))
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


def server_config(app: Starlette) -> uvicorn.Config:
    """How uvicorn serves the application."""
    return uvicorn.Config(
        app,
        loop="uvloop",
        http="httptools",
        ws=FrameProtocol,
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
