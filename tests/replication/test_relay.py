"""Beats by NOTIFY: whatever Postgres says to one, the next is sent, and the process goes on."""

import asyncio

from psycopg.conninfo import conninfo_to_dict, make_conninfo
from structlog.testing import capture_logs

from db.embedded import EmbeddedPostgres
from db.notify import LOG, Listener
from db.position import Position
from db.session import make_pool
from replication.bus import Beat, BroadcastBus
from replication.relay import send_unheard
from tests.replication.leader import DEADLINE_S, execute, stop, until
from tests.replication.test_bus import BEAT, Backend


async def test_a_beat_that_postgres_refuses_is_followed_by_others(own_postgres: EmbeddedPostgres) -> None:
    """As a standby refuses it, which a DSN of several hosts may lead to for a while."""
    dsn = own_postgres.dsn
    admin = make_conninfo(own_postgres.superuser_dsn, dbname=conninfo_to_dict(dsn)["dbname"])
    await execute(admin, "REVOKE EXECUTE ON FUNCTION pg_notify FROM PUBLIC")
    async with (
        Listener(dsn, "rowcast test") as listener,
        listener.subscribe(LOG) as notifications,
        BroadcastBus("", lambda: Backend("", "silent")) as bus,
        make_pool(dsn, "rowcast test relay", autocommit=True) as pool,
    ):
        sending = asyncio.create_task(send_unheard(pool, bus))
        with capture_logs() as logged:

            async def refused() -> bool:
                return sending.done() or any("permission denied" in each.get("error", "") for each in logged)

            bus.publish(BEAT)
            await until(refused)
        assert not sending.done()
        await execute(admin, "GRANT EXECUTE ON FUNCTION pg_notify TO PUBLIC")
        later = Beat(Position(1, 7, 1), 12)
        bus.publish(later)
        async with asyncio.timeout(DEADLINE_S):
            while await anext(notifications) != later.encode():
                pass
        await stop(sending)
