"""The dashboard in a real browser, with the whole server behind it."""

from playwright.async_api import Locator, Page, expect

from sandbox.demo import PRODUCTS, SPREADSHEET_ID
from tests.browser import SHARED
from tests.e2e.customers import REGISTER, Customers, Sheet
from tests.server import ProcessServer, ThreadServer, eventually

pytestmark = SHARED


def cell(page: Page, id_: int, column: str) -> Locator:
    return line(page, id_).locator(f"[data-column={column}]")


def line(page: Page, id_: int) -> Locator:
    return page.locator(f"""[data-row='[["id",{id_}]]']""")


def connection(page: Page) -> Locator:
    return page.locator("[data-connection]")


async def expect_rows(page: Page, count: int) -> None:
    await expect(page.locator("[data-row-count]")).to_have_attribute("data-row-count", str(count))


async def open_live(page: Page, customers: Customers) -> None:
    await page.goto(customers.client.url)
    await expect(connection(page)).to_have_text("Live")
    await expect_rows(page, 200)


async def test_without_sources_it_says_how_to_begin(server: ThreadServer, page: Page) -> None:
    await page.goto(server.url)
    await expect(page.get_by_text("No sources yet.")).to_be_visible()
    await expect(page.get_by_role("table")).to_have_count(0)


async def test_a_source_registered_meanwhile_appears(customers: Customers, page: Page) -> None:
    await open_live(page, customers)
    listed = page.locator("[data-source]")
    await expect(listed).to_have_count(1)
    await expect(listed).to_contain_text("ACTIVE")
    await expect(listed).to_contain_text("200")
    sheet = {"spreadsheet": SPREADSHEET_ID, "worksheet": PRODUCTS}
    await customers.client.graphql(REGISTER, {"input": {"name": "products", "sheet": sheet, "key": ["sku"]}})
    await page.get_by_role("link", name="products").click()
    await expect(page.get_by_role("heading", name="products")).to_be_visible()
    await expect_rows(page, 20)
    await expect(page.get_by_role("cell", name="Anvil")).to_be_visible()


async def test_commits_appear_as_they_happen(customers: Customers, page: Page) -> None:
    await open_live(page, customers)
    await customers.sql("UPDATE customers SET city = 'Quito', note = NULL WHERE id = 7")
    await expect(cell(page, 7, "city")).to_have_text("Quito")
    await expect(cell(page, 7, "note")).to_have_text("null")
    await expect(page.get_by_text("by SQL")).to_be_visible()
    await customers.sql("DELETE FROM customers WHERE id = 3")
    await expect(line(page, 3)).to_have_count(0)
    await expect_rows(page, 199)
    await customers.sql("INSERT INTO customers (id, name) VALUES (0, 'Nobody'), (1001, 'Somebody')")
    await expect_rows(page, 201)


async def test_a_changed_cell_is_marked_and_no_other(customers: Customers, page: Page) -> None:
    await page.clock.install()
    await open_live(page, customers)
    marked = page.locator(".flash")

    async def shown() -> bool:
        # The page's clock stands still between the looks, so that the mark can't come and go unseen.
        await page.clock.run_for(50)
        return await marked.count() > 0

    await page.clock.pause_at(await page.evaluate("() => Date.now()") + 1000)
    await customers.sql("UPDATE customers SET city = 'Quito' WHERE id = 7")
    await eventually(shown)
    await expect(marked).to_have_text(["Quito"])
    await page.clock.run_for(2000)
    await expect(marked).to_have_count(0)
    await expect(cell(page, 7, "city")).to_have_text("Quito")


async def test_only_lines_in_sight_are_in_the_page(customers: Customers, page: Page) -> None:
    await open_live(page, customers)
    grid = page.get_by_role("table", name="Rows of customers")
    await expect(grid).to_have_attribute("aria-rowcount", "201")
    assert await grid.locator(".grid-body [role=row]").count() < 100
    await expect(line(page, 200)).to_have_count(0)
    await grid.focus()
    await page.keyboard.press("End")
    await expect(line(page, 200)).to_be_visible()
    await expect(line(page, 1)).to_have_count(0)


async def test_it_resumes_where_it_was_when_the_server_comes_back(
    process: ProcessServer, sheet: Sheet, database: str, page: Page
) -> None:
    customers = Customers(process, sheet, database)
    await customers.register()
    await open_live(page, customers)
    await process.kill()
    await expect(connection(page)).to_have_text("Reconnecting…")
    await expect(cell(page, 7, "name")).to_be_visible()
    await customers.sql("UPDATE customers SET city = 'Quito' WHERE id = 7")
    await customers.sql("DELETE FROM customers WHERE id = 3")
    await process.start()
    await expect(cell(page, 7, "city")).to_have_text("Quito")
    await expect(connection(page)).to_have_text("Live")
    await expect(line(page, 3)).to_have_count(0)
    await expect_rows(page, 199)


async def test_an_address_names_a_source(customers: Customers, page: Page) -> None:
    await page.goto(f"{customers.client.url}/#/sources/absent")
    await expect(page.get_by_text("There is no source named absent.")).to_be_visible()
    await page.get_by_role("link", name="customers").click()
    await expect_rows(page, 200)
    assert page.url.endswith("/#/sources/customers")
