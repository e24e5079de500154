"""waitFor on two processes of one database: what one was told or wrote, the other shows."""

import asyncio

from tests.e2e.customers import CHANGES as MIRRORED
from tests.e2e.customers import Customers, Sheet
from tests.e2e.mirror import Mirror
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


ROW = """query($id: JSON!, $cursor: Cursor) {
  rows(source: "customers", where: {column: "id", eq: $id}, waitFor: $cursor) { nodes { data } } }"""
FOLLOWING = {"source": "customers", "snapshot": False}
PAGE = '{ rows(source: "customers", first: 1000) { nodes { data } asOf } }'


async def test_under_writers_on_both_processes_nobody_reads_less_than_it_wrote(
    process: ProcessServer, second: ProcessServer, sheet: Sheet, database: str
) -> None:
    await Customers(process, sheet, database).register(pollSeconds=3600)
    await second.start()
    processes = (process, second)

    async def write_and_read(id_: int) -> None:
        for number in range(12):
            writer, reader = processes[number % 2], processes[(number + id_) % 2]
            written = await writer.graphql(UPSERT, {"rows": [{"id": id_, "note": f"note {number}"}]})
            variables = {"id": id_, "cursor": written["upsertRows"]["cursor"]}
            [node] = (await reader.graphql(ROW, variables))["rows"]["nodes"]
            assert node["data"]["note"] == f"note {number}"

    async def hand_over(here: Client, there: Client) -> Mirror:
        """The rows of one process, what comes after them from the other."""
        page = (await here.graphql(PAGE))["rows"]
        mirror = Mirror()
        mirror.rows = {node["data"]["id"]: node["data"] for node in page["nodes"]}
        async with there.subscribe(
            MIRRORED, {"source": "customers", "snapshot": False, "after": page["asOf"]}
        ) as heard:
            while not mirror.up_to_date or len(mirror.entries) < 10:
                mirror.apply((await heard.next())["changes"])
        return mirror

    async with asyncio.TaskGroup() as group:
        for id_ in range(1, 7):
            group.create_task(write_and_read(id_))
        handing = [group.create_task(hand_over(*pair)) for pair in (processes, processes[::-1]) for _ in range(3)]
    final = {node["data"]["id"]: node["data"] for node in (await second.graphql(PAGE))["rows"]["nodes"]}
    for task in handing:
        mirror = task.result()
        async with second.subscribe(MIRRORED, {**FOLLOWING, "after": mirror.cursor}) as heard:
            for data in await heard.until(lambda data: data["changes"]["upToDate"]):
                mirror.apply(data["changes"])
        assert mirror.rows == final
