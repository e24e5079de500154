"""A real leader for tests: lease, replication and bus on a database, with tables that have a source."""

import asyncio
import secrets
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any
from uuid import uuid4

import psycopg
from psycopg import sql

from db.lease import Lease, Term
from db.session import connect, make_pool
from db.sources import (
    ConflictPolicy,
    DeletePolicy,
    Direction,
    DriftPolicy,
    Initial,
    Source,
    SourceKind,
    SourceState,
    insert_source,
)
from replication.bus import BroadcastBus
from replication.hub import Hub
from replication.recent import Recent
from replication.runner import Replication

ORIGIN_KEY = b"k" * 32
DEADLINE_S = 60.0


@dataclass
class Leader:
    dsn: str
    bus: BroadcastBus
    term: Term
    replication: Replication
    task: "asyncio.Task[None]"
    appended: list[frozenset[str]] = field(default_factory=list)
    reconciled: list[str] = field(default_factory=list)

    @property
    def holder(self) -> str:
        return self.term.holder


def holder_name() -> str:
    return f"rowcast test {secrets.token_hex(6)}"


async def until(condition: Callable[[], Awaitable[bool]], deadline_s: float = DEADLINE_S) -> None:
    """Waits for what other processes bring about; asks the event loop for a turn between two looks."""
    async with asyncio.timeout(deadline_s):
        while not await condition():  # noqa: ASYNC110 - what changes is in another process
            await asyncio.sleep(0.02)


async def lead(dsn: str, holder: str | None = None, ttl: float = 10.0) -> tuple[Term, "asyncio.Task[None]"]:
    """Take the lease in the background; the task holds it until it is cancelled."""
    taken: asyncio.Future[Term] = asyncio.get_running_loop().create_future()

    async def hold(term: Term) -> None:
        if not taken.done():
            taken.set_result(term)
        await asyncio.Event().wait()

    task = asyncio.create_task(Lease(dsn, holder or holder_name(), ttl).run(hold))
    task.add_done_callback(lambda done: None if taken.done() else taken.set_exception(done.exception() or EOFError()))
    async with asyncio.timeout(DEADLINE_S):
        return await taken, task


async def stop(task: "asyncio.Task[None]") -> None:
    task.cancel()
    await asyncio.wait({task}, timeout=DEADLINE_S)
    if not task.cancelled():
        task.result()


@asynccontextmanager
async def leading(
    dsn: str,
    *,
    holder: str | None = None,
    streaming: bool = True,
    through: str | None = None,
    broadcast: str = "memory://",
    recent: Recent | None = None,
    ttl: float = 10.0,
    sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
) -> AsyncIterator[Leader]:
    """A leader that replicates until the block ends; streaming when it begins.

    `through`: another DSN of the same database, to replicate by. `recent`: for the hub of the same process.
    `ttl`: of the lease, in seconds.
    """
    term, lease = await lead(dsn, holder, ttl)
    appended: list[frozenset[str]] = []
    reconciled: list[str] = []
    async with BroadcastBus(broadcast) as bus:
        replication = Replication(
            through or dsn,
            term,
            bus,
            ORIGIN_KEY,
            appended=appended.append,
            reconcile=reconciled.append,
            recent=recent,
            sleep=sleep,
        )
        task = asyncio.create_task(replication.run())
        leader = Leader(dsn, bus, term, replication, task, appended, reconciled)
        try:
            if streaming:
                await until(lambda: _streaming(leader))
            yield leader
        finally:
            await stop(task)
            await stop(lease)


async def _streaming(leader: Leader) -> bool:
    if leader.task.done():
        leader.task.result()
    return leader.replication.status.streaming


@asynccontextmanager
async def hub_of(dsn: str, bus: BroadcastBus, **settings: Any) -> AsyncIterator[Hub]:
    async with make_pool(dsn, "rowcast test hub") as pool, Hub(pool, bus, **settings) as hub:
        yield hub


def source_of(relation: str, key: tuple[str, ...] = ("id",)) -> Source:
    now = datetime.now(UTC)
    return Source(
        id=uuid4(),
        name=f"s{secrets.token_hex(6)}",
        description=None,
        kind=SourceKind.SHEET,
        state=SourceState.ACTIVE,
        state_reason=None,
        direction=Direction.TWO_WAY,
        relation=relation,
        adopted=True,
        managed_key=False,
        key=key,
        columns=(),
        sheet=None,
        poll_seconds=30,
        conflict_policy=ConflictPolicy.DATABASE_WINS,
        delete_policy=DeletePolicy.PROPAGATE,
        drift_policy=DriftPolicy.ADD_COLUMNS,
        max_delete_share=0.5,
        initial=Initial.MERGE,
        created_at=now,
        updated_at=now,
    )


async def bind(dsn: str, table: str, columns: str, key: tuple[str, ...] = ("id",)) -> None:
    """Make `public.<table>` with these columns, publish it and give it a source, as registration does."""
    name = sql.Identifier("public", table)
    async with await connect(dsn, "rowcast test", autocommit=False) as connection:
        await connection.execute(sql.SQL("CREATE TABLE {} ({})").format(name, sql.SQL(columns)))
        await connection.execute(sql.SQL("ALTER TABLE {} REPLICA IDENTITY FULL").format(name))
        await connection.execute(sql.SQL("ALTER PUBLICATION rowcast_tables ADD TABLE {}").format(name))
        await insert_source(connection, source_of(f"public.{table}", key))


async def execute(dsn: str, *statements: str) -> None:
    """Each statement as a commit of its own."""
    async with await psycopg.AsyncConnection.connect(dsn, autocommit=True) as connection:
        for statement in statements:
            await connection.execute(statement.encode())


async def value(dsn: str, query: str) -> object:
    async with await psycopg.AsyncConnection.connect(dsn, autocommit=True) as connection:
        row = await (await connection.execute(query.encode())).fetchone()
    return None if row is None else row[0]
