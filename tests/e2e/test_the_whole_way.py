"""One change walks the whole way, from each side: what the demo shows."""

import asyncio
from typing import Any

from sandbox.demo import PRODUCTS, SPREADSHEET_ID
from tests.e2e.customers import CHANGES, REGISTER, Customers, caught_up, change_of
from tests.server import eventually

FROM_NOW = {"source": "customers", "snapshot": False}

UPSERT = """mutation ($source: String!, $rows: [JSON!]!) {
    upsertRows(source: $source, rows: $rows) { transactionId cursor rows { key data } }
}"""
ROLLBACK = "mutation ($source: String!, $to: Cursor!) { rollbackSource(source: $source, to: $to) { transactionId } }"
DELETE = "mutation ($source: String!, $keys: [JSON!]!) { deleteRows(source: $source, keys: $keys) { deleted } }"


async def test_a_persons_edit_is_in_the_table_and_in_a_subscription(customers: Customers) -> None:
    await customers.connect_trigger()
    async with customers.client.subscribe(CHANGES, {"source": "customers", "snapshot": True}) as subscription:
        snapshot = await caught_up(subscription)
        assert sum(len(batch["changes"]) for batch in snapshot if batch["snapshot"]) == 200
        await customers.sheet.type(f"D{await customers.sheet.line(7)}", [["Nairobi"]])
        change = await change_of(subscription, 7, "UPDATE")
        assert change["row"]["city"] == "Nairobi"
        assert change["changed"] == ["city"]
        assert (change["cause"], change["actor"]) == ("SOURCE", "customers")
        assert await customers.value(7, "city") == "Nairobi"
        runs = await customers.client.graphql('{ runs(source: "customers") { nodes { trigger } } }')
        assert "HOOK" in {run["trigger"] for run in runs["runs"]["nodes"]}


async def test_a_new_header_is_a_column_of_the_running_subscription(customers: Customers) -> None:
    await customers.connect_trigger()
    async with customers.client.subscribe(CHANGES, FROM_NOW) as subscription:
        await caught_up(subscription)
        await customers.sheet.type(f"L{await customers.sheet.line(7)}", [["gold"]])
        await customers.sheet.type("L1", [["Rank"]])
        change = await change_of(subscription, 7, "UPDATE")
        assert change["row"]["rank"] == "gold"
        assert change["changed"] == ["rank"]
    assert await customers.value(7, "rank") == "gold"
    await customers.sql("UPDATE customers SET rank = 'silver' WHERE id = 7")
    line = await customers.sheet.line(7)

    async def written() -> bool:
        return bool(await customers.sheet.cell(f"L{line}") == "silver")

    await eventually(written)


async def test_a_programs_edit_arrives_with_the_next_poll(customers: Customers) -> None:
    await customers.connect_trigger()
    async with customers.client.subscribe(CHANGES, FROM_NOW) as subscription:
        await caught_up(subscription)
        line = await customers.sheet.line(8)
        await customers.sheet.write(f"B{line}:E{line}", [["Katherine Johnson", "kj@example.com", "Hampton", "0042"]])
        change = await change_of(subscription, 8, "UPDATE")
    assert change["row"]["postcode"] == "0042"
    assert await customers.value(8, "name") == "Katherine Johnson"


async def test_sql_is_in_the_sheet_and_in_a_subscription(customers: Customers) -> None:
    async with customers.client.subscribe(CHANGES, FROM_NOW) as subscription:
        await caught_up(subscription)
        await customers.sql("UPDATE customers SET city = 'Quito', postcode = '007' WHERE id = 7")
        update = await change_of(subscription, 7, "UPDATE")
        assert (update["cause"], set(update["changed"])) == ("SQL", {"city", "postcode"})
        await customers.sql("INSERT INTO customers (id, name, orders, balance) VALUES (1001, '=1+1', 3, 2.5)")
        insert = await change_of(subscription, 1001, "INSERT")
        assert insert["before"] is None
        await customers.sql("DELETE FROM customers WHERE id = 9")
        delete = await change_of(subscription, 9, "DELETE")
        assert delete["before"]["id"] == 9
    await eventually(customers.agree)
    rows = await customers.sheet.rows()
    assert (rows[7]["city"], rows[7]["postcode"]) == ("Quito", "007")
    assert 9 not in rows
    line = await customers.sheet.line(1001)
    assert await customers.sheet.cell(f"B{line}") == "=1+1"
    formula = await customers.sheet.read(f"K{line}", valueRenderOption="FORMULA")
    assert formula == [[f"=F{line}*G{line}"]], "an inserted row gets the formula of the row above"
    await eventually(lambda: _has_total(customers, 1001, 7.5))


