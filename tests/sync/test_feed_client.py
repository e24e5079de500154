"""Requests of feeds against a server that redirects, refuses, packs, and asks for credentials."""

import gc
import gzip
import warnings
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, RedirectResponse, Response
from starlette.routing import Route

from db.errors import SourceUnreachable
from db.feeds import FeedAuth, FeedAuthKind, FeedBinding, FeedFormat, FeedSecrets
from sync.address_guard import Allowed, FeedForbidden, Guard
from sync.feeds.client import FeedClient, Fetched
from sync.feeds.errors import FeedBusy, FeedRefused
from tests.server import ThreadServer, server_settings
from tests.sync.feeds import allow, make_client

SECRET = "canary-5f3e"


class Origin:
    """A server, and what it was asked."""

    def __init__(self) -> None:
        self.asked: list[Request] = []
        self.answers: dict[str, Response] = {}
        self.tokens = 0
        self.refuse_tokens = 0
        self.url = ""

    def app(self) -> Starlette:
        return Starlette(
            routes=[
                Route("/ready", lambda _: Response()),
                Route("/token", self._token, methods=["POST"]),
                Route("/{path:path}", self._any, methods=["GET", "PUT"]),
            ]
        )

    def headers(self, name: str) -> list[str | None]:
        return [request.headers.get(name) for request in self.asked]

    async def _any(self, request: Request) -> Response:
        self.asked.append(request)
        if request.url.path == "/guarded":
            good = f"Bearer token-{self.tokens}"
            if request.headers.get("authorization") != good or self.refuse_tokens > 0:
                self.refuse_tokens -= 1
                return Response(status_code=401)
        return self.answers.get(request.url.path, Response(b"[]", media_type="application/json"))

    async def _token(self, request: Request) -> Response:
        self.tokens += 1
        form = (await request.body()).decode()
        assert "grant_type=client_credentials" in form
        assert "scope=read" in form
        return JSONResponse({"access_token": f"token-{self.tokens}", "expires_in": 3600})


async def _origin(folder: Path) -> AsyncIterator[Origin]:
    made = Origin()
    server = ThreadServer(server_settings("", folder), made.app(), "/ready")
    await server.start()
    made.url = server.url
    yield made
    await server.stop()


@pytest.fixture
async def origin(tmp_path: Path) -> AsyncIterator[Origin]:
    async for made in _origin(tmp_path):
        yield made


@pytest.fixture
async def other(tmp_path: Path) -> AsyncIterator[Origin]:
    """Another origin, on another port."""
    async for made in _origin(tmp_path):
        yield made


def client(origin: Origin, path: str = "/feed", auth: FeedAuth | None = None, **settings: Any) -> FeedClient:
    binding = FeedBinding(f"{origin.url}{path}", FeedFormat.JSON, "@", auth=auth, header_names=("X-Key",))
    return make_client(binding, origin.url, FeedSecrets({"X-Key": SECRET}, SECRET), **settings)


async def get(one: FeedClient, url: str) -> bytes:
    fetched = await one.get(url, allow)
    assert fetched is not None
    return _content(fetched)


def _content(fetched: Fetched) -> bytes:
    fetched.body.stream.seek(0)
    content = fetched.body.stream.read()
    fetched.close()
    return content


async def test_redirects_are_followed_and_credentials_stay_with_their_origin(origin: Origin, other: Origin) -> None:
    origin.answers["/feed"] = RedirectResponse("/moved")
    origin.answers["/moved"] = RedirectResponse(f"{other.url}/elsewhere")
    other.answers["/elsewhere"] = Response(b"[1]")
    one = client(origin, auth=FeedAuth(FeedAuthKind.BEARER), guard=Guard(Allowed.parse(["127.0.0.1"])))
    assert await get(one, f"{origin.url}/feed") == b"[1]"
    assert origin.headers("x-key") == [SECRET, SECRET]
    assert origin.headers("authorization") == [f"Bearer {SECRET}"] * 2
    assert other.headers("x-key") == [None]
    assert other.headers("authorization") == [None]
    await one.close()


async def test_a_redirect_into_the_network_is_refused(origin: Origin, other: Origin) -> None:
    origin.answers["/feed"] = RedirectResponse(f"{other.url}/inside")
    one = client(origin)
    with pytest.raises(FeedForbidden, match="not on the public internet"):
        await one.get(f"{origin.url}/feed", allow)
    assert other.asked == []
    origin.answers["/feed"] = RedirectResponse("file:///etc/passwd")
    with pytest.raises(FeedForbidden):
        await one.get(f"{origin.url}/feed", allow)
    origin.answers["/feed"] = RedirectResponse("/feed")
    with pytest.raises(SourceUnreachable, match="sent on more than 5 times"):
        await one.get(f"{origin.url}/feed", allow)
    await one.close()


@pytest.mark.parametrize(
    ("auth", "header", "value"),
    [
        (FeedAuth(FeedAuthKind.BEARER), "authorization", f"Bearer {SECRET}"),
        (FeedAuth(FeedAuthKind.HEADER, name="X-Token"), "x-token", SECRET),
        (FeedAuth(FeedAuthKind.BASIC, name="me"), "authorization", "Basic bWU6Y2FuYXJ5LTVmM2U="),
    ],
    ids=lambda value: str(value)[:20],
)
async def test_requests_are_authorised(origin: Origin, auth: FeedAuth, header: str, value: str) -> None:
    one = client(origin, auth=auth)
    await get(one, f"{origin.url}/feed")
    assert origin.headers(header) == [value]
    await one.close()


