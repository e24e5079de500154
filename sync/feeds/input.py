"""What people ask for when they register or update a feed, and what of it can't be meant. Pure.

Refuses with every problem at once. A URL carries no secret: it is shown, logged and kept as it is.
"""

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final
from urllib.parse import SplitResult, parse_qsl, urlsplit

from db.feeds import (
    FeedAuth,
    FeedAuthKind,
    FeedFormat,
    FeedPagination,
    FeedPaginationKind,
    FeedRequest,
    FeedSecrets,
    FeedWrite,
)
from sync.absent import ABSENT, Absent

MAX_URL: Final = 2_000

_TOKEN: Final = re.compile(r"[!#$%&'*+.^_`|~0-9A-Za-z-]+\Z", re.ASCII)
_VALUE: Final = re.compile(r"[\t\x20-\x7e\xa0-\xff]*\Z")
_PREFIX: Final = re.compile(r"[A-Za-z_][\w.-]*\Z")
_PLACE: Final = re.compile(r"\{([^{}]*)\}")
_OURS: Final = frozenset(
    {
        "connection", "content-length", "content-type", "host", "idempotency-key", "if-modified-since", "if-none-match",
        "te", "trailer", "transfer-encoding", "upgrade",
    }
)  # fmt: skip
_METHODS: Final = ("POST", "PUT", "PATCH", "DELETE")
_SECRET_NAMES: Final = re.compile(
    r"(?:.*[_-])?(?:api_?key|access_?token|auth|authorization|client_?secret|password|passwd|pwd|secret|sig|signature|token)\Z",
    re.IGNORECASE,
)


@dataclass(frozen=True, slots=True)
class WantedFeed:
    """`format` None: by Content-Type, then by the first byte. `records` None: found. `write` None: read only."""

    url: str
    format: FeedFormat | None = None
    records: str | None = None
    namespaces: Mapping[str, str] = field(default_factory=dict)
    auth: FeedAuth | None = None
    pagination: FeedPagination | None = None
    write: FeedWrite | None = None
    secrets: FeedSecrets = field(default_factory=FeedSecrets, repr=False)


@dataclass(frozen=True, slots=True)
class UpdateFeed:
    """Changed settings of a feed; None clears. `headers` replace all, `auth` comes with its secret."""

    url: str | Absent = ABSENT
    format: FeedFormat | Absent | None = ABSENT
    records: str | Absent | None = ABSENT
    namespaces: Mapping[str, str] | Absent | None = ABSENT
    headers: Mapping[str, str] | Absent | None = field(default=ABSENT, repr=False)
    auth: tuple[FeedAuth, str] | Absent | None = field(default=ABSENT, repr=False)
    pagination: FeedPagination | Absent | None = ABSENT
    write: FeedWrite | Absent | None = ABSENT


def feed_problems(wanted: WantedFeed) -> list[str]:
    """All that can be refused without a look at the feed."""
    return [
        *url_problems("url", wanted.url),
        *_header_problems(wanted.secrets.headers),
        *(f'"{prefix}" can\'t be a prefix of namespaces.' for prefix in wanted.namespaces if not _PREFIX.match(prefix)),
        *_auth_problems(wanted.auth, wanted.secrets.auth),
        *_pagination_problems(wanted.pagination),
        *_write_problems(wanted.write),
    ]


def template_problems(write: FeedWrite | None, columns: Sequence[str], key: Sequence[str]) -> list[str]:
    """Places in the URL templates that no column fills; of a deleted row only the key is known."""
    return [
        f"write.{name}.url has {{{place}}}, which is no {'key ' if name == 'delete' else ''}column: there are "
        f"{', '.join(known)}."
        for name, request in _requests(write)
        for known in (key if name == "delete" else columns,)
        for place in _PLACE.findall(request.url)
        if place not in known
    ]


def origin(url: str) -> tuple[str, str, int | None]:
    """Scheme, host and port: credentials go nowhere else."""
    parts = urlsplit(url)
    port = parts.port or {"http": 80, "https": 443}.get(parts.scheme)
    return parts.scheme, (parts.hostname or "").lower(), port


def url_problems(name: str, url: str) -> list[str]:
    """What is wrong with a URL that is asked; `name` is its field."""
    parts = _split(url)
    if parts is None or parts.scheme not in ("http", "https") or not parts.hostname:
        return [f"{name} is no address of a feed: it begins with https:// or http:// and a host."]
    problems = []
    if parts.username is not None or parts.password is not None:
        problems.append(f"{name} carries a user or password, and URLs are shown: give auth with kind BASIC instead.")
    if parts.fragment:
        problems.append(f"{name} ends with #…, which is not sent: leave it out.")
    if len(url) > MAX_URL:
        problems.append(f"{name} has {len(url):,} characters, and {MAX_URL:,} at most are taken.")
    for parameter, value in parse_qsl(parts.query, keep_blank_values=True):
        if value and not _PLACE.fullmatch(value) and _SECRET_NAMES.match(parameter):
            problems.append(
                f"{name} carries {parameter}, and URLs are shown: leave it out, and give auth with kind QUERY and name "
                f"{parameter}."
            )
    return problems


