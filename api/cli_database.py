"""The database that a command uses, the configured or else the embedded one; `migrate` and `psql` on it."""

import asyncio
import os
import shutil
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import psycopg
from psycopg.conninfo import conninfo_to_dict, make_conninfo

from api.cli_error import CommandError, port_forbidden, port_in_use
from api.settings import Settings
from db.embedded import EmbeddedPostgres, PortForbidden, PortInUse
from db.embedded_home import EmbeddedPostgresError, packaged_binaries
from db.preflight import preflight

_LOOK_EVERY_S = 0.5


@contextmanager
def database(settings: Settings) -> Iterator[str]:
    """The DSN of the database in use. An embedded server is started, or joined where one runs."""
    if settings.database_url is not None:
        yield settings.database_url
        return
    server = EmbeddedPostgres(settings.postgres_dir, settings.pg_port)
    dsn = start_embedded(server)
    try:
        yield dsn
    finally:
        server.stop()


@contextmanager
def watched_database(settings: Settings) -> Iterator[str]:
    """The same for a command that stays: an embedded server that dies is started again, and said."""
    if settings.database_url is not None:
        yield settings.database_url
        return
    server = EmbeddedPostgres(settings.postgres_dir, settings.pg_port)
    dsn = start_embedded(server)
    done = threading.Event()
    watch = threading.Thread(target=_watch, args=(server, done), name="embedded postgres", daemon=True)
    watch.start()
    try:
        yield dsn
    finally:
        done.set()
        watch.join()
        server.stop()


def start_embedded(server: EmbeddedPostgres) -> str:
    """Starts it; a CommandError says what is in the way."""
    try:
        return server.start()
    except PortInUse as error:
        raise port_in_use(error.port, "ROWCAST_PG_PORT") from error
    except PortForbidden as error:
        raise port_forbidden(error.port, "ROWCAST_PG_PORT") from error
    except EmbeddedPostgresError as error:
        raise CommandError(str(error)) from error


def require_fit(dsn: str) -> None:
    """A CommandError that names all that keeps rowcast from running on the database."""
    problems = asyncio.run(preflight(dsn))
    if problems:
        raise CommandError("\n".join(f"{problem.message}\n  To mend it: {problem.mend}" for problem in problems))


def migrate(settings: Settings) -> None:
    # psql needn't wait for Alembic to load.
    from db.migrate import upgrade

    with database(settings) as dsn:
        require_fit(dsn)
        upgrade(dsn)


def psql(settings: Settings, statement: str | None) -> None:
    """Runs psql in the terminal, or one statement. A CommandError carries psql's exit code."""
    with database(settings) as dsn:
        program = _psql_program(settings)
        # On a command line everybody could read the password.
        password = conninfo_to_dict(dsn).get("password")
        arguments = ["-d", make_conninfo(dsn, password=None, application_name="psql")]
        if statement is not None:
            arguments += ["-v", "ON_ERROR_STOP=1", "-c", statement]
        environment = {**os.environ, "PSQL_HISTORY": str(settings.data_dir / "psql_history")}
        if password is not None:
            environment["PGPASSWORD"] = str(password)
        # Ctrl-C is psql's: it stops a query there, and must not end us before it.
        before = signal.signal(signal.SIGINT, lambda *_: None)
        try:
            code = subprocess.run([str(program), *arguments], env=environment, check=False).returncode  # noqa: S603
        finally:
            signal.signal(signal.SIGINT, before)
    if code != 0:
        sys.exit(code)


def _psql_program(settings: Settings) -> Path:
    """The machine's psql for a server given by URL, since the embedded one has no TLS; else the embedded one."""
    own = shutil.which("psql") if settings.database_url is not None else None
    return Path(own) if own is not None else packaged_binaries() / "psql"


def _watch(server: EmbeddedPostgres, done: threading.Event) -> None:
    """Starts the server again when it died. A server that can't be started again ends the process, loudly."""
    while not done.wait(_LOOK_EVERY_S):
        if server.alive():
            continue
        sys.stderr.write("The embedded Postgres ended; starting it again.\n")
        try:
            server.start()
        except (EmbeddedPostgresError, psycopg.Error) as error:
            sys.stderr.write(f"{error}\n")
            os.kill(os.getpid(), signal.SIGTERM)
            return
