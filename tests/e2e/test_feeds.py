"""The demo's feeds walk the whole way, from each side: JSON and XML, both ways, by poll and by hook, secrets kept."""

import copy
import hashlib
import hmac
import json
import time
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from api.settings import Settings
from sandbox.demo_feeds import ORDER_COUNT, ORDERS, RATES
from sandbox.server import Sandbox
from tests.e2e.customers import CHANGES, caught_up
from tests.e2e.feeds import Feed, Registered
from tests.server import GraphQLFailed, ProcessServer, Subscription, ThreadServer, eventually, server_settings

Json = Any

SOURCE = """query ($name: String!) { source(name: $name) {
    kind state stateReason direction key url hookUrl hasSecret
    columns { name field type readOnly isKey }
    feed { url format records namespaces headerNames authKind pagination write }
} }"""
UPDATE = """mutation ($name: String!, $input: UpdateSourceInput!) {
    updateSource(name: $name, input: $input) { direction feed { url headerNames authKind write } hasSecret }
}"""
CANARY = "canary-7f3a"


@pytest.fixture
async def server(database: str, sandbox: Sandbox, tmp_path: Path) -> AsyncIterator[ThreadServer]:
    running = ThreadServer(_settings(database, sandbox, tmp_path))
    await running.start()
    yield running
    await running.stop()


@pytest.fixture
async def process(database: str, sandbox: Sandbox, tmp_path: Path) -> AsyncIterator[ProcessServer]:
    """A process, so that all that it logs can be read."""
    running = ProcessServer(_settings(database, sandbox, tmp_path))
    await running.start()
    yield running
    await running.stop()


def _settings(database: str, sandbox: Sandbox, folder: Path) -> Settings:
    return server_settings(database, folder, feed_allow=(sandbox.url.partition("://")[2],), log_level="debug")


@pytest.fixture
async def orders(server: ThreadServer, sandbox: Sandbox, database: str) -> Registered:
    made = Registered(server, Feed(sandbox, ORDERS), database)
    await made.feed.reset()
    return made


@pytest.fixture
async def rates(server: ThreadServer, sandbox: Sandbox, database: str) -> Registered:
    made = Registered(server, Feed(sandbox, RATES), database)
    await made.feed.reset()
    return made


async def change_of(subscription: Subscription, key: Json, operation: str) -> Json:
    batches = await subscription.until(
        lambda data: any(
            (change["key"], change["operation"]) == (key, operation) for change in data["changes"]["changes"]
        )
    )
    return next(change for change in batches[-1]["changes"]["changes"] if change["key"] == key)


async def test_a_json_feed_goes_both_ways(orders: Registered) -> None:
    await orders.register()
    run = await orders.sync()
    assert (run["state"], run["failures"]) == ("SUCCEEDED", 0)
    assert len(await orders.sql("SELECT FROM orders")) == ORDER_COUNT
    source = (await orders.client.graphql(SOURCE, {"name": ORDERS}))["source"]
    assert (source["kind"], source["direction"], source["url"]) == ("FEED", "TWO_WAY", orders.feed.url)
    assert source["hookUrl"].endswith("/hooks/feeds/orders")
    assert (source["feed"]["format"], source["feed"]["records"]) == ("JSON", "orders")
    assert {column["name"]: column["type"] for column in source["columns"]} == {
        "id": "INTEGER",
        "customer_id": "INTEGER",
        "customer_note": "TEXT",
        "state": "TEXT",
        "total": "FLOAT",
        "gift": "BOOLEAN",
        "items": "JSON",
        "placed_at": "TIMESTAMPTZ",
        "due": "DATE",
    }
    async with orders.client.subscribe(CHANGES, {"source": ORDERS, "snapshot": False}) as subscription:
        await caught_up(subscription)
        record = b'{"id": 1007, "customer": {"id": 5, "note": null}, "state": "lost", "total": 0.1, "gift": true}'
        await orders.feed.put("1007", record)
        change = await change_of(subscription, {"id": 1007}, "UPDATE")
        assert (change["row"]["state"], change["row"]["due"], change["row"]["customer_note"]) == ("lost", None, None)
        await orders.sql("UPDATE orders SET customer_note = 'call', total = 12.5, due = '2026-03-01' WHERE id = 1008")
        await orders.sql("DELETE FROM orders WHERE id = 1009")
        await orders.sql("INSERT INTO orders (id, state, items) VALUES (2000, 'new', '[{\"sku\": \"a\"}]')")
    await eventually(lambda: _shows(orders, 1008, customer_note="call"))
    await eventually(lambda: _shows(orders, 2000, state="new"))
    written = await orders.feed.orders()
    assert (written[1008]["total"], written[1008]["due"], written[1008]["gift"]) == (12.5, "2026-03-01", True)
    assert written[2000]["items"] == [{"sku": "a"}]
    assert 1009 not in written
    # The run that read all of this back may be the one that was waited for.
    assert (await orders.sync())["state"] in ("SUCCEEDED", "UNCHANGED")


