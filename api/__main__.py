"""The command line: `python -m api <command>`, started from the checkout."""

import argparse
import sys
from collections.abc import Callable, Sequence

from api.cli_error import CommandError
from api.settings import Settings, SettingsError, load_settings

Command = Callable[[Settings, argparse.Namespace], None]


def _demo(settings: Settings, _: argparse.Namespace) -> None:
    from api.demo import run

    run(settings)


def _serve(settings: Settings, _: argparse.Namespace) -> None:
    from api.cli_serve import run

    run(settings)


def _migrate(settings: Settings, _: argparse.Namespace) -> None:
    from api.cli_database import migrate

    migrate(settings)


def _sandbox(settings: Settings, _: argparse.Namespace) -> None:
    from api.cli_sandbox import run

    run(settings)


def _doctor(settings: Settings, _: argparse.Namespace) -> None:
    from api.doctor import run

    run(settings)


def _psql(settings: Settings, arguments: argparse.Namespace) -> None:
    from api.cli_database import psql

    psql(settings, arguments.command)


def _rotate_secrets(settings: Settings, _: argparse.Namespace) -> None:
    from api.cli_secrets import run

    run(settings)


def _create_token(settings: Settings, arguments: argparse.Namespace) -> None:
    from api.cli_tokens import run

    run(settings, arguments.name, arguments.role, arguments.days)


def _schema(_: Settings, __: argparse.Namespace) -> None:
    from schema.build import build_schema

    sys.stdout.write(f"{build_schema().as_str().rstrip()}\n")


_COMMANDS: Sequence[tuple[str, Command, str]] = (
    ("demo", _demo, "start Postgres, the sandbox and the server, with a sheet to type in"),
    ("serve", _serve, "start the server"),
    ("migrate", _migrate, "bring the database to this version's schema"),
    ("sandbox", _sandbox, "start the sandbox, a local stand-in for Google Sheets"),
    ("doctor", _doctor, "look at everything that rowcast needs, and say what mends what is missing"),
    ("psql", _psql, "open psql on the database in use"),
    ("rotate-secrets", _rotate_secrets, "encrypt the stored secrets with the secret key of today"),
    ("create-token", _create_token, "create a token for the API, and print its secret"),
    ("schema", _schema, "print the GraphQL schema"),
)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m api",
        description="rowcast: spreadsheets and feeds as a live GraphQL API, with Postgres in the middle.",
        epilog="Settings are ROWCAST_* variables, or lines of .env: see docs/configuration.md.",
    )
    commands = parser.add_subparsers(title="commands", required=True, metavar="<command>")
    for name, run, description in _COMMANDS:
        command = commands.add_parser(name, help=description, description=f"{description[0].upper()}{description[1:]}.")
        command.set_defaults(run=run)
        if name == "psql":
            command.add_argument("-c", "--command", metavar="SQL", help="run one statement and end")
        if name == "create-token":
            command.add_argument("name", help="what history calls whoever uses it")
            roles = ("ADMIN", "EDITOR", "VIEWER")
            command.add_argument("--role", choices=roles, default="ADMIN", help="ADMIN if not given")
            command.add_argument("--days", type=_days, metavar="N", help="when it expires; never if not given")
    return parser


def _days(text: str) -> int:
    days = int(text)
    if not 1 <= days <= 36500:
        raise argparse.ArgumentTypeError("from 1 to 36500")
    return days


def main(arguments: Sequence[str] | None = None) -> int:
    """Runs a command; returns the exit code: 0, 1 where it can't be done, 2 where the call or a setting is wrong."""
    parsed = _parser().parse_args(arguments)
    try:
        parsed.run(load_settings(), parsed)
    except SettingsError as error:
        return _fail(str(error), 2)
    except CommandError as error:
        return _fail(str(error), error.exit_code)
    return 0


def _fail(message: str, code: int) -> int:
    sys.stderr.write(f"{message}\n")
    return code


if __name__ == "__main__":
    sys.exit(main())
