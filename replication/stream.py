"""The walsender's connection: frames in, status out. A thin shell around psycopg's libpq wrapper.

A status goes out by time, by a task of its own, also while nobody takes frames: a server that hears nothing for
wal_sender_timeout cuts the stream. Each one asks for an answer, so that silence means a dead connection. What is
confirmed is the caller's to decide.
"""

import asyncio
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import UTC, datetime

import psycopg
from psycopg import sql
from psycopg.conninfo import make_conninfo
from psycopg.pq import ExecStatus

from db.position import format_lsn
from db.session import Connection, session_dsn
from replication.decoder import decode_frame, encode_status
from replication.errors import StreamEnded, StreamSilent
from replication.messages import Keepalive

_LONGEST_STATUS_S = 15.0
# A batch is decoded in one go, in a millisecond or two: nothing else in the process happens meanwhile.
_BATCH_FRAMES = 100
_BATCH_BYTES = 1 << 16


@dataclass(frozen=True, slots=True)
class Identity:
    """Which WAL this is: of which cluster, and of which of its lives."""

    system_id: str
    timeline: int


class Walsender:
    """A replication connection that does not stream yet."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    async def identify(self) -> Identity:
        """The server's system identifier and timeline."""
        row = await (await self._connection.execute("IDENTIFY_SYSTEM")).fetchone()
        assert row is not None
        return Identity(row[0], int(row[1]))

    @asynccontextmanager
    async def stream(self, slot: str, publications: Sequence[str], start: int) -> AsyncIterator["Stream"]:
        """Stream the commits from the LSN `start` on, with logical messages. ObjectInUse where another one does."""
        status_s = await self._status_interval()
        # The value is a list of identifiers inside a string literal.
        names = ",".join('"' + name.replace('"', '""') + '"' for name in publications)
        await self._connection.execute(
            sql.SQL(
                "START_REPLICATION SLOT {} LOGICAL {} (proto_version '1', publication_names {}, messages 'true')"
            ).format(sql.Identifier(slot), sql.SQL(format_lsn(start)), sql.Literal(names))
        )
        stream = Stream(self._connection, status_s)
        try:
            yield stream
        finally:
            await stream.close()

    async def _status_interval(self) -> float:
        """Seconds: a third of wal_sender_timeout, where 0 means that there is none."""
        cursor = await self._connection.execute("SELECT setting FROM pg_settings WHERE name = 'wal_sender_timeout'")
        row = await cursor.fetchone()
        timeout_s = 0.0 if row is None else int(row[0]) / 1000
        return min(_LONGEST_STATUS_S, timeout_s / 3) if timeout_s else _LONGEST_STATUS_S


@asynccontextmanager
async def walsender(dsn: str, application_name: str) -> AsyncIterator[Walsender]:
    """A replication connection to the DSN's database, with the pinned settings of every session."""
    conninfo = make_conninfo(session_dsn(dsn, application_name), replication="database")
    connection = await psycopg.AsyncConnection.connect(conninfo, autocommit=True)
    try:
        yield Walsender(connection)
    finally:
        await connection.close()


