"""Servers that repeat the secrets that they were sent, in whatever form: nobody gets to see them."""

import base64
import html
import json
import random
from collections.abc import AsyncIterator, Callable
from urllib.parse import quote, quote_plus

import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from structlog.testing import capture_logs

from db.errors import SourceUnreachable
from db.feeds import FeedAuth, FeedAuthKind, FeedBinding, FeedFormat, FeedSecrets
from sync.address_guard import Allowed, Guard
from sync.breaker import Breakers
from sync.circuit import CircuitPolicy
from sync.feeds.client import FeedClient
from sync.feeds.errors import FeedRefused
from sync.feeds.redaction import MARK, Redaction
from sync.retry import RetryPolicy
from tests.sync.feeds import allow, no_sleep
from tests.sync.http_lines import Asked, Lines, answer, lines

FORMS: dict[str, Callable[[str], str]] = {
    "plain": str,
    "percent": lambda text: quote(text, safe=""),
    "lower-case percent": lambda text: quote(text, safe="").lower(),
    "form": quote_plus,
    "html": html.escape,
    "json": lambda text: json.dumps(text)[1:-1],
    "base64": lambda text: base64.b64encode(text.encode()).decode(),
    "base64 amid other text": lambda text: base64.b64encode(f"user:{text}\n".encode()).decode(),
    "base64 for URLs": lambda text: base64.urlsafe_b64encode(f"ab{text}".encode()).decode(),
    "base64 in an address": lambda text: quote(base64.b64encode(f"a{text}".encode()).decode(), safe=""),
    "hex": lambda text: text.encode().hex(),
}
SECRETS = st.text(st.characters(codec="utf-8", exclude_categories=["C", "Z"]), min_size=8, max_size=40)


@pytest.mark.parametrize("form", FORMS.values(), ids=FORMS)
@given(secret=SECRETS)
@example("c4n&ry-pässw/rd+=?'\"\\")
@example("🗝🗝🗝🗝🗝🗝🗝🗝")
@example("A correct horse battery")
def test_a_secret_is_cut_out_in_every_form(form: Callable[[str], str], secret: str) -> None:
    assert Redaction([secret])(f"bad: ({form(secret)})") == f"bad: ({MARK})"


def test_what_is_no_secret_stays() -> None:
    text = "There is no such page; the weather is fine, c2VjcmV0IGlz."
    assert Redaction([])(text) == text
    assert Redaction(["", "another one", "x1"])(text) == text


def test_a_secret_that_another_one_is_part_of_is_cut_whole() -> None:
    assert Redaction(["Bearer canary-1", "canary-1-and-more"])("Bearer canary-1, canary-1-and-more, canary-1") == (
        f"{MARK}, {MARK}, {MARK}"
    )


def test_a_text_that_ends_amid_a_secret_ends_before_it() -> None:
    assert "can" not in Redaction(["canary-1"]).start("x" * 200 + " canar")


@pytest.fixture
async def server() -> AsyncIterator[Lines]:
    async with lines() as made:
        yield made


def client(server: Lines, auth: FeedAuth, breakers: Breakers | None = None) -> FeedClient:
    return FeedClient(
        FeedBinding(f"{server.url}/feed", FeedFormat.JSON, "@", auth=auth),
        FeedSecrets({}, "s3cr3t-canary"),
        Guard(Allowed.parse([f"127.0.0.1:{server.port}"])),
        sleep=no_sleep,
        retry=RetryPolicy(attempts=2),
        rng=random.Random(1),
        breakers=breakers,
    )


@pytest.mark.parametrize(
    "auth",
    [
        FeedAuth(FeedAuthKind.QUERY, name="key"),
        FeedAuth(FeedAuthKind.BASIC, name="me"),
        FeedAuth(FeedAuthKind.OAUTH2_CLIENT_CREDENTIALS, token_url="/token", client_id="me"),
    ],
    ids=lambda auth: auth.kind,
)
async def test_what_was_sent_is_shown_to_nobody_as_it_was_sent(server: Lines, auth: FeedAuth) -> None:
    def repeat(asked: Asked) -> bytes:
        sent = asked.headers.get("authorization", asked.path)
        assert sent != "/feed"
        return answer(
            f"bad: {sent} ".encode() + sent.rpartition(" ")[2].removeprefix("/feed?key=").encode().hex().encode(),
            "422 Unprocessable",
        )

    if auth.token_url is not None:
        auth = FeedAuth(auth.kind, token_url=f"{server.url}/token", client_id="me")
    server.on("/feed", repeat)
    server.on("/token", answer(b'{"access_token": "received-canary"}'))
    one = client(server, auth)
    with pytest.raises(FeedRefused) as caught:
        await one.get(f"{server.url}/feed", allow)
    assert MARK in caught.value.reason
    for shown in (str(caught.value), caught.value.reason):
        assert "canary" not in shown
        assert b"canary".hex() not in shown
        assert base64.b64encode(b"me:s3cr3t-canary").decode()[4:-4] not in shown
    await one.close()


async def test_a_tokens_server_that_repeats_the_secret_is_no_leak(server: Lines) -> None:
    server.on("/token", answer(b'{"error": "canarylowercase"}', "400 Bad Request"))
    auth = FeedAuth(FeedAuthKind.OAUTH2_CLIENT_CREDENTIALS, token_url=f"{server.url}/token", client_id="me")
    one = FeedClient(
        FeedBinding(f"{server.url}/feed", FeedFormat.JSON, "@", auth=auth),
        FeedSecrets({}, "canarylowercase"),
        Guard(Allowed.parse([f"127.0.0.1:{server.port}"])),
    )
    with pytest.raises(SourceUnreachable, match="gave no token") as caught:
        await one.get(f"{server.url}/feed", allow)
    assert "canary" not in str(caught.value)
    await one.close()


async def test_a_secret_in_an_address_or_in_what_is_no_http_is_not_shown(server: Lines) -> None:
    """Nor in the log, where a circuit that opens says why."""
    server.on("/feed", answer(b"", "302 Found", Location="/moved/s3cr3t-canary/x"))
    server.on("/moved/s3cr3t-canary/x", b"HTTP/1.1 s3cr3t-canary\r\n\r\n")
    auth = FeedAuth(FeedAuthKind.BEARER)
    one = client(server, auth, Breakers(CircuitPolicy(failures=1)))
    with capture_logs() as logged, pytest.raises(SourceUnreachable) as caught:
        await one.get(f"{server.url}/feed", allow)
    assert "circuit opened" in [line["event"] for line in logged]
    assert "canary" not in f"{caught.value} {logged}"
    await one.close()
    server.on("/feed", answer(b"", "307 Temporary Redirect", Location="/moved/s3cr3t-canary/x"))
    one = client(server, auth)
    with pytest.raises(SourceUnreachable, match="register that address") as caught:
        await one.send("PUT", f"{server.url}/feed", b"{}", {})
    assert "canary" not in str(caught.value)
    await one.close()
