"""A feed's settings as clients see them: without any secret."""

from typing import Any

import strawberry

import schema.enums  # noqa: F401 - exposes the enums that the types here name
from db.feeds import FeedAuthKind, FeedBinding, FeedFormat, FeedPagination, FeedWrite
from schema.scalars import JSON


@strawberry.type(description="Where a feed is, as registered, without header values and secrets.")
class FeedSettings:
    url: str = strawberry.field(description="Its URL.")
    format: FeedFormat = strawberry.field(description="How it is written.")
    records: str | None = strawberry.field(description="The path to the records.")
    namespaces: JSON | None = strawberry.field(description="Prefixes for XPath.")
    header_names: list[str] = strawberry.field(description="The names of the headers sent.")
    auth_kind: FeedAuthKind | None = strawberry.field(description="How requests are authorised.")
    pagination: JSON | None = strawberry.field(description="How further pages are read.")
    write: JSON | None = strawberry.field(description="How rows are written.")


def feed_settings(feed: FeedBinding) -> FeedSettings:
    """As registered."""
    return FeedSettings(
        url=feed.url,
        format=feed.format,
        records=feed.records,
        namespaces=JSON(dict(feed.namespaces)) if feed.namespaces else None,
        header_names=list(feed.header_names),
        auth_kind=None if feed.auth is None else feed.auth.kind,
        pagination=None if feed.pagination is None else JSON(_shown_pagination(feed.pagination)),
        write=None if feed.write is None else JSON(_shown_write(feed.write)),
    )


def _shown_pagination(pagination: FeedPagination) -> dict[str, Any]:
    return {
        "kind": str(pagination.kind),
        "next": pagination.next,
        "parameter": pagination.parameter,
        "size": pagination.size,
        "maxPages": pagination.max_pages,
    }


def _shown_write(write: FeedWrite) -> dict[str, Any]:
    requests = (("upsert", write.upsert), ("insert", write.insert), ("delete", write.delete))
    shown = {
        name: None if request is None else {"method": request.method, "url": request.url} for name, request in requests
    }
    return {**shown, "batchSize": write.batch_size}
