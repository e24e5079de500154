"""The dashboard where a token is required: it asks for one, keeps it, and says plainly when it is no longer in use."""

from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest_asyncio
from playwright.async_api import Page, expect

from db.session import connect
from db.tokens import Token, insert_token, new_secret, revoke_token
from tests.browser import SHARED
from tests.e2e.customers import Customers
from tests.server import ThreadServer, server_settings
from tests.web.test_dashboard import cell, connection, expect_rows

pytestmark = SHARED


@pytest_asyncio.fixture(loop_scope="session")
async def locked(customers: Customers, tmp_path: Path) -> AsyncIterator[ThreadServer]:
    """Another process for the same sources, which requires a token."""
    folder = tmp_path / "locked"
    folder.mkdir()
    made = ThreadServer(server_settings(customers.dsn, folder, customers.sheet.sandbox, require_token=True))
    await made.start()
    yield made
    await made.stop()


async def token_of(dsn: str, name: str, lasts: timedelta | None = None) -> tuple[Token, str]:
    secret = new_secret()
    expires_at = None if lasts is None else datetime.now(UTC) + lasts
    async with await connect(dsn, "test") as session, session.transaction():
        return await insert_token(session, name, "VIEWER", [], secret, expires_at, "test"), secret


async def give(page: Page, secret: str) -> None:
    await page.get_by_label("Token").fill(secret)
    await page.get_by_role("button", name="Use it").click()


async def test_a_token_is_asked_for_kept_and_missed(locked: ThreadServer, customers: Customers, page: Page) -> None:
    token, secret = await token_of(customers.dsn, "a reader")
    await page.goto(locked.url)
    await expect(page.get_by_role("alert")).to_have_text("This server asks for a token.")
    await expect(page.get_by_role("table")).to_have_count(0)
    await give(page, "rowcast_nothing")
    await expect(page.get_by_role("alert")).to_contain_text("This token is not in use")
    await give(page, f" {secret} ")
    await expect(connection(page)).to_have_text("Live")
    await expect_rows(page, 200)

    await page.reload()
    await expect(connection(page)).to_have_text("Live")
    await customers.sql("UPDATE customers SET city = 'Quito' WHERE id = 7")
    await expect(cell(page, 7, "city")).to_have_text("Quito")

    async with await connect(customers.dsn, "test") as session, session.transaction():
        await revoke_token(session, token.id, "test")
    await expect(page.get_by_role("alert")).to_have_text("The token was revoked.")
    await expect(page.get_by_role("table")).to_have_count(0)
    _, another = await token_of(customers.dsn, "another reader")
    await give(page, another)
    await expect(connection(page)).to_have_text("Live")
    await page.get_by_role("button", name="Forget it").click()
    await expect(page.get_by_role("alert")).to_have_text("This server asks for a token.")
    await page.reload()
    await expect(page.get_by_role("alert")).to_have_text("This server asks for a token.")


async def test_a_token_that_expires_is_said_while_the_page_is_open(
    locked: ThreadServer, customers: Customers, page: Page
) -> None:
    _, secret = await token_of(customers.dsn, "for a while", timedelta(seconds=15))
    await page.goto(locked.url)
    await give(page, secret)
    await expect(connection(page)).to_have_text("Live")
    await expect(page.get_by_role("alert")).to_have_text("The token has expired.")


async def test_without_a_need_nothing_is_asked(customers: Customers, page: Page) -> None:
    await page.goto(customers.client.url)
    await expect(connection(page)).to_have_text("Live")
    await expect(page.get_by_label("Token")).to_have_count(0)
    await expect(page.get_by_role("button", name="Forget it")).to_have_count(0)


async def test_the_playground_sends_the_token_that_is_kept(
    locked: ThreadServer, customers: Customers, page: Page
) -> None:
    _, secret = await token_of(customers.dsn, "a reader")
    await page.goto(locked.url)
    await give(page, secret)
    await expect(connection(page)).to_have_text("Live")
    await page.goto(f"{locked.url}/playground")
    await expect(page.locator(".graphiql-query-editor .view-lines")).to_contain_text("Changes")
    await page.get_by_role("button", name="Execute query").click()
    await expect(page.locator(".result-window")).to_contain_text('"upToDate": true')
    await page.get_by_role("tab", name="Sources").click()
    await page.get_by_role("button", name="Execute query").click()
    await expect(page.locator(".result-window")).to_contain_text('"customers"')
