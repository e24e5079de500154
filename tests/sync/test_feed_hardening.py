"""What a feed, its server or its name may do to us: each is refused or borne, and said."""

import asyncio
import gzip
import io
import ipaddress
import json
import random
import socket
import ssl
import tempfile
from collections.abc import AsyncIterator, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any
from xml.sax.saxutils import escape

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from hypothesis import example, given
from hypothesis import strategies as st
from structlog.testing import capture_logs

from db.errors import SourceUnreachable
from db.feeds import FeedAuth, FeedAuthKind, FeedBinding, FeedFormat, FeedSecrets
from db.sources import Column
from db.wire import ColumnType
from sync.address_guard import Allowed, FeedForbidden, Guard, is_public
from sync.breaker import Breakers, CircuitOpen
from sync.feeds.client import FeedClient, FeedLimits
from sync.feeds.errors import FeedBusy, FeedRefused
from sync.feeds.gunzip import Unpacker
from sync.feeds.json_records import JsonRecords
from sync.feeds.records import Body, FeedUnreadable
from sync.feeds.xml_records import XmlRecords
from sync.retry import RetryPolicy
from tests.sync.http_lines import Lines, answer, lines

ID = (Column("id", ColumnType.TEXT, "id"),)


@pytest.fixture
async def server() -> AsyncIterator[Lines]:
    async with lines() as made:
        yield made


def allow() -> None:
    """No leadership to lose."""


async def _no_sleep(_: float) -> None:
    pass


def make(server: Lines, path: str = "/feed", *, guard: Guard | None = None, url: str = "", **given: Any) -> FeedClient:
    binding = FeedBinding(url or server.url + path, FeedFormat.JSON, "@", auth=given.pop("auth", None))
    settings: dict[str, Any] = {"sleep": _no_sleep, "retry": RetryPolicy(attempts=2), "rng": random.Random(1), **given}
    secrets = settings.pop("secrets", FeedSecrets())
    return FeedClient(binding, secrets, guard or Guard(Allowed.parse([f"127.0.0.1:{server.port}"])), **settings)


async def read(client: FeedClient, url: str) -> bytes:
    try:
        fetched = await client.get(url, allow)
        assert fetched is not None
        fetched.body.stream.seek(0)
        content = fetched.body.stream.read()
        fetched.close()
        return content
    finally:
        await client.close()


# ---- addresses


@pytest.mark.parametrize(
    "address",
    [
        "::7f00:1", "fec0::1", "64:ff9b:1::1", "::ffff:0:127.0.0.1", "2002:a9fe:a9fe::1", "64:ff9b::a9fe:a9fe",
        "3fff::1", "5f00::1", "::ffff:169.254.169.254", "fd00:ec2::254",
    ],
)  # fmt: skip
def test_forms_of_old_and_wrapped_addresses_are_not_public(address: str) -> None:
    assert not is_public(ipaddress.ip_address(address))


@given(st.ip_addresses(v=6))
def test_only_global_unicast_is_public(address: ipaddress.IPv6Address) -> None:
    wrapped = address.ipv4_mapped is not None or address in ipaddress.ip_network("64:ff9b::/96")
    if address not in ipaddress.ip_network("2000::/3") and not wrapped:
        assert not is_public(address)


@pytest.mark.parametrize("host", ["2130706433", "0x7f000001", "127.1", "017700000001", "localhost", "[::1]", "[::]"])
async def test_this_machine_is_refused_however_it_is_spelled(host: str, server: Lines) -> None:
    url = f"http://{host}:{server.port}/"
    with pytest.raises(SourceUnreachable, match=r"not on the public internet|leads nowhere"):
        await read(make(server, url=url, guard=Guard(Allowed())), url)
    assert not server.asked


