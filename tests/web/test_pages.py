"""The pages as built: they need nothing but their own origin, and say so when the server behind them fails."""

from urllib.parse import urlsplit

import pytest
from playwright.async_api import ConsoleMessage, Page, Request, expect

from tests.browser import SHARED

pytestmark = SHARED


class Watch:
    """What a page asks for, and what its content security policy keeps it from."""

    def __init__(self, page: Page) -> None:
        self.origins: set[str] = set()
        self.refused: list[str] = []
        page.on("request", self._asked)
        page.on("console", self._said)

    def _asked(self, request: Request) -> None:
        parts = urlsplit(request.url)
        if parts.scheme not in ("data", "blob"):
            self.origins.add(f"{parts.scheme}://{parts.netloc}")

    def _said(self, message: ConsoleMessage) -> None:
        if "Content Security Policy" in message.text:
            self.refused.append(message.text)


async def test_the_dashboard_says_that_it_has_no_server(pages_alone: str, page: Page) -> None:
    watch = Watch(page)
    await page.goto(pages_alone)
    notice = page.get_by_role("alert")
    await expect(notice).to_contain_text("The sources can’t be read. The server answered with HTTP status 404.")
    async with page.expect_request("**/graphql"):
        await notice.get_by_role("button", name="Try again").click()
    await expect(notice).to_be_visible()
    assert watch.origins == {pages_alone}
    assert watch.refused == []


async def test_the_playground_brings_its_editor(pages_alone: str, page: Page) -> None:
    watch = Watch(page)
    await page.goto(f"{pages_alone}/playground")
    await expect(page.locator(".graphiql-query-editor .view-lines")).to_contain_text("subscription Changes")
    await expect(page.get_by_role("tab", name="Sources")).to_be_visible()
    assert watch.origins == {pages_alone}
    assert watch.refused == []


@pytest.mark.parametrize("path", ["/", "/playground"])
async def test_code_from_elsewhere_is_refused(pages_alone: str, page: Page, path: str) -> None:
    watch = Watch(page)
    await page.goto(pages_alone + path)
    async with page.expect_console_message(lambda message: "Content Security Policy" in message.text):
        await page.evaluate(
            "() => { document.head.append(Object.assign(document.createElement('script'), {text: '1'})) }"
        )
    assert watch.refused != []
