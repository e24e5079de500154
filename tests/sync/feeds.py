"""A feed in a real sandbox, a source bound to it, and its adapter: what the tests of feeds need."""

import random
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import Any
from urllib.parse import quote
from uuid import uuid4

import httpx

from db.feeds import FeedBinding, FeedFormat, FeedRequest, FeedSecrets, FeedWrite
from db.keys import key_text
from db.sources import (
    Column,
    ConflictPolicy,
    DeletePolicy,
    Direction,
    DriftPolicy,
    Initial,
    Source,
    SourceKind,
    SourceState,
)
from db.wire import ColumnType
from sandbox.server import Sandbox
from sync.address_guard import Allowed, Guard
from sync.daemon_threads import DaemonThreads
from sync.feeds.adapter import FeedConnection, FeedSource
from sync.feeds.client import FeedClient, FeedLimits
from sync.retry import RetryPolicy
from sync.source import Edit, Reading, SourceRow
from tests.loopback import LOOPBACK
from tests.shared_sandbox import emptied_sandbox

NOW = datetime(2026, 1, 1, tzinfo=UTC)

COLUMNS = (
    Column("id", ColumnType.INTEGER, "id"),
    Column("item", ColumnType.TEXT, "item"),
    Column("price", ColumnType.NUMERIC, "price.amount"),
    Column("tags", ColumnType.JSON, "tags"),
)
ORDERS = """{"data": {"orders": [
  {"id": 1, "item": "tea", "price": {"amount": 3.50, "currency": "EUR"}, "tags": ["a", 1.10], "extra": "kept"},
  {"id": 2, "item": "milk", "price": {"amount": 12345678901234567890.5}, "tags": null},
  {"id": 3, "item": "", "price": null}
]}}"""

XML_COLUMNS = (
    Column("code", ColumnType.TEXT, "@code"),
    Column("value", ColumnType.NUMERIC, "value"),
    Column("unit", ColumnType.TEXT, "value/@unit"),
    Column("at", ColumnType.DATE, "m:since"),
)
RATES = """<?xml version="1.0"?>
<rates xmlns:m="urn:meta">
  <rate code="EUR"><value unit="1">1.10</value><m:since>2026-01-31</m:since><note>kept</note></rate>
  <rate code="JPY"><value unit="100">0.65</value></rate>
</rates>"""
NAMESPACES = {"m": "urn:meta"}


async def no_sleep(seconds: float) -> None:
    """Waits are counted elsewhere; tests don't sit through them."""


def allow() -> None:
    """No leadership to lose."""


def make_source(binding: FeedBinding, columns: Sequence[Column], key: str) -> Source:
    return Source(
        id=uuid4(),
        name="orders",
        description=None,
        kind=SourceKind.FEED,
        state=SourceState.ACTIVE,
        state_reason=None,
        direction=Direction.TWO_WAY,
        relation="public.orders",
        adopted=False,
        managed_key=False,
        key=(key,),
        columns=tuple(columns),
        sheet=None,
        feed=binding,
        poll_seconds=30,
        conflict_policy=ConflictPolicy.DATABASE_WINS,
        delete_policy=DeletePolicy.PROPAGATE,
        drift_policy=DriftPolicy.STRICT,
        max_delete_share=0.5,
        initial=Initial.MERGE,
        created_at=NOW,
        updated_at=NOW,
    )


def by_record(url: str, key: str) -> FeedWrite:
    """Each record at an address of its own."""
    one = f"{url}/{{{key}}}"
    return FeedWrite(FeedRequest("PUT", one), FeedRequest("POST", url), FeedRequest("DELETE", one))