async def test_a_name_that_changes_its_mind_is_asked_at_the_address_that_was_checked(server: Lines) -> None:
    server.on("/feed", answer(b"[]", Connection="close"))
    told = [["127.0.0.1"], ["127.0.0.1"], ["10.0.0.1"]]

    async def resolve(host: str, _: int) -> Sequence[str]:
        assert host == "feed.example"
        return told.pop(0)

    guard = Guard(Allowed.parse(["127.0.0.0/8"]), resolve)
    url = f"http://feed.example:{server.port}/feed"
    client = make(server, guard=guard, url=url)
    for _ in range(2):
        fetched = await client.get(url, allow)
        assert fetched is not None
        fetched.close()
    assert {one.headers["host"] for one in server.asked} == {f"feed.example:{server.port}"}
    with capture_logs() as logged, pytest.raises(FeedForbidden, match=r"feed\.example is not on the public") as refused:
        await read(client, url)
    assert "10.0.0.1" not in str(refused.value)
    assert ["10.0.0.1"] in [line.get("addresses") for line in logged], "the operator is told"
    assert told == [], "each connection is checked anew"


async def test_an_address_that_does_not_answer_leaves_it_to_the_next(server: Lines) -> None:
    server.on("/feed", answer(b"[1]"))
    with socket.socket() as deaf:
        deaf.bind(("127.0.0.2", server.port))

        async def resolve(*_: object) -> Sequence[str]:
            return ["127.0.0.2", "127.0.0.1"]

        url = f"http://feed.example:{server.port}/feed"
        client = make(server, guard=Guard(Allowed.parse(["127.0.0.0/8"]), resolve), url=url)
        assert await read(client, url) == b"[1]"


async def test_no_message_has_the_address_that_a_name_leads_to(server: Lines) -> None:
    with socket.socket() as deaf:
        deaf.bind(("127.0.0.3", 0))
        port = deaf.getsockname()[1]

        async def resolve(*_: object) -> Sequence[str]:
            return ["127.0.0.3"]

        url = f"http://feed.example:{port}/feed"
        client = make(server, guard=Guard(Allowed.parse(["feed.example"]), resolve), url=url)
        with pytest.raises(SourceUnreachable, match=r"feed\.example takes no connection") as failed:
            await read(client, url)
        assert "127.0.0.3" not in str(failed.value)


async def test_a_name_that_nobody_finds_in_time_is_said(server: Lines) -> None:
    async def resolve(*_: object) -> Sequence[str]:
        await asyncio.Event().wait()
        raise AssertionError

    client = make(
        server, guard=Guard(Allowed(), resolve), url="http://slow.example/", limits=FeedLimits(timeout_s=0.05)
    )
    with pytest.raises(SourceUnreachable, match="did not answer in time"):
        await read(client, "http://slow.example/")


async def test_a_host_that_is_no_name_is_said(server: Lines) -> None:
    url = f"http://{'x' * 70}.example/"
    with pytest.raises(SourceUnreachable, match="leads nowhere"):
        await read(make(server, url=url, guard=Guard(Allowed())), url)


def _certificate(name: str) -> tuple[ssl.SSLContext, ssl.SSLContext]:
    """Contexts of a server with a certificate for that name, and of a client that trusts it."""
    key = ec.generate_private_key(ec.SECP256R1())
    subject = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, name)])
    now = datetime.now(UTC)
    certificate = (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(subject)
        .public_key(key.public_key())
        .serial_number(1)
        .not_valid_before(now - timedelta(days=1))
        .not_valid_after(now + timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([x509.DNSName(name)]), critical=False)
        .sign(key, hashes.SHA256())
    )
    pem = certificate.public_bytes(Encoding.PEM)
    return _serving(pem, key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())), _trusting(pem)


def _serving(certificate: bytes, key: bytes) -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    with tempfile.NamedTemporaryFile() as file:
        file.write(certificate + key)
        file.flush()
        context.load_cert_chain(file.name)
    return context


def _trusting(certificate: bytes) -> ssl.SSLContext:
    return ssl.create_default_context(cadata=certificate.decode())