async def _has_total(customers: Customers, id_: int, total: float) -> bool:
    return bool(await customers.value(id_, "total") == total)


async def test_mutations_are_in_the_sheet_and_in_a_subscription(customers: Customers) -> None:
    async with customers.client.subscribe(CHANGES, FROM_NOW) as subscription:
        await caught_up(subscription)
        rows = [{"id": 7, "city": "Lima"}, {"id": 1002, "name": "New", "active": True}]
        await customers.client.graphql(UPSERT, {"source": "customers", "rows": rows})
        batch = (await subscription.next())["changes"]
        assert [(change["operation"], change["key"]["id"]) for change in batch["changes"]] == [
            ("UPDATE", 7),
            ("INSERT", 1002),
        ]
        assert (batch["cause"], batch["actor"], batch["last"]) == ("API", "local", True)
        await customers.client.graphql(DELETE, {"source": "customers", "keys": [{"id": 10}]})
        assert (await change_of(subscription, 10, "DELETE"))["cause"] == "API"
    await eventually(customers.agree)
    sheet = await customers.sheet.rows()
    assert sheet[7]["city"] == "Lima"
    assert sheet[1002]["name"] == "New"
    assert 10 not in sheet


async def test_a_rollback_is_in_the_sheet_and_in_a_subscription(customers: Customers) -> None:
    client, before = customers.client, await customers.sheet.rows()
    as_of = (await client.graphql('{ rows(source: "customers", first: 1) { asOf } }'))["rows"]["asOf"]
    await customers.sheet.type(f"D{await customers.sheet.line(7)}", [["Nairobi"]])
    await eventually(lambda: _has_city(customers, 7, "Nairobi"))
    await customers.sql("DELETE FROM customers WHERE id = 9")
    await customers.sql("INSERT INTO customers (id, name) VALUES (1001, 'New')")
    await eventually(customers.agree)
    async with client.subscribe(CHANGES, FROM_NOW) as subscription:
        await caught_up(subscription)
        done = await client.graphql(ROLLBACK, {"source": "customers", "to": as_of})
        batch = (await subscription.next())["changes"]
        while batch["cause"] == "SOURCE":  # what a formula made of the new row
            batch = (await subscription.next())["changes"]
    assert (batch["cause"], batch["actor"]) == ("ROLLBACK", "local")
    assert batch["transactionId"] == done["rollbackSource"]["transactionId"]
    assert sorted((change["operation"], change["key"]["id"]) for change in batch["changes"]) == [
        ("DELETE", 1001),
        ("INSERT", 9),
        ("UPDATE", 7),
    ]
    await eventually(customers.agree)
    after = await customers.sheet.rows()
    assert after == before


async def _has_city(customers: Customers, id_: int, city: str) -> bool:
    return bool(await customers.value(id_, "city") == city)


async def test_another_worksheet_and_an_existing_table_are_registered_live(customers: Customers) -> None:
    client = customers.client
    products = {
        "name": "products",
        "sheet": {"spreadsheet": SPREADSHEET_ID, "worksheet": PRODUCTS},
        "key": ["sku"],
        "pollSeconds": 1,
    }
    async with client.subscribe(CHANGES, FROM_NOW) as others:
        await caught_up(others)
        await client.graphql(REGISTER, {"input": products})
        await eventually(lambda: _row_count(client, "products", 20))
        async with client.subscribe(CHANGES, {"source": "products", "snapshot": True}) as subscription:
            assert sum(len(batch["changes"]) for batch in await caught_up(subscription)) == 20
            await customers.sql("UPDATE products SET stock = 77 WHERE sku = '0001-AN'")
            assert (await subscription.next())["changes"]["changes"][0]["row"]["stock"] == 77
        # The subscription to the other source was not disturbed.
        await customers.sql("UPDATE customers SET city = 'Oslo' WHERE id = 1")
        assert (await change_of(others, 1, "UPDATE"))["row"]["city"] == "Oslo"


