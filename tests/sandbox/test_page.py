"""The sheet to type in, in a real browser: keys, mouse, clipboard, rows and columns, worksheets."""

import gspread
import httpx
import pytest
from gspread.utils import ValueRenderOption
from playwright.async_api import Page, expect

from sandbox.demo import SPREADSHEET_ID
from sandbox.server import Sandbox
from tests.browser import SHARED
from tests.sandbox.client import client_for
from tests.sandbox.sheet_page import (
    bar,
    cell,
    choose,
    expect_active,
    expect_selected,
    open_sheet,
    paste,
    select,
)

pytestmark = [pytest.mark.usefixtures("built"), SHARED]


async def test_the_list_leads_to_the_sheet(page: Page, sandbox: Sandbox) -> None:
    await page.goto(sandbox.url)
    await page.get_by_role("link", name="Demo").click()
    await expect(cell(page, "A1")).to_have_text("id")
    await expect(cell(page, "K2")).to_have_text("-530.53")
    await page.get_by_role("tab", name="products").click()
    await expect(cell(page, "B2")).to_have_text("Anvil")
    await page.reload()
    await expect(cell(page, "B2")).to_have_text("Anvil")


async def test_typing_moves_and_saves(page: Page, sandbox: Sandbox, worksheet: gspread.Worksheet) -> None:
    await open_sheet(page, sandbox)
    await select(page, "B2")
    await page.keyboard.type("Big anvil")
    await page.keyboard.press("Tab")
    await expect_active(page, "C2")
    await page.keyboard.type("50%")
    await page.keyboard.press("Enter")
    # Enter leads below the cell where the run of Tabs began.
    await expect_active(page, "B3")
    await expect(cell(page, "C2")).to_have_text("0.50")
    await select(page, "C3")
    await page.keyboard.type("=C2*4")
    await page.keyboard.press("ArrowDown")
    await expect(cell(page, "C3")).to_have_text("2.00")
    await expect_active(page, "C4")
    assert worksheet.get("B2:C3", value_render_option=ValueRenderOption.formula) == [
        ["Big anvil", 0.5],
        ["Bellows", "=C2*4"],
    ]
    await select(page, "C3")
    await expect(bar(page)).to_have_value("=C2*4")


async def test_escape_keeps_delete_clears_and_f2_and_a_double_click_go_on(
    page: Page, sandbox: Sandbox, worksheet: gspread.Worksheet
) -> None:
    await open_sheet(page, sandbox)
    await select(page, "B3")
    await page.keyboard.type("no")
    await page.keyboard.press("Escape")
    await expect(cell(page, "B3")).to_have_text("Bellows")
    await page.keyboard.press("F2")
    await page.keyboard.type("!")
    await page.keyboard.press("Home")
    await page.keyboard.type("The ")
    await page.keyboard.press("Enter")
    await expect(cell(page, "B3")).to_have_text("The Bellows!")
    await cell(page, "B2").dblclick()
    await page.keyboard.press("End")
    await page.keyboard.type("s")
    await page.keyboard.press("Enter")
    await expect(cell(page, "B2")).to_have_text("Anvils")
    await select(page, "B4")
    await page.keyboard.press("Shift+ArrowDown")
    await page.keyboard.press("Delete")
    await expect(cell(page, "B4")).to_have_text("")
    await expect(cell(page, "B5")).to_have_text("")
    assert worksheet.get("B2:B6") == [["Anvils"], ["The Bellows!"], [], [], ["Easel"]]


async def test_a_cell_holds_lines(page: Page, sandbox: Sandbox, worksheet: gspread.Worksheet) -> None:
    await open_sheet(page, sandbox)
    await select(page, "F2")
    await page.keyboard.type("one")
    await page.keyboard.press("Alt+Enter")
    await page.keyboard.type("two")
    await page.keyboard.press("Enter")
    await expect_active(page, "F3")
    await select(page, "F2")
    await expect(bar(page)).to_have_value("one\ntwo")
    assert worksheet.acell("F2").value == "one\ntwo"


async def test_the_formula_bar_writes(page: Page, sandbox: Sandbox, worksheet: gspread.Worksheet) -> None:
    await open_sheet(page, sandbox)
    await select(page, "D2")
    await bar(page).fill("=1+1")
    await page.keyboard.press("Enter")
    await expect(cell(page, "D2")).to_have_text("2")
    await expect_active(page, "D3")
    assert worksheet.acell("D2", value_render_option=ValueRenderOption.formula).value == "=1+1"


