"""The token by which the demo prepares the server where every request needs one, and whoever watches uses it."""

import asyncio
import secrets
from pathlib import Path

from api.settings import Settings
from api.settings_secrets import write_private
from db.session import connect
from db.tokens import insert_token, new_secret, token_of

FILE = "demo-token"
_ACTOR = "the demo"


def token_for(settings: Settings, dsn: str) -> str | None:
    """The secret in the data folder's `demo-token`, made where there is none in use; None where none is needed."""
    if not settings.require_token:
        return None
    path = settings.data_dir / FILE
    secret = asyncio.run(_in_use(dsn, _kept(path)))
    write_private(path, f"{secret}\n")
    return secret


def _kept(path: Path) -> str:
    try:
        return path.read_text().strip()
    except FileNotFoundError:
        return ""


async def _in_use(dsn: str, kept: str) -> str:
    async with await connect(dsn, "demo") as connection, connection.transaction():
        if kept and await token_of(connection, kept) is not None:
            return kept
        secret = new_secret()
        # One whose file was lost may be in use under the name of an earlier one.
        await insert_token(connection, f"demo {secrets.token_hex(3)}", "ADMIN", [], secret, None, _ACTOR)
        return secret
