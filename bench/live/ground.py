"""A database with a table of customers, and the servers that are measured on it."""

import asyncio
import sys
from collections.abc import AsyncIterator, Iterable
from contextlib import asynccontextmanager
from dataclasses import replace
from pathlib import Path
from typing import Final

import psycopg

from bench.live.processes import started
from bench.live.unmeasured import Unmeasured
from db.session import connect
from db.sources import Column, DriftPolicy, SheetBinding, SourceState, insert_source
from db.wire import ColumnType
from tests.replication.leader import source_of
from tests.server import Client, eventually, server_settings

TABLE: Final = "customers"
ROWS: Final = 1000
START_S: Final = 300.0
QUERY: Final = """subscription($where: RowFilter, $after: Cursor) {
  changes(source: "customers", where: $where, after: $after) {
    cursor transactionId committedAt cause actor snapshot reset last upToDate
    changes { operation moved key row before changed }
  }
}"""
COLUMNS: Final = (
    Column("id", ColumnType.INTEGER, "id"),
    Column("name", ColumnType.TEXT, "name"),
    Column("email", ColumnType.TEXT, "email"),
    Column("city", ColumnType.TEXT, "city"),
    Column("age", ColumnType.INTEGER, "age"),
    Column("total", ColumnType.BIGINT, "total"),
    Column("since", ColumnType.DATE, "since"),
    Column("active", ColumnType.BOOLEAN, "active"),
    Column("score", ColumnType.FLOAT, "score"),
    Column("note", ColumnType.TEXT, "note"),
)
CREATE: Final = f"""
CREATE TABLE {TABLE} (id integer PRIMARY KEY, name text, email text, city text, age integer, total bigint, since date,
    active boolean, score double precision, note text);
INSERT INTO {TABLE} SELECT n, 'Customer ' || n, 'customer' || n || '@example.com', 'City ' || n % 50, n % 90,
    n * 1000, '2024-01-01'::date + n % 365, n % 2 = 0, n / 7.0, 'note ' || n FROM generate_series(1, {ROWS}) n
"""  # noqa: S608 - ours


async def bind(dsn: str) -> None:
    """Make the table, once the server has made its publication, and give it a source that never runs."""
    await bind_idle(dsn, TABLE, CREATE.split(";"), COLUMNS)


async def bind_idle(dsn: str, table: str, statements: Iterable[str], columns: tuple[Column, ...]) -> None:
    """Give a table, which these statements make, a source of its name that never runs, nor gets columns."""
    source = replace(
        source_of(f"public.{table}"),
        name=table,
        state=SourceState.PAUSED,
        drift_policy=DriftPolicy.STRICT,
        columns=columns,
        sheet=SheetBinding("sheet", "Sheet1", 0, 1, None),
    )
    async with await connect(dsn, "rowcast bench", autocommit=False) as connection:
        for statement in statements:
            await connection.execute(statement.encode())
        await connection.execute(f"ALTER TABLE {table} REPLICA IDENTITY FULL".encode())
        await connection.execute(f"ALTER PUBLICATION rowcast_tables ADD TABLE {table}".encode())
        await insert_source(connection, source)


class MeasuredServer(Client):
    """A server in a process of its own."""

    def __init__(self, port: int, pid: int) -> None:
        super().__init__(f"http://127.0.0.1:{port}")
        self.port = port
        self.pid = pid


@asynccontextmanager
async def serving(
    dsn: str, folder: Path, module: str = "api", *arguments: str, first: bool = True, broadcast: str = "memory://"
) -> AsyncIterator[MeasuredServer]:
    """`python -m <module>` on the database, ready. The first on it binds the table. A bench is one client to it."""
    settings = server_settings(dsn, folder, log_level="warning", token_operations_per_second=0, broadcast_url=broadcast)
    given = settings.model_dump(mode="json", exclude_none=True, exclude_defaults=True)
    environment = {f"ROWCAST_{name.upper()}": str(value) for name, value in given.items()}
    command = (sys.executable, "-m", module, *arguments)
    async with serving_command(settings.port, "/readyz", *command, environment=environment) as server:
        if first:
            await bind(dsn)
        yield server


@asynccontextmanager
async def serving_raw(port: int) -> AsyncIterator[MeasuredServer]:
    """The raw application."""
    async with serving_command(port, "/healthz", sys.executable, "-m", "bench.live.raw", str(port)) as server:
        yield server


@asynccontextmanager
async def serving_command(
    port: int, ready: str, *command: str, environment: dict[str, str] | None = None
) -> AsyncIterator[MeasuredServer]:
    """What the command serves, once it is ready at that path. Unmeasured where it ends before."""
    async with started(*command, environment=environment, output=sys.stderr) as process:
        server = MeasuredServer(port, process.pid)

        async def ready_or_ended() -> bool:
            if process.returncode is not None:
                raise Unmeasured(f"its server ended at once, with exit code {process.returncode}")
            return await server.ready(ready)

        await eventually(ready_or_ended, START_S)
        yield server


class Writer:
    """Commits."""

    def __init__(self, connection: psycopg.AsyncConnection) -> None:
        self._connection = connection
        self._number = 0

    async def commit(self, rows: int = 1, first: int = 1) -> None:
        """One that changes so many rows."""
        self._number += 1
        await self._connection.execute(
            f"UPDATE {TABLE} SET note = 'changed ' || %s::text || ' ' || id, age = age + 1 "  # noqa: S608 - ours
            "WHERE id >= %s AND id < %s".encode(),
            (self._number, first, first + rows),
        )


@asynccontextmanager
async def writing(dsn: str) -> AsyncIterator[Writer]:
    """A writer on a connection of its own."""
    async with await psycopg.AsyncConnection.connect(dsn, autocommit=True) as connection:
        yield Writer(connection)


async def settle(seconds: float = 1.0) -> None:
    """Let what a start left behind be done before anything is measured."""
    await asyncio.sleep(seconds)
