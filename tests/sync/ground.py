"""The ground that engine tests stand on: a source in memory, a real table, an engine that leads, a clock to turn."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID, uuid4

import psycopg
from psycopg.rows import dict_row

from db.conflicts import ConflictRecord, list_conflicts
from db.failures import Failure, FailureState, list_failures
from db.keys import key_text, key_values
from db.lease import Term
from db.runs import Run, RunTrigger
from db.session import Connection, Pool, make_pool
from db.sources import (
    Column,
    ConflictPolicy,
    DeletePolicy,
    Direction,
    DriftPolicy,
    Initial,
    SheetBinding,
    Source,
    SourceKind,
    SourceState,
    insert_source,
    source_by_id,
    update_source,
)
from db.sync_state import SyncState, sync_state
from db.tables import Relation, publish
from db.wire import ColumnType
from sync.runs.compare import SUSPICION
from sync.runs.engine import MOST_PLANS, Engine
from sync.source import SourceAdapter
from sync.urgency import Urgency
from tests.grace import GRACE
from tests.sync.memory_source import MemorySource
from tests.sync.user import user_session

TABLE = """CREATE TABLE people (id integer PRIMARY KEY, name text COLLATE "C", age integer, total double precision);
"""

COLUMNS = (
    Column("id", ColumnType.INTEGER, "ID"),
    Column("name", ColumnType.TEXT, "Name"),
    Column("age", ColumnType.INTEGER, "Age"),
)


def key(id_: int) -> str:
    return key_text([str(id_)])


@dataclass(slots=True)
class Ground:
    dsn: str
    user: psycopg.Connection
    pool: Pool
    source_id: UUID
    sheet: MemorySource
    term: Term
    engine: Engine
    now: datetime = field(default_factory=lambda: datetime(2030, 1, 1, tzinfo=UTC))
    database_ahead: timedelta = timedelta()

    def later(self, seconds: float) -> None:
        self.now += timedelta(seconds=seconds)

    async def run(self, trigger: RunTrigger = RunTrigger.MANUAL) -> Run:
        """What a person asks for comes some seconds after the run before; anything else at the same moment."""
        if trigger is RunTrigger.MANUAL:
            self.later(SUSPICION.total_seconds())
        run = await self.engine.run(self.source_id, trigger)
        assert run is not None
        return run

    async def settle(self, limit: int = 6) -> Run:
        """Run as long as the last run asks for another."""
        run = await self.run()
        for _ in range(limit):
            if (await self.state()).retry_at is None:
                return run
            run = await self.run()
        raise AssertionError("the sync does not come to rest")

    def sql(self, statement: str, *parameters: object) -> list[dict[str, Any]]:
        """One statement of a user, committed."""
        with self.user.cursor(row_factory=dict_row) as cursor:
            cursor.execute(statement.encode(), parameters or None)
            return cursor.fetchall() if cursor.description is not None else []

    def table(self, columns: str = "name, age") -> dict[int, tuple[object, ...]]:
        """The table's rows by id."""
        rows = self.sql(f"SELECT id, {columns} FROM people ORDER BY id")
        return {row.pop("id"): tuple(row.values()) for row in rows}

    def rows(self, *names: str) -> dict[int, tuple[object, ...]]:
        """The source's rows by id."""
        names = names or ("name", "age")
        shown = {int(key_values(one)[0]): self.sheet.shows(one) for one in self.sheet.rows}
        return {id_: tuple(cells.get(name) or None for name in names) for id_, cells in sorted(shown.items())}

    def fill(self, *ids: int) -> None:
        """Rows as a person would type them into the source."""
        for id_ in ids:
            self.sheet.edit(key(id_), id=float(id_), name=f"n{id_}", age=float(id_))

    async def source(self) -> Source:
        async with self.pool.connection() as connection:
            source = await source_by_id(connection, self.source_id)
        assert source is not None
        return source

    async def change(self, **settings: Any) -> None:
        """Change the source's settings."""
        source = replace(await self.source(), **settings)
        async with self.pool.connection() as connection:
            await update_source(connection, source)

    async def state(self) -> SyncState:
        async with self.pool.connection() as connection:
            state = await sync_state(connection, self.source_id)
        assert state is not None
        return state

    async def conflicts(self) -> list[ConflictRecord]:
        async with self.pool.connection() as connection:
            page = await list_conflicts(connection, source_id=self.source_id, first=1000)
        return sorted(page.nodes, key=lambda one: one.id)

    async def failures(self, state: FailureState | None = FailureState.OPEN) -> list[Failure]:
        async with self.pool.connection() as connection:
            page = await list_failures(connection, source_id=self.source_id, state=state, first=1000)
        return sorted(page.nodes, key=lambda one: one.id)

    def events(self, kind: str) -> list[str]:
        rows = self.sql("SELECT message FROM rowcast.events WHERE kind = %s ORDER BY id", kind)
        return [row["message"] for row in rows]


@asynccontextmanager
async def ground(
    dsn: str,
    *,
    ddl: str = TABLE,
    columns: tuple[Column, ...] = COLUMNS,
    direction: Direction = Direction.TWO_WAY,
    policy: ConflictPolicy = ConflictPolicy.DATABASE_WINS,
    deletes: DeletePolicy = DeletePolicy.PROPAGATE,
    most_plans: int = MOST_PLANS,
) -> AsyncIterator[Ground]:
    """A registered source `people` bound to a new table of that name."""
    now = datetime.now(UTC)
    source = Source(
        id=uuid4(),
        name="people",
        description=None,
        kind=SourceKind.SHEET,
        state=SourceState.ACTIVE,
        state_reason=None,
        direction=direction,
        relation="public.people",
        adopted=False,
        managed_key=False,
        key=("id",),
        columns=columns,
        sheet=SheetBinding("book", "rows", 0, 1, None),
        poll_seconds=30,
        conflict_policy=policy,
        delete_policy=deletes,
        hides_deleted=deletes is DeletePolicy.SOFT,
        drift_policy=DriftPolicy.ADD_COLUMNS,
        max_delete_share=0.5,
        initial=Initial.MERGE,
        created_at=now,
        updated_at=now,
    )
    async with user_session(dsn) as user, make_pool(dsn, "leader", max_size=4) as pool:
        user.execute(ddl.encode())
        user.execute("UPDATE rowcast.lease SET term = 7, holder = 'leader', expires_at = 'infinity'")
        async with pool.connection() as connection:
            await connection.execute("ALTER TABLE people REPLICA IDENTITY FULL")
            await publish(connection, Relation("public", "people"))
            await insert_source(connection, source)
        sheet, term = MemorySource(), Term(7, "leader", "", float("inf"))
        made: list[Ground] = []

        def adapter_for(asked: Source, _urgency: Urgency) -> SourceAdapter:
            assert asked.id == source.id
            return sheet

        async def database_clock(_: Connection) -> datetime:
            return made[0].now + made[0].database_ahead

        async def sleep(seconds: float) -> None:
            made[0].later(seconds)

        engine = Engine(
            pool,
            term,
            b"key",
            adapter_for,
            grace=GRACE,
            clock=lambda: made[0].now,
            jitter=lambda: 1.0,
            sleep=sleep,
            database_clock=database_clock,
            most_plans=most_plans,
        )
        made.append(Ground(dsn, user, pool, source.id, sheet, term, engine))
        yield made[0]
