"""What the leader tidies every hour: whatever is older than the settings say, in transactions of bounded size."""

from collections import Counter
from collections.abc import Callable
from datetime import date, timedelta
from typing import Final

import psycopg
import structlog

from db.lease import Term
from db.log import drop_history
from db.log_append import utc_today
from db.retention import BATCH, Retention, forget, steps
from db.session import Pool

_log = structlog.stdlib.get_logger(__name__)

EVERY: Final = timedelta(hours=1)


async def tidy(
    pool: Pool, term: Term, retention: Retention, today: Callable[[], date] = utc_today, batch: int = BATCH
) -> None:
    """Once. What the database refuses now, such as a lock that a long reader holds, the next time will do."""
    gone: Counter[str] = Counter()
    try:
        async with pool.connection() as connection:
            await term.fence(connection)
            gone["days_of_history"] = await drop_history(connection, retention.history_days, today())
        for step in steps(retention):
            went = batch
            while went == batch:
                async with pool.connection() as connection:
                    await term.fence(connection)
                    went = await forget(connection, step, batch)
                gone[step.name] += went
    except psycopg.OperationalError as error:
        _log.warning("could not tidy up now", error=str(error).strip())
    if any(gone.values()):
        _log.info("tidied up", **{name: count for name, count in gone.items() if count})