@dataclass
class Bench:
    """One feed `orders` of the sandbox. `adapter()` is that of a new run."""

    sandbox: Sandbox
    source: Source
    connection: FeedConnection
    now: float = 0.0

    def adapter(self) -> FeedSource:
        return FeedSource(self.source, self.connection, allow)

    async def read(self) -> Reading:
        return await self.adapter().read()

    async def rows(self) -> dict[str, SourceRow]:
        return {row.key: row for row in (await self.read()).rows}

    def put(self, document: str, content_type: str = "application/json") -> None:
        self.control("PUT", "feeds/orders", document, content_type)

    def document(self) -> str:
        return httpx.get(f"{self.sandbox.url}/feeds/orders", **LOOPBACK).text

    def fault(self, **fault: Any) -> None:
        with httpx.Client(base_url=self.sandbox.url, **LOOPBACK) as http:
            http.post("/_sandbox/faults", json=fault).raise_for_status()

    def requests(self) -> list[dict[str, Any]]:
        calls: list[dict[str, Any]] = httpx.get(f"{self.sandbox.url}/_sandbox/requests", **LOOPBACK).json()
        return [call for call in calls if call["path"].startswith("/feeds/")]

    def control(self, method: str, path: str, body: str, content_type: str) -> None:
        with httpx.Client(base_url=self.sandbox.url, **LOOPBACK) as http:
            answer = http.request(method, f"/_sandbox/{path}", content=body, headers={"content-type": content_type})
        assert answer.is_success, answer.text

    def bind(self, **changes: Any) -> None:
        """Other settings of the feed."""
        assert self.source.feed is not None
        self.source = replace(self.source, feed=replace(self.source.feed, **changes))


def make_client(
    binding: FeedBinding,
    allowed_url: str,
    secrets: FeedSecrets | None = None,
    guard: Guard | None = None,
    **settings: Any,
) -> FeedClient:
    guard = guard or Guard(Allowed.parse([allowed_url.removeprefix("http://")]))
    given: dict[str, Any] = {
        "sleep": no_sleep,
        "rng": random.Random(7),
        "retry": RetryPolicy(attempts=3),
        "limits": FeedLimits(body_bytes=2**20, whole_bytes=2**18, timeout_s=5.0),
        **settings,
    }
    return FeedClient(binding, secrets or FeedSecrets(), guard, **given)


@contextmanager
def json_bench(document: str = ORDERS, **settings: Any) -> Iterator[Bench]:
    with emptied_sandbox() as sandbox:
        url = f"{sandbox.url}/feeds/orders"
        binding = FeedBinding(url, FeedFormat.JSON, "data.orders", write=by_record(url, "id"), **settings)
        yield _bench(sandbox, binding, COLUMNS, "id", document, "application/json")


@contextmanager
def xml_bench(document: str = RATES, **settings: Any) -> Iterator[Bench]:
    with emptied_sandbox() as sandbox:
        url = f"{sandbox.url}/feeds/orders"
        binding = FeedBinding(url, FeedFormat.XML, "/rates/rate", NAMESPACES, write=by_record(url, "code"), **settings)
        yield _bench(sandbox, binding, XML_COLUMNS, "code", document, "application/xml")


def _bench(
    sandbox: Sandbox, binding: FeedBinding, columns: Sequence[Column], key: str, document: str, content_type: str
) -> Bench:
    made: list[Bench] = []
    connection = FeedConnection(make_client(binding, sandbox.url), DaemonThreads(2, "feeds"), clock=lambda: made[0].now)
    bench = Bench(sandbox, make_source(binding, columns, key), connection)
    made.append(bench)
    field = next(column.field for column in columns if column.name == key)
    bench.control("PUT", f"feeds/orders?key={quote(field or key)}", document, content_type)
    return bench


def key(*values: object) -> str:
    return key_text([str(value) for value in values])


def update(id_: object, cells: Mapping[str, Any], expected: Mapping[str, Any] | None = None) -> Edit:
    return Edit(key(id_), cells, expected=expected or {}, idempotency_key=f"key-{id_}-{sorted(cells)}")


def insert(id_: object, cells: Mapping[str, Any]) -> Edit:
    return Edit(key(id_), cells, insert=True, idempotency_key=f"insert-{id_}")


def delete(id_: object) -> Edit:
    return Edit(key(id_), None, idempotency_key=f"delete-{id_}")