async def _shows(orders: Registered, id_: int, **values: Json) -> bool:
    order = (await orders.feed.orders()).get(id_, {})
    flat = {**order, "customer_note": order.get("customer", {}).get("note")}
    return all(flat.get(name) == value for name, value in values.items())


async def test_an_xml_feed_goes_both_ways(rates: Registered) -> None:
    await rates.register()
    assert (await rates.sync())["state"] == "SUCCEEDED"
    source = (await rates.client.graphql(SOURCE, {"name": RATES}))["source"]
    assert [(column["name"], column["field"], column["type"]) for column in source["columns"]] == [
        ("currency", "@currency", "TEXT"),
        ("value", "value", "FLOAT"),
        ("date", "date", "DATE"),
    ]
    assert (source["feed"]["format"], source["feed"]["records"]) == ("XML", "/rates/rate")
    async with rates.client.subscribe(CHANGES, {"source": RATES, "snapshot": False}) as subscription:
        await caught_up(subscription)
        await rates.feed.put("USD", b'<rate currency="USD"><value>1.1000</value><date>2026-02-01</date></rate>')
        change = await change_of(subscription, {"currency": "USD"}, "UPDATE")
        assert (change["row"]["value"], change["row"]["date"]) == (1.1, "2026-02-01")
    await rates.sql("UPDATE rates SET value = 0.95 WHERE currency = 'CHF'")
    await rates.sql("INSERT INTO rates VALUES ('THB', 36.5, '2026-02-01')")
    await eventually(lambda: _has_rates(rates, CHF="0.95", THB="36.5", USD="1.1000"))


async def _has_rates(rates: Registered, **values: str) -> bool:
    return (await rates.feed.rates()).items() >= values.items()


async def test_a_hook_wakes_a_feed(orders: Registered) -> None:
    await orders.register(pollSeconds=3600)
    await orders.sync()
    rotate = 'mutation { rotateHookSecret(name: "orders") { url secret } }'
    hook = (await orders.client.graphql(rotate))["rotateHookSecret"]
    path = hook["url"].removeprefix(orders.client.url)
    assert path == "/hooks/feeds/orders"
    await orders.feed.put("1007", b'{"id": 1007, "state": "hooked"}')
    stamp = str(int(time.time()))
    mac = hmac.new(hook["secret"].encode(), f"{stamp}.{{}}".encode(), hashlib.sha256).hexdigest()
    signed = {"X-Rowcast-Timestamp": stamp, "X-Rowcast-Signature": f"sha256={mac}"}
    assert (await orders.client.post(path, content=b"{}", headers=signed)).status_code == 202
    assert (await orders.client.post("/hooks/sheets/orders", content=b"{}", headers=signed)).status_code == 404

    async def hooked() -> bool:
        return bool((await orders.sql("SELECT state FROM orders WHERE id = 1007"))[0]["state"] == "hooked")

    await eventually(hooked)


async def test_a_feed_without_write_is_only_read(orders: Registered) -> None:
    await orders.register(feed={"write": None})
    source = (await orders.client.graphql(SOURCE, {"name": ORDERS}))["source"]
    assert (source["direction"], source["feed"]["write"]) == ("FROM_SOURCE", None)
    with pytest.raises(GraphQLFailed, match=r"has no write: give feed\.write"):
        await orders.client.graphql(UPDATE, {"name": ORDERS, "input": {"direction": "TWO_WAY"}})
    both = {"direction": "TWO_WAY", "feed": {"write": orders.feed.write()}}
    updated = (await orders.client.graphql(UPDATE, {"name": ORDERS, "input": both}))["updateSource"]
    assert (updated["direction"], updated["feed"]["write"]["batchSize"]) == ("TWO_WAY", 1)
    await orders.sync()
    await orders.sql("UPDATE orders SET state = 'written' WHERE id = 1007")
    await eventually(lambda: _shows(orders, 1007, state="written"))


