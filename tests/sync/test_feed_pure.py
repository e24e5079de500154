"""The pure parts of feeds: paths, pages, templates, the guard's addresses, what answers mean."""

import ipaddress
import json
from decimal import Decimal
from urllib.parse import unquote

import pytest
from hypothesis import given
from hypothesis import strategies as st

from db.errors import BadUserInput
from db.feeds import FeedPagination, FeedPaginationKind
from sync.address_guard import Allowed, FeedForbidden, Guard, check_url, is_public, shown
from sync.feeds.errors import FeedBusy, FeedRefused, refuse, retry_after
from sync.feeds.json_records import render
from sync.feeds.pages import Page, next_page
from sync.feeds.paths import plain_field, plain_json, plain_records
from sync.feeds.spooled_rows import RowSpool
from sync.feeds.template import expand, placeholders

# ---- paths


@pytest.mark.parametrize(
    ("path", "names"),
    [
        ("@", ()),
        ("orders", ("orders",)),
        ("data.orders", ("data", "orders")),
        ('"odd name".x', ("odd name", "x")),
        ("orders[0]", None),
        ("orders[*].id", None),
        ("length(orders)", None),
        ("a | b", None),
        ("a.", None),
    ],
)
def test_plain_json_paths(path: str, names: tuple[str, ...] | None) -> None:
    assert plain_json(path) == names


@pytest.mark.parametrize(
    ("path", "names"),
    [
        ("/rates/rate", ("rates", "rate")),
        ("/a:feed/a:entry", ("a:feed", "a:entry")),
        ("//rate", None),
        ("/rates/rate[1]", None),
        ("rates/rate", None),
        ("/rates/@x", None),
    ],
)
def test_plain_xml_paths_to_records(path: str, names: tuple[str, ...] | None) -> None:
    assert plain_records(path) == names


@pytest.mark.parametrize(
    ("path", "names"),
    [
        (".", ()),
        ("@id", ("@id",)),
        ("a/b/@c", ("a", "b", "@c")),
        ("m:since", ("m:since",)),
        ("a/text()", None),
        ("../a", None),
        ("@a/b", None),
        ("concat(a, b)", None),
    ],
)
def test_plain_xml_fields(path: str, names: tuple[str, ...] | None) -> None:
    assert plain_field(path) == names


# ---- pages

_URL = "https://api.example.com/orders?size=2&page=3"


@pytest.mark.parametrize(
    ("pagination", "page", "following"),
    [
        (FeedPagination(FeedPaginationKind.LINK_HEADER), Page(_URL, _URL, 2, "/orders?page=4", None), "/orders?page=4"),
        (FeedPagination(FeedPaginationKind.LINK_HEADER), Page(_URL, _URL, 2, None, None), None),
        (FeedPagination(FeedPaginationKind.NEXT_URL, next="n"), Page(_URL, _URL, 2, None, "?page=9"), "/orders?page=9"),
        (FeedPagination(FeedPaginationKind.NEXT_URL, next="n"), Page(_URL, _URL, 2, None, None), None),
        (FeedPagination(FeedPaginationKind.PAGE, size=2), Page(_URL, _URL, 2, None, None), "/orders?size=2&page=4"),
        (FeedPagination(FeedPaginationKind.PAGE, size=2), Page(_URL, _URL, 1, None, None), None),
        (FeedPagination(FeedPaginationKind.PAGE), Page(_URL, _URL, 0, None, None), None),
        (
            FeedPagination(FeedPaginationKind.PAGE, parameter="p"),
            Page(_URL, _URL, 1, None, None),
            "/orders?size=2&page=3&p=2",
        ),
        (
            FeedPagination(FeedPaginationKind.OFFSET, parameter="from"),
            Page(_URL, _URL, 2, None, None),
            "/orders?size=2&page=3&from=2",
        ),
        (
            FeedPagination(FeedPaginationKind.CURSOR, next="n", parameter="page"),
            Page(_URL, _URL, 2, None, "a/b"),
            "/orders?size=2&page=a%2Fb",
        ),
    ],
)
def test_the_next_page(pagination: FeedPagination, page: Page, following: str | None) -> None:
    expected = None if following is None else f"https://api.example.com{following}"
    assert next_page(pagination, page) == expected


@given(st.lists(st.integers(0, 5), min_size=1, max_size=6), st.integers(1, 5))
def test_counted_pages_end(sizes: list[int], size: int) -> None:
    """Whatever the pages hold, each has a new address, and a short or empty one is the last."""
    pagination = FeedPagination(FeedPaginationKind.OFFSET, size=size)
    url: str | None = "https://example.com/"
    seen = []
    for count in sizes:
        assert url is not None
        assert url not in seen
        seen.append(url)
        url = next_page(pagination, Page(url, url, count, None, None))
        assert (url is None) is (count == 0 or count < size)
        if url is None:
            return


# ---- templates


_VALUES = st.text(st.characters(exclude_categories=["Cs"]), min_size=1).filter(lambda text: text not in (".", ".."))


