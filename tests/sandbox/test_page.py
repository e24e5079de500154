"""The sheet to type in, in a real browser: keys, clipboard, tabs, rows, and what others do meanwhile."""

import gspread
import pytest
from gspread.utils import ValueRenderOption
from playwright.async_api import Browser, Locator, Page, expect

from sandbox.demo import SPREADSHEET_ID
from sandbox.server import Sandbox
from tests.sandbox.client import client_for


@pytest.fixture
def worksheet(sandbox: Sandbox) -> gspread.Worksheet:
    return client_for(sandbox).open_by_key(SPREADSHEET_ID).worksheet("products")


async def open_products(page: Page, sandbox: Sandbox) -> None:
    await page.goto(f"{sandbox.url}/spreadsheets/d/{SPREADSHEET_ID}/edit#gid=1")
    await expect(cell(page, "B2")).to_have_text("Anvil")


def cell(page: Page, name: str) -> Locator:
    return page.locator(f'[data-cell="{name}"]')


async def test_the_list_leads_to_the_sheet(page: Page, sandbox: Sandbox) -> None:
    await page.goto(sandbox.url)
    await page.get_by_role("link", name="Demo").click()
    await expect(cell(page, "A1")).to_have_text("id")
    await expect(cell(page, "K2")).to_have_text("-530.53")
    await page.get_by_role("tab", name="products").click()
    await expect(cell(page, "B2")).to_have_text("Anvil")


async def test_typing_moves_and_saves(page: Page, sandbox: Sandbox, worksheet: gspread.Worksheet) -> None:
    await open_products(page, sandbox)
    await cell(page, "B2").click()
    await page.keyboard.type("Big anvil")
    await page.keyboard.press("Tab")
    await expect(cell(page, "C2")).to_have_class("number selected active")
    await page.keyboard.type("50%")
    await page.keyboard.press("Enter")
    await expect(cell(page, "C2")).to_have_text("0.50")
    await page.keyboard.type("=C2*4")
    await page.keyboard.press("Enter")
    await expect(cell(page, "C3")).to_have_text("2.00")
    assert worksheet.get("B2:C3", value_render_option=ValueRenderOption.formula) == [
        ["Big anvil", 0.5],
        ["Bellows", "=C2*4"],
    ]
    await cell(page, "C3").click()
    await expect(page.locator("#formula")).to_have_value("=C2*4")


async def test_escape_keeps_delete_clears_and_f2_goes_on(
    page: Page, sandbox: Sandbox, worksheet: gspread.Worksheet
) -> None:
    await open_products(page, sandbox)
    await cell(page, "B3").click()
    await page.keyboard.type("no")
    await page.keyboard.press("Escape")
    await expect(cell(page, "B3")).to_have_text("Bellows")
    await page.keyboard.press("F2")
    await page.keyboard.type("!")
    await page.keyboard.press("Enter")
    await expect(cell(page, "B3")).to_have_text("Bellows!")
    await page.keyboard.press("Shift+ArrowDown")
    await page.keyboard.press("Delete")
    await expect(cell(page, "B4")).to_have_text("")
    await expect(cell(page, "B5")).to_have_text("")
    assert worksheet.get("B2:B6") == [["Anvil"], ["Bellows!"], [], [], ["Easel"]]


async def test_the_formula_bar_writes(page: Page, sandbox: Sandbox, worksheet: gspread.Worksheet) -> None:
    await open_products(page, sandbox)
    await cell(page, "D2").click()
    await page.locator("#formula").fill("=1+1")
    await page.keyboard.press("Enter")
    await expect(cell(page, "D2")).to_have_text("2")
    assert worksheet.acell("D2", value_render_option=ValueRenderOption.formula).value == "=1+1"


async def test_a_block_is_pasted(page: Page, sandbox: Sandbox, worksheet: gspread.Worksheet) -> None:
    await open_products(page, sandbox)
    await cell(page, "A30").click()
    await page.evaluate(
        """text => {
            const clipboardData = new DataTransfer();
            clipboardData.setData("text/plain", text);
            document.querySelector("#scroll").dispatchEvent(
                new ClipboardEvent("paste", { clipboardData, bubbles: true, cancelable: true }));
        }""",
        'x\t1.5\tTRUE\n"two\nlines"\t\t\'007\n',
    )
    await expect(cell(page, "C31")).to_have_text("007")
    assert worksheet.get("A30:C31", value_render_option=ValueRenderOption.unformatted) == [
        ["x", 1.5, True],
        ["two\nlines", "", "007"],
    ]


async def test_rows_are_inserted_deleted_and_sorted(page: Page, sandbox: Sandbox, worksheet: gspread.Worksheet) -> None:
    await open_products(page, sandbox)
    await cell(page, "B3").click()
    await page.get_by_role("button", name="Insert row above").click()
    await expect(cell(page, "B4")).to_have_text("Bellows")
    await page.get_by_role("button", name="Delete rows").click()
    await expect(cell(page, "B3")).to_have_text("Bellows")
    await page.get_by_role("button", name="Sort Z to A").click()
    await expect(cell(page, "B2")).to_have_text("Tongs")
    assert worksheet.col_values(2)[:3] == ["title", "Tongs", "Saw"]


async def test_what_others_write_appears_and_flashes(
    page: Page, browser: Browser, sandbox: Sandbox, worksheet: gspread.Worksheet
) -> None:
    await open_products(page, sandbox)
    second = await browser.new_page()
    await open_products(second, sandbox)
    await page.evaluate(
        """() => {
            window.flashed = [];
            new MutationObserver(changes => changes.forEach(({ target }) => {
                if (target.classList.contains("flash")) window.flashed.push(target.dataset.cell);
            })).observe(document.querySelector("tbody"), { subtree: true, attributeFilter: ["class"] });
        }"""
    )
    worksheet.update([["by a program"]], "B2")
    await expect(cell(page, "B2")).to_have_text("by a program")
    await cell(second, "B3").click()
    await second.keyboard.type("by another person")
    await second.keyboard.press("Enter")
    await expect(cell(page, "B3")).to_have_text("by another person")
    assert {"B2", "B3"} <= set(await page.evaluate("window.flashed"))
    await second.close()


async def test_a_refusal_is_said(page: Page, sandbox: Sandbox) -> None:
    await open_products(page, sandbox)
    page.on("dialog", lambda dialog: dialog.accept("products"))
    await page.get_by_role("button", name="Add a worksheet").click()
    await expect(page.get_by_role("status")).to_contain_text("already exists")


async def test_an_unknown_spreadsheet(page: Page, sandbox: Sandbox) -> None:
    answer = await page.goto(f"{sandbox.url}/spreadsheets/d/none/edit")
    assert answer is not None
    assert answer.status == 404