class Stream:
    """One START_REPLICATION, until it is closed. One reader at a time."""

    def __init__(
        self,
        connection: Connection,
        status_s: float,
        now: Callable[[], datetime] = lambda: datetime.now(UTC),
    ) -> None:
        self._pgconn = connection.pgconn
        self._loop = asyncio.get_running_loop()
        self._socket = connection.pgconn.socket
        self._flushed = 0  # no LSN: a status confirms nothing then
        self._status_s = status_s
        self._now = now
        self._sending = asyncio.Lock()
        self._readable: list[asyncio.Future[None]] = []
        self._writable: list[asyncio.Future[None]] = []
        self._reporting = asyncio.create_task(self._report_by_time(), name="replication status")

    @property
    def patience_s(self) -> float:
        """How long a server that was asked may stay silent before it counts as gone."""
        return 2 * self._status_s

    async def receive(self) -> list[bytes | Keepalive]:
        """The pgoutput messages and keepalives that are there, at least one.

        StreamSilent when nothing comes, not even an answer to a status.
        """
        try:
            return await self._frames()
        except psycopg.Error:
            self._forget_socket()
            raise

    async def _frames(self) -> list[bytes | Keepalive]:
        frames: list[bytes | Keepalive] = []
        size, looked = 0, False
        while size < _BATCH_BYTES and len(frames) < _BATCH_FRAMES:
            count, data = self._pgconn.get_copy_data(1)
            if count > 0:
                frame = decode_frame(data.tobytes())
                frames.append(frame)
                size += count
                if isinstance(frame, Keepalive) and frame.reply:
                    await self.report()
                looked = False
            elif count < 0:
                self._raise_ended()
            elif not looked:
                # libpq takes 16 kB at a time, and more may be there: waiting for it would cost a turn of the loop.
                self._pgconn.consume_input()
                looked = True
            elif frames:
                break
            else:
                await self._more()
        return frames

    def confirm(self, flushed: int) -> None:
        """Let the server forget everything below the LSN, with the next status."""
        self._flushed = max(self._flushed, flushed)

    async def report(self, *, ask: bool = False) -> None:
        """Send a status now; with `ask` the server answers with a keepalive."""
        async with self._sending:
            status = encode_status(self._flushed, self._now(), reply=ask)
            try:
                while self._pgconn.put_copy_data(status) == 0:
                    await self._drained()
                while self._pgconn.flush() == 1:
                    await self._drained()
            except psycopg.Error:
                self._forget_socket()
                raise

    async def close(self) -> None:
        """Stop the timed status. The connection is its opener's."""
        self._reporting.cancel()
        await asyncio.wait({self._reporting})
        self._forget_socket()

    def _forget_socket(self) -> None:
        """Wait for it no more. Called before anything else is awaited after an error: libpq may have closed it, and
        its number is soon another connection's, which would wait for ever.
        """
        for waiting, stop in ((self._readable, self._loop.remove_reader), (self._writable, self._loop.remove_writer)):
            if waiting:
                stop(self._socket)
                waiting.clear()

    async def _report_by_time(self) -> None:
        while True:
            await asyncio.sleep(self._status_s)
            await self.report(ask=True)

    async def _more(self) -> None:
        """Wait for input, and take it from the socket."""
        readable = self._when_readable()
        done, _ = await asyncio.wait(
            {readable, self._reporting}, timeout=self.patience_s, return_when=asyncio.FIRST_COMPLETED
        )
        if self._reporting.done():
            self._reporting.result()
        if not done:
            raise StreamSilent(f"Postgres sent nothing for {self.patience_s:.1f} s, though it was asked to.")
        self._pgconn.consume_input()

    async def _drained(self) -> None:
        """The server may have to get rid of its output before it reads ours: wait for both."""
        readable, writable = self._when_readable(), self._when_writable()
        await asyncio.wait({readable, writable}, return_when=asyncio.FIRST_COMPLETED)
        if readable.done():
            self._pgconn.consume_input()

    def _when_readable(self) -> "asyncio.Future[None]":
        if not self._readable:
            self._loop.add_reader(self._socket, self._wake, self._readable, self._loop.remove_reader)
        self._readable.append(self._loop.create_future())
        return self._readable[-1]

    def _when_writable(self) -> "asyncio.Future[None]":
        if not self._writable:
            self._loop.add_writer(self._socket, self._wake, self._writable, self._loop.remove_writer)
        self._writable.append(self._loop.create_future())
        return self._writable[-1]

    def _wake(self, waiting: "list[asyncio.Future[None]]", stop: Callable[[int], bool]) -> None:
        stop(self._socket)
        for future in waiting:
            if not future.done():
                future.set_result(None)
        waiting.clear()

    def _raise_ended(self) -> None:
        result = self._pgconn.get_result()
        if result is not None and result.status == ExecStatus.FATAL_ERROR:
            raise psycopg.errors.error_from_result(result)
        raise StreamEnded("Postgres ended the stream.")
