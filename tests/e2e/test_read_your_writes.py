"""waitFor on two processes of one database: what one was told or wrote, the other shows."""

from tests.e2e.customers import Customers, Sheet
from tests.server import Client, Json, ProcessServer

UPSERT = 'mutation($rows: [JSON!]!) { upsertRows(source: "customers", rows: $rows) { cursor } }'
CITY = """query($cursor: Cursor) { rows(source: "customers", where: {column: "id", eq: 1}, waitFor: $cursor) {
  nodes { data } } }"""
CHANGES = """subscription { changes(source: "customers", operations: [UPDATE]) { cursor upToDate changes { row } } }"""


async def city(client: Client, cursor: str) -> Json:
    [node] = (await client.graphql(CITY, {"cursor": cursor}))["rows"]["nodes"]
    return node["data"]["city"]


async def test_a_write_and_what_was_heard_are_read_on_another_process(
    process: ProcessServer, second: ProcessServer, sheet: Sheet, database: str
) -> None:
    await Customers(process, sheet, database).register()
    await second.start()
    async with process.subscribe(CHANGES) as heard:
        await heard.until(lambda data: data["changes"]["upToDate"])
        for number in range(10):
            writer, reader = (process, second) if number % 2 else (second, process)
            name = f"city {number}"
            written = await writer.graphql(UPSERT, {"rows": [{"id": 1, "city": name}]})
            assert await city(reader, written["upsertRows"]["cursor"]) == name
            batches = await heard.until(
                lambda data, name=name: any(c["row"]["city"] == name for c in data["changes"]["changes"])  # type: ignore[misc]
            )
            assert await city(second, batches[-1]["changes"]["cursor"]) == name
