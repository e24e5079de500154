"""The demo's feeds in a sandbox, bound to tables by a running server."""

import json
from typing import Any

import httpx
import psycopg
from lxml import etree
from psycopg.rows import dict_row

from sandbox.demo_feeds import ORDERS, demo_feeds
from sandbox.server import Sandbox
from tests.e2e.customers import REGISTER, SYNC
from tests.loopback import LOOPBACK
from tests.server import Client

Json = Any


PREVIEW = """query ($input: RegisterSourceInput!) { previewSource(input: $input) {
    columns { name field type readOnly isKey } key rows rowCount onlyInSource onlyInDatabase different problems
} }"""


class Feed:
    """One of the demo's feeds, as its server's users reach it."""

    def __init__(self, sandbox: Sandbox, name: str) -> None:
        self.name = name
        self.url = f"{sandbox.url}/feeds/{name}"
        self.type, self._document, self._key = demo_feeds()[name]
        self._control = f"{sandbox.url}/_sandbox/feeds/{name}"

    async def reset(self) -> None:
        """The demo's document."""
        await self.call("PUT", f"{self._control}?key={self._key}", self._document)

    async def call(self, method: str, url: str, body: bytes = b"") -> httpx.Response:
        async with httpx.AsyncClient(**LOOPBACK) as http:
            answer = await http.request(method, url, content=body, headers={"Content-Type": self.type})
        assert answer.is_success, answer.text
        return answer

    async def put(self, key: str, record: bytes) -> None:
        """Somebody writes one record."""
        await self.call("PUT", f"{self.url}/{key}", record)

    async def orders(self) -> dict[int, Json]:
        """A JSON feed's records, by id."""
        return {order["id"]: order for order in json.loads((await self.call("GET", self.url)).content)["orders"]}

    async def rates(self) -> dict[str, str | None]:
        """An XML feed's values, by currency."""
        root = etree.fromstring((await self.call("GET", self.url)).content)
        return {str(rate.get("currency")): rate.findtext("value") for rate in root}

    def write(self) -> Json:
        """How a source writes it, record by record."""
        one = f"{self.url}/{{{'id' if self.name == ORDERS else 'currency'}}}"
        return {
            "upsert": {"method": "PUT", "url": one},
            "delete": {"method": "DELETE", "url": one},
        }


class Registered:
    """A source bound to a feed, through `client`."""

    def __init__(self, client: Client, feed: Feed, database: str) -> None:
        self.client = client
        self.feed = feed
        self.database = database

    def wanted(self, **settings: Json) -> Json:
        feed = {"url": self.feed.url, "write": self.feed.write(), **settings.pop("feed", {})}
        key = ["id"] if self.feed.name == ORDERS else ["currency"]
        return {"name": self.feed.name, "feed": feed, "key": key, "pollSeconds": 1, **settings}

    async def register(self, **settings: Json) -> Json:
        return (await self.client.graphql(REGISTER, {"input": self.wanted(**settings)}))["registerSource"]

    async def preview(self, **settings: Json) -> Json:
        return (await self.client.graphql(PREVIEW, {"input": self.wanted(**settings)}))["previewSource"]

    async def sync(self) -> Json:
        return (await self.client.graphql(SYNC, {"name": self.feed.name}))["syncSource"]

    async def sql(self, statement: str) -> list[dict[str, Json]]:
        async with await psycopg.AsyncConnection.connect(self.database, row_factory=dict_row) as connection:
            cursor = await connection.execute(statement.encode())
            return await cursor.fetchall() if cursor.description is not None else []
