"""What of a feed's settings is refused at once, in words that never repeat a secret."""

from dataclasses import replace

import pytest

from db.errors import BadUserInput
from db.feeds import (
    FeedAuth,
    FeedAuthKind,
    FeedBinding,
    FeedFormat,
    FeedPagination,
    FeedPaginationKind,
    FeedRequest,
    FeedSecrets,
    FeedWrite,
)
from sync.feeds.input import UpdateFeed, WantedFeed, feed_problems, template_problems
from sync.registration.feed import check_feed, moved_feed

URL = "https://example.org/orders"
WANTED = WantedFeed(URL)
CANARY = "canary\nsecret"


def auth(kind: FeedAuthKind, secret: str | None = "s", **settings: str) -> WantedFeed:
    return replace(WANTED, auth=FeedAuth(kind, **settings), secrets=FeedSecrets(auth=secret))


def write(method: str = "PUT", url: str = f"{URL}/{{id}}", batch_size: int = 1) -> WantedFeed:
    return replace(WANTED, write=FeedWrite(upsert=FeedRequest(method, url), batch_size=batch_size))


def paged(kind: FeedPaginationKind, **settings: object) -> WantedFeed:
    return replace(WANTED, pagination=FeedPagination(kind, **settings))  # type: ignore[arg-type]


K, P = FeedAuthKind, FeedPaginationKind


@pytest.mark.parametrize(
    ("wanted", "problem"),
    [
        (WantedFeed("ftp://example.org/a"), "begins with https://"),
        (WantedFeed("example.org"), "begins with https://"),
        (WantedFeed("https://exa mple.org"), "begins with https://"),
        (WantedFeed("https://example.org:99999/"), "begins with https://"),
        (WantedFeed("https://user:hunter2@example.org/"), "carries a user or password"),
        (WantedFeed(f"{URL}?api_key=hunter2"), "give auth with kind QUERY and name api_key"),
        (WantedFeed(f"{URL}?X-Amz-Signature=hunter2"), "carries X-Amz-Signature"),
        (WantedFeed(f"{URL}#top"), "ends with #"),
        (WantedFeed(f"{URL}?{'a' * 2000}"), "2,000 at most"),
        (replace(WANTED, secrets=FeedSecrets({"a b": "c"})), "can't be a header's name"),
        (replace(WANTED, secrets=FeedSecrets({"Host": "c"})), "rowcast's own to set"),
        (replace(WANTED, secrets=FeedSecrets({"X-Key": CANARY})), "X-Key has characters"),
        (replace(WANTED, secrets=FeedSecrets({"X-Key": "a", "x-key": "b"})), "x-key twice"),
        (replace(WANTED, namespaces={"a b": "urn:a"}), "prefix of namespaces"),
        (auth(K.BEARER, ""), "auth.secret is empty"),
        (auth(K.BEARER, CANARY), "auth.secret has characters"),
        (auth(K.HEADER), "it is the header's name"),
        (auth(K.QUERY), "it is the query parameter's name"),
        (auth(K.BASIC), "it is the user's name"),
        (auth(K.OAUTH2_CLIENT_CREDENTIALS, client_id="c"), "auth.tokenUrl and auth.clientId are needed"),
        (auth(K.OAUTH2_CLIENT_CREDENTIALS, client_id="c", token_url="file:///etc"), "auth.tokenUrl is no address"),
        (auth(K.BEARER, scope="all"), "mean nothing with kind BEARER"),
        (paged(P.NEXT_URL), "pagination.next is missing"),
        (paged(P.CURSOR, next="next"), "pagination.parameter is missing"),
        (paged(P.PAGE, parameter="p", size=0), "pagination.size is 1 at least"),
        (paged(P.LINK_HEADER, max_pages=0), "pagination.maxPages is 1 at least"),
        (replace(WANTED, write=FeedWrite()), "none of upsert, insert and delete"),
        (write("GET"), "write.upsert.method is one of POST, PUT, PATCH, DELETE"),
        (write(url="/orders/{id}"), "write.upsert.url is no address"),
        (write(url="https://{host}/orders"), "in its host"),
        (write(batch_size=0), "write.batchSize is 1 at least"),
        (write(batch_size=10), "it is for several rows"),
    ],
)
def test_what_cannot_be_meant_is_said_without_its_secret(wanted: WantedFeed, problem: str) -> None:
    (found,) = [one for one in feed_problems(wanted) if problem in one]
    assert "hunter2" not in found
    assert "canary" not in found
    with pytest.raises(BadUserInput):
        check_feed(wanted)


@pytest.mark.parametrize(
    "wanted",
    [
        WANTED,
        WantedFeed(f"{URL}?page=1&sort=token_asc"),
        replace(WANTED, secrets=FeedSecrets({"Accept": "application/json", "X-Key": "é~"})),
        auth(K.BASIC, "any\tthing", name="user"),
        auth(K.OAUTH2_CLIENT_CREDENTIALS, client_id="c", token_url="https://example.org/token", scope="a b"),
        paged(P.OFFSET, parameter="offset"),
        write(),
        write("post", URL, 100),
    ],
)
def test_what_can_be_meant_is_taken(wanted: WantedFeed) -> None:
    assert feed_problems(wanted) == []


def test_a_template_names_columns_and_a_deletes_only_the_key() -> None:
    both = FeedWrite(upsert=FeedRequest("PUT", f"{URL}/{{id}}/{{x}}"), delete=FeedRequest("DELETE", f"{URL}/{{total}}"))
    found = template_problems(both, ("id", "total"), ("id",))
    assert found == [
        "write.upsert.url has {x}, which is no column: there are id, total.",
        "write.delete.url has {total}, which is no key column: there are id.",
    ]


BOUND = FeedBinding(URL, FeedFormat.JSON, "orders", header_names=("X-Key",), auth=FeedAuth(K.BEARER))
SECRETS = FeedSecrets({"X-Key": "k"}, "s")


def test_an_update_keeps_what_is_absent_and_clears_what_is_null() -> None:
    moved = moved_feed(BOUND, SECRETS, UpdateFeed(records=None, write=FeedWrite(upsert=FeedRequest("PUT", URL))))
    assert (moved.url, moved.records, moved.auth, moved.secrets) == (URL, None, BOUND.auth, SECRETS)
    assert moved_feed(BOUND, SECRETS, UpdateFeed(auth=None, headers=None)).secrets == FeedSecrets({}, None)
    with pytest.raises(BadUserInput, match="can't be cleared"):
        moved_feed(BOUND, SECRETS, UpdateFeed(url=None))  # type: ignore[arg-type]


def test_stored_secrets_do_not_follow_to_another_server() -> None:
    same = moved_feed(BOUND, SECRETS, UpdateFeed(url="https://EXAMPLE.org:443/other"))
    assert same.secrets == SECRETS
    for url in ("https://example.com/orders", "http://example.org/orders", "https://example.org:8443/orders"):
        with pytest.raises(BadUserInput, match="give both anew"):
            moved_feed(BOUND, SECRETS, UpdateFeed(url=url))
    anew = UpdateFeed(url="https://example.com/", headers=None, auth=(FeedAuth(K.BEARER), "new"))
    assert moved_feed(BOUND, SECRETS, anew).secrets == FeedSecrets({}, "new")


def test_no_secret_is_in_a_repr() -> None:
    shown = repr((auth(K.BEARER, CANARY), UpdateFeed(headers={"a": CANARY}, auth=(FeedAuth(K.BEARER), CANARY))))
    assert "canary" not in shown