@given(st.dictionaries(st.text("abcde", min_size=1, max_size=5), _VALUES))
def test_a_template_takes_any_value(values: dict[str, str]) -> None:
    template = "https://example.com/" + "/".join(f"{{{name}}}" for name in values)
    assert placeholders(template) == values.keys()
    parts = expand(template, values).removeprefix("https://example.com/").split("/")
    assert [unquote(part) for part in parts] == (list(values.values()) or [""])


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ({"id": ".."}, "only dots"),
        ({"id": "."}, "only dots"),
        ({"id": ""}, "has no id"),
        ({}, "has no id"),
    ],
)
def test_a_template_leads_to_no_other_record(values: dict[str, str], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        expand("https://example.com/orders/{id}", values)
    assert expand("https://example.com/?id={id}", {"id": ".."}) == "https://example.com/?id=.."


# ---- the guard


@pytest.mark.parametrize(
    "address",
    [
        "127.0.0.1", "0.0.0.0", "10.1.2.3", "172.16.0.1", "192.168.1.1", "169.254.169.254", "100.64.0.1", "224.0.0.1",
        "255.255.255.255", "192.0.2.1", "::1", "::", "fe80::1", "fc00::1", "ff02::1", "::ffff:10.0.0.1",
        "64:ff9b::a00:1", "2002:7f00:1::", "2001:db8::1",
    ],
)  # fmt: skip
def test_what_is_not_on_the_public_internet_is_not_asked(address: str) -> None:
    assert not is_public(ipaddress.ip_address(address))


@pytest.mark.parametrize("address", ["93.184.216.34", "8.8.8.8", "2606:4700::1111", "64:ff9b::808:808"])
def test_what_is_public_is_asked(address: str) -> None:
    assert is_public(ipaddress.ip_address(address))


@given(st.integers(0, 2**32 - 1))
def test_an_address_is_judged_alike_however_it_is_wrapped(number: int) -> None:
    plain = ipaddress.IPv4Address(number)
    mapped = ipaddress.IPv6Address(f"::ffff:{plain}")
    assert is_public(mapped) is is_public(plain)


async def test_a_host_is_asked_only_at_addresses_that_pass() -> None:
    async def resolve(host: str, port: int) -> list[str]:
        return {"mixed": ["10.0.0.1", "8.8.8.8"], "inside": ["10.0.0.1", "fe80::1%eth0"]}[host]

    guard = Guard(Allowed(), resolve)
    assert await guard.addresses("mixed", 443) == ["8.8.8.8"]
    with pytest.raises(
        FeedForbidden, match=r"inside is not on the public .*only if ROWCAST_FEED_ALLOW names inside:443"
    ) as refused:
        await guard.addresses("inside", 443)
    assert "10.0.0.1" not in str(refused.value), "whoever registers a feed need not know the network"
    for entry in ("inside", "inside:443"):
        assert await Guard(Allowed.parse([entry]), resolve).addresses("inside", 443) == ["10.0.0.1", "fe80::1%eth0"]
    assert await Guard(Allowed.parse(["10.0.0.0/8"]), resolve).addresses("inside", 443) == ["10.0.0.1"]
    with pytest.raises(FeedForbidden):
        await Guard(Allowed.parse(["inside:80"]), resolve).addresses("inside", 443)


@pytest.mark.parametrize("entry", ["http://x", "10.0.0.1/8", "a b:port", "x:99999", "user@host"])
def test_a_wrong_entry_is_named(entry: str) -> None:
    with pytest.raises(BadUserInput, match="ROWCAST_FEED_ALLOW"):
        Allowed.parse([entry])


@pytest.mark.parametrize("url", ["file:///etc/passwd", "gopher://x/", "http://", "//x", "http://[::1", "http://x:y/"])
def test_only_http_is_asked(url: str) -> None:
    with pytest.raises(FeedForbidden):
        check_url(url)


def test_what_people_see_of_an_address_is_not_secret() -> None:
    assert shown("https://user:pass@api.example.com:8443/v1/x?key=secret#part") == "https://api.example.com:8443/v1/x"
    assert shown("http://[::1]:80/x") == "http://[::1]:80/x"


# ---- answers


def test_an_answer_says_whether_it_may_pass() -> None:
    for status in (408, 425, 429, 500, 502, 503, 504, 507):
        assert isinstance(refuse("https://x/", status, {}, "", 0.0), FeedBusy)
    for status in (400, 401, 403, 404, 409, 422):
        refused = refuse("https://x/", status, {}, "so  it\nis", 0.0)
        assert isinstance(refused, FeedRefused)
        assert (refused.status, refused.reason) == (status, "so it is")


def test_a_retry_after_has_seconds_or_a_date() -> None:
    assert retry_after("120", 0.0) == 120.0
    assert retry_after("Thu, 01 Jan 1970 00:02:00 GMT", 60.0) == 60.0
    assert retry_after("Thu, 01 Jan 1970 00:00:00 GMT", 60.0) == 0.0
    assert retry_after("soon", 0.0) is None
    assert retry_after(None, 0.0) is None


# ---- documents and rows

_JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text() | st.decimals(allow_nan=False, allow_infinity=False),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=8,
)


@given(_JSON)
def test_a_document_keeps_every_digit(document: object) -> None:
    assert json.loads(render(document), parse_float=Decimal) == document


_ANY = st.characters()  # halves of surrogate pairs too: JSON can have them


@given(
    st.dictionaries(
        st.text(min_size=1), st.lists(st.none() | st.booleans() | st.floats(allow_nan=False) | st.text(), max_size=2)
    )
)
def test_spooled_rows_are_what_was_added_in_key_order(rows: dict[str, list[str | float | bool | None]]) -> None:
    spool = RowSpool()
    for key, cells in rows.items():
        padded = [*cells, None, None][:2]
        assert spool.add(key, f"at {key}", padded, {})
        assert not spool.add(key, "again", padded, {})
    found = spool.rows({"a": ".a", "b": ".b"})
    assert [row.key for row in found] == sorted(rows)
    for row in found:
        assert list(row.cells.values()) == [*rows[row.key], None, None][:2]
        assert row.addresses["b"] == f"at {row.key}.b"
