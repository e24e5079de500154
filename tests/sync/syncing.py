"""A whole sync of a sheet for tests: a real worksheet, a real table, registration and the engine between them."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

import psycopg

from db.lease import Term
from db.runs import Run, RunTrigger
from db.secrets import Keyring
from db.session import Pool, make_pool
from db.sources import Source
from db.sync_state import sync_state
from sync.registration.input import RegisterSource, WantedSheet
from sync.registration.registrar import Registration
from sync.runs.compare import SUSPICION
from sync.runs.engine import Engine
from tests.grace import GRACE
from tests.sync.sheets import Bench
from tests.sync.user import rows_of, user_session


@dataclass
class Sync:
    dsn: str
    user: psycopg.Connection
    pool: Pool
    term: Term
    people: Bench
    engine: Engine
    source: Source
    ahead: timedelta = timedelta()

    async def run(self, trigger: RunTrigger = RunTrigger.MANUAL) -> Run:
        run = await self.engine.run(self.source.id, trigger)
        assert run is not None
        return run

    async def settle(self) -> Run:
        """Runs until none asks for another. The engine's clock goes on to the second look at what is missing."""
        for _ in range(8):
            run = await self.run()
            async with self.pool.connection() as connection:
                state = await sync_state(connection, self.source.id)
            assert state is not None
            if state.retry_at is None:
                return run
            left = state.retry_at - (datetime.now(UTC) + self.ahead)
            if timedelta() < left <= SUSPICION:
                self.ahead += left
        raise AssertionError("the sync does not come to rest")

    def sql(self, statement: str) -> list[tuple[Any, ...]]:
        return rows_of(self.user, statement)

    async def sheet(self) -> list[list[Any]]:
        return (await self.people.shown())[1:]

    def failures(self) -> list[tuple[Any, ...]]:
        """Code and address of the open ones."""
        return self.sql("SELECT code, address FROM rowcast.failures WHERE state = 'OPEN' ORDER BY address, code")

    def count(self, relation: str) -> int:
        return int(self.sql(f"SELECT count(*) FROM rowcast.{relation} WHERE state = 'OPEN'")[0][0])


@asynccontextmanager
async def syncing(
    database: str,
    people: Bench,
    key: tuple[str, ...] | None = ("id",),
    grace: timedelta = GRACE,
    **settings: Any,
) -> AsyncIterator[Sync]:
    """The bench's worksheet registered as the source `people`; `settings` are of the registration."""
    term = Term(7, "leader", "", float("inf"))
    async with user_session(database) as user, make_pool(database, "leader", max_size=4) as pool:
        user.execute("UPDATE rowcast.lease SET term = 7, holder = 'leader', expires_at = 'infinity'")
        registration = Registration(pool, Keyring.derive("secret"), people.adapters)
        source = await registration.register(RegisterSource("people", WantedSheet(people.book), key=key, **settings))
        made: list[Sync] = []
        leading = people.adapters.leading(term.check)
        engine = Engine(pool, term, b"key", leading, grace=grace, clock=lambda: datetime.now(UTC) + made[0].ahead)
        made.append(Sync(database, user, pool, term, people, engine, source))
        yield made[0]
