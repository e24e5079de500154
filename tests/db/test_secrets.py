"""Secrets at rest: no plain text in the database, the key changed without losing any, none readable without its key."""

from uuid import uuid4

import pytest

from db.errors import Unavailable
from db.feeds import FeedSecrets
from db.secrets import (
    Keyring,
    delete_secrets,
    feed_secrets,
    hook_secrets,
    rotate_secrets,
    store_feed_secrets,
    store_hook_secret,
)
from db.session import Connection, connect

OLD, NEW = "an old secret key of thirty-two characters", "a new secret key of thirty-two characters"
SOURCE = uuid4()
SECRETS = FeedSecrets(headers={"X-Key": "canary-header"}, auth="canary-auth")


async def dump(connection: Connection) -> str:
    rows = await connection.execute("SELECT s::text || encode(s.ciphertext, 'escape') FROM rowcast.secrets s")
    return "".join(row[0] for row in await rows.fetchall())


async def test_a_feeds_secrets_are_stored_encrypted(database: str) -> None:
    keyring = Keyring.derive(OLD)
    async with await connect(database, "test") as connection:
        await store_feed_secrets(connection, keyring, SOURCE, SECRETS)
        assert "canary" not in await dump(connection)
        assert await feed_secrets(connection, keyring, SOURCE) == SECRETS
        assert await feed_secrets(connection, keyring, uuid4()) == FeedSecrets()
        await store_feed_secrets(connection, keyring, SOURCE, FeedSecrets(auth="other"))
        assert await feed_secrets(connection, keyring, SOURCE) == FeedSecrets(auth="other")
        await store_feed_secrets(connection, keyring, SOURCE, FeedSecrets())
        assert await dump(connection) == ""


async def test_the_key_is_changed_and_no_secret_lost(database: str) -> None:
    old, both, new = Keyring.derive(OLD), Keyring.derive(NEW, [OLD]), Keyring.derive(NEW)
    async with await connect(database, "test") as connection:
        await store_feed_secrets(connection, old, SOURCE, SECRETS)
        await store_hook_secret(connection, old, SOURCE, "canary-hook")
        with pytest.raises(Unavailable, match="ROWCAST_PREVIOUS_SECRET_KEYS"):
            await rotate_secrets(connection, new)
        assert await feed_secrets(connection, both, SOURCE) == SECRETS
        assert await rotate_secrets(connection, both) == 2
        assert await feed_secrets(connection, new, SOURCE) == SECRETS
        assert await hook_secrets(connection, new, SOURCE) == ["canary-hook"]
        with pytest.raises(Unavailable):
            await feed_secrets(connection, old, SOURCE)


async def test_a_deleted_sources_secrets_are_gone(database: str) -> None:
    keyring = Keyring.derive(OLD)
    async with await connect(database, "test") as connection:
        await store_feed_secrets(connection, keyring, SOURCE, SECRETS)
        await store_hook_secret(connection, keyring, SOURCE, "hook")
        await delete_secrets(connection, SOURCE)
        assert await dump(connection) == ""
