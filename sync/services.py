"""What a source's calls go to: the name of its circuit, and of what its runs have a share of."""

from urllib.parse import urlsplit

from db.sources import Source
from sync.credentials import DEFAULT_CREDENTIAL


def service_of(source: Source) -> str:
    """`google <credential>` for a sheet, `feed <host>` for a feed."""
    if source.sheet is not None:
        return google_service(source.sheet.credential)
    return "" if source.feed is None else feed_service(source.feed.url)


def google_service(credential: str | None) -> str:
    """Of a credential; None: the default one."""
    return f"google {credential or DEFAULT_CREDENTIAL}"


def feed_service(url: str) -> str:
    """Of the host that a feed's address names, with the port where that isn't the scheme's."""
    parts = urlsplit(url)
    port = "" if parts.port is None else f":{parts.port}"
    return f"feed {(parts.hostname or '').lower()}{port}"
