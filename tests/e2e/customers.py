"""The demo's sheet `customers`, bound to a table by a running server: what a person, an API user and SQL see of it."""

import asyncio
from datetime import date, timedelta
from typing import Any

import httpx
import psycopg
from psycopg import sql
from psycopg.rows import dict_row

from sandbox.demo import CUSTOMERS, SPREADSHEET_ID
from sandbox.server import Sandbox
from sync.apps_script import CODE, SET_UP
from tests.loopback import LOOPBACK
from tests.sandbox.client import Api
from tests.server import Client, Subscription, eventually

Json = Any

REGISTER = "mutation ($input: RegisterSourceInput!) { registerSource(input: $input) { name table hookUrl } }"
CHANGES = """subscription ($source: String!, $after: Cursor, $snapshot: Boolean!) {
    changes(source: $source, after: $after, snapshot: $snapshot) {
        cursor transactionId cause actor snapshot reset last upToDate
        changes { operation moved key row before changed }
    }
}"""
SYNC = "mutation ($name: String!) { syncSource(name: $name) { id state message conflicts failures } }"

_COLUMNS = ("id", "name", "email", "city", "postcode", "orders", "balance", "active", "since", "note")
_EPOCH = date(1899, 12, 30)


class Sheet:
    """A worksheet as the API and a person reach it."""

    def __init__(self, sandbox: Sandbox, worksheet: str = CUSTOMERS, spreadsheet: str = SPREADSHEET_ID) -> None:
        self.sandbox = sandbox
        self.worksheet = worksheet
        self.spreadsheet = spreadsheet
        self._api = Api(sandbox)

    def close(self) -> None:
        self._api.close()

    async def read(self, a1: str, **query: str) -> list[list[Json]]:
        values: list[list[Json]] = await asyncio.to_thread(
            self._api.read, self.spreadsheet, f"{self.worksheet}!{a1}", **query
        )
        return values

    async def cell(self, a1: str) -> Json:
        """None where it is empty."""
        values = await self.read(a1)
        return values[0][0] if values and values[0] and values[0][0] != "" else None

    async def write(self, a1: str, values: list[list[Json]]) -> None:
        """By the API, as a program does: no trigger fires."""
        await asyncio.to_thread(self._api.write, self.spreadsheet, f"{self.worksheet}!{a1}", values)

    async def type(self, a1: str, values: list[list[Json]]) -> None:
        """By a person: triggers fire."""
        body = {"spreadsheet": self.spreadsheet, "worksheet": self.worksheet, "range": a1, "values": values}
        await self.control("POST", "edit", body)

    async def control(self, method: str, path: str, body: Json = None) -> Json:
        async with httpx.AsyncClient(base_url=self.sandbox.url, **LOOPBACK) as http:
            answer = await http.request(method, f"/_sandbox/{path}", json=body)
        assert answer.is_success, answer.text
        return answer.json() if answer.content else None

    async def delete_row(self, id_: int) -> None:
        """By a program: the row's index is looked up first."""
        index = (await self.line(id_)) - 1
        request = {"deleteDimension": {"range": _rows(0, index, index + 1)}}
        answer = await asyncio.to_thread(self._api.batch, self.spreadsheet, request)
        assert answer.ok, answer.text

    async def line(self, id_: int) -> int:
        """The row of the sheet, from 1, whose column A has the id."""
        keys = await self.read("A1:A2000")
        return next(number for number, row in enumerate(keys, 1) if row and row[0] == id_)

    async def share(self, email: str) -> None:
        """Lets an account write the spreadsheet."""
        self.sandbox.service_account_info(email)
        wanted = {"type": "user", "role": "writer", "emailAddress": email}
        answer = await asyncio.to_thread(self._api.drive, "POST", f"files/{self.spreadsheet}/permissions", wanted)
        assert answer.ok, answer.text

    async def rows(self) -> dict[int, dict[str, Json]]:
        """The bound columns by id, as values of Postgres."""
        lines = await self.read("A2:J2000")
        found = [_row(line) for line in lines if line and line[0] != ""]
        return {row["id"]: row for row in found}


