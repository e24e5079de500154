"""Requests to sources that were sent, or about to be, and of which nobody knows yet what became."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import timedelta
from uuid import UUID

from db.session import Connection


@dataclass(frozen=True, slots=True)
class RequestInDoubt:
    """`request` is in the terms of what wrote it; `late_s` the seconds for which it may still be carried out, 0 where
    that time is over."""

    id: str
    request: bytes
    late_s: float


async def requests_in_doubt(connection: Connection, source_id: UUID, grace: timedelta) -> Sequence[RequestInDoubt]:
    """A source's, in the order in which they were sent. `grace`: how long a request without an answer may arrive."""
    cursor = await connection.execute(
        """SELECT id, request, greatest(extract(epoch FROM at + %s - clock_timestamp()), 0)::float8
           FROM rowcast.in_doubt WHERE source_id = %s ORDER BY number""",
        (grace, source_id),
    )
    return [RequestInDoubt(*row) for row in await cursor.fetchall()]


async def keep_in_doubt(connection: Connection, source_id: UUID, id_: str, request: bytes) -> bool:
    """It is about to be sent; one that is sent again stays as it is. False where the source is gone."""
    cursor = await connection.execute(
        """WITH source AS (SELECT id FROM rowcast.sources WHERE id = %(source)s FOR KEY SHARE)
           INSERT INTO rowcast.in_doubt (source_id, id, request) SELECT id, %(id)s, %(request)s FROM source
           ON CONFLICT (source_id, id) DO UPDATE SET id = excluded.id""",
        {"source": source_id, "id": id_, "request": request},
    )
    return cursor.rowcount == 1


async def keep_instead(connection: Connection, source_id: UUID, id_: str, request: bytes) -> None:
    """More is known of one that is kept; when it was sent stays as it is."""
    await connection.execute(
        "UPDATE rowcast.in_doubt SET request = %s WHERE source_id = %s AND id = %s", (request, source_id, id_)
    )


async def forget_in_doubt(connection: Connection, source_id: UUID, ids: Collection[str]) -> None:
    """It is known what became of them, or nobody needs to know."""
    await connection.execute(
        "DELETE FROM rowcast.in_doubt WHERE source_id = %s AND id = ANY(%s)", (source_id, list(ids))
    )