def _split(url: str) -> SplitResult | None:
    if re.search(r"[\x00-\x20\x7f]", url):
        return None
    try:
        parts = urlsplit(url)
        _ = parts.port
    except ValueError:
        return None
    return parts


def _header_problems(headers: Mapping[str, str]) -> Iterator[str]:
    for name, value in headers.items():
        if not _TOKEN.match(name):
            yield f"\"{name}\" can't be a header's name."
        elif name.lower() in _OURS:
            yield f"The header {name} is rowcast's own to set: leave it out."
        if not _VALUE.match(value):
            # Not the value itself: it is a secret.
            yield f"The value of the header {name} has characters that no header can have."
    lower = [name.lower() for name in headers]
    if twice := sorted({name for name in lower if lower.count(name) > 1}):
        yield f"headers names {', '.join(twice)} twice."


def _auth_problems(auth: FeedAuth | None, secret: str | None) -> Iterator[str]:
    if auth is None:
        return
    if not secret:
        yield "auth.secret is empty."
    elif not _VALUE.match(secret) and auth.kind in (FeedAuthKind.BEARER, FeedAuthKind.HEADER):
        yield "auth.secret has characters that no header can have."
    named = auth.kind in (FeedAuthKind.HEADER, FeedAuthKind.QUERY, FeedAuthKind.BASIC)
    if named and not auth.name:
        what = {FeedAuthKind.HEADER: "header", FeedAuthKind.QUERY: "query parameter"}.get(auth.kind, "user")
        yield f"auth.name is missing: with kind {auth.kind} it is the {what}'s name."
    if auth.kind is FeedAuthKind.HEADER and auth.name:
        yield from _header_problems({auth.name: ""})
    oauth = auth.kind is FeedAuthKind.OAUTH2_CLIENT_CREDENTIALS
    if oauth and not (auth.token_url and auth.client_id):
        yield f"auth.tokenUrl and auth.clientId are needed with kind {auth.kind}."
    if auth.token_url is not None:
        yield from url_problems("auth.tokenUrl", auth.token_url)
    if not oauth and (auth.token_url or auth.client_id or auth.scope):
        yield f"auth.tokenUrl, clientId and scope mean nothing with kind {auth.kind}: leave them out."


def _pagination_problems(pagination: FeedPagination | None) -> Iterator[str]:
    if pagination is None:
        return
    kind = pagination.kind
    if kind in (FeedPaginationKind.NEXT_URL, FeedPaginationKind.CURSOR) and not pagination.next:
        yield f"pagination.next is missing: with kind {kind} it is the path to the next page in the document."
    counting = (FeedPaginationKind.PAGE, FeedPaginationKind.OFFSET, FeedPaginationKind.CURSOR)
    if kind in counting and not pagination.parameter:
        yield f"pagination.parameter is missing: with kind {kind} it is the query parameter that is sent."
    if pagination.size is not None and pagination.size < 1:
        yield "pagination.size is 1 at least."
    if pagination.max_pages < 1:
        yield "pagination.maxPages is 1 at least."


def _write_problems(write: FeedWrite | None) -> Iterator[str]:
    if write is None:
        return
    requests = _requests(write)
    if not requests:
        yield "write has none of upsert, insert and delete: give one, or leave write out."
    if write.batch_size < 1:
        yield "write.batchSize is 1 at least."
    for name, request in requests:
        if request.method.upper() not in _METHODS:
            yield f"write.{name}.method is one of {', '.join(_METHODS)}."
        yield from url_problems(f"write.{name}.url", _PLACE.sub("x", request.url))
        if "{" in (urlsplit(request.url).netloc if _split(request.url) else ""):
            yield f"write.{name}.url has a {{column}} in its host: only its path and query may have them."
        if write.batch_size > 1 and _PLACE.search(request.url):
            yield f"write.{name}.url names a column, and with batchSize {write.batch_size} it is for several rows."


def _requests(write: FeedWrite | None) -> list[tuple[str, FeedRequest]]:
    if write is None:
        return []
    given = (("upsert", write.upsert), ("insert", write.insert), ("delete", write.delete))
    return [(name, request) for name, request in given if request is not None]
