"""Many subscribers in one process, cheap enough to leave a machine of two cores to the server that is measured.

`python -m bench.live.subscribers` reads one line of JSON, `Load`, then one line a phase: the number of messages that
all its subscribers together get next. It answers `ready` once all are subscribed, and each phase with its bytes.
Messages are counted by their frames and not decoded: that the right ones come is what tests assert.
"""

import asyncio
import base64
import json
import os
import sys
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from typing import Any, Final, cast

import uvloop

_TEXT, _CLOSE, _PING, _PONG = 1, 8, 9, 10
_AT_ONCE: Final = 50
DEFLATE: Final = "permessage-deflate; client_max_window_bits"


@dataclass(frozen=True, slots=True)
class Load:
    """Subscriptions `first` … `first + count - 1`, each with its number as id; a variable `"{n}"` is that number,
    counted from 1 again behind each `rows` where that is given.

    `each`: subscriptions of one connection. `greetings`: messages to each before it is ready.
    """

    port: int
    first: int
    count: int
    query: str
    variables: Mapping[str, Any]
    each: int = 1
    greetings: int = 1
    deflate: bool = False
    rows: int = 0
    host: str = "127.0.0.1"


class Subscriber(asyncio.Protocol):
    """One connection with its subscriptions."""

    def __init__(self, load: Load, number: int, heard: Callable[[bytes], None]) -> None:
        """`heard` gets the frame of each message after the greetings."""
        self._load = load
        self._number = number
        self._heard = heard
        self._buffer = bytearray()
        self._open = False
        self._acknowledged = False
        self._messages = -1 - load.greetings * load.each
        self.ready: asyncio.Future[None] = asyncio.get_running_loop().create_future()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast("asyncio.Transport", transport)
        key = base64.b64encode(os.urandom(16)).decode()
        lines = [
            "GET /graphql HTTP/1.1",
            f"Host: 127.0.0.1:{self._load.port}",
            "Upgrade: websocket",
            "Connection: Upgrade",
            f"Sec-WebSocket-Key: {key}",
            "Sec-WebSocket-Version: 13",
            "Sec-WebSocket-Protocol: graphql-transport-ws",
            *([f"Sec-WebSocket-Extensions: {DEFLATE}"] if self._load.deflate else []),
        ]
        self._transport.write("\r\n".join([*lines, "", ""]).encode())

    def connection_lost(self, exc: Exception | None) -> None:
        if not self.ready.done():
            self.ready.set_exception(exc or ConnectionError("The server closed the connection."))

    def data_received(self, data: bytes) -> None:
        if self._messages >= 0 and not self._buffer and _is_one_message(data):
            # Nearly all: what is not done here is left to the server that is measured.
            self._heard(data)
            return
        self._buffer += data
        if not self._open:
            head, end, rest = bytes(self._buffer).partition(b"\r\n\r\n")
            if not end:
                return
            if b" 101 " not in head.split(b"\r\n")[0]:
                raise ConnectionError(head.decode())
            self._open, self._buffer = True, bytearray(rest)
            self._say({"type": "connection_init"})
        self._read()

    def _variables(self, number: int) -> dict[str, Any]:
        row = (number - 1) % self._load.rows + 1 if self._load.rows else number
        numbered: dict[str, Any] = json.loads(json.dumps(self._load.variables).replace('"{n}"', str(row)))
        return numbered

    def _read(self) -> None:
        buffer, at = self._buffer, 0
        while len(buffer) - at >= 2:
            opcode, length, start = buffer[at] & 15, buffer[at + 1], at + 2
            if length == 126:
                length, start = int.from_bytes(buffer[at + 2 : at + 4]), at + 4
            elif length == 127:
                length, start = int.from_bytes(buffer[at + 2 : at + 10]), at + 10
            if len(buffer) < start + length or (start > at + 2 and len(buffer) < start):
                break
            if opcode == _TEXT:
                self._took(bytes(buffer[at : start + length]))
            elif opcode == _PING:
                self._transport.write(_frame(_PONG, bytes(buffer[start : start + length])))
            elif opcode == _CLOSE:
                raise ConnectionError(bytes(buffer[start : start + length]).decode(errors="replace"))
            at = start + length
        del buffer[:at]

    def _took(self, frame: bytes) -> None:
        if not self._acknowledged:
            self._acknowledged = True
            for number in range(self._number, self._number + self._load.each):
                payload = {"query": self._load.query, "variables": self._variables(number)}
                self._say({"id": str(number), "type": "subscribe", "payload": payload})
        self._messages += 1
        if self._messages > 0:
            self._heard(frame)
        elif self._messages == 0:
            self.ready.set_result(None)

    def _say(self, message: Mapping[str, Any]) -> None:
        self._transport.write(_frame(_TEXT, json.dumps(message).encode()))


def _is_one_message(data: bytes) -> bool:
    """Whether it is the frame of one text, as short as nearly all are, and nothing else."""
    return len(data) > 4 and data[0] & 15 == _TEXT and data[1] == 126 and len(data) == 4 + (data[2] << 8) + data[3]


def _frame(opcode: int, payload: bytes) -> bytes:
    """A client's frame; masked with zeros, which leaves the payload as it is."""
    size = len(payload)
    length = bytes([0x80 | size]) if size < 126 else b"\xfe" + size.to_bytes(2)
    return bytes([0x80 | opcode]) + length + bytes(4) + payload


async def connected(load: Load, heard: Callable[[bytes], None]) -> None:
    """Subscribe them all."""
    loop = asyncio.get_running_loop()
    limit = asyncio.Semaphore(_AT_ONCE)

    async def one(number: int) -> None:
        async with limit:
            _, subscriber = await loop.create_connection(lambda: Subscriber(load, number, heard), load.host, load.port)
            await subscriber.ready

    await asyncio.gather(*(one(number) for number in range(load.first, load.first + load.count, load.each)))


async def run(talk: Callable[[asyncio.StreamReader], Awaitable[None]]) -> None:
    """With the lines of standard input."""
    lines = asyncio.StreamReader()
    await asyncio.get_running_loop().connect_read_pipe(lambda: asyncio.StreamReaderProtocol(lines), sys.stdin)
    await talk(lines)


async def _count(lines: asyncio.StreamReader) -> None:
    load = Load(**json.loads(await lines.readline()))
    wanted = received = size = 0
    complete = asyncio.Event()

    def heard(frame: bytes) -> None:
        nonlocal received, size
        received, size = received + 1, size + len(frame)
        if received == wanted:
            complete.set()

    await connected(load, heard)
    print("ready", flush=True)
    while line := await lines.readline():
        wanted = int(line)
        if received < wanted:
            await complete.wait()
        print(size, flush=True)
        received, size = received - wanted, 0
        complete.clear()


if __name__ == "__main__":
    uvloop.run(run(_count))
