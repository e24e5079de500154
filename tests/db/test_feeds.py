"""A feed's binding is stored and read back as it was; secrets show themselves nowhere."""

import json

import pytest

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
    feed_from_json,
    feed_to_json,
)

PLAIN = FeedBinding("https://example.org/orders.json", FeedFormat.JSON, "orders")
FULL = FeedBinding(
    url="https://example.org/rates.xml?base=EUR",
    format=FeedFormat.XML,
    records="/r:rates/r:rate",
    namespaces={"r": "urn:rates"},
    header_names=("X-Tenant", "X-Trace"),
    auth=FeedAuth(
        FeedAuthKind.OAUTH2_CLIENT_CREDENTIALS,
        token_url="https://example.org/token",
        client_id="rowcast",
        scope="rates",
    ),
    pagination=FeedPagination(FeedPaginationKind.CURSOR, next="next", parameter="after", size=100, max_pages=7),
    write=FeedWrite(
        upsert=FeedRequest("PUT", "https://example.org/rates/{currency}"),
        insert=FeedRequest("POST", "https://example.org/rates"),
        delete=FeedRequest("DELETE", "https://example.org/rates/{currency}"),
        batch_size=50,
    ),
)


@pytest.mark.parametrize("binding", [PLAIN, FULL])
def test_a_binding_is_stored_and_read_back(binding: FeedBinding) -> None:
    assert feed_from_json(json.loads(json.dumps(feed_to_json(binding)))) == binding


def test_secrets_are_in_no_repr() -> None:
    secrets = FeedSecrets(headers={"X-Key": "canary"}, auth="canary")
    assert "canary" not in repr(secrets)
