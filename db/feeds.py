"""Feeds as registered: where the records are, how requests are authorised, paged and written; their secrets apart.

A binding is what `rowcast.sources.feed` has, so nothing in it is secret. What is secret travels as `FeedSecrets`, from
`rowcast.secrets` to the requests, and shows itself in no repr.
"""

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from enum import StrEnum
from typing import Any


class FeedFormat(StrEnum):
    JSON = "JSON"
    XML = "XML"


class FeedAuthKind(StrEnum):
    BEARER = "BEARER"
    HEADER = "HEADER"
    QUERY = "QUERY"
    BASIC = "BASIC"
    OAUTH2_CLIENT_CREDENTIALS = "OAUTH2_CLIENT_CREDENTIALS"


class FeedPaginationKind(StrEnum):
    LINK_HEADER = "LINK_HEADER"
    NEXT_URL = "NEXT_URL"
    PAGE = "PAGE"
    OFFSET = "OFFSET"
    CURSOR = "CURSOR"


@dataclass(frozen=True, slots=True)
class FeedAuth:
    """How requests are authorised, without the secret. `name`: the header, query parameter or user, by kind."""

    kind: FeedAuthKind
    name: str | None = None
    token_url: str | None = None
    client_id: str | None = None
    scope: str | None = None


@dataclass(frozen=True, slots=True)
class FeedPagination:
    """How further pages are found. `next`: the path to the next URL or cursor in the document.

    `parameter`: the query parameter that counts, or carries the cursor; `size`: records a page.
    """

    kind: FeedPaginationKind
    next: str | None = None
    parameter: str | None = None
    size: int | None = None
    max_pages: int = 1000


@dataclass(frozen=True, slots=True)
class FeedRequest:
    """A request that writes. In `url` each `{column}` is replaced by the row's value, percent-encoded."""

    method: str
    url: str


@dataclass(frozen=True, slots=True)
class FeedWrite:
    """How rows are written; None: rows can't be. `upsert` serves new rows too where there is no `insert`.

    `batch_size`: above 1, one request carries a list of records.
    """

    upsert: FeedRequest | None = None
    insert: FeedRequest | None = None
    delete: FeedRequest | None = None
    batch_size: int = 1


@dataclass(frozen=True, slots=True)
class FeedBinding:
    """Where the records are. `records`: JMESPath or XPath to their list; `namespaces`: prefix to namespace, for XPath.

    `header_names` are the headers that go with every request; their values are among the secrets.
    """

    url: str
    format: FeedFormat
    records: str
    namespaces: Mapping[str, str] = field(default_factory=dict)
    header_names: tuple[str, ...] = ()
    auth: FeedAuth | None = None
    pagination: FeedPagination | None = None
    write: FeedWrite | None = None


@dataclass(frozen=True, slots=True)
class FeedSecrets:
    """Decrypted: the headers of every request with their values, and the secret of the authorisation."""

    headers: Mapping[str, str] = field(default_factory=dict, repr=False)
    auth: str | None = field(default=None, repr=False)


def feed_to_json(feed: FeedBinding) -> dict[str, Any]:
    """The binding as `rowcast.sources.feed` has it."""
    return asdict(feed)


def feed_from_json(stored: Mapping[str, Any]) -> FeedBinding:
    """The binding that `feed_to_json` made."""
    auth, pagination, write = stored["auth"], stored["pagination"], stored["write"]
    return FeedBinding(
        url=stored["url"],
        format=FeedFormat(stored["format"]),
        records=stored["records"],
        namespaces=stored["namespaces"],
        header_names=tuple(stored["header_names"]),
        auth=None if auth is None else FeedAuth(**{**auth, "kind": FeedAuthKind(auth["kind"])}),
        pagination=None
        if pagination is None
        else FeedPagination(**{**pagination, "kind": FeedPaginationKind(pagination["kind"])}),
        write=None if write is None else _write_from_json(write),
    )


def _write_from_json(stored: Mapping[str, Any]) -> FeedWrite:
    requests = {
        name: None if stored[name] is None else FeedRequest(**stored[name]) for name in ("upsert", "insert", "delete")
    }
    return FeedWrite(**requests, batch_size=stored["batch_size"])