async def test_keys_lead_through_the_sheet(page: Page, sandbox: Sandbox) -> None:
    await open_sheet(page, sandbox)
    await select(page, "B2")
    for key, name in (
        ("Control+ArrowDown", "B21"),
        ("Control+ArrowDown", "B200"),
        ("Control+ArrowUp", "B21"),
        ("Control+ArrowRight", "E21"),
        ("Home", "A21"),
        ("End", "E21"),
        ("Control+Home", "A1"),
        ("Control+End", "E21"),
        ("ArrowLeft", "D21"),
        ("Shift+Enter", "D20"),
        ("Shift+Tab", "C20"),
    ):
        await page.keyboard.press(key)
        await expect_active(page, name)
    # What is active is in sight.
    await expect(cell(page, "C20")).to_be_in_viewport()
    await page.keyboard.press("Control+Home")
    await page.keyboard.press("PageDown")
    await expect(page.locator("[data-active=A1]")).to_have_count(0)
    down = await page.locator("[data-active]").get_attribute("data-active")
    assert int((down or "A0")[1:]) > 10
    await page.keyboard.press("PageUp")
    await expect_active(page, "A1")


async def test_ranges_are_drawn_by_keys_and_mouse(page: Page, sandbox: Sandbox) -> None:
    await open_sheet(page, sandbox)
    await select(page, "B2")
    await page.keyboard.press("Shift+ArrowRight")
    await page.keyboard.press("Control+Shift+ArrowDown")
    await expect_selected(page, "B2:C21")
    await cell(page, "B3").hover()
    await page.mouse.down()
    await cell(page, "D6").hover()
    await page.mouse.up()
    await expect_selected(page, "B3:D6")
    # Enter and Tab lead through the range.
    for key, name in (("Tab", "C3"), ("Tab", "D3"), ("Tab", "B4"), ("Shift+Tab", "D3"), ("Enter", "D4")):
        await page.keyboard.press(key)
        await expect_active(page, name)
    await expect_selected(page, "B3:D6")
    await page.keyboard.press("Control+a")
    await expect_selected(page, "A1:J200")
    await page.get_by_role("rowheader", name="3", exact=True).click()
    await expect_selected(page, "A3:J3")
    await page.get_by_role("rowheader", name="5", exact=True).click(modifiers=["Shift"])
    await expect_selected(page, "A3:J5")
    await page.get_by_role("columnheader", name="C", exact=True).click()
    await expect_selected(page, "C1:C200")
    await page.get_by_role("columnheader", name="All cells").click()
    await expect_selected(page, "A1:J200")


async def test_rows_and_columns_are_inserted_deleted_and_sorted(
    page: Page, sandbox: Sandbox, worksheet: gspread.Worksheet
) -> None:
    await open_sheet(page, sandbox)
    await select(page, "B3", "B4")
    await choose(page, "Insert", "2 rows above")
    await expect(cell(page, "B5")).to_have_text("Bellows")
    await choose(page, "Delete", "Rows 3 to 4")
    await expect(cell(page, "B3")).to_have_text("Bellows")
    await select(page, "B3")
    await choose(page, "Insert", "1 column left")
    await expect(cell(page, "C3")).to_have_text("Bellows")
    await cell(page, "B3").click(button="right")
    await page.get_by_role("menuitem", name="Delete column B").click()
    await expect(cell(page, "B3")).to_have_text("Bellows")
    await choose(page, "Sort", "By column B, Z to A")
    await expect(cell(page, "B2")).to_have_text("Tongs")
    assert worksheet.col_values(2)[:3] == ["title", "Tongs", "Saw"]


