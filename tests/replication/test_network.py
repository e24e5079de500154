"""The network between the leader and Postgres is cut or frozen: the log misses and repeats nothing."""

import asyncio

import psycopg

from tests.replication.at_work import at_work
from tests.replication.leader import DEADLINE_S, Leader, bind, execute, hub_of, leading, until, value
from tests.replication.reading import logged_changes, settled, state_of
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


async def test_an_append_that_is_carried_out_after_its_session_ended_is_known_to_the_next(database: str) -> None:
    await bind(database, "t", "id integer PRIMARY KEY")
    waiting = (
        f"SELECT count(*) FROM pg_stat_activity WHERE datname = '{await value(database, 'SELECT current_database()')}' "
        "AND wait_event_type = 'Lock'"
    )

    async def blocked(count: int) -> bool:
        return await value(database, waiting) == count

    async with wire_to(database) as wire, leading(database, through=wire.dsn) as leader:
        async with hub_of(database, leader.bus) as hub:
            await execute(database, "INSERT INTO t VALUES (1)")
            await settled(database, hub)
            async with await psycopg.AsyncConnection.connect(database) as holding:
                await holding.execute("SELECT FROM rowcast.log_state FOR UPDATE")
                await execute(database, "INSERT INTO t VALUES (2)")
                await until(lambda: blocked(1))
                await wire.cut()
                await until(lambda: ended(leader))
                await wire.mend()
                # The next one appends the same.
                await until(lambda: blocked(2))
            await execute(database, "INSERT INTO t VALUES (3)")
            await settled(database, hub)
        assert not leader.task.done()
        assert [change.key for change in await logged_changes(database)] == ['["1"]', '["2"]', '["3"]']
    assert await value(database, "SELECT count(*) FROM rowcast.epochs") == 1


async def ended(leader: Leader) -> bool:
    return not leader.replication.status.streaming


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
