"""How many bytes the change log takes for a changed row of ten columns, beside the row's own size.

`make bench-log`, or `python -m bench.log_size [rows]`. A leader writes the log; Postgres is asked what it takes.
"""

import asyncio
import sys
from collections.abc import Mapping
from contextlib import aclosing
from typing import Final

import psycopg

from bench.live.ground import TABLE, bind
from tests.postgres import migrated_template, running_server
from tests.replication.leader import Leader, leading

ROWS: Final = 20_000
_COPIES: Final = f"""INSERT INTO {TABLE} SELECT id + 1000 * n, name, email, city, age, total, since, active, score, note
    FROM {TABLE}, generate_series(1, %s) n WHERE id <= 1000"""  # noqa: S608 - ours
_CHANGES: Final[Mapping[str, str]] = {
    "insert": _COPIES,
    "update of two columns": f"UPDATE {TABLE} SET note = 'changed ' || id, age = age + 1 WHERE id > 1000",  # noqa: S608
    "update of all but the key": f"""UPDATE {TABLE} SET name = 'new ' || name, email = 'new' || email,
        city = 'new ' || city, age = age + 1, total = total + 1, since = since + 1, active = NOT active,
        score = score + 1, note = 'new ' || note WHERE id > 1000""",  # noqa: S608 - ours
    "delete": f"DELETE FROM {TABLE} WHERE id > 1000",  # noqa: S608 - ours
}
_SIZES: Final = """SELECT sum(pg_table_size(inhrelid))::bigint, sum(pg_indexes_size(inhrelid))::bigint
    FROM pg_inherits WHERE inhparent = 'rowcast.log_entries'::regclass"""


def measure(rows: int) -> None:
    """Print the table."""
    with running_server(None) as server, migrated_template(server) as template:
        dsn = server.create(template=template)
        try:
            asyncio.run(_measure(dsn, rows))
        finally:
            server.drop(dsn)


async def _measure(dsn: str, rows: int) -> None:
    async with leading(dsn) as leader:
        await bind(dsn)
        with psycopg.connect(dsn, autocommit=True) as connection:
            print(f"{'':<28}{'row':>10}{'log':>10}{'× row':>8}{'its indexes':>14}", flush=True)
            size = 0.0
            for name, statement in _CHANGES.items():
                before = _log(connection)
                size = _row(connection) or size
                connection.execute(statement.encode(), (rows // 1000,) if name == "insert" else None)
                size = _row(connection) or size
                await _logged(leader, connection)
                heap, indexes = ((now - was) / rows for now, was in zip(_log(connection), before, strict=True))
                print(f"{name:<28}{size:>8.0f} B{heap:>8.0f} B{heap / size:>8.2f}{indexes:>12.0f} B", flush=True)


def _row(connection: psycopg.Connection) -> float | None:
    """A row's bytes in its table, its header included."""
    query = f"SELECT avg(pg_column_size(t.*))::float FROM {TABLE} t WHERE id > 1000"  # noqa: S608 - ours
    row = connection.execute(query.encode()).fetchone()
    assert row is not None
    size: float | None = row[0]
    return size


def _log(connection: psycopg.Connection) -> tuple[int, int]:
    """The bytes of the log's entries, and of its indexes."""
    row = connection.execute(_SIZES).fetchone()
    assert row is not None
    return int(row[0]), int(row[1])


async def _logged(leader: Leader, connection: psycopg.Connection) -> None:
    """Until the log has what is committed."""
    async with aclosing(leader.bus.listen()) as beats:
        connection.execute("SELECT pg_logical_emit_message(true, 'rowcast', '')")
        row = connection.execute("SELECT (pg_current_wal_insert_lsn() - '0/0')::bigint").fetchone()
        assert row is not None
        async for beat in beats:
            if beat.decoded_to >= row[0]:
                return


if __name__ == "__main__":
    measure(int(sys.argv[1]) if len(sys.argv) > 1 else ROWS)
