"""Where the next page of a feed is. Pure.

| kind        | the next page                                                                                        |
|-------------|------------------------------------------------------------------------------------------------------|
| LINK_HEADER | the answer's Link header with rel="next"                                                             |
| NEXT_URL    | the address that the document has at `next`                                                          |
| PAGE        | `parameter` counted up from what the registered address has, else from 1                             |
| OFFSET      | `parameter` counted up by the records of the page, from what the address has, else from 0            |
| CURSOR      | `parameter` set to what the document has at `next`                                                   |

PAGE and OFFSET end with a page that has fewer records than `size`, or none at all. One that is not found ends them,
too, but may be there a moment later: then nobody knows whether those were all records, and none counts as deleted.

What is counted up or set goes into the address that was asked, wherever that was redirected to; a reference that the
answer has is one of the address that answered.
"""

from dataclasses import dataclass
from typing import Final
from urllib.parse import parse_qsl, urlencode, urlsplit, urlunsplit

from db.feeds import FeedPagination, FeedPaginationKind
from sync.address_guard import follow

_NOT_FOUND: Final = 404
DEFAULT_PARAMETERS: Final = {
    FeedPaginationKind.PAGE: "page",
    FeedPaginationKind.OFFSET: "offset",
    FeedPaginationKind.CURSOR: "cursor",
}


@dataclass(frozen=True, slots=True)
class Page:
    """A page that was read. `asked` is the address that was asked for, `url` the one that answered. `link` is its Link
    header's next, `told` what the document has at `next`."""

    asked: str
    url: str
    records: int
    link: str | None
    told: str | None


def may_be_missing(pagination: FeedPagination | None, pages: int, status: int) -> bool:
    """Whether a page that was refused with that status may be behind the last of the `pages` before it: counted ones
    are asked for until there are no more, for nothing tells which is the last."""
    counted = pagination is not None and pagination.kind in (FeedPaginationKind.PAGE, FeedPaginationKind.OFFSET)
    return counted and pages > 0 and status == _NOT_FOUND


def next_page(pagination: FeedPagination, page: Page) -> str | None:
    """The address of the page behind `page`; None where it was the last."""
    match pagination.kind:
        case FeedPaginationKind.LINK_HEADER:
            return follow(page.url, page.link) if page.link else None
        case FeedPaginationKind.NEXT_URL:
            return follow(page.url, page.told) if page.told else None
        case FeedPaginationKind.CURSOR:
            return _with(page.asked, _parameter(pagination), page.told) if page.told else None
        case FeedPaginationKind.PAGE | FeedPaginationKind.OFFSET:
            if page.records == 0 or (pagination.size is not None and page.records < pagination.size):
                return None
            by_page = pagination.kind is FeedPaginationKind.PAGE
            parameter = _parameter(pagination)
            at = _number(page.asked, parameter, 1 if by_page else 0)
            return _with(page.asked, parameter, str(at + (1 if by_page else page.records)))


def _parameter(pagination: FeedPagination) -> str:
    return pagination.parameter or DEFAULT_PARAMETERS[pagination.kind]


def _number(url: str, parameter: str, default: int) -> int:
    for name, value in parse_qsl(urlsplit(url).query):
        if name == parameter and value.isascii() and value.isdigit():
            return int(value)
    return default


def _with(url: str, parameter: str, value: str) -> str:
    parts = urlsplit(url)
    query = [one for one in parse_qsl(parts.query, keep_blank_values=True) if one[0] != parameter]
    return urlunsplit(parts._replace(query=urlencode([*query, (parameter, value)])))
