"""Beats by Postgres' NOTIFY, while the broadcast backend doesn't pass them on: one that hangs takes what it is given.

The leader finds out by its own beats, which come back to it: sooner than another process could by hearing nothing.
"""

from contextlib import aclosing

import psycopg
import structlog

from db.notify import LOG, Listener
from db.session import Pool
from replication.bus import Beat, BroadcastBus

log = structlog.get_logger(__name__)


async def send_unheard(pool: Pool, bus: BroadcastBus) -> None:
    """Runs as long as the process."""
    async with aclosing(bus.unheard()) as beats:
        async for beat in beats:
            try:
                async with pool.connection() as connection:
                    await connection.execute("SELECT pg_notify(%s, %s)", (LOG, beat.encode()))
            except psycopg.Error as error:
                # A later beat says more, and who hears none looks at the database.
                log.warning("can't tell others how far the log goes", error=str(error).strip())


async def hear_notified(listener: Listener, bus: BroadcastBus) -> None:
    """Runs as long as the process."""
    async with listener.subscribe(LOG) as notifications:
        async for payload in notifications:
            if isinstance(payload, str):
                try:
                    bus.hear(Beat.decode(payload))
                except ValueError as error:
                    log.warning("not ours among the notifications", error=str(error))
