"""Keys of the sheet in a real browser: typed faster than the sandbox answers, and where the focus goes."""

import asyncio

import gspread
import pytest
from playwright.async_api import Page, Route, expect

from sandbox.server import Sandbox
from tests.browser import SHARED
from tests.sandbox.sheet_page import bar, cell, choose, expect_active, expect_selected, open_sheet, select

pytestmark = [pytest.mark.usefixtures("built"), SHARED]


async def expect_in_cells(page: Page) -> None:
    """The focus is in the cells, and nothing is edited."""
    await expect(page.locator(".cell-editor")).to_be_focused()
    await expect(page.locator(".cell-editor")).to_have_value("")


async def test_what_is_typed_behind_a_jump_waits_for_it(
    page: Page, sandbox: Sandbox, worksheet: gspread.Worksheet
) -> None:
    asked, go_on = asyncio.Event(), asyncio.Event()

    async def hold(route: Route) -> None:
        asked.set()
        await go_on.wait()
        await route.continue_()

    await open_sheet(page, sandbox)
    await select(page, "B2")
    await page.route("**/edge?*", hold)
    await page.keyboard.press("Control+ArrowDown")
    await asked.wait()
    for key in ("Control+ArrowRight", "ArrowDown", "ArrowLeft"):
        await page.keyboard.press(key)
    await page.keyboard.type("fast")
    await page.keyboard.press("Enter")
    go_on.set()
    await expect_active(page, "D23")
    await expect(cell(page, "D22")).to_have_text("fast")
    assert worksheet.acell("D22").value == "fast"
    assert worksheet.get("B2:B3") == [["Anvil"], ["Bellows"]]


async def test_a_click_is_where_one_is_though_a_jump_is_answered_later(page: Page, sandbox: Sandbox) -> None:
    asked, go_on = asyncio.Event(), asyncio.Event()

    async def hold(route: Route) -> None:
        asked.set()
        await go_on.wait()
        await route.continue_()

    await open_sheet(page, sandbox)
    await select(page, "B2")
    await page.route("**/edge?*", hold)
    await page.keyboard.press("Control+ArrowDown")
    await asked.wait()
    await page.keyboard.press("ArrowDown")
    await select(page, "C3")
    async with page.expect_response("**/edge?*"):
        go_on.set()
    await page.keyboard.press("ArrowRight")
    await expect_active(page, "D3")


async def test_f2_lets_the_arrows_move_in_what_is_typed(page: Page, sandbox: Sandbox) -> None:
    await open_sheet(page, sandbox)
    await select(page, "G2")
    await page.keyboard.type("a")
    await page.keyboard.press("F2")
    await page.keyboard.press("ArrowLeft")
    await page.keyboard.type("b")
    await page.keyboard.press("Enter")
    await expect(cell(page, "G2")).to_have_text("ba")
    await expect_active(page, "G3")


async def test_a_new_title_leaves_the_cells_as_they_are(
    page: Page, sandbox: Sandbox, worksheet: gspread.Worksheet
) -> None:
    await open_sheet(page, sandbox)
    await select(page, "B2")
    await page.get_by_role("tab", name="products").dblclick()
    await page.keyboard.type("goods")
    await page.keyboard.press("Enter")
    await expect(page.get_by_role("tab", name="goods")).to_be_visible()
    await expect_in_cells(page)
    await page.keyboard.press("Enter")
    await expect_active(page, "B3")
    assert worksheet.spreadsheet.worksheet("goods").acell("B2").value == "Anvil"


async def test_the_focus_comes_back_to_the_cells(page: Page, sandbox: Sandbox) -> None:
    await open_sheet(page, sandbox)
    await page.get_by_role("tab", name="products").dblclick()
    await page.keyboard.press("Escape")
    await expect_in_cells(page)
    await page.get_by_label("You are").fill("Ada")
    await page.keyboard.press("Enter")
    await expect_in_cells(page)
    await page.locator(".toolbar").click(position={"x": 700, "y": 5})
    await expect_in_cells(page)


async def test_a_menu_gives_the_focus_back_to_its_button(page: Page, sandbox: Sandbox) -> None:
    await open_sheet(page, sandbox)
    button = page.get_by_role("toolbar").get_by_role("button", name="Insert", exact=True)
    await button.click()
    await page.keyboard.press("Escape")
    await expect(button).to_be_focused()
    await button.click()
    await expect(page.get_by_role("menu")).to_be_visible()
    await button.click()
    await expect(page.get_by_role("menu")).to_have_count(0)
    await choose(page, "Insert", "1 row above")
    await expect_in_cells(page)


async def test_each_worksheet_keeps_its_selection(page: Page, sandbox: Sandbox) -> None:
    await open_sheet(page, sandbox)
    await select(page, "B3", "C4")
    await page.get_by_role("tab", name="customers").click()
    await expect(cell(page, "B1")).to_have_text("name")
    await expect_selected(page, "A1")
    await page.get_by_role("tab", name="products").click()
    await expect(cell(page, "B2")).to_have_text("Anvil")
    await expect_selected(page, "B3:C4")


async def test_what_is_typed_into_a_worksheet_that_goes_is_in_no_other(
    page: Page, sandbox: Sandbox, worksheet: gspread.Worksheet
) -> None:
    await open_sheet(page, sandbox)
    await select(page, "B2")
    await page.keyboard.type("lost")
    worksheet.spreadsheet.del_worksheet(worksheet)
    await expect(page.get_by_role("status")).to_contain_text("“products” was deleted. This is “customers”.")
    await expect_active(page, "A1")
    await expect(bar(page)).to_have_value("id")
    await page.keyboard.press("Enter")
    await expect_active(page, "A2")
    customers = worksheet.spreadsheet.worksheet("customers")
    assert customers.get("A1:B2") == [["id", "name"], ["1", "Grace Thompson"]]


async def test_another_whole_column_leads_to_no_other_row(page: Page, sandbox: Sandbox) -> None:
    await open_sheet(page, sandbox)
    await select(page, "B3")
    await page.keyboard.press("Control+Space")
    await page.keyboard.press("Shift+ArrowRight")
    await expect_selected(page, "B1:C200")
    await expect(cell(page, "B3")).to_be_in_viewport()
    await page.keyboard.press("Shift+ArrowUp")
    await expect_selected(page, "B1:C199")
    await expect(cell(page, "C199")).to_be_in_viewport()
