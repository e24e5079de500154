"""The walsender's connection: status by time also while nobody reads, answers at once, silence noticed."""

import asyncio
import os
import signal
import socket
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import psycopg
import pytest

from db.embedded import EmbeddedPostgres
from db.session import connect
from replication.errors import StreamEnded, StreamSilent
from replication.messages import Keepalive
from replication.slot import create_slot, slot_name
from replication.stream import Stream, walsender
from tests.replication.leader import DEADLINE_S, execute, until, value


@asynccontextmanager
async def streaming(dsn: str, patience: str) -> AsyncIterator[Stream]:
    """A stream whose server cuts it after `patience` of silence."""
    database = await value(dsn, "SELECT current_database()")
    await execute(dsn, f"ALTER DATABASE {database} SET wal_sender_timeout = '{patience}'")
    async with await connect(dsn, "rowcast test") as connection:
        name = await slot_name(connection)
        start = await create_slot(connection, name)
    async with (
        walsender(dsn, "rowcast test stream") as sender,
        sender.stream(name, ["rowcast_tables"], start) as stream,
    ):
        yield stream


SLOT = "SELECT {} FROM pg_replication_slots WHERE database = current_database()"


async def test_status_goes_out_by_time_also_while_nobody_reads(database: str) -> None:
    await execute(database, "CREATE TABLE t (id integer, x text)", "ALTER PUBLICATION rowcast_tables ADD TABLE t")
    async with streaming(database, "900ms") as stream:
        # More than the sockets' buffers hold: the server can't get rid of it, and nobody takes it.
        await execute(database, "INSERT INTO t SELECT n, repeat('x', 1000) FROM generate_series(1, 30000) n")
        began = await value(database, "SELECT clock_timestamp()")

        async def kept_for_long() -> bool:
            assert await value(database, SLOT.format("active")), "the server cut the stream"
            return bool(
                await value(database, f"SELECT clock_timestamp() > timestamptz '{began}' + interval '3 seconds'")
            )

        await until(kept_for_long)
        frames = 0
        async with asyncio.timeout(DEADLINE_S):
            while frames < 30_002:
                frames += sum(isinstance(frame, bytes) for frame in await stream.receive())


async def test_a_server_that_asks_is_answered_at_once(database: str, monkeypatch: pytest.MonkeyPatch) -> None:
    # Nothing by time: only the answers keep the stream, for several times the server's patience.
    monkeypatch.setattr("replication.stream._LONGEST_STATUS_S", 1000.0)
    await execute(database, "CREATE TABLE t (id integer)")
    async with streaming(database, "400ms") as stream:
        stream._status_s = 1000.0
        await stream.close()
        stream._reporting = asyncio.create_task(asyncio.Event().wait())  # type: ignore[arg-type]
        asked = 0
        async with asyncio.timeout(DEADLINE_S):
            while asked < 6:
                asked += sum(isinstance(frame, Keepalive) and frame.reply for frame in await stream.receive())


async def test_what_is_confirmed_reaches_the_slot(database: str) -> None:
    async with streaming(database, "60s") as stream:
        await execute(database, "SELECT pg_logical_emit_message(true, 'x', 'x')")
        end = 0
        async with asyncio.timeout(DEADLINE_S):
            await stream.report(ask=True)
            while not end:
                keepalives = [frame for frame in await stream.receive() if isinstance(frame, Keepalive)]
                end = max((frame.wal_end for frame in keepalives), default=0)
        stream.confirm(end)
        stream.confirm(end - 8)
        await stream.report()

        async def confirmed() -> bool:
            return bool(await value(database, SLOT.format(f"(confirmed_flush_lsn - '0/0')::bigint = {end}")))

        await until(confirmed)


async def test_nothing_counts_as_kept_before_somebody_says_so(database: str) -> None:
    async with await connect(database, "rowcast test") as connection:
        name = await slot_name(connection)
        made = await create_slot(connection, name)
    await execute(database, "SELECT pg_logical_emit_message(true, 'x', 'x')")
    # The log has it. Whether that is flushed is another matter.
    start = await value(database, "SELECT (pg_current_wal_insert_lsn() - '0/0')::bigint")
    async with (
        walsender(database, "rowcast test stream") as sender,
        sender.stream(name, ["rowcast_tables"], int(str(start))) as stream,
    ):
        await stream.report()
        # The server has heard that by the time that it sends this.
        await execute(database, "SELECT pg_logical_emit_message(true, 'x', 'y')")
        async with asyncio.timeout(DEADLINE_S):
            while not any(isinstance(frame, bytes) for frame in await stream.receive()):
                pass
        assert await value(database, SLOT.format("(confirmed_flush_lsn - '0/0')::bigint")) == made


async def test_a_server_that_falls_silent_is_noticed(own_postgres: EmbeddedPostgres) -> None:
    async with streaming(own_postgres.dsn, "900ms") as stream:
        await stream.receive()
        pid = await value(own_postgres.dsn, SLOT.format("active_pid"))
        assert isinstance(pid, int)
        os.kill(pid, signal.SIGSTOP)
        try:
            with pytest.raises(StreamSilent, match="nothing"):
                await asyncio.wait_for(to_its_end(stream), DEADLINE_S)
        finally:
            os.kill(pid, signal.SIGCONT)


async def test_a_stream_that_the_server_ends_says_why(database: str) -> None:
    async with streaming(database, "60s") as stream:
        await execute(database, SLOT.format("pg_terminate_backend(active_pid)"))
        with pytest.raises((psycopg.OperationalError, StreamEnded)):
            await asyncio.wait_for(to_its_end(stream), DEADLINE_S)


async def test_status_that_cannot_be_sent_ends_the_reading(database: str) -> None:
    async with streaming(database, "60s") as stream:
        stream._reporting.cancel()
        with pytest.raises(asyncio.CancelledError):
            await asyncio.wait_for(to_its_end(stream), DEADLINE_S)


async def test_no_limit_of_the_server_means_a_status_all_the_same(database: str) -> None:
    async with streaming(database, "0") as stream:
        assert stream._status_s == 15.0


async def to_its_end(stream: Stream) -> None:
    while True:
        await stream.receive()


async def received_for_ever(stream: Stream) -> None:
    while True:
        await stream.receive()


async def test_the_number_of_a_lost_connections_socket_is_left_to_who_has_it_next(database: str) -> None:
    heard = asyncio.Event()
    async with streaming(database, "60s") as stream:
        number = stream._pgconn.socket
        with socket.socket(fileno=os.dup(number)) as same:
            same.shutdown(socket.SHUT_RDWR)
        with pytest.raises(psycopg.OperationalError):
            await asyncio.wait_for(received_for_ever(stream), DEADLINE_S)
        with pytest.raises(OSError, match="Bad file descriptor"):
            os.fstat(number)
        reading, writing = os.pipe()
        os.dup2(reading, number)
        asyncio.get_running_loop().add_reader(number, heard.set)
    os.write(writing, b"x")
    async with asyncio.timeout(DEADLINE_S):
        await heard.wait()
    asyncio.get_running_loop().remove_reader(number)
    for each in {number, reading, writing}:
        os.close(each)
