"""Requests of one feed: guarded, authorised, retried, with every answer bounded in time and size.

The one place that all requests of a feed pass. Redirects of reads are followed by hand, each checked like the first;
credentials stay with the origin that was registered.
"""

import asyncio
import hashlib
import random
import ssl
import tempfile
import time
import weakref
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator, Mapping
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass
from datetime import timedelta
from email.utils import parsedate_to_datetime
from functools import lru_cache
from typing import BinaryIO, Final, cast
from urllib.parse import urlsplit

import httpx
import structlog

from db.errors import SourceUnreachable
from db.feeds import FeedBinding, FeedSecrets
from sync.address_guard import FeedForbidden, Guard, check_url, follow, shown
from sync.breaker import Breakers
from sync.feeds.auth import Authoriser
from sync.feeds.errors import FeedBusy, FeedRefused, is_busy, refuse, unanswered
from sync.feeds.gunzip import Unpacker
from sync.feeds.records import Body
from sync.feeds.redaction import Redaction
from sync.feeds.transport import GuardedTransport
from sync.retry import RetryPolicy, gave_up
from sync.services import feed_service

log = structlog.get_logger(__name__)

_REDIRECTS: Final = frozenset({301, 302, 303, 307, 308})
_MOST_REDIRECTS: Final = 5
_IN_MEMORY: Final = 4 * 2**20
_REASON_BYTES: Final = 4096
_TOKEN_BYTES: Final = 2**16


@dataclass(frozen=True, slots=True)
class FeedLimits:
    """`body_bytes`: of a document, packed and unpacked. `whole_bytes`: of one that must be held in memory whole.

    `timeout_s` is for each wait of a request, `total_s` for a whole one. `shown_within_s`: for so long the feed may
    not show a write yet that it accepted.
    """

    body_bytes: int = 256 * 2**20
    whole_bytes: int = 32 * 2**20
    timeout_s: float = 30.0
    total_s: float = 300.0
    shown_within_s: float = 120.0


@dataclass(frozen=True, slots=True)
class Validators:
    """What makes the next read of the same address conditional."""

    etag: str | None
    last_modified: str | None

    @classmethod
    def of(cls, headers: Mapping[str, str]) -> "Validators":
        """Those of an answer. A document that changed in the second of the answer may change in it once more, and have
        the same Last-Modified: such a one tells nothing (RFC 9110, 8.8.2.2)."""
        etag, modified = headers.get("etag"), headers.get("last-modified")
        try:
            settled = modified is not None and (
                parsedate_to_datetime(headers["date"]) - parsedate_to_datetime(modified) >= timedelta(seconds=2)
            )
        except (KeyError, ValueError, TypeError):
            settled = False
        return cls(etag, modified if settled else None)

    def headers(self) -> Mapping[str, str]:
        found = {"If-None-Match": self.etag, "If-Modified-Since": self.last_modified}
        return {name: value for name, value in found.items() if value is not None}


@dataclass(frozen=True, slots=True)
class Fetched:
    """A document. `asked` is the address that was asked for, `url` the one that answered. `digest` is of the content,
    `link` the address of the Link header's next, as it stands there.
    """

    asked: str
    url: str
    body: Body
    content_type: str
    digest: str
    validators: Validators
    link: str | None

    def close(self) -> None:
        self.body.stream.close()


