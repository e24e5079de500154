"""How sessions are opened: what is pinned, and what a dead network may cost."""

import asyncio

import psycopg
from psycopg.conninfo import conninfo_to_dict

from db.session import NETWORK, PINNED, make_pool, session_dsn


def test_what_the_dsn_says_of_the_network_stays() -> None:
    parts = conninfo_to_dict(session_dsn("host=db connect_timeout=3 tcp_user_timeout=0", "x"))
    assert (parts["connect_timeout"], parts["tcp_user_timeout"]) == ("3", "0")
    assert parts["keepalives_idle"] == NETWORK["keepalives_idle"]


def test_what_is_pinned_wins_over_the_dsn(read_only_database: str) -> None:
    given = f"{read_only_database} options='-c DateStyle=German -c work_mem=1MB'"
    with psycopg.connect(session_dsn(given, "x")) as connection:
        shown = {name: connection.execute(f"SHOW {name}".encode()).fetchone() for name in (*PINNED, "work_mem")}
    assert shown["DateStyle"] == ("ISO, YMD",)
    assert shown["work_mem"] == ("1MB",)


async def test_who_is_cancelled_at_the_moment_of_its_connection_is_cancelled(read_only_database: str) -> None:
    async with make_pool(read_only_database, "rowcast test", max_size=1) as pool:
        for turns in range(12):
            held = await pool.getconn()
            waiting = asyncio.create_task(pool.getconn())
            while not pool.get_stats()["requests_waiting"]:  # noqa: ASYNC110 - the pool has no event for it
                await asyncio.sleep(0)
            await pool.putconn(held)
            for _ in range(turns):
                await asyncio.sleep(0)
            late = waiting.done()
            waiting.cancel()
            await asyncio.wait({waiting})
            if late:
                await pool.putconn(waiting.result())
            else:
                assert waiting.cancelled()
            # And what it would have had is there for others.
            async with asyncio.timeout(30), pool.connection() as connection:
                await connection.execute("SELECT 1")
