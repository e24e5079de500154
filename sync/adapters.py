"""From a source to what reads and writes it: one Google session for each credential, shared by all of its sources."""

import time
from collections import defaultdict
from collections.abc import Callable, Collection, Mapping, Sequence
from typing import Final
from uuid import UUID

from db.errors import BadUserInput, SourceUnreachable
from db.feeds import FeedSecrets
from db.sources import SheetBinding, Source
from sync.feeds.connections import FeedOfRun, Feeds, FeedToRead
from sync.feeds.input import WantedFeed
from sync.feeds.inspection import FeedInspection
from sync.google.project import Caller
from sync.google.session import GoogleSession
from sync.registration.input import WantedSheet
from sync.registration.inspection import SheetInspection
from sync.services import DEFAULT_CREDENTIAL
from sync.sheets.adapter import Shared, SheetSource
from sync.sheets.look import add_managed_key, inspect_sheet
from sync.sheets.read import NewId, random_ids
from sync.source import Reading, SourceAdapter, SourceReader, TermCheck
from sync.urgency import Urgency


def _unix_ms() -> int:
    return time.time_ns() // 1_000_000


def _anybody() -> None:
    """A look at a source needs no leadership."""


class Adapters:
    """What is made of the sessions of this process, which are there by credential name and may change.

    Serves as registration's access to sheets, too. `untaggable` are sources whose columns are found by headers alone.
    """

    def __init__(
        self, sessions: Mapping[str, GoogleSession], new_id: NewId | None = None, feeds: Feeds | None = None
    ) -> None:
        self._sessions = sessions
        self._feeds = feeds
        self._new_id = new_id or random_ids(_unix_ms)
        self._shared: defaultdict[str, Shared] = defaultdict(Shared)
        self.untaggable: Final[set[UUID]] = set()

    def adapter_for(self, source: Source, check: TermCheck, urgency: Urgency = Urgency.NOW) -> SourceAdapter:
        """The source's adapter; `check` is asked before each call. SourceUnreachable without its credential."""
        if source.feed is not None:
            return FeedOfRun(self._known_feeds(), source, check)
        assert source.sheet is not None
        session = self._session(source.sheet.credential).on_behalf(Caller(source.id, urgency))
        shared = self.shared(source.sheet.credential)
        return SheetSource(session, source, check, self._new_id, shared, self.untaggable)

    def leading(self, check: TermCheck) -> Callable[[Source, Urgency], SourceAdapter]:
        """`adapter_for` for one leadership, whose term `check` looks at."""
        return lambda source, urgency: self.adapter_for(source, check, urgency)

    def reading(self) -> Callable[[Source], SourceReader]:
        """For whoever leads nothing, and so may only read."""
        return self._reader_of

    def _reader_of(self, source: Source) -> SourceReader:
        if source.feed is not None:
            return FeedToRead(self._known_feeds(), source)
        return self.adapter_for(source, _anybody)

    async def close_deleted(self) -> None:
        """What was kept for sources that are no more."""
        if self._feeds is not None:
            await self._feeds.close_deleted()

    async def inspect(self, sheet: WantedSheet) -> SheetInspection:
        """The worksheet as it stands, for registration. BadUserInput for a credential that there isn't."""
        if sheet.credential is not None and sheet.credential not in self._sessions:
            raise BadUserInput(self._unknown(sheet.credential))
        return await inspect_sheet(self._session(sheet.credential), sheet)

    async def inspect_feed(self, feed: WantedFeed, extra: Sequence[str], keyed: Collection[str]) -> FeedInspection:
        """The feed as it stands, for registration."""
        return await self._known_feeds().inspect(feed, extra, keyed)

    async def read_feed(self, source: Source, secrets: FeedSecrets) -> Reading:
        """All records of a feed that nobody stored, for a preview."""
        return await self._known_feeds().read(source, secrets)

    async def add_managed_key(self, binding: SheetBinding) -> None:
        """Make sure that the worksheet has the hidden key column."""
        await add_managed_key(self._session(binding.credential), binding)

    def shared(self, credential: str | None) -> Shared:
        """What the sources of a credential have in common."""
        return self._shared[credential or DEFAULT_CREDENTIAL]

    def session(self, credential: str | None) -> GoogleSession:
        """The credential's session. SourceUnreachable without it."""
        return self._session(credential)

    def _known_feeds(self) -> Feeds:
        if self._feeds is None:
            raise SourceUnreachable("This process has nothing to read feeds with.")
        return self._feeds

    def _session(self, credential: str | None) -> GoogleSession:
        name = credential or DEFAULT_CREDENTIAL
        session = self._sessions.get(name)
        if session is None:
            raise SourceUnreachable(self._unknown(name))
        return session

    def _unknown(self, name: str) -> str:
        names = ", ".join(sorted(self._sessions))
        if names:
            return f"There is no credential “{name}”: there are {names}."
        return (
            "There are no Google credentials: set ROWCAST_GOOGLE_CREDENTIALS to a service account's JSON key and start"
            " again, or put keys into the folder that ROWCAST_GOOGLE_CREDENTIALS_DIR names."
        )
