"""Google Drive's push channels that are ours. Whoever leads opens and stops them; every process hears them.

A channel is stored before Google is asked for it, so that none is forgotten: `resource_id`, without which it can't be
stopped, comes with Google's answer, or with the first message where that answer was lost.
"""

from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from psycopg.rows import class_row

from db.session import Connection


@dataclass(frozen=True, slots=True)
class DriveChannel:
    """`account` is the service account that opened it, `address` where it calls."""

    id: UUID
    credential: str
    account: str
    address: str
    resource_id: str | None
    opened_at: datetime
    expires_at: datetime


@dataclass(frozen=True, slots=True)
class HeardChannel:
    """What a message is checked against: the SHA-256 digest of the channel's token."""

    credential: str
    token_digest: bytes
    resource_id: str | None


async def drive_channels(connection: Connection) -> list[DriveChannel]:
    """All, the oldest first."""
    async with connection.cursor(row_factory=class_row(DriveChannel)) as cursor:
        await cursor.execute(
            """SELECT id, credential, account, address, resource_id, opened_at, expires_at
               FROM rowcast.drive_channels ORDER BY opened_at, id"""
        )
        return await cursor.fetchall()


async def insert_drive_channel(connection: Connection, channel: DriveChannel, token_digest: bytes) -> None:
    """Store a channel that is about to be opened."""
    await connection.execute(
        """INSERT INTO rowcast.drive_channels
               (id, credential, account, address, token_digest, opened_at, expires_at)
           VALUES (%s, %s, %s, %s, %s, %s, %s)""",
        (
            channel.id,
            channel.credential,
            channel.account,
            channel.address,
            token_digest,
            channel.opened_at,
            channel.expires_at,
        ),
    )


async def drive_channel_opened(connection: Connection, id_: UUID, resource_id: str, expires_at: datetime) -> None:
    """As Google answered."""
    await connection.execute(
        "UPDATE rowcast.drive_channels SET resource_id = %s, expires_at = %s WHERE id = %s",
        (resource_id, expires_at, id_),
    )


async def delete_drive_channel(connection: Connection, id_: UUID) -> None:
    """It is stopped, has expired or was never opened."""
    await connection.execute("DELETE FROM rowcast.drive_channels WHERE id = %s", (id_,))


async def heard_channel(connection: Connection, id_: UUID) -> HeardChannel | None:
    """The channel that a message names; None where it isn't ours."""
    async with connection.cursor(row_factory=class_row(HeardChannel)) as cursor:
        await cursor.execute(
            "SELECT credential, token_digest, resource_id FROM rowcast.drive_channels WHERE id = %s", (id_,)
        )
        return await cursor.fetchone()


async def note_resource(connection: Connection, id_: UUID, resource_id: str) -> None:
    """A message says what Google's answer would have, had it arrived."""
    await connection.execute(
        "UPDATE rowcast.drive_channels SET resource_id = %s WHERE id = %s AND resource_id IS NULL", (resource_id, id_)
    )
