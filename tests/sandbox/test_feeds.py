"""Feeds that are served as a stranger would: read whole, by pages and conditionally, written record by record, kept."""

from collections.abc import Iterator
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

import httpx
import pytest

from sandbox.demo_feeds import ORDER_COUNT, demo_feeds
from sandbox.feeds.records import read_records
from sandbox.feeds.unreadable import Unreadable
from sandbox.server import Sandbox
from tests.loopback import LOOPBACK
from tests.sandbox.checked import CheckedSandbox

ORDERS = b'{"at": "2026-01-31", "orders": [{"id": 1, "total": 12.50}, {"id": 2, "total": 0.1234567890123456789}]}'
RATES = b"""<rates xmlns="urn:rates"><!-- daily --><rate currency="EUR"><value>1.00</value></rate>
<rate currency="USD"><value>1.0840</value></rate></rates>"""


@pytest.fixture(params=["json", "xml"])
def kind(request: pytest.FixtureRequest) -> str:
    return str(request.param)


class Feed:
    """One feed, over HTTP."""

    def __init__(self, sandbox: Sandbox, kind: str) -> None:
        self.kind = kind
        self.type = f"application/{kind}"
        self.http = httpx.Client(base_url=sandbox.url, **LOOPBACK)
        self.keys = ("1", "2") if kind == "json" else ("EUR", "USD")
        document = ORDERS if kind == "json" else RATES
        assert self.send("PUT", "", document, path="/_sandbox/feeds/f").status_code == 204

    def record(self, key: str, value: str) -> bytes:
        if self.kind == "json":
            return f'{{"id": {key}, "total": {value}}}'.encode()
        return f'<rate xmlns="urn:rates" currency="{key}"><value>{value}</value></rate>'.encode()

    def many(self, *records: bytes) -> bytes:
        if self.kind == "json":
            return b"[" + b",".join(records) + b"]"
        return b'<rates xmlns="urn:rates">' + b"".join(records) + b"</rates>"

    def send(self, method: str, key: str, body: bytes = b"", path: str = "", **headers: str) -> httpx.Response:
        url = path or (f"/feeds/f/{key}" if key else "/feeds/f")
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        return self.http.request(method, url, content=body, headers={"Content-Type": self.type, **named})

    def shows(self) -> list[str]:
        return list(read_records(self.type, self.send("GET", "").content, None).all_keys())


@pytest.fixture
def feed(sandbox: Sandbox, kind: str) -> Iterator[Feed]:
    feed = Feed(sandbox, kind)
    yield feed
    feed.http.close()


def test_records_are_written_one_by_one(feed: Feed) -> None:
    one, two = feed.keys
    new = "3" if feed.kind == "json" else "CHF"
    assert feed.send("PUT", one, feed.record(one, "7.70")).status_code == 200
    assert feed.send("PUT", new, feed.record(new, "0.9300")).status_code == 201
    assert feed.send("POST", "", feed.record(new, "1")).status_code == 409
    assert feed.send("DELETE", two).status_code == 204
    assert feed.send("DELETE", two).status_code == 404
    assert feed.send("GET", two).status_code == 404
    assert feed.shows() == [one, new]
    assert b"7.70" in feed.send("GET", one).content
    assert b"0.9300" in feed.send("GET", "").content


def test_what_nobody_wrote_stays_digit_by_digit(feed: Feed) -> None:
    one, _ = feed.keys
    feed.send("PUT", one, feed.record(one, "1"))
    kept = b"0.1234567890123456789" if feed.kind == "json" else b"1.0840"
    assert kept in feed.send("GET", "").content


def test_a_record_is_patched(feed: Feed) -> None:
    one, _ = feed.keys
    body = b'{"note": "n"}' if feed.kind == "json" else b'<rate xmlns="urn:rates" source="ecb"/>'
    assert feed.send("PATCH", one, body).status_code == 200
    shown = feed.send("GET", one).text
    assert ('"note": "n"' if feed.kind == "json" else 'source="ecb"') in shown
    assert ("12.50" if feed.kind == "json" else "1.00") in shown


def test_a_list_is_written_at_once(feed: Feed) -> None:
    one, two = feed.keys
    new = "3" if feed.kind == "json" else "CHF"
    both = feed.many(feed.record(one, "5"), feed.record(new, "6"))
    assert feed.send("POST", "", both).status_code == 409
    assert feed.shows() == [one, two]
    assert feed.send("PUT", "", both).status_code == 204
    assert feed.shows() == [one, two, new]
    assert feed.send("DELETE", "", both).status_code == 204
    assert feed.shows() == [two]