def _rows(sheet_id: int, start: int, end: int) -> Json:
    return {"sheetId": sheet_id, "dimension": "ROWS", "startIndex": start, "endIndex": end}


def _row(line: list[Json]) -> dict[str, Json]:
    cells = [None if cell == "" else cell for cell in line] + [None] * (len(_COLUMNS) - len(line))
    row = dict(zip(_COLUMNS, cells, strict=True))
    row["since"] = None if row["since"] is None else _EPOCH + timedelta(days=int(row["since"]))
    return row


class Customers:
    """The source, its sheet and its table, through `client`."""

    def __init__(self, client: Client, sheet: Sheet, dsn: str) -> None:
        self.client = client
        self.sheet = sheet
        self.dsn = dsn

    async def register(self, **settings: Json) -> None:
        """Registers the source, and waits until the import is done."""
        given = {
            "name": CUSTOMERS,
            "sheet": {"spreadsheet": self.sheet.spreadsheet, "worksheet": CUSTOMERS},
            "key": ["id"],
            "pollSeconds": 1,
            **settings,
        }
        await self.client.graphql(REGISTER, {"input": given})
        await eventually(self.agree)

    async def connect_trigger(self) -> None:
        """As people do it: pastes the script into the spreadsheet, and chooses its menu's Set up."""
        rotate = 'mutation { rotateHookSecret(name: "customers") { url secret } }'
        hook = (await self.client.graphql(rotate))["rotateHookSecret"]
        project = {"spreadsheet": self.sheet.spreadsheet, "script": CODE.read_text(encoding="utf-8")}
        answers = [hook["url"], hook["secret"]]
        shown = await self.sheet.control("POST", "scripts", {**project, "function": SET_UP, "answers": answers})
        assert "it works" in shown["dialogs"][-1]["text"], shown

    async def sql(self, statement: str, *parameters: Json) -> list[dict[str, Json]]:
        """Runs a statement as somebody in psql would; the rows that it returns."""
        async with (
            await psycopg.AsyncConnection.connect(self.dsn, autocommit=True) as connection,
            connection.cursor(row_factory=dict_row) as cursor,
        ):
            await cursor.execute(statement.encode(), parameters)
            return [] if cursor.description is None else await cursor.fetchall()

    async def rows(self) -> dict[int, dict[str, Json]]:
        """The table by id, without the formula column."""
        columns = sql.SQL(", ").join(map(sql.Identifier, _COLUMNS))
        query = sql.SQL("SELECT {} FROM public.customers").format(columns)
        return {row["id"]: row for row in await self.sql(query.as_string())}

    async def value(self, id_: int, column: str) -> Json:
        """None where the row is gone."""
        rows = await self.sql(
            sql.SQL("SELECT {} AS value FROM public.customers WHERE id = %s")
            .format(sql.Identifier(column))
            .as_string(),
            id_,
        )
        return rows[0]["value"] if rows else None

    async def agree(self) -> bool:
        """Whether sheet and table show the same rows."""
        table = await self.rows()
        return bool(table) and table == await self.sheet.rows()

    async def sync(self) -> Json:
        """Reconciles now."""
        return (await self.client.graphql(SYNC, {"name": CUSTOMERS}))["syncSource"]


async def caught_up(subscription: Subscription) -> list[Json]:
    """The batches up to the one that says `upToDate`."""
    batches = await subscription.until(lambda data: data["changes"]["upToDate"])
    return [data["changes"] for data in batches]


async def change_of(subscription: Subscription, id_: int, operation: str) -> Json:
    """The next change of that kind of the row, with its batch's cause as `cause`; others are passed over."""
    while True:
        batch = (await subscription.next())["changes"]
        for change in batch["changes"]:
            if change["operation"] == operation and change["key"] == {"id": id_}:
                return {**change, "cause": batch["cause"], "actor": batch["actor"], "cursor": batch["cursor"]}
