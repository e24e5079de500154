"""A complete read of a feed, page by page. Says when it can't be sure that it saw every record.

Records come and go while pages are read, and then others slip from a page to come to one that was read: they would
look deleted. So pages are looked at once more after the last one, and read again if any has changed, until none has or
two readings agree.
"""

from collections.abc import Collection, Sequence
from dataclasses import dataclass, replace
from typing import Final, TypeVar

from db.errors import SourceUnreachable
from db.feeds import FeedBinding, FeedPaginationKind
from db.sources import Source
from sync.address_guard import shown
from sync.daemon_threads import Compute
from sync.feeds.client import FeedClient, Fetched, Validators
from sync.feeds.errors import FeedRefused
from sync.feeds.fields import FieldWatch
from sync.feeds.pages import Page, may_be_missing, next_page
from sync.feeds.records import RecordFormat
from sync.feeds.rows import FeedRows, RowReader
from sync.source import TermCheck

T = TypeVar("T")

_MOST_REPEATS: Final = 3
_TOLD: Final = frozenset({FeedPaginationKind.NEXT_URL, FeedPaginationKind.CURSOR})


@dataclass(frozen=True, slots=True)
class SeenPage:
    """A page as it was read: what makes the next read of it conditional, and what its content was."""

    url: str
    validators: Validators
    digest: str


@dataclass(frozen=True, slots=True)
class FeedRead:
    """All of a feed. `steady`: it was the same all the time that it took to read it. `ended`: its end is known, and not
    just a page that was not found."""

    rows: FeedRows
    pages: Sequence[SeenPage]
    steady: bool
    ended: bool


class FeedReader:
    """Reads one feed for one run. `compute` runs what takes long elsewhere; `check` is asked before each request."""

    def __init__(
        self, source: Source, client: FeedClient, records: RecordFormat, compute: Compute, check: TermCheck
    ) -> None:
        assert source.feed is not None
        self._source = source
        self._binding: FeedBinding = source.feed
        self._client = client
        self._records = records
        self._compute = compute
        self._check = check
        # What a cache still shows of before a write would look like an edit back.
        self._fresh = source.feed.write is not None
        self._spare: Fetched | None = None

    async def changed(self, pages: Sequence[SeenPage]) -> bool:
        """Whether any of the pages of the last read is another one now. Costs little where the feed has validators."""
        for page in pages:
            fetched = await self._client.get(page.url, self._check, page.validators, fresh=self._fresh)
            if fetched is None:
                continue
            if fetched.digest != page.digest:
                self._spare = fetched
                return True
            fetched.close()
        return not pages

    async def read(self) -> FeedRead:
        """The whole feed."""
        read = await self._watched_pass()
        for _ in range(_MOST_REPEATS):
            if len(read.pages) == 1 or not await self.changed(read.pages):
                return read
            before, read = read, await self._watched_pass()
            if read.rows.content == before.rows.content:
                return read
        return replace(read, steady=False)

    async def look(self, keep: Collection[str]) -> FeedRows:
        """All rows, with the records of the keys `keep` as they are. What fields there are is for who reads for the
        table."""
        return (await self._pass(RowReader(self._source, self._records, keep))).rows

    async def _watched_pass(self) -> FeedRead:
        watch = FieldWatch(self._source, self._binding, self._records)
        return await self._pass(RowReader(self._source, self._records, watch=watch))

    async def _pass(self, reader: RowReader) -> FeedRead:
        pages: list[SeenPage] = []
        url: str | None = self._binding.url
        ended = True
        while url is not None:
            self._refuse_loop(url, pages)
            try:
                fetched = await self._fetch(url)
            except FeedRefused as error:
                if not may_be_missing(self._binding.pagination, len(pages), error.status):
                    raise
                ended = False
                break
            try:
                pages.append(SeenPage(url, fetched.validators, fetched.digest))
                url = await self._take(reader, fetched, len(pages))
            finally:
                fetched.close()
        return FeedRead(reader.end(), pages, steady=True, ended=ended)

    async def _fetch(self, url: str) -> Fetched:
        spare, self._spare = self._spare, None
        if spare is not None:
            if spare.asked == url:
                return spare
            spare.close()
        fetched = await self._client.get(url, self._check, fresh=self._fresh)
        if fetched is None:
            raise SourceUnreachable(f"{shown(url)} answered 304, though nothing was asked of it but its content.")
        return fetched

    async def _take(self, reader: RowReader, fetched: Fetched, number: int) -> str | None:
        """The page's records go to the reader; the next page's address."""

        def records() -> int:
            count = 0
            page = "" if number == 1 else f"page {number}: "
            for address, record in self._records.records(fetched.body):
                reader.add(page + address, record)
                count += 1
            return count

        count = await self._compute(records)
        if reader.page_ends() and count:
            raise SourceUnreachable("The feed's pages show the same records again and again: correct pagination.")
        pagination = self._binding.pagination
        if pagination is None:
            return None
        told = None
        if pagination.kind in _TOLD and pagination.next is not None:
            told = self._records.follow(fetched.body, pagination.next)
        return next_page(pagination, Page(fetched.asked, fetched.url, count, fetched.link, told))

    def _refuse_loop(self, url: str, pages: Sequence[SeenPage]) -> None:
        limit = 1 if self._binding.pagination is None else self._binding.pagination.max_pages
        if len(pages) >= limit:
            raise SourceUnreachable(
                f"The feed has more than {limit:,} pages: raise pagination.maxPages, or correct pagination."
            )
        if any(page.url == url for page in pages):
            raise SourceUnreachable("The feed's pages lead back to one that was read before: correct pagination.")