def test_an_idempotency_key_is_carried_out_once(feed: Feed) -> None:
    new = "3" if feed.kind == "json" else "CHF"
    first = feed.send("POST", "", feed.record(new, "1"), Idempotency_Key=feed.kind)
    assert first.status_code == 201
    again = feed.send("POST", "", feed.record(new, "1"), Idempotency_Key=feed.kind)
    assert (again.status_code, again.content) == (201, first.content)
    other = feed.send("POST", "", feed.record(new, "2"), Idempotency_Key=feed.kind)
    assert other.status_code == 422
    assert "another request" in other.json()["error"]


def test_an_unchanged_feed_is_not_sent_again(feed: Feed) -> None:
    first = feed.send("GET", "")
    tag, modified = first.headers["etag"], first.headers["last-modified"]
    assert feed.send("GET", "", If_None_Match=tag).status_code == 304
    assert feed.send("GET", "", If_Modified_Since=modified).status_code == 304
    feed.send("DELETE", feed.keys[0])
    assert feed.send("GET", "", If_None_Match=tag).status_code == 200


@pytest.mark.parametrize("by", ["page=1", "offset=0", "cursor="])
def test_pages_name_the_next_one(feed: Feed, by: str) -> None:
    first = feed.send("GET", "", path=f"/feeds/f?{by}&size=1")
    following = first.links["next"]["url"]
    assert ("page=2" if by == "page=1" else "offset=1") in following
    assert list(read_records(feed.type, first.content, None).all_keys()) == [feed.keys[0]]
    last = feed.http.get(following)
    assert list(read_records(feed.type, last.content, None).all_keys()) == [feed.keys[1]]
    assert "next" not in last.links
    assert parse_qs(urlsplit(following).query)["size"] == ["1"]


def test_what_is_no_record_is_refused_and_nothing_changes(feed: Feed) -> None:
    before = feed.send("GET", "").content
    one, two = feed.keys
    for body in (b"{", b"<", feed.record(two, "1")):
        answer = feed.send("PUT", one, body)
        assert (answer.status_code, bool(answer.json()["error"])) == (400, True)
    assert feed.send("PUT", "", b"a=b", Content_Type="application/x-www-form-urlencoded").status_code == 415
    assert feed.send("PUT", "x", path="/feeds/unknown").status_code == 404
    assert feed.send("GET", "").content == before


def test_the_page_saves_only_what_it_showed(feed: Feed, sandbox: Sandbox) -> None:
    path = "/_sandbox/feeds/f"
    tag = feed.send("GET", "", path=path).headers["etag"]
    feed.send("DELETE", feed.keys[0])
    late = feed.send("PUT", "", feed.many(), path=path, If_Match=tag)
    assert (late.status_code, feed.shows()) == (412, [feed.keys[1]])
    assert '<a href="/feeds/f/edit">f</a>' in feed.http.get("/").text
    assert "<textarea" in feed.http.get("/feeds/f/edit").text
    assert feed.http.get("/feeds/unknown/edit").status_code == 404


def test_a_killed_sandbox_keeps_feeds_and_answers(tmp_path: Path, kind: str) -> None:
    path = tmp_path / "sandbox.sqlite"
    with CheckedSandbox(path) as sandbox:
        feed = Feed(sandbox, kind)
        new = "3" if kind == "json" else "CHF"
        assert feed.send("POST", "", feed.record(new, "1"), Idempotency_Key="k").status_code == 201
        feed.http.close()
    with CheckedSandbox(path) as sandbox:
        http = httpx.Client(base_url=sandbox.url, **LOOPBACK, headers={"Idempotency-Key": "k"})
        assert (
            http.post("/feeds/f", content=feed.record(new, "1"), headers={"Content-Type": feed.type}).status_code == 201
        )
        http.close()


@pytest.mark.parametrize(
    ("kind", "body", "problem"),
    [
        ("application/json", b"7", "no list of objects"),
        ("application/json", b"[" * 100_000, "not JSON"),
        ("application/xml", b"<a>", "not XML"),
        ("text/csv", b"a,b", "not JSON"),
    ],
)
def test_a_document_without_records_says_so(kind: str, body: bytes, problem: str) -> None:
    with pytest.raises(Unreadable, match=problem):
        read_records(kind, body, None)


def test_entities_are_not_read() -> None:
    bomb = b'<!DOCTYPE a [<!ENTITY b SYSTEM "file:///etc/passwd">]><a><r id="1">&b;</r><r id="2"/></a>'
    assert b"root:" not in read_records("application/xml", bomb, None).render()


def test_the_demos_feeds_have_records() -> None:
    counts = {
        name: len(set(read_records(kind, body, key).all_keys())) for name, (kind, body, key) in demo_feeds().items()
    }
    assert counts == {"orders": ORDER_COUNT, "rates": 19}
