"""The sheet's page and what its cells and lines look like: sizes, hidden and frozen lines, merges, formats; filling."""

from typing import Any

import gspread
import pytest
from gspread.utils import ValueRenderOption
from playwright.async_api import Locator, Page, expect

from sandbox.demo import SPREADSHEET_ID
from sandbox.server import Sandbox
from tests.browser import SHARED
from tests.sandbox.client import Api
from tests.sandbox.sheet_page import cell, choose, expect_active, expect_selected, open_sheet, select

pytestmark = [pytest.mark.usefixtures("built"), SHARED]


async def drag(page: Page, start: Locator, right: float, down: float) -> None:
    """Presses the mouse in the middle of something, and lets it go so many pixels on."""
    box = await start.bounding_box()
    assert box is not None
    x, y = box["x"] + box["width"] / 2, box["y"] + box["height"] / 2
    await page.mouse.move(x, y)
    await page.mouse.down()
    await page.mouse.move(x + right / 2, y + down / 2)
    await page.mouse.move(x + right, y + down)
    await page.mouse.up()


async def width(of: Locator) -> float:
    box = await of.bounding_box()
    assert box is not None
    return box["width"]


def shape(api: Api, dimension: str) -> list[Any]:
    """What Google's API tells of the rows or columns of the products."""
    fields = f"sheets/data/{dimension}Metadata(pixelSize,hiddenByUser)"
    answer = api.sheets("GET", f"/{SPREADSHEET_ID}", ranges="products!A1:E5", fields=fields).json()
    found: list[Any] = answer["sheets"][0]["data"][0][f"{dimension}Metadata"]
    return found


async def test_columns_and_rows_are_sized_by_dragging(page: Page, sandbox: Sandbox, api: Api) -> None:
    await open_sheet(page, sandbox)
    await drag(page, page.locator("[data-size=COLUMNS][data-index='1']"), 60, 0)
    await drag(page, page.locator("[data-size=ROWS][data-index='2']"), 0, 24)
    await expect(cell(page, "B3")).to_have_css("width", "160px")
    await expect(cell(page, "B3")).to_have_css("height", "50px")
    assert [one["pixelSize"] for one in shape(api, "column")] == [100, 160, 100, 100, 100]
    assert [one["pixelSize"] for one in shape(api, "row")] == [21, 21, 50, 21, 21]
    # All of the selected columns.
    await page.get_by_role("columnheader", name="C", exact=True).click()
    await page.get_by_role("columnheader", name="D", exact=True).click(modifiers=["Shift"])
    await drag(page, page.locator("[data-size=COLUMNS][data-index='3']"), -30, 0)
    await expect(cell(page, "C3")).to_have_css("width", "70px")
    assert [one["pixelSize"] for one in shape(api, "column")] == [100, 160, 70, 70, 100]
    await page.keyboard.press("Control+z")
    await expect(cell(page, "D3")).to_have_css("width", "100px")


async def test_a_double_click_fits_a_column_to_its_longest_text(
    page: Page, sandbox: Sandbox, worksheet: gspread.Worksheet
) -> None:
    worksheet.update([["a text that is a good deal longer than its column is wide"]], "B9")
    await open_sheet(page, sandbox)
    await page.locator("[data-size=COLUMNS][data-index='1']").dblclick()
    await expect(cell(page, "B9")).not_to_have_css("width", "100px")
    assert not await cell(page, "B9").evaluate("cell => cell.scrollWidth > cell.clientWidth")
    await page.locator("[data-size=COLUMNS][data-index='4']").dblclick()
    await expect(cell(page, "E2")).not_to_have_css("width", "100px")
    assert await width(cell(page, "E2")) < await width(cell(page, "B2"))


async def test_columns_are_hidden_and_shown(page: Page, sandbox: Sandbox, api: Api) -> None:
    await open_sheet(page, sandbox)
    await select(page, "B2", "C2")
    await choose(page, "View", "Hide columns B to C")
    await expect(cell(page, "B2")).to_have_count(0)
    assert [one.get("hiddenByUser", False) for one in shape(api, "column")] == [False, True, True, False, False]
    await page.get_by_role("button", name="Show columns B to C").click()
    await expect(cell(page, "B2")).to_have_text("Anvil")
    await select(page, "A1")
    await choose(page, "View", "Hide row 1")
    await expect(cell(page, "A1")).to_have_count(0)
    await choose(page, "View", "Show all hidden rows")
    await expect(cell(page, "A1")).to_have_text("sku")


async def test_frozen_rows_and_columns_stay_in_sight(page: Page, sandbox: Sandbox) -> None:
    await page.set_viewport_size({"width": 600, "height": 500})
    await open_sheet(page, sandbox)
    await select(page, "B2")
    await choose(page, "View", "Freeze columns up to B")
    await expect(page.locator(".freeze-line.columns")).to_be_visible()
    await select(page, "C2")
    for key, name in (("Control+ArrowRight", "E2"), ("Control+ArrowRight", "J2"), ("Control+ArrowDown", "J200")):
        await page.keyboard.press(key)
        await expect_active(page, name)
    await expect(cell(page, "J200")).to_be_in_viewport()
    # What is frozen is there, not hidden by what scrolled below it, and is hit by a click.
    await expect(cell(page, "B1")).to_be_in_viewport()
    await cell(page, "B198").click()
    await expect_active(page, "B198")
    await expect(page.locator(".band [data-active=B198]")).to_be_visible()
    await page.keyboard.type("typed")
    await page.keyboard.press("Enter")
    await expect(cell(page, "B198")).to_have_text("typed")


