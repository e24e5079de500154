"""What the leader tidies every hour: history beyond its days, and the runs of as long ago."""

from collections.abc import Callable
from datetime import date, timedelta
from typing import Final

import psycopg
import structlog

from db.lease import Term
from db.log import drop_history
from db.log_append import utc_today
from db.runs import prune_runs
from db.session import Pool

_log = structlog.stdlib.get_logger(__name__)

EVERY: Final = timedelta(hours=1)


async def tidy(pool: Pool, term: Term, days: int, today: Callable[[], date] = utc_today) -> None:
    """Once. What the database refuses now, such as a lock that a long reader holds, the next time will do."""
    try:
        async with pool.connection() as connection:
            await term.fence(connection)
            dropped = await drop_history(connection, days, today())
        async with pool.connection() as connection:
            await term.fence(connection)
            pruned = await prune_runs(connection, days)
    except psycopg.OperationalError as error:
        _log.warning("could not tidy up now", error=str(error).strip())
        return
    if dropped or pruned:
        _log.info("tidied up", days_of_history=dropped, runs=pruned)
