"""`serve`: the checks before the start, then uvicorn on a socket that is already ours."""

import asyncio
import gc

from api import garbage
from api.cli_database import require_fit, watched_database
from api.cli_error import CommandError
from api.cli_listen import bound
from api.logging import configure
from api.settings import Settings
from db.errors import BadUserInput
from db.revision import current, newest
from db.session import connect
from sync.google.credentials import ServiceAccount


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
        # Loaded after the checks, so that what is wrong is said at once; and no cycles are looked for among what stays.
        gc.disable()
        import uvicorn

        from api.app import create_app
        from api.server import server_config

        app = create_app(settings.model_copy(update={"database_url": dsn}))
        server = uvicorn.Server(server_config(app, settings))
        garbage.begin()
        try:
            server.run(sockets=[listener])
        except KeyboardInterrupt:
            # uvicorn has stopped in order, and then passes the signal on.
            return
        if not server.started:
            raise CommandError("The server could not start: the log above says why.")


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
