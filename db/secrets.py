"""Secrets at rest: encrypted with a key derived from ROWCAST_SECRET_KEY, so a dump of the database alone opens none.

They go in by GraphQL and come out only to the part that needs them.
"""

import base64
import hashlib
from dataclasses import dataclass
from datetime import timedelta
from uuid import UUID

from cryptography.fernet import Fernet, InvalidToken

from db.errors import Unavailable
from db.session import Connection

ROTATION_GRACE = timedelta(days=1)
"""How long a rotated secret still serves."""


@dataclass(frozen=True, slots=True)
class Keyring:
    """What is derived from the one secret key: `origin` signs where commits come from, `fernet` encrypts secrets."""

    origin: bytes
    fernet: Fernet

    @classmethod
    def derive(cls, secret_key: str) -> "Keyring":
        """Distinct keys for distinct uses, from any text with enough entropy."""
        return cls(
            origin=_derive(secret_key, b"origin"),
            fernet=Fernet(base64.urlsafe_b64encode(_derive(secret_key, b"secrets"))),
        )


async def store_hook_secret(connection: Connection, keyring: Keyring, source_id: UUID, secret: str) -> None:
    """Make `secret` the source's current hook secret; the ones before it end within ROTATION_GRACE."""
    name = _hook_name(source_id)
    await connection.execute(
        """UPDATE rowcast.secrets SET expires_at = clock_timestamp() + %s
           WHERE name = %s AND (expires_at IS NULL OR expires_at > clock_timestamp() + %s)""",
        (ROTATION_GRACE, name, ROTATION_GRACE),
    )
    await connection.execute(
        "INSERT INTO rowcast.secrets (name, ciphertext) VALUES (%s, %s)",
        (name, keyring.fernet.encrypt(secret.encode())),
    )


async def hook_secrets(connection: Connection, keyring: Keyring, source_id: UUID) -> list[str]:
    """The source's hook secrets that serve now, newest first. Unavailable if ROWCAST_SECRET_KEY has changed."""
    cursor = await connection.execute(
        """SELECT ciphertext FROM rowcast.secrets
           WHERE name = %s AND (expires_at IS NULL OR expires_at > clock_timestamp()) ORDER BY id DESC""",
        (_hook_name(source_id),),
    )
    try:
        return [keyring.fernet.decrypt(bytes(row[0])).decode() for row in await cursor.fetchall()]
    except InvalidToken as error:
        raise Unavailable(
            "The stored secrets were encrypted with another ROWCAST_SECRET_KEY: set that one, or rotate the secret."
        ) from error


async def delete_hook_secrets(connection: Connection, source_id: UUID) -> None:
    """Forget all hook secrets of a source."""
    await connection.execute("DELETE FROM rowcast.secrets WHERE name = %s", (_hook_name(source_id),))


def _hook_name(source_id: UUID) -> str:
    return f"hook:{source_id}"


def _derive(secret_key: str, use: bytes) -> bytes:
    return hashlib.blake2b(secret_key.encode(), digest_size=32, person=use).digest()
