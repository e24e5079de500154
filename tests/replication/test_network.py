"""The network between the leader and Postgres is cut or frozen: the log misses and repeats nothing."""

import asyncio

import psycopg

from tests.replication.at_work import at_work
from tests.replication.leader import DEADLINE_S
from tests.replication.reading import state_of
from tests.replication.wire import wire_to


async def test_a_cut_network_loses_and_repeats_nothing(database: str) -> None:
    async with at_work(database) as ground:
        for _ in range(3):
            await ground.more()
            await ground.wire.cut()
            await ground.interrupted()
            await ground.wire.mend()


async def test_a_frozen_network_is_noticed_and_loses_and_repeats_nothing(database: str) -> None:
    async with at_work(database) as ground:
        await ground.more()
        before = await state_of(ground.dsn)
        ground.wire.freeze()
        await ground.interrupted("sent nothing")
        assert (await state_of(ground.dsn)).term == before.term
        await ground.wire.mend()


async def test_a_wire_that_is_short_of_room_takes_everything_in_the_end(database: str) -> None:
    """The proxy itself, so that the tests above can be believed: a result beyond all buffers, frozen half way."""
    async with (
        wire_to(database) as wire,
        await psycopg.AsyncConnection.connect(wire.dsn) as connection,
        connection.cursor() as cursor,
    ):
        wire.freeze()
        reading = asyncio.create_task(cursor.execute("SELECT repeat('x', 1000) FROM generate_series(1, 30000)"))
        done, _ = await asyncio.wait({reading}, timeout=0.2)
        assert not done
        await wire.mend()
        await asyncio.wait_for(reading, DEADLINE_S)
        assert cursor.rowcount == 30_000
