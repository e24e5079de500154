"""Calls to Google by one service account: gspread's HTTP client, with what it lacks.

Every call has a time-out, runs in a daemon thread, waits for its quota and asks its owner for leave right before it is
made. Only calls that change nothing are made again here; who writes decides that himself, after a fresh look.
"""

import asyncio
import random
import threading
import time
from collections.abc import Awaitable, Callable, Mapping
from typing import Any, Final, TypeVar

import requests
import structlog
from google.auth.transport.requests import AuthorizedSession, Request
from google.oauth2.service_account import Credentials
from gspread.http_client import HTTPClient

from db.errors import SourceUnreachable
from sync.google_credentials import ServiceAccount
from sync.google_errors import GoogleBusy, explain
from sync.google_quota import CallKind, QuotaLimits, QuotaUse, TokenBucket
from sync.google_retry import RetryPolicy
from sync.google_threads import DaemonThreads

T = TypeVar("T")
Check = Callable[[], None]
Sleep = Callable[[float], Awaitable[None]]

log = structlog.get_logger(__name__)

_SCOPES: Final = (
    "https://www.googleapis.com/auth/spreadsheets",
    "https://www.googleapis.com/auth/drive.metadata.readonly",
)
# The third is asked by google-auth, by itself and with the tokens' session, where a service account may be used.
_HOSTS: Final = (
    "https://sheets.googleapis.com",
    "https://www.googleapis.com",
    "https://iamcredentials.googleapis.com",
)
_MAX_THREADS: Final = 4


class _Redirect(requests.adapters.HTTPAdapter):
    """Sends what is meant for Google's hosts to another server that speaks the same API, and around any proxy."""

    def __init__(self, base_url: str) -> None:
        super().__init__()
        self._base_url = base_url.rstrip("/")

    def send(
        self,
        request: requests.PreparedRequest,
        stream: bool = False,
        timeout: Any = None,
        verify: bool | str = True,
        cert: Any = None,
        proxies: Mapping[str, str] | None = None,  # noqa: ARG002 - the signature is requests'
    ) -> requests.Response:
        request.url = self._base_url + request.path_url
        return super().send(request, stream=stream, timeout=timeout, verify=verify, cert=cert, proxies={})


class GoogleSession:
    """All calls of one credential share its threads and its quota.

    `api_url` None is Google itself. `timeout_s` bounds each call. `clock` is monotonic, in seconds.
    """

    def __init__(
        self,
        account: ServiceAccount,
        *,
        api_url: str | None = None,
        timeout_s: float = 60.0,
        limits: QuotaLimits | None = None,
        retry: RetryPolicy | None = None,
        clock: Callable[[], float] = time.monotonic,
        sleep: Sleep = asyncio.sleep,
        rng: random.Random | None = None,
    ) -> None:
        limits = limits or QuotaLimits()
        self.email: Final = account.email
        self.retry: Final = retry or RetryPolicy()
        self.rng: Final = rng or random.Random()  # noqa: S311 - spreads retries, guards nothing
        self.sleep: Final = sleep
        self._account = account
        self._api_url = api_url
        self._timeout_s = timeout_s
        self._clock = clock
        self._buckets = {
            CallKind.READ: TokenBucket(limits.reads, clock()),
            CallKind.WRITE: TokenBucket(limits.writes, clock()),
        }
        self._threads = DaemonThreads(_MAX_THREADS, f"google-{account.email}")
        self._local = threading.local()
        self._credentials: Credentials | None = None

    def quota(self) -> Mapping[CallKind, QuotaUse]:
        """What of the quotas is used now."""
        now = self._clock()
        return {kind: bucket.use(now) for kind, bucket in self._buckets.items()}

    async def attempt(self, kind: CallKind, request: Callable[[HTTPClient], T], check: Check) -> T:
        """One call, made once. Raises SourceUnreachable in one of its forms, and whatever `check` raises."""
        bucket = self._buckets.get(kind)
        if bucket is not None and (delay := bucket.reserve(self._clock())) > 0:
            log.info("waiting for Google's quota", kind=kind.value, seconds=round(delay, 1))
            await self.sleep(delay)

        def call() -> T:
            client = self._client()
            check()
            try:
                return request(client)
            except Exception as error:
                raise explain(error, self.email) from error

        return await self._threads.run(call)

    async def read(self, kind: CallKind, request: Callable[[HTTPClient], T], check: Check) -> tuple[T, int]:
        """A call that changes nothing, made until it succeeds or the policy gives up: its answer, the calls it took."""
        failed = 0
        while True:
            try:
                return await self.attempt(kind, request, check), failed + 1
            except GoogleBusy as error:
                failed += 1
                await self.wait_after(error, failed)

    async def wait_after(self, error: GoogleBusy, failed: int) -> None:
        """Wait before the next attempt; SourceUnreachable when there is none."""
        delay = self.retry.delay(failed, self.rng, error.retry_after_s)
        if delay is None:
            raise SourceUnreachable(
                f"{error} Gave up after {failed} attempts; the next run tries again by itself."
            ) from error
        log.info("Google is busy; trying again", reason=str(error), failed=failed, seconds=round(delay, 2))
        await self.sleep(delay)

    async def compute(self, function: Callable[[], T]) -> T:
        """Work on an answer that takes long, off the event loop."""
        return await self._threads.run(function)

    def close(self) -> None:
        """No more calls; those under way end by their time-out."""
        self._threads.close()

    def _client(self) -> HTTPClient:
        client: HTTPClient | None = getattr(self._local, "client", None)
        if client is None:
            client = self._make_client()
            self._local.client = client
        return client

    def _make_client(self) -> HTTPClient:
        if self._credentials is None:
            self._credentials = Credentials.from_service_account_info(  # type: ignore[no-untyped-call]
                self._account.info, scopes=list(_SCOPES)
            )
        token_session = requests.Session()
        session = AuthorizedSession(  # type: ignore[no-untyped-call]
            self._credentials, refresh_timeout=self._timeout_s, auth_request=Request(token_session)
        )
        if self._api_url is not None:
            token_session.trust_env = False
            session.trust_env = False
            for host in _HOSTS:
                session.mount(host, _Redirect(self._api_url))
                token_session.mount(host, _Redirect(self._api_url))
        client = HTTPClient(auth=self._credentials, session=session)
        client.set_timeout(self._timeout_s)
        return client
