"""A feed as a source: the adapter that the engine reads and writes through, and what of it outlives a run."""

import hashlib
import time
from collections.abc import Callable, Sequence
from typing import Final

from db.sources import Source
from sync.daemon_threads import DaemonThreads
from sync.feeds.client import FeedClient
from sync.feeds.fields import readable
from sync.feeds.read import FeedRead, FeedReader, SeenPage
from sync.feeds.rows import record_format
from sync.feeds.write import FeedWriter
from sync.source import (
    NOTHING_IN_DOUBT,
    UNKEPT,
    Edit,
    InDoubt,
    LastShown,
    Mark,
    Problem,
    Reading,
    RowCalls,
    WriteOutcome,
    nothing_shown,
)


class FeedConnection:
    """What a feed's runs share: its client with its token, the pages as last read, the threads that parse.

    `accepted`: since when a write was accepted that the feed doesn't show yet, by its idempotency key and `clock`.
    """

    def __init__(self, client: FeedClient, threads: DaemonThreads, clock: Callable[[], float] = time.monotonic) -> None:
        self.client: Final = client
        self.clock: Final = clock
        self.threads: Final = threads
        self.pages: Sequence[SeenPage] = ()
        self.mark: Mark = {}
        self.accepted: Final[dict[str, float]] = {}


class FeedSource:
    """One feed, for one run. `check` is asked right before every request, and may raise."""

    def __init__(self, source: Source, connection: FeedConnection, check: Callable[[], None]) -> None:
        assert source.feed is not None
        self._source = source
        self._connection = connection
        self._client = connection.client
        self._check = check
        self._records = record_format(source.feed, readable(source), self._client.limits.whole_bytes)
        self._reader = FeedReader(source, self._client, self._records, connection.threads.run, check)

    async def mark(self) -> Mark:
        """What was read last is known by the answers' validators, else by its content."""
        return {} if await self._reader.changed(self._connection.pages) else self._connection.mark

    async def read(
        self,
        last_shown: LastShown = nothing_shown,  # noqa: ARG002 - its keys are its own
        in_doubt: InDoubt = NOTHING_IN_DOUBT,  # noqa: ARG002 - what was written reached its own record, or none
    ) -> Reading:
        """All records of all pages."""
        calls = self._client.calls
        read = await self._reader.read()
        self._connection.pages = read.pages if read.steady and read.ended else ()
        self._connection.mark = _mark(read)
        return Reading(
            rows=read.rows.rows,
            problems=read.rows.problems if read.ended else [*read.rows.problems, *self._end_unknown(len(read.pages))],
            unsure=read.rows.unsure or not read.steady or not read.ended,
            mark=self._connection.mark,
            modified_at=None,
            calls=self._client.calls - calls,
            columns=read.rows.columns if read.steady and read.ended else None,
            copied=read.rows.copied,
        )

    def _end_unknown(self, pages: int) -> Sequence[Problem]:
        """What people do about it. With a size it passes with the first page that isn't full."""
        pagination = None if self._source.feed is None else self._source.feed.pagination
        if pagination is None or pagination.size is not None:
            return ()
        message = (
            f"Page {pages + 1} is not found, which may be the end or a fault, so no record counts as deleted: say in"
            " pagination.size, by updateSource, how many records a full page has."
        )
        return [Problem("END_UNKNOWN", message)]

    async def write(
        self,
        edits: Sequence[Edit],
        row_calls: RowCalls = UNKEPT,  # noqa: ARG002 - each has its key
        in_doubt: InDoubt = NOTHING_IN_DOUBT,
    ) -> WriteOutcome:
        """Carry out the edits. What came of each is read back."""
        writer = FeedWriter(
            self._source,
            self._client,
            self._records,
            self._reader,
            self._check,
            self._connection.accepted,
            in_doubt,
            self._connection.clock,
        )
        return await writer.write(edits)


def _mark(read: FeedRead) -> Mark:
    """Nothing that can be known again where pages changed while others were read, or one was not found."""
    if not (read.steady and read.ended):
        return {}
    return {"digest": hashlib.sha256("\n".join(page.digest for page in read.pages).encode()).hexdigest()}
