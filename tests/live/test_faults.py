"""What a client does wrong ends or slows its own connection, with a code that says why, and nobody else's."""

import asyncio
import json
import os
import signal
from collections.abc import AsyncIterator, Iterator
from contextlib import AsyncExitStack, asynccontextmanager

import psycopg
import pytest
from prometheus_client.parser import text_string_to_metric_families
from strawberry.subscriptions.protocols.graphql_transport_ws.types import SubscribeMessage

from api import cli_listen, graphql, http_protocol
from api.graphql import MAX_OPERATIONS
from api.limits import WEBSOCKET_LIMIT
from api.live.handler import SharingHandler
from tests.live.client import DEADLINE_S, EVERYTHING, LARGE, line, node_client, seen, shared
from tests.live.conftest import serving
from tests.live.raw_client import CLOSE, PING, TEXT, connected, deflated, frame, raw_client, text
from tests.live.test_delivery import joined
from tests.postgres import Server as PostgresServer
from tests.server import ThreadServer, eventually

Sql = psycopg.AsyncConnection
MOST = 40


@pytest.fixture(scope="module")
def live(
    postgres_server: PostgresServer, database_template: str, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[ThreadServer]:
    """Impatient."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(cli_listen, "_STALL_MS", 12_000)
        patch.setattr(http_protocol, "REQUEST_S", 4.0)
        patch.setattr(graphql, "INIT_S", 4.0)
        folder = tmp_path_factory.mktemp("faults")
        settings = {"ping_seconds": 4, "max_connections": MOST}
        with serving(postgres_server, database_template, folder, **settings) as server:
            yield server


async def metric(server: ThreadServer, name: str, **labels: str) -> float:
    """0 where it isn't there yet."""
    families = text_string_to_metric_families((await server.get("/metrics")).text)
    found = [s.value for family in families for s in family.samples if s.name == name and s.labels == labels]
    return found[0] if found else 0.0


async def closes(server: ThreadServer, code: int) -> float:
    return await metric(server, "rowcast_closed_websockets_total", code=str(code))


async def closed(server: ThreadServer, code: int, times: float) -> None:
    """Until so many were, to their end."""

    async def counted() -> bool:
        return await closes(server, code) == times

    await eventually(counted)


@asynccontextmanager
async def others_go_on(live: ThreadServer, sql: Sql) -> AsyncIterator[None]:
    """A subscriber that was there before gets what is committed before, meanwhile and after, on the same connection."""
    async with shared(live) as other:
        await other.up_to_date()
        await joined(live, 1, 1)
        await sql.execute("INSERT INTO customers VALUES (1, 'before')")
        assert seen([await other.batch()]) == [("INSERT", 1)]
        reading = asyncio.create_task(other.until(lambda batch: ("INSERT", 1000000) in seen([batch])))
        yield
        await sql.execute("INSERT INTO customers VALUES (1000000, 'after')")
        batches = await reading
        assert not any(batch["reset"] for batch in batches)


async def test_a_flood_of_frames_is_closed(live: ThreadServer, sql: Sql) -> None:
    before = await closes(live, 4429)
    async with others_go_on(live, sql), raw_client(live) as flooding:
        await flooding.subscribe()
        flood = frame(PING) * 100_000
        sending = asyncio.create_task(flooding.send(flood))
        assert await flooding.closed() == 4429
        sending.cancel()
        await asyncio.wait({sending})

    await closed(live, 4429, before + 1)


@pytest.mark.parametrize("message", [{"type": "ping"}, {"type": "complete", "id": "x"}])
async def test_who_sends_much_is_read_more_slowly_and_loses_nothing(
    live: ThreadServer, sql: Sql, message: dict[str, str]
) -> None:
    # Large enough that a portion has few of them: many a second, and no flood of frames.
    large = {**message, "payload": {"x": "x" * 2000}}
    allowed = int(live.settings.client_messages_per_second * 10 / 1.5)
    before = await metric(live, "rowcast_slowed_clients_total")
    async with others_go_on(live, sql), raw_client(live) as client:
        await client.subscribe()
        await client.send(*(text(large) for _ in range(allowed + 100)))
        await client.send(text({"type": "ping", "payload": {"last": True}}))
        pongs = allowed + 101 if message["type"] == "ping" else 1
        # Throttled, for a second or so, and then all of it was answered.
        assert {each["type"] for each in await client.messages(pongs)} == {"pong"}
    assert await metric(live, "rowcast_slowed_clients_total") > before


async def test_operations_beyond_the_limit_fail_alone(live: ThreadServer, sql: Sql) -> None:
    before = await metric(live, "rowcast_refused_operations_total")
    async with others_go_on(live, sql), raw_client(live) as client:
        await client.send(text({"type": "connection_init"}))
        query = 'subscription { changes(source: "customers", where: {column: "id", eq: 7}) { upToDate } }'
        for number in range(MAX_OPERATIONS + 20):
            await client.send(text({"id": str(number), "type": "subscribe", "payload": {"query": query}}))
        answers = await client.messages(1 + MAX_OPERATIONS + 20)
        refused = [each for each in answers if each["type"] == "error"]
        assert {int(each["id"]) for each in refused} == set(range(MAX_OPERATIONS, MAX_OPERATIONS + 20))
        assert {each["payload"][0]["extensions"]["code"] for each in refused} == {"LIMIT_EXCEEDED"}
        assert await metric(live, "rowcast_refused_operations_total") == before + 20
        # Those that it has go on, and one that it completes makes room.
        await client.send(text({"id": "0", "type": "complete"}))
        await client.send(text({"id": "again", "type": "subscribe", "payload": {"query": query}}))
        [begun] = await client.messages(1)
        assert (begun["id"], begun["type"]) == ("again", "next")
    await joined(live, 0, 0)


async def test_a_storm_of_reconnects_leaves_the_others_alone(live: ThreadServer, sql: Sql) -> None:
    cursors: list[str | None] = [None] * (MOST // 3)
    got: list[list[tuple[str, int]]] = [[] for _ in cursors]
    async with others_go_on(live, sql):
        for again in range(3):
            async with AsyncExitStack() as stack:

                async def come(number: int, stack: AsyncExitStack = stack) -> None:
                    client = await stack.enter_async_context(shared(live, variables={"after": cursors[number]}))
                    batches = await client.up_to_date()
                    cursors[number] = batches[-1]["cursor"]
                    got[number].extend(seen(batches))

                await asyncio.gather(*(come(number) for number in range(len(cursors))))
            await sql.execute(f"INSERT INTO customers VALUES ({again + 2}, 'meanwhile')".encode())
    assert got == [[("INSERT", 2), ("INSERT", 3)]] * len(cursors)


MALFORMED = {
    "unmasked": (frame(TEXT, b"{}", masked=False), 1002),
    "an opcode that is none": (frame(3), 1002),
    "a reserved bit": (frame(TEXT, b"{}", first=0xA0), 1002),
    "compressed, though that was not agreed": (frame(TEXT, b"{}", first=0xC0), 1002),
    "a ping that is too long": (frame(PING, b"x" * 126), 1002),
    "a ping in fragments": (frame(PING, b"x", first=0), 1002),
    "a continuation of nothing": (frame(0, b"x"), 1002),
    "a message within a message": (frame(TEXT, b"x", first=0) + frame(TEXT, b"x"), 1002),
    "a close of one byte": (frame(CLOSE, b"x"), 1002),
    "a close with a code that is none": (frame(CLOSE, (999).to_bytes(2)), 1002),
    "no UTF-8": (frame(TEXT, b'"\xff\xfe"'), 1007),
    "a length beyond the limit": (frame(TEXT, length=WEBSOCKET_LIMIT + 1), 1009),
    "a length beyond all measure": (frame(TEXT, length=1 << 62), 1009),
    "fragments beyond the limit": (
        frame(TEXT, b" " * (WEBSOCKET_LIMIT // 2), first=0) + frame(0, b" " * (WEBSOCKET_LIMIT // 2 + 1), first=0),
        1009,
    ),
    "binary": (frame(2, b"{}"), 4400),
    "no JSON": (frame(TEXT, b"{"), 4400),
}


@pytest.mark.parametrize(("sent", "code"), MALFORMED.values(), ids=MALFORMED.keys())
async def test_a_malformed_frame_closes_with_its_code(live: ThreadServer, sql: Sql, sent: bytes, code: int) -> None:
    before = await closes(live, code)
    async with others_go_on(live, sql), raw_client(live) as client:
        await client.subscribe()
        await client.send(sent)
        assert await client.closed() == code

        await closed(live, code, before + 1)


@pytest.mark.parametrize(
    ("sent", "code"),
    [
        (frame(TEXT, b"\xde\xad\xbe\xef" * 9, first=0xC0), 1002),
        (deflated(b" " * 50_000_000), 1009),  # 49 kB on the wire
    ],
)
async def test_a_compressed_message_is_bounded_unpacked(live: ThreadServer, sql: Sql, sent: bytes, code: int) -> None:
    async with others_go_on(live, sql), raw_client(live, deflate=True) as client:
        await client.send(sent)
        assert await client.closed() == code


_BEGUN = b"GET /graphql HTTP/1.1\r\nHost: 127.0.0.1\r\n"
_POST = b"POST /graphql HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Type: application/json\r\nContent-Length: 9\r\n\r\n{"
NO_REQUESTS = {
    "TLS": (b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03", b"400"),
    "nonsense": (b"nonsense\r\n\r\n", b"400"),
    "a long header": (_BEGUN + b"X: " + b"x" * 100_000, b"431"),
    "many headers": (_BEGUN + b"A: b\r\n" * 20_000, b"431"),
    "a handshake with many": (
        _BEGUN + b"Upgrade: websocket\r\nConnection: Upgrade\r\n" + b"A: b\r\n" * 200 + b"\r\n",
        b"431",
    ),
    "silence": (b"", b"408"),
    "half a head": (_BEGUN, b"408"),
    "half a body": (_POST, None),
}


@pytest.mark.parametrize(("head", "status"), NO_REQUESTS.values(), ids=NO_REQUESTS.keys())
async def test_what_never_becomes_a_request_is_ended(
    live: ThreadServer, sql: Sql, head: bytes, status: bytes | None
) -> None:
    async with others_go_on(live, sql):
        reader, writer = await connected(live)
        writer.write(head)
        async with asyncio.timeout(DEADLINE_S):
            answer = await reader.read()
        assert answer.split(b" ")[1:2] == ([] if status is None else [status])
        writer.transport.abort()


async def test_heads_that_are_too_large_are_counted(live: ThreadServer) -> None:
    before = await metric(live, "rowcast_refused_requests_total", status="431")
    reader, writer = await connected(live)
    writer.write(NO_REQUESTS["a long header"][0])
    await asyncio.wait_for(reader.read(), DEADLINE_S)
    writer.transport.abort()
    assert await metric(live, "rowcast_refused_requests_total", status="431") == before + 1


@pytest.mark.parametrize("protocol", ["graphql-transport-ws", "graphql-ws"])
async def test_who_never_begins_is_closed(live: ThreadServer, sql: Sql, protocol: str) -> None:
    before = await closes(live, 4408)
    async with others_go_on(live, sql), raw_client(live, protocol=protocol) as silent:
        assert await silent.closed() == 4408

        await closed(live, 4408, before + 1)


async def test_connections_beyond_the_limit_are_told_to_come_back(live: ThreadServer, sql: Sql) -> None:
    before = await metric(live, "rowcast_refused_requests_total", status="503")
    async with others_go_on(live, sql):
        async with AsyncExitStack() as stack:
            opened = [await connected(live) for _ in range(MOST + 1)]
            for _, writer in opened:
                stack.callback(writer.transport.abort)
            head = await asyncio.wait_for(opened[-1][0].read(), DEADLINE_S)
            assert head.startswith(b"HTTP/1.1 503 ")
            assert b"Retry-After" in head

        async def comes_in() -> bool:
            return (await live.get("/healthz")).status_code == 200

        await eventually(comes_in)
    assert await metric(live, "rowcast_refused_requests_total", status="503") > before


async def test_who_answers_no_ping_is_closed_with_what_it_never_read(live: ThreadServer, sql: Sql) -> None:
    """Its socket is alive and takes nothing: neither a close frame nor what is before it ever gets through."""
    before = await closes(live, 4408)
    async with others_go_on(live, sql), raw_client(live, receives=4096) as never:
        await never.subscribe()
        await joined(live, 2, 1)
        for number in range(2, 62):
            await sql.execute(f"INSERT INTO customers SELECT {number}, {LARGE}".encode())

        async def ended() -> bool:
            return await metric(live, "rowcast_connections") == 1

        await eventually(ended)
        await closed(live, 4408, before + 1)


async def test_who_vanished_without_a_word_is_closed(live: ThreadServer, sql: Sql) -> None:
    before = await closes(live, 4408)
    async with others_go_on(live, sql), raw_client(live) as silent:
        await silent.subscribe()
        # It reads, as a half-open connection's other end would not, to see how it ends.
        assert await silent.closed() == 4408
    await closed(live, 4408, before + 1)


async def test_a_client_of_node_that_was_suspended_comes_back(live: ThreadServer, sql: Sql) -> None:
    """As a laptop's whose lid was closed: it finds the close frame when it wakes, and must not take it for the end."""
    before = await closes(live, 4408)
    async with others_go_on(live, sql), node_client(live, count=2) as client:
        assert (await line(client))["data"]["changes"]["upToDate"]
        os.killpg(client.pid, signal.SIGSTOP)
        await closed(live, 4408, before + 1)
        os.killpg(client.pid, signal.SIGCONT)
        assert (await line(client))["data"]["changes"]["upToDate"]


async def test_a_client_of_node_comes_back_after_a_fault_of_the_server(
    live: ThreadServer, sql: Sql, monkeypatch: pytest.MonkeyPatch
) -> None:
    begin, failures = SharingHandler.begin, [RuntimeError("as a bug would")]

    async def fails_once(self: SharingHandler, message: SubscribeMessage) -> None:
        if failures:
            raise failures.pop()
        await begin(self, message)

    async with others_go_on(live, sql):
        monkeypatch.setattr(SharingHandler, "begin", fails_once)
        async with node_client(live, count=1) as client:
            assert (await line(client))["data"]["changes"]["upToDate"]
            assert not failures


async def test_a_stream_over_http_that_nobody_reads_is_ended(live: ThreadServer, sql: Sql) -> None:
    body = json.dumps({"query": EVERYTHING}).encode()
    async with others_go_on(live, sql):
        reader, writer = await connected(live, 4096)
        writer.write(
            b"POST /graphql HTTP/1.1\r\nHost: 127.0.0.1\r\nAccept: text/event-stream\r\n"
            b"Content-Type: application/json\r\nContent-Length: %d\r\n\r\n%b" % (len(body), body)
        )
        await asyncio.wait_for(reader.readuntil(b"upToDate"), DEADLINE_S)
        for number in range(2, 62):
            await sql.execute(f"INSERT INTO customers SELECT {number}, {LARGE}".encode())

        async def ended() -> bool:
            return await metric(live, "rowcast_connections") == 1

        await eventually(ended)
        writer.transport.abort()