async def test_a_secret_of_the_query_is_in_no_message(origin: Origin) -> None:
    one = client(origin, auth=FeedAuth(FeedAuthKind.QUERY, name="key"))
    await get(one, f"{origin.url}/feed?a=1")
    assert dict(origin.asked[0].query_params) == {"a": "1", "key": SECRET}
    origin.answers["/feed"] = Response(status_code=404)
    with pytest.raises(FeedRefused) as failed:
        await get(one, f"{origin.url}/feed")
    assert SECRET not in str(failed.value)
    await one.close()


async def test_a_token_is_fetched_once_and_renewed_where_it_is_refused(origin: Origin) -> None:
    auth = FeedAuth(
        FeedAuthKind.OAUTH2_CLIENT_CREDENTIALS, token_url=f"{origin.url}/token", client_id="me", scope="read"
    )
    one = client(origin, "/guarded", auth)
    for _ in range(3):
        await get(one, f"{origin.url}/guarded")
    assert origin.tokens == 1
    origin.refuse_tokens = 1
    await get(one, f"{origin.url}/guarded")
    assert origin.tokens == 2
    origin.refuse_tokens = 9
    with pytest.raises(FeedRefused, match="401"):
        await get(one, f"{origin.url}/guarded")
    await one.close()


async def test_packed_documents_are_unpacked_whoever_says_so(origin: Origin) -> None:
    text = b'[{"id": 1}]' * 1000
    origin.answers["/encoded"] = Response(gzip.compress(text), headers={"Content-Encoding": "gzip"})
    origin.answers["/file.gz"] = Response(gzip.compress(text) + gzip.compress(text), media_type="application/gzip")
    origin.answers["/short"] = Response(b"7")
    one = client(origin)
    assert await get(one, f"{origin.url}/encoded") == text
    assert await get(one, f"{origin.url}/file.gz") == text * 2
    assert await get(one, f"{origin.url}/short") == b"7"
    origin.answers["/cut"] = Response(gzip.compress(text)[:-20])
    with pytest.raises(SourceUnreachable, match="cut off"):
        await get(one, f"{origin.url}/cut")
    await one.close()


async def test_what_is_too_large_is_refused_packed_or_not(origin: Origin) -> None:
    origin.answers["/plain"] = Response(b" " * (2**20 + 1))
    origin.answers["/bomb"] = Response(gzip.compress(b" " * 2**24), headers={"Content-Encoding": "gzip"})
    one = client(origin)
    for path in ("/plain", "/bomb"):
        with pytest.raises(SourceUnreachable, match="larger than 1,048,576 bytes"):
            await get(one, f"{origin.url}{path}")
    await one.close()


async def test_what_the_feed_asks_for_is_waited(origin: Origin) -> None:
    waits: list[float] = []

    async def sleep(seconds: float) -> None:
        waits.append(seconds)
        origin.answers.pop("/feed", None)

    origin.answers["/feed"] = Response(status_code=429, headers={"Retry-After": "7"})
    one = client(origin, sleep=sleep)
    assert await get(one, f"{origin.url}/feed") == b"[]"
    assert waits == [7.0]
    await one.close()


async def test_a_write_is_made_once_and_never_sent_on(origin: Origin) -> None:
    one = client(origin)
    origin.answers["/feed"] = Response(status_code=503)
    with pytest.raises(FeedBusy):
        await one.send("PUT", f"{origin.url}/feed", b"{}", {"Idempotency-Key": "k"})
    assert origin.headers("idempotency-key") == ["k"]
    origin.answers["/feed"] = RedirectResponse(f"{origin.url}/other", 307)
    with pytest.raises(SourceUnreachable, match=r"sends writes on to .*/other: register that address"):
        await one.send("PUT", f"{origin.url}/feed", b"{}", {})
    assert [request.url.path for request in origin.asked] == ["/feed", "/feed"]
    await one.close()


async def test_a_name_that_leads_nowhere_and_a_port_that_nobody_has_are_said(origin: Origin) -> None:
    binding = FeedBinding("http://127.0.0.1:1/feed", FeedFormat.JSON, "@")
    one = make_client(binding, "http://127.0.0.1:1")
    with pytest.raises(SourceUnreachable, match=r"127\.0\.0\.1:1/feed can't be reached"):
        await one.get(binding.url, allow)
    await one.close()
    nowhere = make_client(FeedBinding("http://no.invalid/", FeedFormat.JSON, "@"), "http://no.invalid:80")
    with pytest.raises(SourceUnreachable, match="leads nowhere"):
        await nowhere.get("http://no.invalid/", allow)
    await nowhere.close()


async def test_an_answer_that_nobody_takes_closes_its_file(origin: Origin) -> None:
    """As where who asked is cancelled before it gets there."""
    with warnings.catch_warnings(record=True) as seen:
        warnings.simplefilter("always")
        one = client(origin)
        assert await one.get(f"{origin.url}/feed", allow) is not None
        gc.collect()
        await one.close()
    assert [str(one.message) for one in seen] == []
