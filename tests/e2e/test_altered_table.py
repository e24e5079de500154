"""Somebody alters a synced table by SQL amid writes: nothing is missed, the source follows, events say so."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

import psycopg

from tests.e2e.customers import CHANGES, Customers, caught_up
from tests.server import Subscription, eventually

DRIFT = 'subscription { events(source: "customers", kinds: [DRIFT]) { message detail } }'
SOURCE = '{ source(name: "customers") { state stateReason table key columns { name type } } }'
ROW = 'query($key: JSON!) { row(source: "customers", key: $key) { key data } }'
ID = 7


@dataclass
class Writer:
    """Counts up `orders` of one row, a commit each, whatever its table and columns are called by now."""

    dsn: str
    statement: str = f"UPDATE customers SET orders = orders + 1 WHERE id = {ID} RETURNING orders"
    written: list[int] = field(default_factory=list)
    stop: asyncio.Event = field(default_factory=asyncio.Event)

    async def run(self) -> None:
        async with await psycopg.AsyncConnection.connect(self.dsn, autocommit=True, prepare_threshold=None) as session:
            while not self.stop.is_set():
                try:
                    row = await (await session.execute(self.statement.encode())).fetchone()
                except (psycopg.errors.UndefinedColumn, psycopg.errors.UndefinedTable):
                    # The statement is about to be another one.
                    await asyncio.sleep(0.01)
                    continue
                assert row is not None
                self.written.append(int(row[0]))
                await asyncio.sleep(0.02)


class Follower:
    """A subscriber that sees each of the row's changes, once and in order."""

    def __init__(self, subscription: Subscription) -> None:
        self._subscription = subscription
        self.got: list[int] = []
        self.row: dict[str, Any] = {}
        self.keys: set[str] = set()

    async def run(self) -> None:
        while True:
            batch = (await self._subscription.next())["changes"]
            assert not batch["reset"]
            for change in batch["changes"]:
                assert change["operation"] == "UPDATE"
                assert list(change["key"].values()) == [ID]
                self.keys.update(change["key"])
                self.row = change["row"]
                if "orders" in change["changed"]:
                    self.got.append(int(change["row"]["orders"]))

    async def shows(self, *names: str) -> None:
        async def so() -> bool:
            return set(names) <= set(self.row)

        await eventually(so)


@asynccontextmanager
async def following(customers: Customers, **arguments: Any) -> AsyncIterator[Follower]:
    async with customers.client.subscribe(CHANGES, {"source": "customers", "snapshot": False}) as subscription:
        await caught_up(subscription)
        follower = Follower(subscription)
        task = asyncio.create_task(follower.run())
        try:
            yield follower
            if task.done():
                task.result()
        finally:
            task.cancel()
            await asyncio.wait({task})


async def test_a_table_is_altered_again_and_again_amid_writes(customers: Customers, database: str) -> None:
    writer = Writer(database)
    async with following(customers) as follower, customers.client.subscribe(DRIFT) as drift:
        writing = asyncio.create_task(writer.run())

        async def told() -> str:
            return str((await drift.next())["events"]["message"])

        await customers.sql("ALTER TABLE customers ADD phone text")
        assert "has a new column phone (TEXT)" in await told()
        await follower.shows("phone")

        await customers.sql("ALTER TABLE customers RENAME note TO remark")
        assert "note of public.customers is remark now" in await told()
        await follower.shows("remark")

        await customers.sql("ALTER TABLE customers DROP email")
        assert "has no column email any more" in await told()
        assert "its column was dropped" in await told()

        await customers.sql("ALTER TABLE customers ALTER orders TYPE bigint")
        assert "orders of public.customers is BIGINT now" in await told()

        await customers.sql("ALTER TABLE customers RENAME id TO number")
        writer.statement = writer.statement.replace("id =", "number =")
        assert "id of public.customers is number now" in await told()
        await follower.shows("number")

        await customers.sql("ALTER TABLE customers RENAME TO clients")
        writer.statement = writer.statement.replace("customers", "clients")
        assert "The table public.customers is public.clients now" in await told()

        source = (await customers.client.graphql(SOURCE))["source"]
        assert (source["state"], source["stateReason"]) == ("ACTIVE", None)
        assert (source["table"], source["key"]) == ("public.clients", ["number"])
        types = {column["name"]: column["type"] for column in source["columns"]}
        assert types["orders"] == "BIGINT"
        assert {"number", "phone", "remark"} <= set(types)
        assert not {"id", "note", "email"} & set(types)

        seen = len(writer.written)

        async def went_on() -> bool:
            assert not writing.done(), writing.result()
            return len(writer.written) > seen + 20

        await eventually(went_on)
        writer.stop.set()
        await writing

        async def all_there() -> bool:
            return len(follower.got) >= len(writer.written)

        await eventually(all_there)
        assert follower.got == writer.written
        assert follower.keys == {"id", "number"}
        row = (await customers.client.graphql(ROW, {"key": {"number": ID}}))["row"]
        assert row["data"] == {**follower.row, "orders": str(writer.written[-1])}

    line = await customers.sheet.line(ID)

    async def in_the_sheet() -> bool:
        return bool(await customers.sheet.cell(f"F{line}") == writer.written[-1])

    await eventually(in_the_sheet)
    assert await customers.sql("SELECT FROM rowcast.conflicts") == []


async def test_a_source_that_is_paused_follows_too(customers: Customers) -> None:
    await customers.client.graphql('mutation { pauseSource(name: "customers") { name } }')
    async with following(customers) as follower, customers.client.subscribe(DRIFT) as drift:
        await customers.sql("ALTER TABLE customers ADD phone text")
        await customers.sql("ALTER TABLE customers RENAME note TO remark")
        said = [str((await drift.next())["events"]["message"]) for _ in range(2)]
        assert "note of public.customers is remark now" in said[0]
        assert "has a new column phone (TEXT)" in said[1]
        await customers.sql(f"UPDATE customers SET phone = '1', orders = orders + 1 WHERE id = {ID}")
        await follower.shows("phone", "remark")
        assert len(follower.got) == 1
