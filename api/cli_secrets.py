"""`rotate-secrets`: encrypts what is stored with the secret key of today, so that the ones before can be forgotten."""

import asyncio
import sys

from api.cli_database import database
from api.cli_error import CommandError
from api.settings import Settings
from api.settings_secrets import keyring
from db.errors import Unavailable
from db.secrets import Keyring, rotate_secrets
from db.session import connect


def run(settings: Settings) -> None:
    """CommandError where a secret was encrypted with a key that isn't given; nothing is changed then."""
    keys = keyring(settings)
    with database(settings) as dsn:
        try:
            count = asyncio.run(_rotate(dsn, keys))
        except Unavailable as error:
            raise CommandError(str(error)) from error
    sys.stdout.write(f"{count} stored secrets are encrypted with the secret key of today.\n")


async def _rotate(dsn: str, keys: Keyring) -> int:
    async with await connect(dsn, "rotate-secrets") as connection, connection.transaction():
        return await rotate_secrets(connection, keys)
