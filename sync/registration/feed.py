"""What a feed's registration and update come to: its binding and secrets, or every reason to refuse them. Pure."""

from collections.abc import Sequence
from dataclasses import dataclass, field

from db.errors import BadUserInput
from db.feeds import FeedBinding, FeedSecrets
from db.sources import Direction, Source
from sync.absent import ABSENT
from sync.feeds.input import UpdateFeed, WantedFeed, feed_problems, origin, template_problems
from sync.feeds.inspection import FeedInspection
from sync.registration.feed_plan import bind_feed, key_problems
from sync.registration.table import listed


@dataclass(frozen=True, slots=True)
class BoundFeed:
    """A feed as it is to be stored. `secrets` None: they stay as they are."""

    binding: FeedBinding
    secrets: FeedSecrets | None = field(repr=False)


def check_feed(wanted: WantedFeed) -> None:
    """BadUserInput for what can be refused without a look at the feed."""
    if problems := feed_problems(wanted):
        raise BadUserInput(listed(problems))


def moved_feed(feed: FeedBinding, secrets: FeedSecrets, wanted: UpdateFeed) -> WantedFeed:
    """Where the records are from now on, and what goes with each request. BadUserInput for what can't be meant."""
    if wanted.url is None:
        raise BadUserInput("feed.url can't be cleared: leave it out to keep it.")
    url = feed.url if wanted.url is ABSENT else wanted.url
    auth, secret = (feed.auth, secrets.auth) if wanted.auth is ABSENT else (wanted.auth or (None, None))
    headers = secrets.headers if wanted.headers is ABSENT else (wanted.headers or {})
    moved = WantedFeed(
        url=url,
        format=feed.format if wanted.format is ABSENT else wanted.format,
        records=feed.records if wanted.records is ABSENT else wanted.records,
        namespaces=feed.namespaces if wanted.namespaces is ABSENT else (wanted.namespaces or {}),
        auth=auth,
        pagination=feed.pagination if wanted.pagination is ABSENT else wanted.pagination,
        write=feed.write if wanted.write is ABSENT else wanted.write,
        secrets=FeedSecrets(headers=headers, auth=secret),
    )
    check_feed(moved)
    kept = (wanted.auth is ABSENT and auth is not None) or (wanted.headers is ABSENT and headers)
    if kept and origin(url) != origin(feed.url):
        raise BadUserInput(
            "url leads to another server, and the stored headers and auth are for the one before: give both anew, or "
            "null where there are none."
        )
    return moved


def rebound_feed(changed: Source, wanted: WantedFeed, inspected: FeedInspection, *, secrets: bool) -> BoundFeed:
    """The new binding of a source that has its other settings already; `secrets`: new ones were given."""
    names = [column.name for column in changed.columns if column.field is not None]
    problems = list(inspected.problems)
    if not problems:
        problems += key_problems(inspected, changed.columns, changed.key)
    problems += template_problems(wanted.write, names, changed.key)
    problems += write_problems(changed.direction, bind_feed(wanted, inspected))
    if problems:
        raise BadUserInput(listed(problems))
    return BoundFeed(bind_feed(wanted, inspected), wanted.secrets if secrets else None)


def write_problems(direction: Direction, feed: FeedBinding) -> Sequence[str]:
    """A direction that writes needs to know how."""
    if direction is Direction.FROM_SOURCE or feed.write is not None:
        return ()
    return (f"{direction} writes to the feed, which has no write: give feed.write, or choose direction FROM_SOURCE.",)
