"""`demo`: Postgres, the sandbox and the server as children of one supervisor, with a sheet and two feeds to edit."""

import signal
import sys
from collections.abc import Sequence
from contextlib import closing
from itertools import combinations
from pathlib import Path
from types import FrameType
from typing import Final, NoReturn

from api.cli_database import require_fit, start_embedded
from api.cli_error import CommandError
from api.cli_listen import bound
from api.demo_children import Database, Program, end_leftovers, sole_demo
from api.demo_setup import DemoFeed, DemoSetup, DemoSheet
from api.demo_supervisor import Supervisor
from api.demo_text import ready, token_needed
from api.demo_token import FILE as TOKEN_FILE
from api.demo_token import token_for
from api.settings import Settings, variable
from db.embedded import EmbeddedPostgres
from sandbox import demo as sandbox_demo
from sandbox.accounts import DEMO_ACCOUNT
from sandbox.demo_feeds import demo_feeds

_SANDBOX_HOST: Final = "127.0.0.1"
_SIGNALS: Final = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)


def run(settings: Settings) -> None:
    """Runs until Ctrl-C or SIGTERM, which stop every child within 5 s. CommandError where something is in the way."""
    _require_distinct_ports(settings)
    with sole_demo(settings):
        end_leftovers(settings)
        for host, port, name in (
            (settings.host, settings.port, "port"),
            (_SANDBOX_HOST, settings.sandbox_port, "sandbox_port"),
        ):
            bound(host, port, variable(name)).close()
        supervisor = Supervisor(settings, _say)
        for number in _SIGNALS:
            signal.signal(number, _interrupt)
        try:
            _start(settings, supervisor)
            supervisor.watch()
        except KeyboardInterrupt:
            _say("Stopping.")
        finally:
            _ignore_signals()
            supervisor.stop()


def _require_distinct_ports(settings: Settings) -> None:
    """Said at once: bound in turn, the second would be taken only when the first has started."""
    ports = {"port": settings.port, "sandbox_port": settings.sandbox_port}
    if settings.database_url is None:
        ports["pg_port"] = settings.pg_port
    for first, second in combinations(ports, 2):
        if ports[first] == ports[second]:
            raise CommandError(
                f"{variable(first)} and {variable(second)} are both {ports[first]}: give each a port of its own.",
                exit_code=2,
            )


def _start(settings: Settings, supervisor: Supervisor) -> None:
    sandbox = f"http://{_SANDBOX_HOST}:{settings.sandbox_port}"
    account = settings.data_dir / "service-account.json"
    sheet = DemoSheet(sandbox_demo.SPREADSHEET_ID, DEMO_ACCOUNT)
    dsn = settings.database_url or _start_postgres(settings, supervisor)
    require_fit(dsn)
    from db.migrate import upgrade

    upgrade(dsn)
    token = token_for(settings, dsn)
    with closing(DemoSetup(settings.local_url, sandbox, sheet, token)) as setup:
        _say("Starting the sandbox.")
        supervisor.start(Program(settings, "sandbox", {}))
        supervisor.await_that(lambda: setup.answers(f"{sandbox}/"), "The sandbox")
        setup.write_service_account(account)
        for feed in _demo_feeds():
            setup.put_feed(feed)
        _say("Starting the server.")
        supervisor.start(Program(settings, "server", _server_environment(settings, dsn, sandbox, account)))
        supervisor.await_that(lambda: setup.answers(f"{settings.local_url}/readyz"), "The server")
        _say("Registering the sheet customers, and the feeds orders and rates.")
        setup.register()
        setup.connect_trigger()
        for feed in _demo_feeds():
            setup.register_feed(feed)
    _say(ready(settings.local_url, sandbox, sheet.spreadsheet, settings.data_dir))
    if token is not None:
        _say(token_needed(settings.data_dir / TOKEN_FILE))


def _start_postgres(settings: Settings, supervisor: Supervisor) -> str:
    _say("Starting Postgres.")
    server = EmbeddedPostgres(settings.postgres_dir, settings.pg_port)
    # Once by hand, for the messages to be those of every command; then it is the supervisor's.
    dsn = start_embedded(server)
    supervisor.adopt(Database(server))
    return dsn


def _demo_feeds() -> Sequence[DemoFeed]:
    return [
        DemoFeed(name, content_type, document, key.removeprefix("@"), record_key=key)
        for name, (content_type, document, key) in demo_feeds().items()
    ]


def _server_environment(settings: Settings, dsn: str, sandbox: str, account: Path) -> dict[str, str]:
    return {
        variable("database_url"): dsn,
        variable("google_api_url"): sandbox,
        variable("google_credentials"): str(account),
        variable("feed_allow"): ",".join((*settings.feed_allow, sandbox.partition("://")[2])),
        # The sandbox counts no quota unless it is told to.
        variable("google_reads_per_minute"): "100000",
        variable("google_writes_per_minute"): "100000",
    }


def _say(line: str) -> None:
    sys.stdout.write(f"{line}\n")
    sys.stdout.flush()


def _interrupt(number: int, frame: FrameType | None) -> NoReturn:  # noqa: ARG001 - the signature of a handler
    # Whoever is impatient must not cut the stopping off: it takes 5 s at most.
    _ignore_signals()
    raise KeyboardInterrupt


def _ignore_signals() -> None:
    for number in _SIGNALS:
        signal.signal(number, signal.SIG_IGN)
