"""Requests to sources that were sent, or about to be, and of which nobody knows yet what became."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from uuid import UUID

from db.session import Connection


@dataclass(frozen=True, slots=True)
class RequestInDoubt:
    """`request` is in the terms of what wrote it; `age_s` the seconds since it was stored, right before it was sent."""

    id: str
    request: bytes
    age_s: float


async def requests_in_doubt(connection: Connection, source_id: UUID) -> Sequence[RequestInDoubt]:
    """A source's, in the order in which they were sent."""
    cursor = await connection.execute(
        """SELECT id, request, extract(epoch FROM clock_timestamp() - at)::float8
           FROM rowcast.in_doubt WHERE source_id = %s ORDER BY number""",
        (source_id,),
    )
    return [RequestInDoubt(id_, request, age_s) for id_, request, age_s in await cursor.fetchall()]


async def keep_in_doubt(connection: Connection, source_id: UUID, id_: str, request: bytes) -> bool:
    """It is about to be sent; one that is sent again stays as it is. False where the source is gone."""
    cursor = await connection.execute(
        """WITH source AS (SELECT id FROM rowcast.sources WHERE id = %(source)s FOR KEY SHARE)
           INSERT INTO rowcast.in_doubt (source_id, id, request) SELECT id, %(id)s, %(request)s FROM source
           ON CONFLICT (source_id, id) DO UPDATE SET id = excluded.id""",
        {"source": source_id, "id": id_, "request": request},
    )
    return cursor.rowcount == 1


async def forget_in_doubt(connection: Connection, source_id: UUID, ids: Collection[str]) -> None:
    """It is known what became of them, or nobody needs to know."""
    await connection.execute(
        "DELETE FROM rowcast.in_doubt WHERE source_id = %s AND id = ANY(%s)", (source_id, list(ids))
    )
