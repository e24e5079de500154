"""The sheet to type in, as a test uses it."""

from playwright.async_api import Locator, Page, expect

from sandbox.demo import SPREADSHEET_ID
from sandbox.server import Sandbox


async def open_sheet(page: Page, sandbox: Sandbox, file_id: str = SPREADSHEET_ID, sheet: int = 1) -> None:
    """Opens a worksheet, the demo's products if nothing else is said, and waits for its first cell."""
    await page.goto(f"{sandbox.url}/spreadsheets/d/{file_id}/edit#gid={sheet}")
    await expect(cell(page, "A1")).to_be_visible()


def cell(page: Page, name: str) -> Locator:
    return page.locator(f'[data-cell="{name}"]')


async def select(page: Page, name: str, to: str | None = None) -> None:
    """Clicks a cell, and draws the selection to another with Shift."""
    await cell(page, name).click()
    if to is not None:
        await cell(page, to).click(modifiers=["Shift"])


async def expect_active(page: Page, name: str) -> None:
    await expect(page.locator(f'[data-active="{name}"]')).to_have_count(1)


async def expect_selected(page: Page, name: str) -> None:
    """`B2`, or `B2:D9`."""
    await expect(page.get_by_label("Selected cells")).to_have_text(name)


def bar(page: Page) -> Locator:
    """The formula bar."""
    return page.get_by_label("Content of the cell")


async def paste(page: Page, text: str, html: str = "") -> None:
    """What another program has put on the clipboard is pasted."""
    await page.evaluate(
        """([text, html]) => {
            const clipboardData = new DataTransfer();
            clipboardData.setData("text/plain", text);
            if (html) clipboardData.setData("text/html", html);
            document.activeElement.dispatchEvent(
                new ClipboardEvent("paste", { clipboardData, bubbles: true, cancelable: true }));
        }""",
        [text, html],
    )


async def choose(page: Page, menu: str, item: str) -> None:
    """One of the toolbar's menus."""
    await page.get_by_role("toolbar").get_by_role("button", name=menu, exact=True).click()
    await page.get_by_role("menuitem", name=item, exact=True).click()


async def watch_flashes(page: Page) -> None:
    """From now on keeps what flashes, as `B2` or, with who did it, `B2 demo`: a flash doesn't stay."""
    await page.evaluate(
        """() => {
            window.flashed = new Set();
            new MutationObserver(changes => changes.forEach(({ addedNodes }) => addedNodes.forEach(node => {
                if (node.dataset?.flash) window.flashed.add(`${node.dataset.flash} ${node.textContent}`.trim());
            }))).observe(document.querySelector('[role="grid"]'), { subtree: true, childList: true });
        }"""
    )


async def expect_flashes(page: Page, *names: str) -> None:
    await page.wait_for_function("names => names.every(name => window.flashed.has(name))", arg=list(names))
