"""Secrets at rest: encrypted with a key derived from ROWCAST_SECRET_KEY, so a dump of the database alone opens none.

They go in by GraphQL and come out only to the part that needs them. After the key was changed, those encrypted with
one before are still read, if that is given too; `rotate_secrets` encrypts all of them with the new one.
"""

import base64
import hashlib
import json
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta
from uuid import UUID

from cryptography.fernet import Fernet, InvalidToken, MultiFernet

from db.errors import Unavailable
from db.feeds import FeedSecrets
from db.session import Connection

ROTATION_GRACE = timedelta(days=1)
"""How long a rotated secret still serves."""

_OTHER_KEY = (
    "The stored secrets were encrypted with another ROWCAST_SECRET_KEY: set that one, or name it in "
    "ROWCAST_PREVIOUS_SECRET_KEYS, or give the secrets anew."
)


@dataclass(frozen=True, slots=True)
class Keyring:
    """What is derived from the one secret key: `origin` signs where commits come from, `fernet` encrypts secrets."""

    origin: bytes
    fernet: MultiFernet

    @classmethod
    def derive(cls, secret_key: str, previous: Sequence[str] = ()) -> "Keyring":
        """Distinct keys for distinct uses, from any text with enough entropy. `previous` keys only decrypt."""
        keys = (secret_key, *previous)
        return cls(
            origin=_derive(secret_key, b"origin"),
            fernet=MultiFernet([Fernet(base64.urlsafe_b64encode(_derive(key, b"secrets"))) for key in keys]),
        )

    def encrypt(self, secret: str) -> bytes:
        """With the key of today."""
        return self.fernet.encrypt(secret.encode())

    def decrypt(self, ciphertext: bytes) -> str:
        """Unavailable if ROWCAST_SECRET_KEY has changed, and the one before isn't given."""
        try:
            return self.fernet.decrypt(ciphertext).decode()
        except InvalidToken as error:
            raise Unavailable(_OTHER_KEY) from error


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
        (name, keyring.encrypt(secret)),
    )


async def hook_secrets(connection: Connection, keyring: Keyring, source_id: UUID) -> list[str]:
    """The source's hook secrets that serve now, newest first. Unavailable if ROWCAST_SECRET_KEY has changed."""
    cursor = await connection.execute(
        """SELECT ciphertext FROM rowcast.secrets
           WHERE name = %s AND (expires_at IS NULL OR expires_at > clock_timestamp()) ORDER BY id DESC""",
        (_hook_name(source_id),),
    )
    return [keyring.decrypt(bytes(row[0])) for row in await cursor.fetchall()]


async def store_feed_secrets(connection: Connection, keyring: Keyring, source_id: UUID, secrets: FeedSecrets) -> None:
    """Make these the feed's secrets, instead of those before."""
    await connection.execute("DELETE FROM rowcast.secrets WHERE name = %s", (_feed_name(source_id),))
    if not secrets.headers and secrets.auth is None:
        return
    plain = json.dumps({"headers": dict(secrets.headers), "auth": secrets.auth})
    await connection.execute(
        "INSERT INTO rowcast.secrets (name, ciphertext) VALUES (%s, %s)",
        (_feed_name(source_id), keyring.encrypt(plain)),
    )


async def feed_secrets(connection: Connection, keyring: Keyring, source_id: UUID) -> FeedSecrets:
    """The feed's secrets; empty where it has none. Unavailable if ROWCAST_SECRET_KEY has changed."""
    cursor = await connection.execute(
        "SELECT ciphertext FROM rowcast.secrets WHERE name = %s", (_feed_name(source_id),)
    )
    row = await cursor.fetchone()
    if row is None:
        return FeedSecrets()
    plain = json.loads(keyring.decrypt(bytes(row[0])))
    return FeedSecrets(headers=plain["headers"], auth=plain["auth"])


async def delete_secrets(connection: Connection, source_id: UUID) -> None:
    """Forget all secrets of a source."""
    await connection.execute(
        "DELETE FROM rowcast.secrets WHERE name = ANY(%s)", ([_hook_name(source_id), _feed_name(source_id)],)
    )


async def rotate_secrets(connection: Connection, keyring: Keyring) -> int:
    """Encrypt every stored secret with the key of today, in the connection's transaction; returns how many they are.

    Unavailable, and nothing done, where one can't be decrypted.
    """
    cursor = await connection.execute("SELECT id, ciphertext FROM rowcast.secrets ORDER BY id FOR UPDATE")
    stored = await cursor.fetchall()
    for id_, ciphertext in stored:
        rotated = keyring.encrypt(keyring.decrypt(bytes(ciphertext)))
        await connection.execute("UPDATE rowcast.secrets SET ciphertext = %s WHERE id = %s", (rotated, id_))
    return len(stored)


def _hook_name(source_id: UUID) -> str:
    return f"hook:{source_id}"


def _feed_name(source_id: UUID) -> str:
    return f"feed:{source_id}"


def _derive(secret_key: str, use: bytes) -> bytes:
    return hashlib.blake2b(secret_key.encode(), digest_size=32, person=use).digest()