async def test_merged_cells_are_one(page: Page, sandbox: Sandbox, worksheet: gspread.Worksheet) -> None:
    worksheet.merge_cells("B3:C5")
    await open_sheet(page, sandbox)
    await expect(cell(page, "C4")).to_have_count(0)
    await expect(cell(page, "B3")).to_have_css("width", "200px")
    await expect(cell(page, "B3")).to_have_css("height", "78px")
    await cell(page, "B3").click()
    await expect_selected(page, "B3:C5")
    await page.keyboard.press("ArrowDown")
    await expect_active(page, "B6")
    await page.keyboard.press("ArrowUp")
    await expect_active(page, "B3")
    await page.keyboard.type("one")
    await page.keyboard.press("Tab")
    await expect_active(page, "D3")
    await expect(cell(page, "B3")).to_have_text("one")
    assert worksheet.acell("B3").value == "one"


async def test_formats_are_shown(page: Page, sandbox: Sandbox, worksheet: gspread.Worksheet) -> None:
    await page.emulate_media(color_scheme="dark")
    yellow, red = {"red": 1, "green": 1, "blue": 0}, {"red": 1}
    worksheet.format("B2", {"textFormat": {"bold": True, "italic": True}, "horizontalAlignment": "CENTER"})
    worksheet.format("B3", {"backgroundColor": yellow, "textFormat": {"underline": True}})
    worksheet.format("C3", {"textFormat": {"foregroundColor": red}, "numberFormat": {"type": "PERCENT"}})
    await open_sheet(page, sandbox)
    for name, style, value in (
        ("B2", "font-weight", "700"),
        ("B2", "font-style", "italic"),
        ("B2", "text-align", "center"),
        ("B3", "background-color", "rgb(255, 255, 0)"),
        ("B3", "color", "rgb(0, 0, 0)"),
        ("B3", "text-decoration-line", "underline"),
    ):
        await expect(cell(page, name)).to_have_css(style, value)
    await expect(cell(page, "C3")).to_have_text("575.00%")


async def test_the_handle_continues_cells(page: Page, sandbox: Sandbox, worksheet: gspread.Worksheet) -> None:
    worksheet.update([[1, "=G1*2"], [3]], "G1", raw=False)
    await open_sheet(page, sandbox)
    await select(page, "G1", "G2")
    await drag(page, page.locator(".fill-handle"), 0, 78)
    await expect(cell(page, "G5")).to_have_text("9")
    await expect_selected(page, "G1:G5")
    await select(page, "H1")
    await page.locator(".fill-handle").dblclick()
    await expect(cell(page, "H5")).to_have_text("18")
    assert worksheet.get("G1:H6", value_render_option=ValueRenderOption.formula) == [
        [1, "=G1*2"], [3, "=G2*2"], [5, "=G3*2"], [7, "=G4*2"], [9, "=G5*2"],
    ]  # fmt: skip
    await page.keyboard.press("Control+z")
    await expect(cell(page, "H5")).to_have_text("")


async def test_keys_copy_down_and_to_the_right(page: Page, sandbox: Sandbox, worksheet: gspread.Worksheet) -> None:
    worksheet.update([["=C2*2"]], "F2", raw=False)
    await open_sheet(page, sandbox)
    await select(page, "F2", "F4")
    await page.keyboard.press("Control+d")
    await expect(cell(page, "F4")).to_have_text("16")
    await select(page, "G2")
    await page.keyboard.press("Control+r")
    await expect(cell(page, "G2")).to_have_text("0")
    assert worksheet.get("F2:G4", value_render_option=ValueRenderOption.formula) == [
        ["=C2*2", "=D2*2"], ["=C3*2"], ["=C4*2"],
    ]  # fmt: skip


async def test_the_keyboard_alone_reaches_every_part(page: Page, sandbox: Sandbox) -> None:
    await open_sheet(page, sandbox)
    field = page.get_by_role("textbox", name="A1", exact=True)
    await expect(field).to_be_focused()
    await expect(field).to_have_attribute("aria-activedescendant", "cell-A1")
    await page.keyboard.press("F6")
    await expect(page.get_by_role("tab", name="products")).to_be_focused()
    await page.keyboard.press("ArrowLeft")
    await page.keyboard.press("Enter")
    await expect(page.get_by_role("tab", name="customers")).to_have_attribute("aria-selected", "true")
    await page.keyboard.press("Shift+F6")
    await expect(page.get_by_label("Content of the cell")).to_be_focused()
    await page.keyboard.press("Shift+F6")
    await expect(page.get_by_role("button", name="Undo")).to_be_focused()
    await page.keyboard.press("Shift+F6")
    await page.keyboard.press("Shift+F6")
    await page.keyboard.press("Shift+F10")
    await page.get_by_role("menuitem", name="Insert 1 row below").press("Escape")
    await page.keyboard.press("ArrowDown")
    await expect_active(page, "A2")