REFUSED: list[tuple[Json, str]] = [
    ({"key": None}, "A feed needs a key"),
    ({"key": ["nr"]}, "The key column nr is not in the feed"),
    ({"key": ["state"]}, "choose a key that tells them apart"),
    ({"sheet": {"spreadsheet": "x"}}, "exactly one of sheet and feed"),
    ({"direction": "TO_SOURCE", "feed": {"write": None}}, "TO_SOURCE writes to the feed"),
    ({"feed": {"records": "orders["}}, "is no JMESPath"),
    ({"feed": {"records": "nothing"}}, "no list at `nothing`"),
    ({"feed": {"pagination": {"kind": "NEXT_URL", "next": "next["}}}, "Correct feed.pagination.next"),
    ({"feed": {"namespaces": ["a"]}}, "namespaces is an object"),
    ({"feed": {"url": "http://169.254.169.254/latest"}}, "not on the public internet"),
    ({"columns": [{"name": "x", "field": "nothing"}]}, 'No record has "nothing"'),
    ({"columns": [{"name": "n", "field": "length(items)", "readOnly": False}]}, "is no plain path"),
    ({"columns": [{"name": "n", "field": "length("}]}, "is no JMESPath"),
]


async def test_what_cannot_be_registered_says_why(orders: Registered) -> None:
    for settings, problem in REFUSED:
        with pytest.raises(GraphQLFailed) as refused:
            await orders.register(**copy.deepcopy(settings))
        assert problem in refused.value.errors[0]["message"]
        assert refused.value.code in ("BAD_USER_INPUT", "SOURCE_UNREACHABLE"), settings
    assert (await orders.client.graphql(SOURCE, {"name": ORDERS}))["source"] is None


async def test_paths_that_only_read_are_columns_too(orders: Registered) -> None:
    await orders.register(columns=[{"name": "first_sku", "field": "items[0].sku"}, {"name": "state", "type": "TEXT"}])
    await orders.sync()
    assert len(await orders.sql("SELECT FROM orders WHERE first_sku = items -> 0 ->> 'sku'")) == ORDER_COUNT
    source = (await orders.client.graphql(SOURCE, {"name": ORDERS}))["source"]
    assert {column["name"] for column in source["columns"] if column["readOnly"]} == {"first_sku"}
    await orders.sql("UPDATE orders SET first_sku = 'mine' WHERE id = 1007")
    await eventually(lambda: _failed(orders, "first_sku", "first_sku is read only"))
    with pytest.raises(GraphQLFailed, match="belong to another source"):
        await orders.register(name="again")


async def _failed(orders: Registered, column: str, message: str) -> bool:
    found = await orders.client.graphql('{ failures(source: "orders") { nodes { column message } } }')
    return any(one["column"] == column and message in one["message"] for one in found["failures"]["nodes"])


async def test_an_existing_table_is_adopted(orders: Registered) -> None:
    await orders.sql("CREATE TABLE mine (id int PRIMARY KEY, state text, extra text)")
    await orders.sql("ALTER TABLE mine REPLICA IDENTITY FULL")
    await orders.sql("INSERT INTO mine VALUES (1007, 'mine'), (3000, 'only here')")
    with pytest.raises(GraphQLFailed, match=r"no column for the field"):
        await orders.register(table="mine", adopt=True, key=None)
    for column in ("customer_id int", "customer_note text", "total float", "gift bool", "items jsonb", "due date"):
        await orders.sql(f"ALTER TABLE mine ADD {column}")
    await orders.sql("ALTER TABLE mine ADD placed_at timestamptz")
    await orders.register(table="mine", adopt=True, key=None)
    await orders.sync()
    await eventually(lambda: _shows(orders, 3000, state="only here"))
    assert len(await orders.sql("SELECT FROM mine")) == ORDER_COUNT + 1


