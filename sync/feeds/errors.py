"""What a feed's answers mean, and what the user does about them. Pure.

SourceUnreachable
├── FeedBusy        no answer, or one that may pass by itself: it is tried again
├── FeedRefused     the request is wrong in itself: sent again it gets the same answer
├── FeedUnreadable  the document is not what was registered
└── FeedForbidden   the request may not be made (`sync.address_guard`)
"""

from collections.abc import Mapping
from email.utils import parsedate_to_datetime
from typing import Final

import httpx

from db.errors import SourceUnreachable
from sync.address_guard import shown
from sync.retry import LONGEST_REST_S

_BUSY: Final = frozenset({408, 425, 429})
_BETWEEN: Final = frozenset({502, 504})
"""What a gateway says that has no answer of the feed."""


class FeedBusy(SourceUnreachable):
    """`retry_after_s`: what the feed asked for. `answered`: the feed itself said that it failed. `throttled`: it works,
    and wants fewer requests."""

    def __init__(
        self, message: str, retry_after_s: float | None = None, *, answered: bool = False, throttled: bool = False
    ) -> None:
        super().__init__(message, rest_s=min(retry_after_s or 0.0, LONGEST_REST_S))
        self.retry_after_s = retry_after_s
        self.answered = answered
        self.throttled = throttled


class FeedRefused(SourceUnreachable):
    """`status` and `reason` are the feed's own."""

    def __init__(self, message: str, status: int, reason: str) -> None:
        super().__init__(message)
        self.status = status
        self.reason = reason


def is_busy(status: int) -> bool:
    """Whether a status says nothing about the request, and may be another one soon."""
    return status in _BUSY or status >= 500


def refuse(url: str, status: int, headers: Mapping[str, str], text: str, now: float) -> SourceUnreachable:
    """The error for an answer that is no success. `now` is Unix seconds."""
    where, reason = shown(url), " ".join(text.split())[:200]
    if is_busy(status):
        wait = retry_after(headers.get("retry-after"), now)
        return FeedBusy(f"{where} answered {status}.", wait, answered=status not in _BETWEEN, throttled=status == 429)
    mend = {
        401: "it wants other credentials: correct `feed.auth`",
        403: "it lets these credentials do this no more: correct `feed.auth`, or let them",
        404: "there is nothing: correct `feed.url`",
        410: "what was there is gone for good: correct `feed.url`",
    }.get(status, "correct `feed`")
    return FeedRefused(f"{where} answered {status}: {mend}." + (f" ({reason})" if reason else ""), status, reason)


def unanswered(url: str, error: httpx.HTTPError) -> FeedBusy:
    """The error where no answer came."""
    what = "did not answer in time" if isinstance(error, httpx.TimeoutException) else "can't be reached"
    return FeedBusy(f"{shown(url)} {what} ({str(error) or type(error).__name__}).")


def retry_after(text: str | None, now: float) -> float | None:
    """The seconds of a Retry-After header, which has seconds or a date."""
    if text is None:
        return None
    if text.strip().isascii() and text.strip().isdigit():
        return float(text)
    try:
        return max(0.0, parsedate_to_datetime(text).timestamp() - now)
    except ValueError:
        return None
