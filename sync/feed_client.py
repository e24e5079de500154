"""Requests of one feed: guarded, authorised, retried, with every answer bounded in time and size.

The one place that all requests of a feed pass. Redirects of reads are followed by hand, each checked like the first;
credentials stay with the origin that was registered.
"""

import asyncio
import hashlib
import random
import tempfile
import time
import zlib
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import BinaryIO, Final, cast
from urllib.parse import urljoin, urlsplit

import httpx
import structlog

from db.errors import SourceUnreachable
from db.feeds import FeedBinding, FeedSecrets
from sync.feed_auth import Authoriser
from sync.feed_errors import FeedBusy, refuse, unanswered
from sync.feed_guard import Guard, check_url, shown
from sync.feed_records import Body
from sync.feed_transport import GuardedTransport
from sync.google_retry import RetryPolicy

log = structlog.get_logger(__name__)

_REDIRECTS: Final = frozenset({301, 302, 303, 307, 308})
_MOST_REDIRECTS: Final = 5
_IN_MEMORY: Final = 4 * 2**20
_REASON_BYTES: Final = 4096
_GZIP: Final = b"\x1f\x8b"


@dataclass(frozen=True, slots=True)
class FeedLimits:
    """`body_bytes`: of a document, packed and unpacked. `whole_bytes`: of one that must be held in memory whole.

    `timeout_s` is for each wait of a request, `total_s` for a whole one.
    """

    body_bytes: int = 256 * 2**20
    whole_bytes: int = 32 * 2**20
    timeout_s: float = 30.0
    total_s: float = 300.0


@dataclass(frozen=True, slots=True)
class Validators:
    """What makes the next read of the same address conditional."""

    etag: str | None
    last_modified: str | None

    def headers(self) -> Mapping[str, str]:
        found = {"If-None-Match": self.etag, "If-Modified-Since": self.last_modified}
        return {name: value for name, value in found.items() if value is not None}


@dataclass(frozen=True, slots=True)
class Fetched:
    """A document. `digest` is of its content, `link` the address of its Link header's next, as it stands there."""

    url: str
    body: Body
    content_type: str
    digest: str
    validators: Validators
    link: str | None

    def close(self) -> None:
        self.body.stream.close()


