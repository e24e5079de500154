"""The feeds of this process: what looks at them, and what reads and writes them, run after run.

The runs of a feed, of which there is one at a time, share a connection; who only looks has one of its own, which nobody
closes meanwhile and whose pages are no run's.

All of their requests pass one guard and the same limits. Secrets are read from the database anew for each run, so that
a changed one serves at once.
"""

from collections.abc import Collection, Sequence
from typing import Final
from uuid import UUID

from db.errors import SourceUnreachable, Unavailable
from db.feeds import FeedBinding, FeedSecrets
from db.secrets import Keyring, feed_secrets
from db.session import Pool
from db.sources import Source, existing_sources
from sync.address_guard import Guard
from sync.breaker import Breakers
from sync.daemon_threads import DaemonThreads
from sync.feeds.adapter import FeedConnection, FeedSource
from sync.feeds.client import FeedClient, FeedLimits
from sync.feeds.input import WantedFeed
from sync.feeds.inspection import FeedInspection
from sync.feeds.look import inspect_feed, unfound
from sync.source import (
    NOTHING_IN_DOUBT,
    UNKEPT,
    Edit,
    InDoubt,
    LastShown,
    Mark,
    Reading,
    RowCalls,
    TermCheck,
    WriteOutcome,
    nothing_shown,
)

_THREADS: Final = 4
"""Parsing holds the interpreter for most of its time: more of them gain nothing."""


class Feeds:
    """One connection for each feed, for as long as its binding and secrets stay."""

    def __init__(
        self, pool: Pool, keyring: Keyring, guard: Guard, limits: FeedLimits, breakers: Breakers | None = None
    ) -> None:
        self._pool = pool
        self._keyring = keyring
        self._guard: Final = guard
        self._limits = limits
        self._breakers = breakers or Breakers()
        self._threads = DaemonThreads(_THREADS, "feeds")
        self._open: dict[UUID, tuple[FeedBinding, FeedSecrets, FeedConnection]] = {}

    async def inspect(self, feed: WantedFeed, extra: Sequence[str], keyed: Collection[str]) -> FeedInspection:
        """The feed as it stands, for registration. SourceUnreachable, BadUserInput."""
        client = FeedClient(unfound(feed), feed.secrets, self._guard, limits=self._limits, breakers=self._breakers)
        try:
            return await inspect_feed(client, feed, extra, keyed, self._threads.run)
        finally:
            await client.close()

    async def read(self, source: Source, secrets: FeedSecrets) -> Reading:
        """All records of a feed that nobody stored, by a connection of its own. SourceUnreachable."""
        assert source.feed is not None
        client = FeedClient(source.feed, secrets, self._guard, limits=self._limits, breakers=self._breakers)
        try:
            return await FeedSource(source, FeedConnection(client, self._threads), _nobody).read()
        finally:
            await client.close()

    async def read_stored(self, source: Source) -> Reading:
        """The same of a registered one. SourceUnreachable, also where its secrets can't be decrypted."""
        return await self.read(source, await self._secrets(source))

    async def _secrets(self, source: Source) -> FeedSecrets:
        try:
            async with self._pool.connection() as connection:
                return await feed_secrets(connection, self._keyring, source.id)
        except Unavailable as error:
            raise SourceUnreachable(str(error)) from error

    async def connection(self, source: Source) -> FeedConnection:
        """The connection of the feed's runs, with the secrets of now. SourceUnreachable where they can't be read."""
        assert source.feed is not None
        secrets = await self._secrets(source)
        known = self._open.get(source.id)
        if known is not None and known[:2] == (source.feed, secrets):
            return known[2]
        client = FeedClient(source.feed, secrets, self._guard, limits=self._limits, breakers=self._breakers)
        made = FeedConnection(client, self._threads)
        self._open[source.id] = source.feed, secrets, made
        if known is not None:
            await known[2].client.close()
        return made

    async def close_deleted(self) -> None:
        """The connections of sources that are no more."""
        opened = list(self._open)
        async with self._pool.connection() as connection:
            there = await existing_sources(connection, opened)
        for gone in set(opened) - there:
            _, _, known = self._open.pop(gone)
            await known.client.close()

    async def close(self) -> None:
        """No more requests."""
        for _, _, connection in self._open.values():
            await connection.client.close()
        self._open.clear()
        self._threads.close()
        self._guard.close()


def _nobody() -> None:
    """A look at a feed needs no leadership."""


class FeedToRead:
    """A registered feed for who only looks at it, beside its runs. Implements `sync.source.SourceReader`."""

    def __init__(self, feeds: Feeds, source: Source) -> None:
        self._feeds = feeds
        self._source = source

    async def read(self, last_shown: LastShown = nothing_shown) -> Reading:  # noqa: ARG002 - its keys are its own
        """See `FeedSource`."""
        return await self._feeds.read_stored(self._source)


class FeedOfRun:
    """A feed for one run, opened when it is first asked. Implements `sync.source.SourceAdapter`."""

    def __init__(self, feeds: Feeds, source: Source, check: TermCheck) -> None:
        self._feeds = feeds
        self._source = source
        self._check = check
        self._opened: FeedSource | None = None

    async def mark(self) -> Mark:
        """See `FeedSource`."""
        return await (await self._feed()).mark()

    async def read(self, last_shown: LastShown = nothing_shown, in_doubt: InDoubt = NOTHING_IN_DOUBT) -> Reading:
        """See `FeedSource`."""
        return await (await self._feed()).read(last_shown, in_doubt)

    async def write(
        self, edits: Sequence[Edit], row_calls: RowCalls = UNKEPT, in_doubt: InDoubt = NOTHING_IN_DOUBT
    ) -> WriteOutcome:
        """See `FeedSource`."""
        return await (await self._feed()).write(edits, row_calls, in_doubt)

    async def _feed(self) -> FeedSource:
        if self._opened is None:
            self._opened = FeedSource(self._source, await self._feeds.connection(self._source), self._check)
        return self._opened