async def test_tls_is_verified_for_the_name_though_an_address_is_connected_to() -> None:
    serving, trusting = _certificate("feed.example")
    names: list[str | None] = []
    serving.sni_callback = lambda _socket, name, _context: names.append(name)
    async with lines(serving) as server:
        server.on("/feed", answer(b"[2]"))

        async def resolve(*_: object) -> Sequence[str]:
            return ["127.0.0.1"]

        guard = Guard(Allowed.parse(["127.0.0.0/8"]), resolve)
        url = f"https://feed.example:{server.port}/feed"
        assert await read(make(server, guard=guard, url=url, tls=trusting), url) == b"[2]"
        assert names == ["feed.example"]
        other = f"https://other.example:{server.port}/feed"
        with pytest.raises(SourceUnreachable, match="can't be reached"):
            await read(make(server, guard=guard, url=other, tls=trusting), other)
        with pytest.raises(SourceUnreachable, match="can't be reached"):
            await read(make(server, guard=guard, url=url), url)


# ---- servers


@pytest.mark.parametrize("location", ["file:///etc/passwd", "http://", "gopher://127.0.0.1/", "http://[::1", "//"])
async def test_a_redirect_to_what_is_no_address_is_refused(server: Lines, location: str) -> None:
    server.on("/feed", answer(b"", "302 Found", Location=location))
    with pytest.raises(SourceUnreachable):
        await read(make(server), server.url + "/feed")


async def test_an_answer_that_repeats_the_credentials_shows_them_to_nobody(server: Lines) -> None:
    server.on("/feed", answer(b"key s3cr3t-canary of header-canary is bad", "422 Unprocessable"))
    secrets = FeedSecrets({"X-Tenant": "header-canary"}, "s3cr3t-canary")
    client = make(server, secrets=secrets, auth=FeedAuth(FeedAuthKind.BEARER))
    with pytest.raises(FeedRefused) as caught:
        await read(client, server.url + "/feed")
    assert "canary" not in f"{caught.value} {caught.value.reason}"
    assert server.asked[0].headers["authorization"] == "Bearer s3cr3t-canary"


async def test_a_header_goes_out_once_however_its_name_is_spelled(server: Lines) -> None:
    seen = []

    def note(asked: Any) -> bytes:
        seen.append(asked.headers)
        return answer(b"[]")

    server.on("/feed", note)
    await read(make(server, secrets=FeedSecrets({"accept": "text/x", "accept-encoding": "br"})), server.url + "/feed")
    assert (seen[0]["accept"], seen[0]["accept-encoding"]) == ("text/x", "gzip")


async def test_an_answer_that_never_ends_ends(server: Lines) -> None:
    server.on("/feed", b"HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\n[")
    client = make(server, limits=FeedLimits(timeout_s=5.0, total_s=0.05))
    with pytest.raises(SourceUnreachable, match="took longer"):
        await read(client, server.url + "/feed")


async def test_a_host_that_fails_is_left_alone_by_all_its_feeds(server: Lines) -> None:
    now = 0.0
    breakers = Breakers(clock=lambda: now)
    server.on("/feed", answer(b"", "503 Down"))
    server.on("/other", answer(b"[]"))
    for _ in range(4):
        with pytest.raises(SourceUnreachable, match="Gave up after 2"):
            await read(make(server, breakers=breakers), server.url + "/feed")
    assert len(server.asked) == 8
    with pytest.raises(CircuitOpen, match="answered 503"):
        await read(make(server, "/other", breakers=breakers), server.url + "/other")
    assert len(server.asked) == 8
    now = 3600.0
    assert await read(make(server, "/other", breakers=breakers), server.url + "/other") == b"[]"
    assert breakers.recovered() == {f"feed 127.0.0.1:{server.port}"}


async def test_a_host_that_asks_for_fewer_requests_works_and_is_left_alone_as_it_asks(server: Lines) -> None:
    breakers = Breakers()
    server.on("/feed", answer(b"", "429 Too Many Requests\r\nRetry-After: 120"))
    server.on("/other", answer(b"[]"))
    for _ in range(12):
        with pytest.raises(SourceUnreachable, match=r"Gave up after 1 attempt.*120 s") as caught:
            await read(make(server, breakers=breakers), server.url + "/feed")
        assert caught.value.rest_s == 120
    assert await read(make(server, "/other", breakers=breakers), server.url + "/other") == b"[]"


