"""A long run tells how far it is, now and then; a short one doesn't."""

from datetime import datetime

from sync.runs.progress import EVERY, STEP
from tests.sync.ground import Ground, ground


def _slow(at: Ground) -> None:
    """Every look at the clock is half the time of an event later."""

    def clock() -> datetime:
        at.later(EVERY.total_seconds() / 2)
        return at.now

    at.engine._clock = clock


async def test_a_long_run_tells_how_far_it_is(database: str) -> None:
    async with ground(database) as at:
        at.fill(*range(2 * STEP + 50))
        _slow(at)
        await at.run()
        told = at.sql("SELECT source, message, detail FROM rowcast.events WHERE kind = 'RUN_PROGRESS' ORDER BY id")
        rows = [tuple(row["detail"][name] for name in ("rowsRead", "rowsCompared", "rowsWritten")) for row in told]
        assert rows == sorted(rows)
        assert rows[-1] == (450, 400, 450)
        assert len(rows) < 5, "not each step is an event"
        assert {row["source"] for row in told} == {"people"}
        assert "450 rows read, 400 compared, 450 written" in told[-1]["message"]
        at.sql("UPDATE people SET name = 'db'")
        await at.run()
        assert "450 written" in at.events("RUN_PROGRESS")[-1], "rows written to the source count too"


async def test_a_short_run_tells_nothing(database: str) -> None:
    async with ground(database) as at:
        at.fill(*range(STEP))
        await at.settle()
        assert (at.events("RUN_PROGRESS"), len(at.table())) == ([], STEP)