async def test_everything_is_undone_and_made_again(page: Page, sandbox: Sandbox, worksheet: gspread.Worksheet) -> None:
    before = worksheet.get(value_render_option=ValueRenderOption.formula)
    await open_sheet(page, sandbox)
    await select(page, "B2")
    await page.keyboard.type("Big anvil")
    await page.keyboard.press("Enter")
    await expect(cell(page, "B2")).to_have_text("Big anvil")
    await select(page, "A10")
    await paste(page, "x\ty\nz\t=1+1\n")
    await expect(cell(page, "B11")).to_have_text("2")
    await select(page, "B3")
    await choose(page, "Delete", "Row 3")
    await expect(cell(page, "B3")).to_have_text("Chisel")
    await choose(page, "Sort", "By column B, Z to A")
    await expect(cell(page, "B2")).to_have_text("y")
    after = worksheet.get(value_render_option=ValueRenderOption.formula)
    for name, text in (("B3", "Chisel"), ("B3", "Bellows"), ("A10", "0009-IN"), ("B2", "Anvil")):
        await page.keyboard.press("Control+z")
        await expect(cell(page, name)).to_have_text(text)
    assert worksheet.get(value_render_option=ValueRenderOption.formula) == before
    await page.keyboard.press("Control+z")
    await expect(page.get_by_role("status")).to_contain_text("There is nothing to undo.")
    for name, text in (("B2", "Big anvil"), ("A10", "x"), ("B3", "Chisel"), ("B2", "y")):
        await page.keyboard.press("Control+y")
        await expect(cell(page, name)).to_have_text(text)
    assert worksheet.get(value_render_option=ValueRenderOption.formula) == after


async def test_worksheets_are_added_renamed_and_deleted(
    page: Page, sandbox: Sandbox, worksheet: gspread.Worksheet
) -> None:
    await open_sheet(page, sandbox)
    await page.get_by_role("button", name="Add a worksheet").click()
    tab = page.get_by_role("tab", name="Sheet3")
    await expect(tab).to_have_attribute("aria-selected", "true")
    await expect(cell(page, "A1")).to_have_text("")
    await tab.dblclick()
    title = page.get_by_label("Title of the worksheet")
    await title.fill("products")
    await title.press("Enter")
    await expect(page.get_by_role("status")).to_contain_text("already exists")
    await tab.dblclick()
    await title.fill("suppliers")
    await title.press("Enter")
    await expect(page.get_by_role("tab", name="suppliers")).to_be_visible()
    assert [one.title for one in worksheet.spreadsheet.worksheets()] == ["customers", "products", "suppliers"]
    await page.get_by_role("button", name="Rename or delete the worksheet").click()
    await page.get_by_role("menuitem", name="Delete").click()
    await page.get_by_role("dialog").get_by_role("button", name="Cancel").click()
    await page.get_by_role("button", name="Rename or delete the worksheet").click()
    await page.get_by_role("menuitem", name="Delete").click()
    await expect(page.get_by_role("tab")).to_have_text(["customers", "products", "suppliers"])
    await page.get_by_role("dialog", name="suppliers").get_by_role("button", name="Delete").click()
    await expect(page.get_by_role("tab")).to_have_text(["customers", "products"])
    await page.keyboard.press("Control+z")
    await expect(page.get_by_role("tab")).to_have_text(["customers", "products", "suppliers"])


async def test_only_what_is_in_sight_is_in_the_page(page: Page, sandbox: Sandbox) -> None:
    file = client_for(sandbox).create("Large")
    sheet = file.sheet1
    sheet.resize(rows=100_000)
    sheet.update([[f"row {number}"] for number in range(1, 100_001)], "A1")
    await open_sheet(page, sandbox, file.id, 0)
    await expect(cell(page, "A1")).to_have_text("row 1")
    await page.keyboard.press("Control+ArrowDown")
    await expect_active(page, "A100000")
    await expect(cell(page, "A100000")).to_have_text("row 100000")
    await expect(cell(page, "A100000")).to_be_in_viewport()
    assert await page.locator("[role=gridcell]").count() < 5_000
    await page.keyboard.type("the end")
    await page.keyboard.press("Enter")
    await expect(cell(page, "A100000")).to_have_text("the end")
    assert sheet.acell("A100000").value == "the end"


async def test_an_unknown_spreadsheet(page: Page, sandbox: Sandbox) -> None:
    answer = await page.goto(f"{sandbox.url}/spreadsheets/d/none/edit")
    assert answer is not None
    assert answer.status == 404


async def test_a_page_that_is_not_built_says_what_to_run(
    sandbox: Sandbox, tmp_path_factory: pytest.TempPathFactory
) -> None:
    from starlette.applications import Starlette

    from sandbox.pages import Pages

    application = sandbox.do(lambda office: Starlette(routes=Pages(office, tmp_path_factory.mktemp("empty")).routes()))
    async with httpx.AsyncClient(transport=httpx.ASGITransport(application), base_url="http://127.0.0.1") as client:
        answer = await client.get(f"/spreadsheets/d/{SPREADSHEET_ID}/edit")
    assert answer.status_code == 503
    assert "make web" in answer.text
