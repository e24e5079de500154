"""Calls to Google by one service account: gspread's HTTP client, with what it lacks.

Every call has a time-out, runs in a daemon thread, waits for its turn and its quota, and asks its owner for leave right
before it is made; none is made while the credential's circuit is open. Only calls that change nothing are made again
here; who writes decides that himself, after a fresh look.
"""

import asyncio
import copy
import random
import time
from collections.abc import Callable, Mapping
from typing import Final, TypeVar

import structlog
from gspread.http_client import HTTPClient

from db.errors import SourceUnreachable
from sync.breaker import Breaker, Passage
from sync.google.client import GoogleClients
from sync.google.credentials import ServiceAccount
from sync.google.errors import CredentialRefused, GoogleBusy, QuotaUsedUp, explain
from sync.google.project import Caller, GoogleProject, Sleep
from sync.google.quota import CallKind, QuotaLimits, QuotaUse
from sync.retry import RetryPolicy, gave_up
from sync.source import TermCheck

T = TypeVar("T")

log = structlog.get_logger(__name__)


class GoogleSession:
    """All calls of one credential share its key and its circuit, and those of one project threads and quota.

    `api_url` None is Google itself. `timeout_s` bounds each call. `clock` is monotonic, in seconds. `project` None is
    one of its own, with these `limits`.
    """

    def __init__(
        self,
        account: ServiceAccount,
        *,
        api_url: str | None = None,
        timeout_s: float = 60.0,
        limits: QuotaLimits | None = None,
        project: GoogleProject | None = None,
        breaker: Breaker | None = None,
        retry: RetryPolicy | None = None,
        clock: Callable[[], float] = time.monotonic,
        sleep: Sleep = asyncio.sleep,
        rng: random.Random | None = None,
    ) -> None:
        self.retry: Final = retry or RetryPolicy()
        self.rng: Final = rng or random.Random()  # noqa: S311 - spreads retries, guards nothing
        self.sleep: Final = sleep
        self._clients = GoogleClients(account, api_url, timeout_s)
        self._project = project or GoogleProject(account.project, limits, clock=clock, sleep=sleep)
        self._breaker = breaker or Breaker(f"google {account.email}", clock=clock, rng=self.rng)
        self._caller = Caller()

    @property
    def email(self) -> str:
        """The service account's address."""
        return self._clients.account.email

    def on_behalf(self, caller: Caller) -> "GoogleSession":
        """The same session, its calls made for somebody else."""
        session = copy.copy(self)
        session._caller = caller  # noqa: SLF001 - it is one of us
        return session

    def use(self, account: ServiceAccount, project: GoogleProject) -> None:
        """Call by another key from now on, whatever became of the one before."""
        self._clients.use(account)
        self._project = project
        self._breaker.reset()

    def quota(self) -> Mapping[CallKind, QuotaUse]:
        """What of the user's quota is used now."""
        return self._project.quota_of(self.email)

    async def attempt(self, kind: CallKind, request: Callable[[HTTPClient], T], check: TermCheck) -> T:
        """One call, made once. Raises SourceUnreachable in one of its forms, and whatever `check` raises."""
        account = self._clients.account

        def call() -> T:
            client = self._clients.client()
            check()
            try:
                return request(client)
            except Exception as error:
                raise explain(error, account) from error

        self._breaker.check()
        async with self._project.turn(account.email, kind, self._caller, lambda: not self._breaker.admits()):
            with self._breaker.passing() as passage:
                try:
                    answer = await self._project.run(call)
                except SourceUnreachable as error:
                    self._note(error, kind, account, passage)
                    raise
                passage.succeeded()
                return answer

    async def read(self, kind: CallKind, request: Callable[[HTTPClient], T], check: TermCheck) -> tuple[T, int]:
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
        self._breaker.check()
        delay = self.retry.delay(failed, self.rng, error.retry_after_s)
        if delay is None:
            raise gave_up(error, failed, error.retry_after_s) from error
        log.info("Google is busy; trying again", reason=str(error), failed=failed, seconds=round(delay, 2))
        await self.sleep(delay)

    async def compute(self, function: Callable[[], T]) -> T:
        """Work on an answer that takes long, off the event loop."""
        async with self._project.turn(self.email, None, self._caller):
            return await self._project.run(function)

    def close(self) -> None:
        """No more calls; those under way end by their time-out."""
        self._project.close()

    def _note(self, error: SourceUnreachable, kind: CallKind, account: ServiceAccount, passage: Passage) -> None:
        """What an answer, or none, says of the credential and its quota."""
        if isinstance(error, QuotaUsedUp):
            self._project.refused(account.email, kind, whole_project=error.whole_project)
            passage.succeeded()
        elif isinstance(error, GoogleBusy):
            passage.failed(str(error))
        elif not isinstance(error, CredentialRefused):
            passage.succeeded()
        elif account is self._clients.account:
            passage.refused(str(error))
