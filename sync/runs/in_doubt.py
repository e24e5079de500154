"""The requests of one source's runs that are in doubt, as the database has them: they outlive whoever sent them."""

from collections.abc import Collection, Sequence
from datetime import timedelta
from uuid import UUID

from db.errors import SourceUnreachable
from db.in_doubt import RequestInDoubt, forget_in_doubt, keep_in_doubt, keep_instead, requests_in_doubt
from db.lease import Term
from db.session import Pool


class StoredInDoubt:
    """Implements `sync.source.InDoubt`. Each call is a transaction of its own, and within the term: whoever leads no
    more must not make the next leader forget what that one sent. `grace`: how long a request without an answer may
    arrive."""

    def __init__(self, pool: Pool, term: Term, source_id: UUID, grace: timedelta) -> None:
        self._pool = pool
        self._term = term
        self._source_id = source_id
        self._grace = grace

    async def all(self) -> Sequence[RequestInDoubt]:
        """In the order in which they were sent."""
        async with self._pool.connection() as connection:
            return await requests_in_doubt(connection, self._source_id, self._grace)

    async def keep(self, id_: str, request: bytes) -> None:
        """It is about to be sent. SourceUnreachable where the source was deleted meanwhile."""
        async with self._pool.connection() as connection, connection.transaction():
            await self._term.fence(connection)
            if not await keep_in_doubt(connection, self._source_id, id_, request):
                raise SourceUnreachable("The source was deleted amid the run: nothing more is written to it.")

    async def keep_instead(self, id_: str, request: bytes) -> None:
        """More is known of one that is kept."""
        async with self._pool.connection() as connection, connection.transaction():
            await self._term.fence(connection)
            await keep_instead(connection, self._source_id, id_, request)

    async def forget(self, ids: Collection[str]) -> None:
        """It is known what became of them."""
        if ids:
            async with self._pool.connection() as connection, connection.transaction():
                await self._term.fence(connection)
                await forget_in_doubt(connection, self._source_id, ids)
