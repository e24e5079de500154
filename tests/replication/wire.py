"""A wire to Postgres that a test may cut or freeze: a TCP proxy of this process."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from psycopg.conninfo import conninfo_to_dict, make_conninfo


class _End(asyncio.Protocol):
    """One end of a connection: what comes in goes out at the other end."""

    def __init__(self, wire: "Wire", other: "_End | None" = None) -> None:
        self._wire = wire
        self.other = other
        self.transport: asyncio.Transport | None = None
        self._early = bytearray()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self.transport = transport
        self._wire.joined(self)
        if self.other is None:
            self._wire.call(self)
        elif self.other.transport is not None:
            transport.write(bytes(self.other._early))

    def data_received(self, data: bytes) -> None:
        if self.other is None or self.other.transport is None:
            self._early += data
        else:
            self.other.transport.write(data)

    # Backpressure: what one end can't get rid of, the other doesn't take.
    def pause_writing(self) -> None:
        if self.other is not None and self.other.transport is not None:
            self.other.transport.pause_reading()

    def resume_writing(self) -> None:
        if self.other is not None and self.other.transport is not None and not self._wire.frozen:
            self.other.transport.resume_reading()

    def connection_lost(self, _: Exception | None) -> None:
        self._wire.left(self)
        if self.other is not None and self.other.transport is not None:
            self.other.transport.close()


class Wire:
    """`dsn` leads to Postgres by this wire."""

    def __init__(self, dsn: str) -> None:
        self._dsn = dsn
        self._ends: set[_End] = set()
        self._calling: set[asyncio.Task[None]] = set()
        self._server: asyncio.Server | None = None
        self._port = 0
        self.frozen = False

    @property
    def dsn(self) -> str:
        return make_conninfo(self._dsn, host="127.0.0.1", port=self._port)

    async def mend(self) -> None:
        """Everything goes through, what was held back first."""
        self.frozen = False
        for end in self._ends:
            if end.transport is not None:
                end.transport.resume_reading()
        if self._server is None:
            loop = asyncio.get_running_loop()
            self._server = await loop.create_server(lambda: _End(self), "127.0.0.1", self._port)
            self._port = self._server.sockets[0].getsockname()[1]

    def freeze(self) -> None:
        """Nothing goes through and nobody is told, as when a cable is pulled: the connections stay."""
        self.frozen = True
        for end in self._ends:
            if end.transport is not None:
                end.transport.pause_reading()

    async def cut(self) -> None:
        """Every connection is reset, and none can be made."""
        server, self._server = self._server, None
        if server is not None:
            server.close()
        for task in self._calling:
            task.cancel()
        for end in tuple(self._ends):
            if end.transport is not None:
                end.transport.abort()

    def joined(self, end: _End) -> None:
        self._ends.add(end)
        if self.frozen and end.transport is not None:
            end.transport.pause_reading()

    def left(self, end: _End) -> None:
        self._ends.discard(end)

    def call(self, end: _End) -> None:
        """Connect the other end."""
        task = asyncio.ensure_future(self._call(end))
        self._calling.add(task)
        task.add_done_callback(self._calling.discard)

    async def _call(self, end: _End) -> None:
        given = conninfo_to_dict(self._dsn)
        other = end.other = _End(self, end)
        try:
            await asyncio.get_running_loop().create_connection(
                lambda: other, str(given["host"]), int(str(given["port"]))
            )
        except OSError:
            assert end.transport is not None
            end.transport.abort()


@asynccontextmanager
async def wire_to(dsn: str) -> AsyncIterator[Wire]:
    """A wire that is whole when the block begins, and gone when it ends."""
    wire = Wire(dsn)
    await wire.mend()
    try:
        yield wire
    finally:
        await wire.cut()
