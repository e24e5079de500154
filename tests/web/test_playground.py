"""The playground in a real browser: queries and subscriptions against the whole server."""

from playwright.async_api import Page, expect

from tests.browser import SHARED
from tests.e2e.customers import Customers

pytestmark = SHARED


async def open_tab(page: Page, customers: Customers, name: str) -> None:
    await page.goto(f"{customers.client.url}/playground")
    # Until its editor stands, GraphiQL takes no choice of tabs.
    editor = page.locator(".graphiql-query-editor .view-lines")
    await expect(editor).to_contain_text("Changes")
    await page.get_by_role("tab", name=name).click()
    await expect(editor).to_contain_text(name)


async def test_a_subscription_goes_on(customers: Customers, page: Page) -> None:
    await open_tab(page, customers, "Changes")
    await page.get_by_role("button", name="Execute query").click()
    result = page.locator(".result-window")
    await expect(result).to_contain_text('"upToDate": true')
    await customers.sql("UPDATE customers SET city = 'Quito' WHERE id = 7")
    await expect(result).to_contain_text('"UPDATE"')
    await expect(result).to_contain_text('"Quito"')


async def test_a_query_is_answered(customers: Customers, page: Page) -> None:
    await open_tab(page, customers, "Sources")
    await page.get_by_role("button", name="Execute query").click()
    await expect(page.locator(".result-window")).to_contain_text('"customers"')


async def test_the_schema_can_be_read(customers: Customers, page: Page) -> None:
    await open_tab(page, customers, "Sources")
    await page.get_by_role("button", name="Show Documentation Explorer").click()
    await page.get_by_role("link", name="Subscription").click()
    await expect(page.get_by_role("link", name="changes")).to_be_visible()
