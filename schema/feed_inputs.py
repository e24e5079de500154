"""From a feed's inputs to what `sync` takes."""

from collections.abc import Mapping, Sequence
from typing import TypeVar

from strawberry import UNSET

from db.errors import BadUserInput
from db.feeds import FeedAuth, FeedPagination, FeedRequest, FeedSecrets, FeedWrite
from schema.source_inputs import (
    FeedAuthInput,
    FeedInput,
    FeedPaginationInput,
    FeedRequestInput,
    FeedUpdateInput,
    FeedWriteInput,
    HeaderInput,
)
from sync.absent import ABSENT, Absent
from sync.feeds.input import UpdateFeed, WantedFeed

T = TypeVar("T")


def read_feed(given: FeedInput) -> WantedFeed:
    """A new feed; an explicit null is the default. BadUserInput."""
    return WantedFeed(
        url=given.url,
        format=given.format or None,
        records=given.records or None,
        namespaces=_namespaces(given.namespaces),
        auth=_auth(given.auth) if given.auth else None,
        pagination=_pagination(given.pagination) if given.pagination else None,
        write=_write(given.write) if given.write else None,
        secrets=FeedSecrets(headers=_headers(given.headers), auth=given.auth.secret if given.auth else None),
    )


def read_feed_update(given: FeedUpdateInput) -> UpdateFeed:
    """What is to change: absent keeps, null clears. BadUserInput."""
    if given.url is None:
        raise BadUserInput("feed.url can't be cleared: leave it out to keep it.")
    return UpdateFeed(
        url=_absent(given.url),
        format=_absent(given.format),
        records=_absent(given.records or None if given.records is not UNSET else UNSET),
        namespaces=ABSENT if given.namespaces is UNSET else _namespaces(given.namespaces),
        headers=ABSENT if given.headers is UNSET else _headers(given.headers),
        auth=ABSENT
        if given.auth is UNSET
        else (None if given.auth is None else (_auth(given.auth), given.auth.secret)),
        pagination=ABSENT
        if given.pagination is UNSET
        else (None if given.pagination is None else _pagination(given.pagination)),
        write=ABSENT if given.write is UNSET else (None if given.write is None else _write(given.write)),
    )


def _auth(given: FeedAuthInput) -> FeedAuth:
    return FeedAuth(
        given.kind, given.name or None, given.token_url or None, given.client_id or None, given.scope or None
    )


def _pagination(given: FeedPaginationInput) -> FeedPagination:
    most = 1000 if given.max_pages is None or given.max_pages is UNSET else given.max_pages
    size = None if given.size is UNSET else given.size
    return FeedPagination(given.kind, given.next or None, given.parameter or None, size, most)


def _write(given: FeedWriteInput) -> FeedWrite:
    size = 1 if given.batch_size is None or given.batch_size is UNSET else given.batch_size
    return FeedWrite(_request(given.upsert), _request(given.insert), _request(given.delete), size)


def _request(given: FeedRequestInput | None) -> FeedRequest | None:
    return FeedRequest(given.method.upper(), given.url) if given else None


def _headers(given: Sequence[HeaderInput] | None) -> Mapping[str, str]:
    headers: dict[str, str] = {}
    for header in given or ():
        if header.name in headers:
            raise BadUserInput(f"headers names {header.name} twice.")
        headers[header.name] = header.value
    return headers


def _namespaces(given: object) -> Mapping[str, str]:
    if not given:
        return {}
    if not isinstance(given, dict) or not all(isinstance(value, str) for value in given.values()):
        raise BadUserInput('namespaces is an object from prefix to namespace, such as {"r": "urn:rates"}.')
    return given


def _absent(value: T) -> T | Absent:
    return ABSENT if value is UNSET else value