class FeedClient:
    """For one feed, over all of its runs. `clock` gives Unix seconds; `tls` None trusts the public authorities.

    `breakers` are shared by all feeds, so that a host that fails is left alone by all of them.
    """

    def __init__(
        self,
        binding: FeedBinding,
        secrets: FeedSecrets,
        guard: Guard,
        *,
        limits: FeedLimits | None = None,
        retry: RetryPolicy | None = None,
        tls: ssl.SSLContext | None = None,
        breakers: Breakers | None = None,
        clock: Callable[[], float] = time.time,
        sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
        rng: random.Random | None = None,
    ) -> None:
        self.limits: Final = limits or FeedLimits()
        self.calls = 0
        self._origin = _origin(binding.url)
        self._secrets = secrets
        self._retry = retry or RetryPolicy()
        self._breakers = breakers or Breakers()
        self._clock = clock
        self._sleep = sleep
        self._rng = rng or random.Random()  # noqa: S311 - spreads retries, guards nothing
        self._http = httpx.AsyncClient(
            transport=GuardedTransport(guard, tls),
            timeout=self.limits.timeout_s,
            trust_env=False,
            follow_redirects=False,
        )
        self._auth = Authoriser(binding.auth, secrets.auth, self._token, time.monotonic)

    @property
    def closed(self) -> bool:
        """Whether it makes no more requests."""
        return self._http.is_closed

    async def close(self) -> None:
        """No more requests: SourceUnreachable for who makes one, and for those under way."""
        await self._http.aclose()

    async def get(
        self, url: str, check: Callable[[], None], validators: Validators | None = None, *, fresh: bool = False
    ) -> Fetched | None:
        """The document at an address; None where it is what `validators` stand for. `fresh`: past any cache.

        `check` is asked before each request. SourceUnreachable in one of its forms.
        """
        headers = {"Accept-Encoding": "gzip", **(validators.headers() if validators is not None else {})}
        if fresh:
            headers["Cache-Control"] = "no-cache"
        return await self._retried(check, lambda: self._get(url, headers, check))

    async def send(self, method: str, url: str, body: bytes | None, headers: Mapping[str, str]) -> None:
        """A write, made once. FeedBusy where nobody knows whether it arrived, FeedRefused where it was refused."""
        content = {} if body is None else {"content": body}
        with self._without_secrets():
            async with self._answer(method, url, headers, **content) as response:
                if response.status_code in _REDIRECTS:
                    where = shown(follow(url, response.headers.get("location", "")))
                    raise SourceUnreachable(f"{shown(url)} sends writes on to {where}: register that address.")
                if not response.is_success:
                    raise await self._refusal(url, response)

    async def may_try_again(self, error: FeedBusy, failed: int) -> bool:
        """Waits before the next attempt; False where there is none."""
        delay = self._retry.delay(failed, self._rng, error.retry_after_s)
        if delay is None:
            return False
        log.info("a feed is busy; trying again", reason=str(error), failed=failed, seconds=round(delay, 2))
        await self._sleep(delay)
        return True

    async def _retried(
        self, check: Callable[[], None], request: Callable[[], Awaitable[Fetched | None]]
    ) -> Fetched | None:
        failed = 0
        while True:
            check()
            try:
                with self._without_secrets():
                    return await request()
            except FeedBusy as error:
                failed += 1
                if not await self.may_try_again(error, failed):
                    raise gave_up(error, failed, error.retry_after_s) from error

    async def _get(self, asked: str, headers: Mapping[str, str], check: Callable[[], None]) -> Fetched | None:
        url = asked
        for _ in range(_MOST_REDIRECTS + 1):
            async with self._answer("GET", url, headers) as response:
                if response.status_code == 304:
                    return None
                if response.status_code not in _REDIRECTS:
                    if not response.is_success:
                        raise await self._refusal(url, response)
                    return await self._receive(asked, url, response)
                url = follow(url, response.headers.get("location", ""))
            check()
        raise SourceUnreachable(
            f"{shown(url)} is sent on more than {_MOST_REDIRECTS} times: register its last address."
        )

    @asynccontextmanager
    async def _answer(
        self, method: str, url: str, headers: Mapping[str, str], content: bytes | None = None
    ) -> AsyncIterator[httpx.Response]:
        """The answer to one request; with a new token where the old one was refused."""
        for renewed in (False, True):
            request = await self._request(method, url, headers, content)
            self.calls += 1
            async with self._sent(request, url) as response:
                if response.status_code == 401 and self._auth.renews and not renewed:
                    self._auth.forget()
                    continue
                yield response
                return

    @asynccontextmanager
    async def _sent(self, request: httpx.Request, url: str) -> AsyncIterator[httpx.Response]:
        """The answer to a request, within its time. All that goes out passes here, calls for tokens too.

        CircuitOpen where the host has failed too often of late.
        """
        if self.closed:
            raise SourceUnreachable("The feed's settings changed meanwhile, or it was deleted.")
        answered = False
        with self._breakers.of(feed_service(url)).passing() as passage:
            try:
                async with asyncio.timeout(self.limits.total_s):
                    response = await self._http.send(request, stream=True)
                    answered = True
                    try:
                        yield response
                    finally:
                        await response.aclose()
            except httpx.HTTPError as error:
                busy = unanswered(url, error)
                passage.failed(self._redaction()(str(busy)))
                raise busy from error
            except TimeoutError as error:
                busy = FeedBusy(f"{shown(url)} took longer than {self.limits.total_s:.0f} s.")
                passage.failed(str(busy))
                raise busy from error
            except FeedBusy as error:
                # Who asks for fewer requests works.
                if error.throttled:
                    passage.succeeded()
                else:
                    passage.failed(self._redaction()(str(error)))
                raise
            except SourceUnreachable:
                # It was answered, though not as one would like.
                if answered:
                    passage.succeeded()
                raise
            passage.succeeded()

    async def _request(self, method: str, url: str, headers: Mapping[str, str], content: bytes | None) -> httpx.Request:
        target, given = _target(url), httpx.Headers(dict(headers))
        if _origin(url) == self._origin:
            credentials = await self._auth.credentials()
            # Names of headers differ in case, and each goes out once: ours over those that were registered.
            given = httpx.Headers({**self._secrets.headers})
            given.update(dict(headers))
            given.update(dict(credentials.headers))
            target = target.copy_merge_params(credentials.parameters) if credentials.parameters else target
        return self._http.build_request(method, target, headers=given, content=content)

    async def _token(self, url: str, headers: Mapping[str, str], form: Mapping[str, str]) -> tuple[int, bytes]:
        request = self._http.build_request("POST", _target(url), headers=dict(headers), data=dict(form))
        self.calls += 1
        async with self._sent(request, url) as answer:
            if is_busy(answer.status_code):
                raise refuse(url, answer.status_code, answer.headers, "", self._clock())
            return answer.status_code, await _start_of(answer, _TOKEN_BYTES)

    async def _refusal(self, url: str, response: httpx.Response) -> SourceUnreachable:
        start = await _start_of(response, _REASON_BYTES)
        redaction, text = self._redaction(), start.decode("utf-8", "replace")
        # Before it is shortened: what is left of a secret then is not known again.
        reason = redaction(text) if len(start) < _REASON_BYTES else redaction.start(text)
        return refuse(url, response.status_code, response.headers, reason, self._clock())

    def _redaction(self) -> Redaction:
        """Of all that is secret now. Made where something went wrong, since it takes long for large secrets."""
        return _redaction((*self._secrets.headers.values(), *self._auth.secrets))

    @contextmanager
    def _without_secrets(self) -> Iterator[None]:
        """Some servers repeat what they were sent, in answers, addresses and what is no HTTP: nobody is to see it."""
        try:
            yield
        except SourceUnreachable as error:
            redaction = self._redaction()
            error.args = (redaction(str(error)),)
            if isinstance(error, FeedRefused):
                error.reason = redaction(error.reason)
            raise

    async def _receive(self, asked: str, url: str, response: httpx.Response) -> Fetched:
        encoding = response.headers.get("content-encoding", "identity").strip().lower()
        if encoding not in ("identity", "gzip", "x-gzip", ""):
            raise SourceUnreachable(f"{shown(url)} answers in {encoding}, though only gzip was asked for.")
        stream = cast("BinaryIO", tempfile.SpooledTemporaryFile(max_size=_IN_MEMORY))  # noqa: SIM115 - the caller closes it
        digest = hashlib.sha256()
        try:
            unpacked = Unpacker(self.limits.body_bytes, shown(url))
            async for part in response.aiter_raw():
                for chunk in unpacked.feed(part):
                    digest.update(chunk)
                    stream.write(chunk)
            for chunk in unpacked.end():
                digest.update(chunk)
                stream.write(chunk)
        except BaseException:
            stream.close()
            raise
        link = response.links.get("next", {}).get("url")
        validators = Validators.of(response.headers)
        body = Body(stream, response.charset_encoding)
        # For who is cancelled before the answer gets there.
        weakref.finalize(body, stream.close)
        return Fetched(asked, url, body, response.headers.get("content-type", ""), digest.hexdigest(), validators, link)


@lru_cache(maxsize=64)
def _redaction(secrets: tuple[str, ...]) -> Redaction:
    return Redaction(secrets)


def _origin(url: str) -> tuple[str, str, int]:
    host, port = check_url(url)
    return urlsplit(url).scheme, host.lower(), port


def _target(url: str) -> httpx.URL:
    """The address as httpx takes it. FeedForbidden for one that can't be asked."""
    check_url(url)
    try:
        return httpx.URL(url)
    except httpx.InvalidURL as error:
        raise FeedForbidden(f"{shown(url)} is no address: {error}.") from error


async def _start_of(response: httpx.Response, limit: int) -> bytes:
    text = b""
    async for part in response.aiter_bytes():
        text += part
        if len(text) >= limit:
            break
    return text[:limit]