class FeedClient:
    """For one feed, over all of its runs. `clock` gives Unix seconds."""

    def __init__(
        self,
        binding: FeedBinding,
        secrets: FeedSecrets,
        guard: Guard,
        *,
        limits: FeedLimits | None = None,
        retry: RetryPolicy | None = None,
        clock: Callable[[], float] = time.time,
        sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
        rng: random.Random | None = None,
    ) -> None:
        self.limits: Final = limits or FeedLimits()
        self.calls = 0
        self._origin = _origin(binding.url)
        self._secrets = secrets
        self._retry = retry or RetryPolicy()
        self._clock = clock
        self._sleep = sleep
        self._rng = rng or random.Random()  # noqa: S311 - spreads retries, guards nothing
        self._http = httpx.AsyncClient(
            transport=GuardedTransport(guard), timeout=self.limits.timeout_s, trust_env=False, follow_redirects=False
        )
        self._auth = Authoriser(binding.auth, secrets.auth, self._token, time.monotonic)

    async def close(self) -> None:
        """No more requests."""
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
        async with self._answer(method, url, headers, **content) as response:
            if response.status_code in _REDIRECTS:
                where = shown(urljoin(url, response.headers.get("location", "")))
                raise SourceUnreachable(f"{shown(url)} sends writes on to {where}: register that address.")
            if not response.is_success:
                raise await self._refusal(url, response)

    async def wait_after(self, error: FeedBusy, failed: int) -> None:
        """Wait before the next attempt; SourceUnreachable when there is none."""
        delay = self._retry.delay(failed, self._rng, error.retry_after_s)
        if delay is None:
            message = f"{error} Gave up after {failed} attempts; the next run tries again by itself."
            raise SourceUnreachable(message) from error
        log.info("a feed is busy; trying again", reason=str(error), failed=failed, seconds=round(delay, 2))
        await self._sleep(delay)

    async def _retried(
        self, check: Callable[[], None], request: Callable[[], Awaitable[Fetched | None]]
    ) -> Fetched | None:
        failed = 0
        while True:
            check()
            try:
                return await request()
            except FeedBusy as error:
                failed += 1
                await self.wait_after(error, failed)

    async def _get(self, url: str, headers: Mapping[str, str], check: Callable[[], None]) -> Fetched | None:
        for _ in range(_MOST_REDIRECTS + 1):
            async with self._answer("GET", url, headers) as response:
                if response.status_code == 304:
                    return None
                if response.status_code not in _REDIRECTS:
                    if not response.is_success:
                        raise await self._refusal(url, response)
                    return await self._receive(url, response)
                url = urljoin(url, response.headers.get("location", ""))
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
            try:
                async with asyncio.timeout(self.limits.total_s):
                    response = await self._http.send(request, stream=True)
                    try:
                        if response.status_code == 401 and self._auth.renews and not renewed:
                            self._auth.forget()
                            continue
                        yield response
                        return
                    finally:
                        await response.aclose()
            except httpx.HTTPError as error:
                raise unanswered(url, error) from error
            except TimeoutError as error:
                raise FeedBusy(f"{shown(url)} took longer than {self.limits.total_s:.0f} s.") from error

    async def _request(self, method: str, url: str, headers: Mapping[str, str], content: bytes | None) -> httpx.Request:
        check_url(url)
        given = dict(headers)
        target = httpx.URL(url)
        if _origin(url) == self._origin:
            credentials = await self._auth.credentials()
            given = {**self._secrets.headers, **given, **credentials.headers}
            target = target.copy_merge_params(credentials.parameters) if credentials.parameters else target
        return self._http.build_request(method, target, headers=given, content=content)

    async def _token(self, url: str, headers: Mapping[str, str], form: Mapping[str, str]) -> tuple[int, bytes]:
        check_url(url)
        self.calls += 1
        try:
            answer = await self._http.post(url, headers=dict(headers), data=dict(form))
        except httpx.HTTPError as error:
            raise unanswered(url, error) from error
        if answer.status_code in (408, 425, 429) or answer.status_code >= 500:
            raise refuse(url, answer.status_code, answer.headers, "", self._clock())
        return answer.status_code, answer.content

    async def _refusal(self, url: str, response: httpx.Response) -> SourceUnreachable:
        text = b""
        async for part in response.aiter_bytes():
            text += part
            if len(text) >= _REASON_BYTES:
                break
        reason = text[:_REASON_BYTES].decode("utf-8", "replace")
        return refuse(url, response.status_code, response.headers, reason, self._clock())

    async def _receive(self, url: str, response: httpx.Response) -> Fetched:
        encoding = response.headers.get("content-encoding", "identity").strip().lower()
        if encoding not in ("identity", "gzip", "x-gzip", ""):
            raise SourceUnreachable(f"{shown(url)} answers in {encoding}, though only gzip was asked for.")
        stream = cast("BinaryIO", tempfile.SpooledTemporaryFile(max_size=_IN_MEMORY))  # noqa: SIM115 - the caller closes it
        digest = hashlib.sha256()
        try:
            unpacked = _Unpacker(self.limits.body_bytes, shown(url))
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
        validators = Validators(response.headers.get("etag"), response.headers.get("last-modified"))
        body = Body(stream, response.charset_encoding)
        return Fetched(url, body, response.headers.get("content-type", ""), digest.hexdigest(), validators, link)


class _Unpacker:
    """Unpacks gzip, known by how it begins, within a limit for both."""

    def __init__(self, limit: int, where: str) -> None:
        self._limit = limit
        self._where = where
        self._packed = 0
        self._unpacked = 0
        self._start = b""
        self._gzip: zlib._Decompress | None = None
        self._begun = False

    def feed(self, part: bytes) -> list[bytes]:
        self._packed += len(part)
        self._check(self._packed)
        if not self._begun:
            self._start += part
            if len(self._start) < len(_GZIP):
                return []
            part, self._begun = self._start, True
            if part.startswith(_GZIP):
                self._gzip = zlib.decompressobj(wbits=31)
        if self._gzip is None:
            return [part]
        return self._unpack(part)

    def end(self) -> list[bytes]:
        """What is left. FeedBusy where the document is cut off."""
        if self._gzip is not None and not self._gzip.eof:
            raise FeedBusy(f"{self._where}: the packed document is cut off.")
        return [] if self._begun else [self._start]

    def _unpack(self, part: bytes) -> list[bytes]:
        assert self._gzip is not None
        chunks = []
        while part:
            try:
                chunk = self._gzip.decompress(part, 2**20)
            except zlib.error as error:
                raise FeedBusy(f"{self._where}: the packed document is broken ({error}).") from error
            self._unpacked += len(chunk)
            self._check(self._unpacked)
            chunks.append(chunk)
            part = self._gzip.unconsumed_tail
            if self._gzip.eof and self._gzip.unused_data:
                # Several members, one behind the other, are one document.
                part, self._gzip = self._gzip.unused_data, zlib.decompressobj(wbits=31)
        return chunks

    def _check(self, size: int) -> None:
        if size > self._limit:
            raise SourceUnreachable(
                f"{self._where} is larger than {self._limit:,} bytes: page it, or raise ROWCAST_FEED_BODY_BYTES."
            )


def _origin(url: str) -> tuple[str, str, int]:
    host, port = check_url(url)
    return urlsplit(url).scheme, host.lower(), port
