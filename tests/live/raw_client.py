"""A WebSocket client that may break every rule: it sends bytes as they are given, and reads only when it is told to."""

import asyncio
import json
import os
import socket
import zlib
from base64 import b64encode
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from typing import Any
from urllib.parse import urlsplit

from tests.live.client import DEADLINE_S, EVERYTHING
from tests.server import Client

TEXT, BINARY, CLOSE, PING, PONG = 1, 2, 8, 9, 10
_DEFLATE = "Sec-WebSocket-Extensions: permessage-deflate\r\n"


def frame(
    opcode: int, payload: bytes = b"", *, first: int = 0x80, masked: bool = True, length: int | None = None
) -> bytes:
    """`first`: the bits beside the opcode. `length`: another than the payload's. Masked with zeros."""
    size = len(payload) if length is None else length
    bit = 0x80 if masked else 0
    if size < 126:
        head = bytes([bit | size])
    else:
        head = bytes([bit | 126]) + size.to_bytes(2) if size < 1 << 16 else bytes([bit | 127]) + size.to_bytes(8)
    return bytes([first | opcode]) + head + (bytes(4) if masked else b"") + payload


def text(message: Any) -> bytes:
    return frame(TEXT, json.dumps(message).encode())


def deflated(payload: bytes) -> bytes:
    compressor = zlib.compressobj(wbits=-15)
    packed = compressor.compress(payload) + compressor.flush(zlib.Z_SYNC_FLUSH)
    return frame(TEXT, packed.removesuffix(b"\x00\x00\xff\xff"), first=0xC0)


class RawClient:
    """One connection."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.reader = reader
        self.writer = writer

    async def send(self, *frames: bytes) -> None:
        """Waits until the socket has them."""
        self.writer.write(b"".join(frames))
        await self.writer.drain()

    async def next(self) -> tuple[int, bytes]:
        """The next frame: opcode and payload. EOF or a reset is an error."""
        async with asyncio.timeout(DEADLINE_S):
            first, second = await self.reader.readexactly(2)
            size = second & 127
            if size >= 126:
                size = int.from_bytes(await self.reader.readexactly(2 if size == 126 else 8))
            return first & 15, await self.reader.readexactly(size)

    async def messages(self, count: int) -> list[Any]:
        """So many messages; pings are answered meanwhile."""
        found: list[Any] = []
        while len(found) < count:
            opcode, payload = await self.next()
            if opcode == TEXT:
                found.append(json.loads(payload))
            elif opcode == PING:
                await self.send(frame(PONG, payload))
            assert opcode != CLOSE, payload
        return found

    async def closed(self) -> int:
        """The code that the server closes with."""
        while True:
            opcode, payload = await self.next()
            if opcode == CLOSE:
                return int.from_bytes(payload[:2])

    async def subscribe(self, variables: Mapping[str, Any] | None = None, query: str = EVERYTHING) -> None:
        """Up to the acknowledgement and the first batch."""
        payload = {"query": query, "variables": dict(variables or {})}
        await self.send(text({"type": "connection_init"}), text({"id": "1", "type": "subscribe", "payload": payload}))
        await self.messages(2)


@asynccontextmanager
async def raw_client(
    server: Client, *, deflate: bool = False, receives: int | None = None, protocol: str = "graphql-transport-ws"
) -> AsyncIterator[RawClient]:
    """Connected by the rules. `receives`: bytes that are taken before it is told to read."""
    reader, writer = await connected(server, receives)
    try:
        key = b64encode(os.urandom(16)).decode()
        writer.write(
            f"GET /graphql HTTP/1.1\r\nHost: 127.0.0.1\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
            f"Sec-WebSocket-Key: {key}\r\nSec-WebSocket-Version: 13\r\n{_DEFLATE if deflate else ''}"
            f"Sec-WebSocket-Protocol: {protocol}\r\n\r\n".encode()
        )
        head = await asyncio.wait_for(reader.readuntil(b"\r\n\r\n"), DEADLINE_S)
        assert b" 101 " in head.split(b"\r\n")[0], head
        yield RawClient(reader, writer)
    finally:
        writer.transport.abort()


async def connected(server: Client, receives: int | None = None) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
    """A connection on which nothing was said yet."""
    made = socket.socket()
    if receives is not None:
        made.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, receives)
    made.setblocking(False)
    await asyncio.get_running_loop().sock_connect(made, ("127.0.0.1", urlsplit(server.url).port))
    return await asyncio.open_connection(sock=made, limit=receives or 1 << 20)
