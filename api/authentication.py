"""Who a request is from: a token in `Authorization: Bearer …`, or nobody in particular where none is required.

What is open under a token (a WebSocket, a stream) ends with it: when it expires, by a timer, and when it is revoked, by
Postgres' word of that to every process.
"""

import asyncio
import time
from collections import defaultdict
from collections.abc import Sequence
from datetime import UTC, datetime

import psycopg
import structlog

from api.token_rates import TokenRates
from db.errors import Unauthenticated
from db.notify import TOKENS, Listener, Resynchronise
from db.session import Pool
from db.tokens import ended_tokens, token_of
from schema.access import ADMINISTRATOR, Principal

_log = structlog.stdlib.get_logger(__name__)

_AGAIN_S = 1.0


class Authentication:
    """One a process; `run` has to run beside it."""

    def __init__(self, pool: Pool, listener: Listener, *, required: bool, operations_per_second: float = 0) -> None:
        """`required`: without a token nobody may do anything; else they are the local administrator.

        `operations_per_second`: that each token may begin here; 0: as many as it likes.
        """
        self._pool = pool
        self._listener = listener
        self._required = required
        self.rates = TokenRates(operations_per_second, time.monotonic)
        self._waiting: defaultdict[int, set[asyncio.Future[None]]] = defaultdict(set)

    async def principal(self, authorization: object) -> Principal:
        """Of a header's value, or of what stands for it; None: there is none. Unauthenticated."""
        if authorization is None:
            if self._required:
                raise Unauthenticated("This server needs a token: send `Authorization: Bearer` and its secret.")
            return ADMINISTRATOR
        scheme, _, secret = authorization.partition(" ") if isinstance(authorization, str) else ("", "", "")
        if scheme.lower() != "bearer" or not secret.strip():
            raise Unauthenticated("Authorization has the form `Bearer`, a space, and a token's secret.")
        async with self._pool.connection() as connection:
            token = await token_of(connection, secret.strip())
        if token is None:
            raise Unauthenticated("This token is not in use: it is unknown, has expired or was revoked.")
        return Principal.of(token)

    async def until_ended(self, principal: Principal) -> str:
        """Waits until the principal's token is no longer in use; answers why."""
        if principal.token is None:
            await asyncio.Event().wait()
        id_ = principal.token
        assert id_ is not None
        ended: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._waiting[id_].add(ended)
        try:
            # It may have ended between being looked at and being waited for.
            if await self._ended([id_]):
                return "The token was revoked."
            async with asyncio.timeout(_seconds_until(principal.expires_at)):
                await ended
        except TimeoutError:
            return "The token has expired."
        finally:
            self._waiting[id_].discard(ended)
            if not self._waiting[id_]:
                del self._waiting[id_]
        return "The token was revoked."

    async def run(self) -> None:
        """Hears of revoked tokens, without end."""
        async with self._listener.subscribe(TOKENS) as notifications:
            async for payload in notifications:
                if isinstance(payload, Resynchronise):
                    self._end(await self._ended(list(self._waiting)))
                elif payload.isascii() and payload.isdigit():
                    self._end({int(payload)})

    async def _ended(self, ids: Sequence[int]) -> set[int]:
        """Which of them are no longer in use; it may take until Postgres answers."""
        if not ids:
            return set()
        while True:
            try:
                async with self._pool.connection() as connection:
                    return await ended_tokens(connection, ids)
            except psycopg.OperationalError as error:
                _log.warning("can't look which tokens are in use, trying again", error=str(error).strip())
            await asyncio.sleep(_AGAIN_S)

    def _end(self, ids: set[int]) -> None:
        for id_ in ids:
            for waiting in self._waiting.get(id_, ()):
                if not waiting.done():
                    waiting.set_result(None)


def _seconds_until(time: datetime | None) -> float | None:
    return None if time is None else max(0.0, (time - datetime.now(UTC)).total_seconds())
