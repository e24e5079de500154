"""A server for tests of clients that must bear anything: it answers with the bytes that it is told."""

import asyncio
import ssl
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

Answer = Callable[["Asked"], bytes]


@dataclass(frozen=True)
class Asked:
    """A request as it came in: its first line, its headers by lower-case name, its body."""

    line: str
    headers: Mapping[str, str]
    body: bytes

    @property
    def path(self) -> str:
        return self.line.split(" ")[1]


@dataclass
class Lines:
    """`answers` by path without query, one for each time, the last one for ever. `before` is awaited before each."""

    port: int = 0
    answers: dict[str, list[bytes | Answer]] = field(default_factory=dict)
    asked: list[Asked] = field(default_factory=list)
    before: Callable[[], Awaitable[None]] | None = None
    serving: "dict[asyncio.Task[None], asyncio.StreamWriter]" = field(default_factory=dict, repr=False)

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def on(self, path: str, *answers: bytes | Answer) -> None:
        self.answers[path] = list(answers)

    def seen(self, path: str) -> list[Asked]:
        return [one for one in self.asked if one.path.partition("?")[0] == path]

    def answer(self, asked: Asked) -> bytes:
        self.asked.append(asked)
        queue = self.answers.get(asked.path.partition("?")[0], [answer(b"nothing here", "404 Not Found")])
        chosen = queue.pop(0) if len(queue) > 1 else queue[0]
        return chosen(asked) if callable(chosen) else chosen

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        self.serving[task] = writer
        try:
            while head := (await reader.readuntil(b"\r\n\r\n")).decode("latin-1"):
                first, *rest = head.strip().split("\r\n")
                headers = {name.lower(): value.strip() for name, _, value in (line.partition(":") for line in rest)}
                body = await reader.readexactly(int(headers.get("content-length", 0)))
                if self.before is not None:
                    await self.before()
                writer.write(self.answer(Asked(first, headers, body)))
                await writer.drain()
        except (asyncio.IncompleteReadError, ConnectionError):
            pass
        finally:
            writer.close()
            del self.serving[task]

    async def end(self) -> None:
        for writer in self.serving.values():
            writer.close()
        await asyncio.gather(*self.serving)


@asynccontextmanager
async def lines(tls: ssl.SSLContext | None = None) -> AsyncIterator[Lines]:
    """A server on a free port of loopback."""
    made = Lines()
    server = await asyncio.start_server(made.serve, "127.0.0.1", 0, ssl=tls)
    made.port = server.sockets[0].getsockname()[1]
    async with server:
        yield made
        server.close()
        await made.end()


def answer(body: bytes, status: str = "200 OK", **headers: str) -> bytes:
    """An answer in one piece."""
    given = {"Content-Type": "application/json", "Content-Length": str(len(body)), **headers}
    named = "".join(f"{name.replace('_', '-')}: {value}\r\n" for name, value in given.items())
    return f"HTTP/1.1 {status}\r\n{named}\r\n".encode() + body
