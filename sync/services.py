"""What a source's calls go to: the name of its circuit, and of what its runs have a share of."""

from typing import Final

from db.sources import Source
from sync.address_guard import check_url

DEFAULT_CREDENTIAL: Final = "default"
"""The name of the credential that is used where a source names none."""


def service_of(source: Source) -> str:
    """`google <credential>` for a sheet, `feed <host>:<port>` for a feed."""
    if source.sheet is not None:
        return google_service(source.sheet.credential)
    return "" if source.feed is None else feed_service(source.feed.url)


def google_service(credential: str | None) -> str:
    """Of a credential; None: the default one."""
    return f"google {credential or DEFAULT_CREDENTIAL}"


def feed_service(url: str) -> str:
    """Of the host and port that a feed's address names. BadUserInput for one that can't be a feed's."""
    host, port = check_url(url)
    return f"feed {host}:{port}"
