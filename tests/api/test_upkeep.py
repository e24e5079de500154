"""What the leader tidies up, on a real database."""

import asyncio
from datetime import timedelta

import psycopg
import structlog

from api.upkeep import tidy
from db.errors import LeadershipLost
from db.lease import Lease, Term
from db.log import partitions
from db.log_append import ensure_partitions, utc_today
from db.session import Pool, connect, make_pool

DAYS = 30


async def _lead(database: str, work: object) -> None:
    """Runs `work(pool, term)` as the leader."""

    async def lead(term: Term) -> None:
        async with make_pool(database, term.holder) as pool:
            await work(pool, term)  # type: ignore[operator]

    await Lease(database, "tidy test").run(lead)


async def test_days_beyond_the_history_and_old_runs_go(database: str) -> None:
    today = utc_today()
    async with await connect(database, "test") as connection:
        for age in (DAYS + 5, DAYS, 0):
            await ensure_partitions(connection, today - timedelta(days=age))
        await connection.execute(
            """INSERT INTO rowcast.sources (name, kind, direction, relation, adopted, managed_key, key, columns,
                   poll_seconds, conflict_policy, delete_policy, drift_policy, max_delete_share, initial)
               VALUES ('s', 'SHEET', 'TWO_WAY', 'public.s', false, false, '{id}', '[]', 30, 'DATABASE_WINS',
                   'PROPAGATE', 'ADD_COLUMNS', 0.5, 'MERGE')"""
        )
        await connection.execute(
            """INSERT INTO rowcast.runs (source_id, state, trigger, started_at, finished_at)
               SELECT id, 'SUCCEEDED', 'SCHEDULE', clock_timestamp() - age, clock_timestamp() - age
               FROM rowcast.sources, unnest(ARRAY[interval '40 days', interval '1 day']) AS age"""
        )

        async def work(pool: Pool, term: Term) -> None:
            await tidy(pool, term, DAYS)

        await _lead(database, work)
        days = [day for _, day in await partitions(connection)]
        assert min(days) >= today - timedelta(days=DAYS)
        assert today in days
        row = await (await connection.execute("SELECT count(*) FROM rowcast.runs")).fetchone()
        assert row == (1,)


async def test_a_lock_that_somebody_holds_puts_it_off(database: str) -> None:
    async with await connect(database, "test") as connection, await connect(database, "reader") as reader:
        await ensure_partitions(connection, utc_today() - timedelta(days=DAYS + 5))
        before = await partitions(connection)

        async def work(pool: Pool, term: Term) -> None:
            async with reader.transaction():
                await reader.execute("LOCK TABLE rowcast.changes IN ACCESS SHARE MODE")
                with structlog.testing.capture_logs() as logs:
                    await tidy(pool, term, DAYS)
                assert [entry["event"] for entry in logs] == ["could not tidy up now"]
            await tidy(pool, term, DAYS)

        await _lead(database, work)
        assert len(await partitions(connection)) < len(before)


async def test_whoever_lost_the_lease_tidies_nothing(database: str) -> None:
    async with await connect(database, "test") as connection:
        await ensure_partitions(connection, utc_today() - timedelta(days=DAYS + 5))
        before = await partitions(connection)
        lost = asyncio.Event()

        async def work(pool: Pool, term: Term) -> None:
            await connection.execute("UPDATE rowcast.lease SET term = term + 1")
            try:
                await tidy(pool, term, DAYS)
            except LeadershipLost:
                lost.set()

        await _lead(database, work)
        assert lost.is_set()
        assert await partitions(connection) == before


def test_the_lock_error_is_one_that_comes_again() -> None:
    assert issubclass(psycopg.errors.LockNotAvailable, psycopg.OperationalError)
