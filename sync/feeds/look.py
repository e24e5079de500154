"""The look at a feed that registration takes: every page, every record, once; no record is kept."""

from collections.abc import Collection, Mapping, Sequence
from functools import partial
from typing import TypeVar

from db.errors import BadUserInput
from db.feeds import FeedBinding, FeedFormat, FeedPagination
from sync.daemon_threads import Compute
from sync.feeds.client import FeedClient, Fetched
from sync.feeds.errors import FeedRefused
from sync.feeds.find import find_format, find_records
from sync.feeds.input import WantedFeed
from sync.feeds.inspection import FeedInspection, Inspector
from sync.feeds.json_records import JsonRecords
from sync.feeds.leaves import BadPath, json_reader, xml_reader
from sync.feeds.pages import Page, may_be_missing, next_page
from sync.feeds.records import RecordFormat
from sync.feeds.xml_records import XmlRecords

T = TypeVar("T")


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
    client: FeedClient, wanted: WantedFeed, extra: Sequence[str], keyed: Collection[str], compute: Compute
) -> FeedInspection:
    """The feed as it stands. SourceUnreachable; BadUserInput for a path that can't be evaluated."""
    fetched = await client.get(wanted.url, _anybody, fresh=True)
    assert fetched is not None
    format_ = wanted.format or find_format(fetched.content_type, fetched.body)
    try:
        found = await compute(lambda: find_records(format_, fetched.body, wanted.namespaces))
        records = wanted.records or found.records
        namespaces: Mapping[str, str] = {**found.namespaces, **wanted.namespaces}
        _check_paths(wanted, format_, namespaces)
        inspector = Inspector(format_, namespaces, extra, keyed)
        problems = []
        if records is None:
            problems.append("The feed has no list of records that shows itself: name the path to it in feed.records.")
        else:
            reader = _reader(format_, records, namespaces, client.limits.whole_bytes)
            await _read(client, wanted, reader, inspector, fetched, compute)
        return FeedInspection(format_, records or "", namespaces, inspector.fields(), inspector.count, problems)
    except BadPath as error:
        raise BadUserInput(f"{error} Correct it in columns.") from error
    finally:
        fetched.close()


async def _read(
    client: FeedClient,
    wanted: WantedFeed,
    reader: RecordFormat,
    inspector: Inspector,
    fetched: Fetched,
    compute: Compute,
) -> None:
    """Every page, from the first, which was fetched already."""
    pagination, seen = wanted.pagination, {fetched.asked}
    page: Fetched | None = fetched
    while page is not None:
        try:
            following = await compute(partial(_take, reader, inspector, page, pagination))
        finally:
            if page is not fetched:
                page.close()
        if following is None or pagination is None or following in seen or len(seen) >= pagination.max_pages:
            return
        seen.add(following)
        try:
            page = await client.get(following, _anybody, fresh=True)
        except FeedRefused as error:
            if not may_be_missing(pagination, len(seen) - 1, error.status):
                raise
            return


def _take(reader: RecordFormat, inspector: Inspector, page: Fetched, pagination: FeedPagination | None) -> str | None:
    """The page's records; returns the address of the next page."""
    before = inspector.count
    for _, record in reader.records(page.body):
        inspector.add(record)
    if pagination is None:
        return None
    told = reader.follow(page.body, pagination.next) if pagination.next else None
    return next_page(pagination, Page(page.asked, page.url, inspector.count - before, page.link, told))


def _reader(format_: FeedFormat, records: str, namespaces: Mapping[str, str], whole_bytes: int) -> RecordFormat:
    if format_ is FeedFormat.JSON:
        return JsonRecords(records, (), whole_bytes)
    return XmlRecords(records, namespaces, (), whole_bytes)


def _check_paths(wanted: WantedFeed, format_: FeedFormat, namespaces: Mapping[str, str]) -> None:
    following = None if wanted.pagination is None else wanted.pagination.next
    for name, path in (("records", wanted.records), ("pagination.next", following)):
        if path is None:
            continue
        try:
            if format_ is FeedFormat.JSON:
                json_reader(path)
            else:
                xml_reader(path, namespaces)
        except BadPath as error:
            raise BadUserInput(f"{error} Correct feed.{name}.") from error


def _anybody() -> None:
    """A look at a feed needs no leadership."""
