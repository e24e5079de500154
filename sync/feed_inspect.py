"""The look at a feed that registration takes: every page, every record, once; no record is kept."""

import asyncio
from collections.abc import Collection, Mapping, Sequence

from db.errors import BadUserInput
from db.feeds import FeedBinding, FeedFormat
from sync.feed_client import FeedClient, Fetched
from sync.feed_find import find_format, find_records
from sync.feed_input import WantedFeed
from sync.feed_inspection import FeedInspection, Inspector
from sync.feed_json import JsonRecords
from sync.feed_leaves import BadPath
from sync.feed_pages import Page, next_page
from sync.feed_records import RecordFormat
from sync.feed_xml import XmlRecords


def unfound(wanted: WantedFeed) -> FeedBinding:
    """The binding for the requests of a look, before anything was found."""
    return FeedBinding(
        url=wanted.url,
        format=wanted.format or FeedFormat.JSON,
        records=wanted.records or "",
        namespaces=wanted.namespaces,
        header_names=tuple(wanted.secrets.headers),
        auth=wanted.auth,
        pagination=wanted.pagination,
    )


async def inspect_feed(
    client: FeedClient, wanted: WantedFeed, extra: Sequence[str], keyed: Collection[str]
) -> FeedInspection:
    """The feed as it stands. SourceUnreachable; BadUserInput for a path that can't be evaluated."""
    fetched = await client.get(wanted.url, _anybody, fresh=True)
    assert fetched is not None
    format_ = wanted.format or find_format(fetched.content_type, fetched.body)
    try:
        found = await asyncio.to_thread(find_records, format_, fetched.body, wanted.namespaces)
        records = wanted.records or found.records
        namespaces: Mapping[str, str] = {**found.namespaces, **wanted.namespaces}
        inspector = Inspector(format_, namespaces, extra, keyed)
        problems = []
        if records is None:
            problems.append("The feed has no list of records that shows itself: name the path to it in feed.records.")
        else:
            reader = _reader(format_, records, namespaces, client.limits.whole_bytes)
            await _read(client, wanted, reader, inspector, fetched)
        return FeedInspection(format_, records or "", namespaces, inspector.fields(), inspector.count, problems)
    except BadPath as error:
        raise BadUserInput(f"{error} Correct it in columns.") from error
    finally:
        fetched.close()


async def _read(
    client: FeedClient, wanted: WantedFeed, reader: RecordFormat, inspector: Inspector, fetched: Fetched
) -> None:
    """Every page, from the first, which was fetched already."""
    seen = {fetched.url}
    page: Fetched | None = fetched
    while page is not None:
        before = inspector.count
        await asyncio.to_thread(_add, reader, inspector, page)
        pagination = wanted.pagination
        told = (
            await asyncio.to_thread(reader.follow, page.body, pagination.next)
            if pagination is not None and pagination.next
            else None
        )
        if page is not fetched:
            page.close()
        following = (
            next_page(pagination, Page(page.url, inspector.count - before, page.link, told))
            if pagination is not None
            else None
        )
        if following is None or following in seen or pagination is None or len(seen) >= pagination.max_pages:
            return
        seen.add(following)
        page = await client.get(following, _anybody, fresh=True)


def _add(reader: RecordFormat, inspector: Inspector, page: Fetched) -> None:
    for _, record in reader.records(page.body):
        inspector.add(record)


def _reader(format_: FeedFormat, records: str, namespaces: Mapping[str, str], whole_bytes: int) -> RecordFormat:
    if format_ is FeedFormat.JSON:
        return JsonRecords(records, (), whole_bytes)
    return XmlRecords(records, namespaces, (), whole_bytes)


def _anybody() -> None:
    """A look at a feed needs no leadership."""