async def test_a_preview_reads_and_leaves_nothing(orders: Registered, rates: Registered) -> None:
    for settings, problem in REFUSED:
        preview = await orders.preview(**copy.deepcopy(settings))
        assert problem in " ".join(preview["problems"]), settings
    preview = await orders.preview()
    assert (preview["problems"], preview["key"], preview["rowCount"]) == ([], ["id"], str(ORDER_COUNT))
    assert (preview["onlyInSource"], preview["onlyInDatabase"], preview["different"]) == (str(ORDER_COUNT), "0", "0")
    shown = await orders.feed.orders()
    assert len(preview["rows"]) == 20
    assert all(row["state"] == shown[row["id"]]["state"] for row in preview["rows"])
    assert (await rates.preview())["rowCount"] == str(len(await rates.feed.rates()))
    await orders.sql("CREATE TABLE mine (id int PRIMARY KEY, state text)")
    await orders.sql("ALTER TABLE mine REPLICA IDENTITY FULL")
    for column in ("customer_id int", "customer_note text", "total float", "gift bool", "items jsonb", "due date"):
        await orders.sql(f"ALTER TABLE mine ADD {column}")
    assert "no column for the field" in (await orders.preview(table="mine", adopt=True))["problems"][0]
    await orders.sql("ALTER TABLE mine ADD placed_at timestamptz")
    await orders.sql("INSERT INTO mine VALUES (1007, 'mine'), (3000, 'only here')")
    preview = await orders.preview(table="mine", adopt=True)
    assert (preview["onlyInSource"], preview["onlyInDatabase"], preview["different"]) == (
        str(ORDER_COUNT - 1),
        "1",
        "1",
    )
    assert preview["problems"] == []
    assert (await orders.client.graphql(SOURCE, {"name": ORDERS}))["source"] is None
    assert await orders.feed.orders() == shown


async def test_secrets_are_nowhere_but_in_the_requests(process: ProcessServer, sandbox: Sandbox, database: str) -> None:
    orders = Registered(process, Feed(sandbox, ORDERS), database)
    await orders.feed.reset()
    headers = [{"name": "X-Tenant", "value": f"{CANARY}-header"}, {"name": "Accept", "value": "application/json"}]
    auth = {"kind": "BEARER", "secret": f"{CANARY}-auth"}
    answers = [await orders.register(feed={"headers": headers, "auth": auth}), await orders.sync()]
    await orders.sql("UPDATE orders SET state = 'x' WHERE id = 1007")
    await eventually(lambda: _shows(orders, 1007, state="x"))
    source = (await orders.client.graphql(SOURCE, {"name": ORDERS}))["source"]
    assert (source["hasSecret"], source["feed"]["headerNames"], source["feed"]["authKind"]) == (
        True,
        ["X-Tenant", "Accept"],
        "BEARER",
    )
    # A failing feed says why, and is refused to be moved with its secrets.
    fault = {"match": "GET /feeds/orders", "status": 403, "times": 1}
    await orders.feed.call(
        "POST", orders.feed.url.replace("/feeds/orders", "/_sandbox/faults"), json.dumps(fault).encode()
    )
    answers.append(await orders.sync())
    moved = {"feed": {"url": "http://example.org/orders"}}
    with pytest.raises(GraphQLFailed) as refused:
        await orders.client.graphql(UPDATE, {"name": ORDERS, "input": moved})
    answers += [source, refused.value.errors]
    answers.append(await orders.client.graphql('{ runs(source: "orders") { nodes { message } } }'))
    answers.append(
        await orders.client.graphql('{ history(source: "orders") { nodes { actor change { row before } } } }')
    )
    answers.append(await orders.client.graphql('{ failures(source: "orders") { nodes { message value } } }'))
    assert CANARY not in repr(answers)
    assert CANARY not in process.log.read_text()
    assert CANARY not in await _dump(orders)
    cleared = {"feed": {"headers": None, "auth": None}}
    updated = (await orders.client.graphql(UPDATE, {"name": ORDERS, "input": cleared}))["updateSource"]
    assert (updated["hasSecret"], updated["feed"]["headerNames"], updated["feed"]["authKind"]) == (False, [], None)


async def _dump(orders: Registered) -> str:
    """All that is stored in the schema of ours, and in the table."""
    tables = await orders.sql("SELECT tablename FROM pg_tables WHERE schemaname = 'rowcast'")
    texts = []
    for name in ["public.orders", *(f"rowcast.{table['tablename']}" for table in tables)]:
        texts += [row["text"] for row in await orders.sql(f"SELECT t::text AS text FROM {name} t")]
    return "\n".join(texts)
