"""A leader, a writer and a subscriber, with a wire to Postgres between them that a test may cut."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import aclosing, asynccontextmanager

from db.cursor import Cursor
from replication.hub import Hub
from replication.log_events import CaughtUp
from tests.replication.counting import contiguous, count_up, counted
from tests.replication.leader import Leader, bind, execute, hub_of, leading, until, value
from tests.replication.reading import settled
from tests.replication.wire import Wire, wire_to


class Ground:
    """A leader and a subscriber at the far end of a wire, and a writer that has one of its own."""

    def __init__(self, dsn: str, wire: Wire, leader: Leader, hub: Hub) -> None:
        self.dsn = dsn
        self.wire = wire
        self.leader = leader
        self.hub = hub
        self.got: list[object] = []

    async def subscribe(self) -> None:
        async with aclosing(self.hub.subscribe("public.t", Cursor(self.hub.frontier))) as events:
            async for event in events:
                if not isinstance(event, CaughtUp):
                    self.got.extend(change.after and change.after["n"] for change in event.transaction.changes)

    async def more(self) -> None:
        """Wait until the subscriber gets further."""
        seen = len(self.got)

        async def further() -> bool:
            return len(self.got) > seen + 20

        await until(further)

    async def interrupted(self, reason: str = "") -> None:
        async def so() -> bool:
            status = self.leader.replication.status
            return not status.streaming and reason in (status.reason or "")

        await until(so)


@asynccontextmanager
async def at_work(dsn: str) -> AsyncIterator[Ground]:
    """Ends when the subscriber has what was written: all of it, once, in order, as the log has."""
    await execute(dsn, f"ALTER DATABASE {await value(dsn, 'SELECT current_database()')} SET wal_sender_timeout = '3s'")
    await bind(dsn, "t", "id integer PRIMARY KEY, n integer")
    await execute(dsn, "INSERT INTO t VALUES (1, 0)")
    stop = asyncio.Event()
    async with wire_to(dsn) as wire, leading(dsn, through=wire.dsn) as leader, hub_of(wire.dsn, leader.bus) as hub:
        await settled(dsn, hub)
        ground = Ground(dsn, wire, leader, hub)
        subscribing = asyncio.create_task(ground.subscribe())
        counting = asyncio.create_task(count_up(dsn, stop, rest_s=0.02))
        yield ground
        await ground.more()
        stop.set()
        last = await counting
        await settled(dsn, hub)

        async def all_there() -> bool:
            assert not subscribing.done(), subscribing.result()
            return len(ground.got) == last

        await until(all_there)
        assert contiguous(ground.got)
        assert await counted(dsn) == ground.got
        assert not leader.task.done()
        subscribing.cancel()
        await asyncio.wait({subscribing})
    assert await value(dsn, "SELECT count(*) FROM rowcast.epochs") == 1
