"""`create-token`: a token by whoever has the database, such as the first one where every request needs one."""

import asyncio
import sys
from datetime import UTC, datetime, timedelta

from api.cli_database import database
from api.cli_error import CommandError
from api.settings import Settings
from db.errors import BadUserInput, Conflict
from db.session import connect
from db.tokens import insert_token, new_secret
from schema.tokens import read_name

_ACTOR = "the command line"


def run(settings: Settings, name: str, role: str, days: int | None) -> None:
    """Prints the secret, alone on its line. CommandError."""
    secret = new_secret()
    expires_at = None if days is None else datetime.now(UTC) + timedelta(days=days)
    with database(settings) as dsn:
        try:
            asyncio.run(_create(dsn, read_name(name), role, secret, expires_at))
        except (BadUserInput, Conflict) as error:
            raise CommandError(str(error)) from error
    sys.stdout.write(f"{secret}\n")
    sys.stderr.write("This is the only time that it is shown.\n")


async def _create(dsn: str, name: str, role: str, secret: str, expires_at: datetime | None) -> None:
    async with await connect(dsn, "create-token") as connection, connection.transaction():
        await insert_token(connection, name, role, [], secret, expires_at, _ACTOR)
