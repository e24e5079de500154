"""Replication by TLS: all of it, with a certificate that is verified."""

from collections.abc import Iterator

import pytest
from psycopg.conninfo import make_conninfo

from tests.replication.at_work import at_work
from tests.replication.leader import bind, execute, hub_of, leading, until, value
from tests.replication.reading import logged_changes, settled
from tests.tls_postgres import NOT_FOUND, TlsPostgres, tls_postgres, tls_programs


@pytest.fixture(scope="module")
def postgres() -> Iterator[TlsPostgres]:
    programs = tls_programs()
    if programs is None:
        pytest.skip(NOT_FOUND)
    with tls_postgres(programs) as server:
        yield server


async def test_every_session_is_encrypted_and_a_cut_loses_nothing(postgres: TlsPostgres) -> None:
    async with at_work(postgres.dsn) as ground:
        await ground.more()
        await ground.wire.cut()
        await ground.interrupted()
        await ground.wire.mend()
        await ground.more()
        # What TLS has read from the socket and not handed on shows on no socket.
        await bind(postgres.dsn, "much", "id integer PRIMARY KEY, text text")
        await execute(postgres.dsn, "INSERT INTO much SELECT n, repeat('x', 1000) FROM generate_series(1, 5000) n")
        await settled(postgres.dsn, ground.hub)
        assert len(await logged_changes(postgres.dsn, "public.much")) == 5000
        holder = ground.leader.holder
        sessions = f"FROM pg_stat_ssl JOIN pg_stat_activity USING (pid) WHERE application_name = '{holder}'"
        assert await value(postgres.dsn, f"SELECT bool_and(ssl) {sessions}") is True
        assert await value(postgres.dsn, f"SELECT count(*) {sessions} AND backend_type = 'walsender'") == 1


async def test_a_server_that_is_not_who_it_says_gets_nothing(postgres: TlsPostgres) -> None:
    deceived = make_conninfo(postgres.dsn, sslrootcert=str(postgres.stranger))
    await bind(postgres.dsn, "u", "id integer PRIMARY KEY")
    async with leading(postgres.dsn, through=deceived, streaming=False) as leader:

        async def refused() -> bool:
            status = leader.replication.status
            return not status.streaming and "certificate verify failed" in (status.reason or "")

        await until(refused)
        await execute(postgres.dsn, "INSERT INTO u VALUES (1)")
    async with leading(postgres.dsn) as leader, hub_of(postgres.dsn, leader.bus) as hub:
        await settled(postgres.dsn, hub)
        assert [change.key for change in await logged_changes(postgres.dsn, "public.u")] == ['["1"]']