async def test_documents_that_are_never_whole_count_as_failures_of_their_host(server: Lines) -> None:
    breakers = Breakers()
    server.on("/feed", answer(gzip.compress(b"[1]")[:-4]))
    for _ in range(4):
        with pytest.raises(SourceUnreachable, match="cut off"):
            await read(make(server, breakers=breakers), server.url + "/feed")
    with pytest.raises(CircuitOpen):
        await read(make(server, breakers=breakers), server.url + "/feed")


async def test_a_document_that_is_cut_off_is_asked_for_again(server: Lines) -> None:
    server.on("/feed", b"HTTP/1.1 200 OK\r\nContent-Length: 10\r\nConnection: close\r\n\r\n[1", answer(b"[1]"))

    async def cut(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        writer.write(server.answers["/feed"].pop(0))  # type: ignore[arg-type]
        await writer.drain()
        writer.close()

    cutting = await asyncio.start_server(cut, "127.0.0.1", 0)
    port = cutting.sockets[0].getsockname()[1]
    async with cutting:
        url = f"http://127.0.0.1:{port}/feed"
        assert await read(make(server, url=url, guard=Guard(Allowed.parse([f"127.0.0.1:{port}"]))), url) == b"[1]"
        cutting.close()


async def test_a_token_that_is_no_token_is_not_read_to_its_end(server: Lines) -> None:
    server.on("/token", answer(gzip.compress(b" " * 2**24), Content_Encoding="gzip"))
    auth = FeedAuth(FeedAuthKind.OAUTH2_CLIENT_CREDENTIALS, token_url=server.url + "/token", client_id="we")
    with pytest.raises(SourceUnreachable, match="gave no token"):
        await read(make(server, auth=auth, secrets=FeedSecrets(auth="s")), server.url + "/feed")


@given(st.binary(max_size=3000), st.lists(st.integers(1, 400), max_size=20), st.booleans())
def test_a_document_is_unpacked_however_it_is_cut(document: bytes, sizes: list[int], packed: bool) -> None:
    if not packed and document.startswith(b"\x1f\x8b"):
        return
    sent = gzip.compress(document) if packed else document
    unpacker, got = Unpacker(10_000, "feed"), b""
    for size in [*sizes, len(sent)]:
        part, sent = sent[:size], sent[size:]
        got += b"".join(unpacker.feed(part))
    assert got + b"".join(unpacker.end()) == document


def test_a_bomb_is_stopped_on_its_way() -> None:
    unpacker = Unpacker(3 * 2**20, "feed")
    with pytest.raises(SourceUnreachable, match="larger than"):
        unpacker.feed(gzip.compress(b"\0" * 2**26))


def test_a_packed_document_that_is_cut_off_is_no_document() -> None:
    unpacker = Unpacker(100, "feed")
    unpacker.feed(gzip.compress(b"[1, 2]")[:-9])
    with pytest.raises(FeedBusy, match="cut off"):
        unpacker.end()


# ---- documents


def records(document: bytes, charset: str | None = None, path: str = "r") -> list[tuple[str, Any]]:
    return list(JsonRecords(path, ID, 2**20).records(Body(io.BytesIO(document), charset)))


def xml(document: bytes, charset: str | None = None, path: str = "/r/i") -> list[str | None]:
    format_ = XmlRecords(path, {}, ID, 2**20)
    return [str(format_.cell(one, ID[0])) for _, one in format_.records(Body(io.BytesIO(document), charset))]


@pytest.mark.parametrize("charset", ["zlib", "bz2", "hex", "rot13", "x-unknown"])
def test_what_is_no_charset_is_refused(charset: str) -> None:
    with pytest.raises(FeedUnreadable, match="charset"):
        records(b"{}", charset)


def test_an_unknown_charset_of_xml_is_refused() -> None:
    for path in ("/r/i", "//i"):
        with pytest.raises(FeedUnreadable, match="XML"):
            xml(b"<r><i><id>1</id></i></r>", "x-unknown", path)


@pytest.mark.parametrize("charset", ["utf-8", "utf-16", "utf-16le", "iso-8859-1", "windows-1252"])
def test_charsets_are_read_as_the_server_says(charset: str) -> None:
    text = '{"r": [{"id": "Zoë ½"}]}'
    assert records(text.encode(charset), charset) == [("$.r[0]", {"id": "Zoë ½"})]
    assert xml("<r><i><id>Zoë ½</id></i></r>".encode(charset), charset) == ["Zoë ½"]


@pytest.mark.parametrize("path", ["r", "r[*]"])
def test_a_number_that_python_does_not_read_is_said(path: str) -> None:
    """ijson's parser in C would end the process."""
    for before in (0, 60_000, 65_530):
        document = b'{"x": "' + b" " * before + b'", "r": [{"id": ' + b"9" * 5000 + b"}]}"
        with pytest.raises(FeedUnreadable, match="not JSON"):
            records(document, path=path)
    assert records(b'{"r": [{"id": ' + b"9" * 4299 + b"}]}")[0][1]["id"] == 10**4299 - 1


def test_a_record_that_is_too_deep_is_no_end_of_the_run() -> None:
    deep = b'{"r": [{"id": ' + b"[" * 5_000 + b"]" * 5_000 + b"}]}"
    format_ = JsonRecords("r", ID, 2**20)
    [(_, record)] = format_.records(Body(io.BytesIO(deep)))
    with pytest.raises(ValueError, match="deep"):
        format_.cell(record, ID[0])
    with pytest.raises(FeedUnreadable, match="not JSON"):
        records(deep, path="r[*]")


@pytest.mark.parametrize(
    "document",
    [
        b'<!DOCTYPE r [<!ENTITY a "aaaaaaaaaa"><!ENTITY b "&a;&a;&a;&a;&a;&a;&a;">]><r><i><id>&b;</id></i></r>',
        b'<!DOCTYPE r [<!ENTITY a SYSTEM "file:///etc/hostname">]><r><i><id>&a;</id></i></r>',
        b'<!DOCTYPE r [<!ENTITY % a SYSTEM "http://127.0.0.1:9/x.dtd"> %a;]><r><i><id>1</id></i></r>',
        b'<!DOCTYPE r [<!ATTLIST i id CDATA "default">]><r><i/></r>',
    ],
)
@pytest.mark.parametrize("path", ["/r/i", "//i"])
def test_documents_that_define_things_are_refused(document: bytes, path: str) -> None:
    with pytest.raises(FeedUnreadable, match=r"document type|not XML"):
        xml(document, path=path)


def test_xml_is_not_included_from_elsewhere() -> None:
    document = b'<r xmlns:x="http://www.w3.org/2001/XInclude"><i><id><x:include href="/etc/hostname"/></id></i></r>'
    assert xml(document) == [""]


_JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text('ab"\\\né\0', max_size=5),
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(["id", "item", "r", ""]), inner, max_size=3)
    ),
    max_leaves=12,
)


