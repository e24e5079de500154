"""The feeds of this process: what looks at one, with the guard and the limits that all of their requests pass."""

from collections.abc import Collection, Sequence
from typing import Final

from db.secrets import Keyring
from db.session import Pool
from sync.feed_client import FeedClient, FeedLimits
from sync.feed_guard import Guard
from sync.feed_input import WantedFeed
from sync.feed_inspect import inspect_feed, unfound
from sync.feed_inspection import FeedInspection


class Feeds:
    """Feeds' secrets are read from the database anew for each run, so that a changed one serves at once."""

    def __init__(self, pool: Pool, keyring: Keyring, guard: Guard, limits: FeedLimits | None = None) -> None:
        self._pool = pool
        self._keyring = keyring
        self._guard: Final = guard
        self._limits = limits

    async def inspect(self, feed: WantedFeed, extra: Sequence[str], keyed: Collection[str]) -> FeedInspection:
        """The feed as it stands, for registration. SourceUnreachable, BadUserInput."""
        client = FeedClient(unfound(feed), feed.secrets, self._guard, limits=self._limits)
        try:
            return await inspect_feed(client, feed, extra, keyed)
        finally:
            await client.close()
