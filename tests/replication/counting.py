"""A writer that counts: what is missing or repeated in a log of numbers shows."""

import asyncio

import psycopg

from tests.replication.reading import logged_changes


async def count_up(dsn: str, stop: asyncio.Event, rest_s: float = 0.0) -> int:
    """Raises the counter of row 1 commit by commit until told to stop, whatever happens to the server.

    `rest_s`: between two commits, so that others in the same event loop keep up.
    """
    n = 0
    while not stop.is_set():
        try:
            async with await psycopg.AsyncConnection.connect(dsn, autocommit=True) as connection:
                while not stop.is_set():
                    row = await (await connection.execute("UPDATE t SET n = n + 1 RETURNING n")).fetchone()
                    assert row is not None
                    n = row[0]
                    await asyncio.sleep(rest_s)
        except psycopg.OperationalError:
            await asyncio.sleep(0.05)
    return n


def contiguous(numbers: list[object]) -> bool:
    return numbers == list(range(1, len(numbers) + 1))


async def counted(dsn: str) -> list[object]:
    """The counter's values as the log has them."""
    return [change.after["n"] for change in await logged_changes(dsn) if change.after and change.before]
