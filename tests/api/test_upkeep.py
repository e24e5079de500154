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
from db.retention import Retention
from db.session import Connection, Pool, connect, make_pool

DAYS = 30
KEPT = Retention(DAYS, run_days=20, event_days=10, settled_days=15)


async def _lead(database: str, work: object) -> None:
    """Runs `work(pool, term)` as the leader."""

    async def lead(term: Term) -> None:
        async with make_pool(database, term.holder) as pool:
            await work(pool, term)  # type: ignore[operator]

    await Lease(database, "tidy test").run(lead)


async def _count(connection: Connection, query: str) -> list[str]:
    return [text for (text,) in await (await connection.execute(query.encode())).fetchall()]


async def test_days_beyond_the_history_go(database: str) -> None:
    today = utc_today()
    async with await connect(database, "test") as connection:
        for age in (DAYS + 5, DAYS, 0):
            await ensure_partitions(connection, today - timedelta(days=age))

        async def work(pool: Pool, term: Term) -> None:
            await tidy(pool, term, KEPT)

        await _lead(database, work)
        days = [day for _, day in await partitions(connection)]
        assert min(days) >= today - timedelta(days=DAYS)
        assert today in days


AGED = """
INSERT INTO rowcast.sources (name, kind, direction, relation, adopted, managed_key, key, columns, poll_seconds,
    conflict_policy, delete_policy, drift_policy, max_delete_share, initial)
SELECT name, 'SHEET', 'TWO_WAY', 'public.' || name, false, false, '{id}', '[]', 30, 'DATABASE_WINS', 'PROPAGATE',
    'ADD_COLUMNS', 0.5, 'MERGE' FROM unnest(ARRAY['quiet', 'held', 'busy']) AS name;
INSERT INTO rowcast.sync_state (source_id) SELECT id FROM rowcast.sources;
CREATE FUNCTION ago(days integer) RETURNS timestamptz LANGUAGE sql AS
    $$ SELECT clock_timestamp() - make_interval(days => days) $$;
INSERT INTO rowcast.runs (source_id, state, trigger, message, started_at, finished_at)
SELECT s.id, 'SUCCEEDED', 'SCHEDULE', message, ago(days), ago(days) FROM rowcast.sources s
JOIN (VALUES ('quiet', 99, 'old'), ('quiet', 98, 'old'), ('quiet', 97, 'the last'), ('held', 50, 'old, over'),
    ('held', 50, 'holds'), ('held', 1, 'new'), ('busy', 21, 'old'), ('busy', 19, 'new')) r (name, days, message)
    USING (name) ORDER BY days DESC;
INSERT INTO rowcast.runs (source_id, state, trigger, message, started_at)
    SELECT id, 'RUNNING', 'SCHEDULE', 'under way', ago(40) FROM rowcast.sources WHERE name = 'busy';
INSERT INTO rowcast.held_deletes (run_id, side, key, row)
    SELECT r.id, 'SOURCE', n::text, '{}' FROM rowcast.runs r, generate_series(1, 5) n
    WHERE message IN ('holds', 'old, over');
UPDATE rowcast.sync_state SET held_run = (SELECT id FROM rowcast.runs WHERE message = 'holds')
    WHERE source_id = (SELECT id FROM rowcast.sources WHERE name = 'held');
INSERT INTO rowcast.events (kind, message, at)
    SELECT 'SYSTEM', CASE WHEN n > 10 THEN 'old' ELSE 'new' END, ago(n) FROM generate_series(9, 20, 2) n;
INSERT INTO rowcast.conflicts (source_id, key, kind, state, detected_at, resolved_at)
    SELECT s.id, c.key, 'CELL', c.state, ago(90), at FROM rowcast.sources s, (VALUES ('open', 'OPEN', NULL),
        ('old', 'RESOLVED', ago(16)), ('new', 'RESOLVED', ago(14))) c (key, state, at) WHERE s.name = 'quiet';
INSERT INTO rowcast.failures (source_id, key, side, code, message, state, first_at, last_at, stands)
    SELECT s.id, f.key, 'SOURCE', 'X', '', f.state, ago(90), at, stands FROM rowcast.sources s, (VALUES
        ('open', 'OPEN', ago(90), true), ('retried', 'RETRYING', ago(90), true),
        ('given up', 'DISCARDED', ago(90), true),
        ('old', 'DISCARDED', ago(16), false), ('old', 'RESOLVED', ago(16), true), ('new', 'RESOLVED', ago(14), true)
    ) f (key, state, at, stands) WHERE s.name = 'quiet';
"""


async def test_what_is_old_and_over_goes_in_batches_and_nothing_else(database: str) -> None:
    async with await connect(database, "test") as connection:
        await connection.execute(AGED.encode())

        async def work(pool: Pool, term: Term) -> None:
            await tidy(pool, term, KEPT, batch=2)

        await _lead(database, work)
        runs = await _count(connection, "SELECT message FROM rowcast.runs ORDER BY 1")
        assert runs == ["holds", "new", "new", "the last", "under way"]
        held = "SELECT message FROM rowcast.held_deletes JOIN rowcast.runs ON id = run_id"
        assert await _count(connection, held) == ["holds"] * 5
        assert await _count(connection, "SELECT message FROM rowcast.events WHERE kind = 'SYSTEM'") == ["new"]
        assert await _count(connection, "SELECT key FROM rowcast.conflicts ORDER BY 1") == ["new", "open"]
        left = await _count(connection, "SELECT key FROM rowcast.failures ORDER BY 1")
        assert left == ["given up", "new", "open", "retried"]


async def test_a_lock_that_somebody_holds_puts_it_off(database: str) -> None:
    async with await connect(database, "test") as connection, await connect(database, "reader") as reader:
        await ensure_partitions(connection, utc_today() - timedelta(days=DAYS + 5))
        before = await partitions(connection)

        async def work(pool: Pool, term: Term) -> None:
            async with reader.transaction():
                await reader.execute("LOCK TABLE rowcast.log_entries IN ACCESS SHARE MODE")
                with structlog.testing.capture_logs() as logs:
                    await tidy(pool, term, KEPT)
                assert [entry["event"] for entry in logs] == ["could not tidy up now"]
            await tidy(pool, term, KEPT)

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
                await tidy(pool, term, KEPT)
            except LeadershipLost:
                lost.set()

        await _lead(database, work)
        assert lost.is_set()
        assert await partitions(connection) == before


def test_the_lock_error_is_one_that_comes_again() -> None:
    assert issubclass(psycopg.errors.LockNotAvailable, psycopg.OperationalError)