@given(_JSON, st.sampled_from(["r", "r.item", "@"]))
@example({"r": [[{"id": 1}]]}, "r.item")
@example({"r": {"item": {"id": 1}}}, "r")
def test_records_are_the_same_one_by_one_and_as_a_whole(document: Any, plain: str) -> None:
    """The other path is not plain, so that the document is read whole."""
    text = json.dumps(document).encode()
    try:
        whole: Any = [record for _, record in records(text, path=f"{plain} | @")]
    except FeedUnreadable:
        whole = None
    try:
        streamed: Any = [record for _, record in records(text, path=plain)]
    except FeedUnreadable:
        streamed = None
    assert streamed == whole


@given(
    st.lists(st.tuples(st.sampled_from(["i", "j"]), st.text("ab<&é\n", max_size=5)), max_size=6),
    st.sampled_from(["r", "q"]),
)
def test_elements_are_the_same_one_by_one_and_as_a_whole(items: list[tuple[str, str]], root: str) -> None:
    inner = "".join(f"<{tag}><id>{escape(text)}</id><i><id>inner</id></i></{tag}>" for tag, text in items)
    document = f"<{root}>{inner}</{root}>".encode()
    if root != "r":
        with pytest.raises(FeedUnreadable):
            xml(document)
        return
    assert xml(document) == xml(document, path="/r/i[true()]") == [text for tag, text in items if tag == "i"]
