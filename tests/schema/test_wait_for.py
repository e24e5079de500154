"""rows(waitFor): never an earlier state than the cursor's."""

import asyncio
from contextlib import AbstractAsyncContextManager

import psycopg
import pytest

from db.cursor import Cursor
from db.embedded import EmbeddedPostgres
from db.position import Position
from db.session import Connection, Pool
from db.tables import Relation
from db.view import view
from tests.replication.leader import until, value
from tests.schema.ground import CUSTOMERS, CUSTOMERS_SQL, Ground, standing

ROWS = 'query($cursor: Cursor) { rows(source: "customers", waitFor: $cursor) { nodes { data } asOf } }'
UPSERT = 'mutation($rows: [JSON!]!) { upsertRows(source: "customers", rows: $rows) { cursor } }'
CHANGES = 'subscription { changes(source: "customers") { cursor upToDate changes { key } } }'


async def names(ground: Ground, cursor: str) -> list[str]:
    return [node["data"]["name"] for node in (await ground.run(ROWS, {"cursor": cursor}))["nodes"]]


async def test_a_write_is_read_with_its_cursor(ground: Ground) -> None:
    for name in ("Ada", "Bob", "Eve"):
        written = await ground.run(UPSERT, {"rows": [{"id": 1, "name": name}]})
        assert await names(ground, written["cursor"]) == [name]
        as_of = (await ground.run(ROWS, {"cursor": written["cursor"]}))["asOf"]
        assert await names(ground, as_of) == [name]


async def test_how_far_an_idle_log_is_known_to_go_needs_not_be_stored(ground: Ground) -> None:
    async with ground.subscribe(CHANGES) as stream:
        cursor = (await stream.until_up_to_date())[-1]["cursor"]
        # As while nothing but heartbeats comes: the hub knows of them, the table of the log's state not yet.
        await ground.sql("UPDATE rowcast.log_state SET decoded_to = floor_lsn")
        assert await names(ground, cursor) == []


async def test_a_cursor_that_cannot_be_reached_is_refused(database: str) -> None:
    async with standing(database, wait_s=0.2) as ground:
        await ground.bind("customers", CUSTOMERS_SQL, CUSTOMERS)
        as_of = Cursor.decode((await ground.run('{ rows(source: "customers") { asOf } }'))["asOf"]).position
        codes = {
            "BAD_USER_INPUT": "nonsense",
            "CURSOR_EXPIRED": Cursor(Position(as_of.epoch + 1, 1, 0)).encode(),
        }
        for code, cursor in codes.items():
            assert (await ground.refused(ROWS, {"cursor": cursor})).code == code
        for expired in (Position(as_of.epoch - 1, 1, 0), Position(as_of.epoch, as_of.lsn + 2**40, 0)):
            assert (await ground.refused(ROWS, {"cursor": Cursor(expired).encode()})).code == "CURSOR_EXPIRED"


async def test_what_a_subscriber_heard_of_is_waited_for_until_it_is_visible(
    own_postgres: EmbeddedPostgres, monkeypatch: pytest.MonkeyPatch
) -> None:
    looks: list[Pool] = []

    def looking(pool: Pool, table: Relation | None) -> AbstractAsyncContextManager[tuple[Connection, Cursor]]:
        looks.append(pool)
        return view(pool, table)

    dsn, admin = own_postgres.dsn, own_postgres.superuser_dsn
    name = await value(dsn, "SELECT current_database()")

    async def standby(named: str) -> None:
        async with await psycopg.AsyncConnection.connect(admin, autocommit=True) as connection:
            await connection.execute(f"ALTER SYSTEM SET synchronous_standby_names = '{named}'".encode())
            await connection.execute("SELECT pg_reload_conf()")

    async with await psycopg.AsyncConnection.connect(dsn, autocommit=True) as connection:
        await connection.execute(f"ALTER DATABASE {name} SET synchronous_commit = local".encode())
    async with standing(dsn, wait_s=60.0) as ground:
        await ground.bind("customers", CUSTOMERS_SQL, CUSTOMERS)
        async with ground.subscribe(CHANGES) as stream:
            await stream.until_up_to_date()
            # Replication waits for the first commit of a table itself, to learn its key.
            await ground.sql("INSERT INTO customers VALUES (1, 'Ada')")
            await stream.next()
            await standby("nobody")
            async with await psycopg.AsyncConnection.connect(dsn, autocommit=True) as writer:
                # Flushed and decoded, but it waits for a standby that never comes, and nobody sees it meanwhile.
                await writer.execute("SET synchronous_commit = on")
                pid = writer.info.backend_pid
                writing = asyncio.create_task(writer.execute("INSERT INTO customers VALUES (2, 'Bob')"))
                batch = await stream.next()
                assert [change["key"] for change in batch["changes"]] == [{"id": 2}]
                assert len((await ground.run(ROWS))["nodes"]) == 1
                monkeypatch.setattr("schema.read_after.view", looking)
                reading = asyncio.create_task(names(ground, batch["cursor"]))

                async def looked_again() -> bool:
                    return len(looks) >= 3

                await until(looked_again)
                assert not reading.done()
                async with await psycopg.AsyncConnection.connect(admin, autocommit=True) as connection:
                    await connection.execute("SELECT pg_cancel_backend(%s)", (pid,))
                await writing
                assert await reading == ["Ada", "Bob"]