async def _row_count(client: Any, source: str, count: int) -> bool:
    data = await client.graphql("query ($name: String!) { source(name: $name) { rowCount } }", {"name": source})
    return bool(data["source"]["rowCount"] == str(count))


async def test_a_table_of_the_users_own_is_adopted(customers: Customers) -> None:
    client = customers.client
    await customers.sql("CREATE SCHEMA shop")
    await customers.sql(
        """CREATE TABLE shop.people (id integer PRIMARY KEY, name text, email text, city text, postcode text,
               orders integer, balance double precision, active boolean, since date, note text,
               total double precision, internal text DEFAULT 'ours')"""
    )
    await customers.sql("INSERT INTO shop.people (id, name) VALUES (5000, 'Only in the table')")
    await client.graphql('mutation { deleteSource(name: "customers") { name } }')
    given = {
        "name": "people",
        "sheet": {"spreadsheet": SPREADSHEET_ID, "worksheet": "customers"},
        "key": ["id"],
        "pollSeconds": 1,
        "table": "shop.people",
        "adopt": True,
    }
    refused = await client.post("/graphql", json={"query": REGISTER, "variables": {"input": given}})
    error = refused.json()["errors"][0]
    assert error["extensions"]["code"] == "BAD_USER_INPUT"
    assert "REPLICA IDENTITY FULL" in error["message"]
    await customers.sql("ALTER TABLE shop.people REPLICA IDENTITY FULL")
    await client.graphql(REGISTER, {"input": given})
    await eventually(lambda: _row_count(client, "people", 201))
    await eventually(lambda: _is_in_sheet(customers, 5000))
    assert await customers.sql("SELECT DISTINCT internal FROM shop.people") == [{"internal": "ours"}]


async def _is_in_sheet(customers: Customers, id_: int) -> bool:
    return id_ in await customers.sheet.rows()


async def test_the_same_cell_on_both_sides_is_a_conflict_and_other_cells_both_win(customers: Customers) -> None:
    client = customers.client
    await client.graphql('mutation { pauseSource(name: "customers") { state } }')
    line = await customers.sheet.line(7)
    await customers.sheet.write(f"B{line}", [["Sheet's name"]])
    await customers.sheet.write(f"D{line}", [["Sheet's city"]])
    await customers.sql("UPDATE customers SET city = 'Table''s city', note = 'Table''s note' WHERE id = 7")
    await client.graphql('mutation { resumeSource(name: "customers") { state } }')
    await eventually(customers.agree)
    row = (await customers.rows())[7]
    assert (row["name"], row["city"], row["note"]) == ("Sheet's name", "Table's city", "Table's note")
    query = """{ conflicts(source: "customers", state: RESOLVED) { nodes {
        key kind column base database sourceValue resolution } } }"""

    async def settled() -> bool:
        return len((await client.graphql(query))["conflicts"]["nodes"]) == 1

    # The sides agree a moment before the run has ended.
    await eventually(settled)
    (conflict,) = (await client.graphql(query))["conflicts"]["nodes"]
    assert conflict["key"] == {"id": 7}
    assert (conflict["kind"], conflict["column"]) == ("CELL", "city")
    assert (conflict["database"], conflict["sourceValue"]) == ("Table's city", "Sheet's city")
    assert conflict["resolution"] == "DATABASE"


async def test_two_subscribers_see_the_same(customers: Customers) -> None:
    async with (
        customers.client.subscribe(CHANGES, FROM_NOW) as first,
        customers.client.subscribe(CHANGES, {"source": "customers", "snapshot": True}) as second,
    ):
        await asyncio.gather(caught_up(first), caught_up(second))
        await customers.sql("UPDATE customers SET orders = orders + 1 WHERE id <= 3")
        seen = [(await subscription.next())["changes"] for subscription in (first, second)]
    assert seen[0]["transactionId"] == seen[1]["transactionId"]
    assert seen[0]["changes"] == seen[1]["changes"]
    assert len(seen[0]["changes"]) == 3
