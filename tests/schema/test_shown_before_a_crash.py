"""What was shown to a client outlasts a crash of Postgres, whose last commits may not have been flushed."""

import asyncio
from typing import Any

import pytest

from db.embedded import EmbeddedPostgres
from db.session import connect
from tests.replication.leader import execute
from tests.schema.ground import CUSTOMERS, CUSTOMERS_SQL, Ground, Json, standing
from tests.schema.test_changes import CHANGES, apply, rows

AS_OF = '{ rows(source: "customers") { asOf nodes { data } } }'


async def snapshot(ground: Ground, client: dict[int, Json], crash: Any) -> None:
    async with ground.subscribe(CHANGES, {"snapshot": True}) as stream:
        apply(client, batch := await stream.next())
        assert batch["snapshot"]
        assert batch["last"]
        await crash()
        while 2 not in client:
            apply(client, await stream.next())


async def as_of(ground: Ground, client: dict[int, Json], crash: Any) -> None:
    page = await ground.run(AS_OF)
    client |= {node["data"]["id"]: node["data"] for node in page["nodes"]}
    await crash()
    async with ground.subscribe(CHANGES, {"after": page["asOf"]}) as stream:
        while 2 not in client:
            apply(client, await stream.next())


@pytest.mark.parametrize("following", [snapshot, as_of])
async def test_rows_that_were_shown_with_a_cursor_outlast_a_crash(
    own_postgres: EmbeddedPostgres, following: Any
) -> None:
    dsn = own_postgres.dsn
    async with await connect(own_postgres.superuser_dsn, "rowcast test") as superuser:
        await superuser.execute("ALTER SYSTEM SET wal_writer_delay = '10s'")
        await superuser.execute("SELECT pg_reload_conf()")
    async with standing(dsn) as ground, await connect(dsn, "rowcast test writer") as writer:
        await ground.bind("customers", CUSTOMERS_SQL, CUSTOMERS)
        await ground.run(AS_OF)
        await writer.execute("SET synchronous_commit = off")
        await writer.execute("INSERT INTO customers VALUES (1, 'not flushed')")

        async def crash() -> None:
            await asyncio.to_thread(own_postgres.kill)
            await asyncio.to_thread(own_postgres.start)
            # By the xid of the other, and at its place in the WAL, where that was lost.
            await execute(dsn, "INSERT INTO customers VALUES (2, 'later')")

        client: dict[int, Json] = {}
        await following(ground, client, crash)
        assert client.keys() == {1, 2}
        assert client == await rows(ground)
