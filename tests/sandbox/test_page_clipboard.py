"""Copy, cut and paste on the sheet's page, from and to other spreadsheets."""

import gspread
import pytest
from gspread.utils import ValueRenderOption
from playwright.async_api import Page, expect

from sandbox.server import Sandbox
from tests.browser import SHARED
from tests.sandbox.sheet_page import cell, choose, expect_selected, open_sheet, paste, select

pytestmark = [pytest.mark.usefixtures("built"), SHARED]

# As Google Sheets puts it on the clipboard, shortened: a formula, two lines, cells that are merged.
GOOGLE = """<meta charset='utf-8'><google-sheets-html-origin><style type="text/css"><!--td {border: 1px}--></style>
<table xmlns="http://www.w3.org/1999/xhtml" cellspacing="0" dir="ltr" border="1" data-sheets-root="1"><colgroup><col
width="100"/></colgroup><tbody><tr style="height:21px;"><td style="padding:2px 3px" data-sheets-value='{"1":3,"3":4}'
data-sheets-numberformat='{"1":2,"2":"0.00"}'>4.00</td><td data-sheets-value='{"1":3,"3":8}'
data-sheets-formula="=R[0]C[-1]*2">8</td></tr><tr><td>two<br/>lines</td><td>x &amp; y</td></tr><tr><td colspan="2"
rowspan="1">wide</td></tr></tbody></table>"""

# As Excel does: markup around the fragment, an indented text in the source, a row that a filter hides.
EXCEL = """<html xmlns:x="urn:schemas-microsoft-com:office:excel"><head><meta name=ProgId content=Excel.Sheet>
<style><!--.xl65 {mso-number-format:"0\\.00";}--></style></head><body link=blue><!--StartFragment-->
<table border=0><col width=64><tr height=20><td class=xl65 align=right x:num="0.256">25.6%</td><td>a longer
  text</td></tr><tr style='display:none'><td>hidden</td><td></td></tr><tr><td>l1<br
  style='mso-data-placement:same-cell'>l2</td><td>&nbsp;</td></tr></table><!--EndFragment--></body></html>"""


async def test_a_block_is_pasted(page: Page, sandbox: Sandbox, worksheet: gspread.Worksheet) -> None:
    await open_sheet(page, sandbox)
    await select(page, "A10")
    await paste(page, 'x\t1.5\tTRUE\n"two\nlines"\t\t\'007\n')
    await expect(cell(page, "C11")).to_have_text("007")
    await expect_selected(page, "A10:C11")
    assert worksheet.get("A10:C11", value_render_option=ValueRenderOption.unformatted) == [
        ["x", 1.5, True],
        ["two\nlines", "", "007"],
    ]


async def test_one_cell_pasted_fills_the_selection(page: Page, sandbox: Sandbox, worksheet: gspread.Worksheet) -> None:
    await open_sheet(page, sandbox)
    await select(page, "A10", "B11")
    await paste(page, "same")
    await expect(cell(page, "B11")).to_have_text("same")
    assert worksheet.get("A10:B11") == [["same", "same"], ["same", "same"]]


async def test_what_is_copied_here_keeps_its_formulas_here_and_is_text_elsewhere(
    page: Page, sandbox: Sandbox, worksheet: gspread.Worksheet
) -> None:
    worksheet.update([["=C2*2", "two\nlines"], ["=C3*2", 'say "so"']], "F2", raw=False)
    await open_sheet(page, sandbox)
    await page.context.grant_permissions(["clipboard-read", "clipboard-write"])
    await select(page, "F2", "G3")
    await page.keyboard.press("Control+c")
    await expect(page.locator(".copied")).to_be_visible()
    assert await page.evaluate("navigator.clipboard.readText()") == '7\t"two\nlines"\n11.5\tsay "so"'
    await select(page, "F4")
    await page.keyboard.press("Control+v")
    await expect(cell(page, "F5")).to_have_text("20.5")
    assert worksheet.get("F4:G5", value_render_option=ValueRenderOption.formula) == [
        ["=C4*2", "two\nlines"],
        ["=C5*2", 'say "so"'],
    ]


async def test_what_is_cut_is_moved_when_it_is_pasted(
    page: Page, sandbox: Sandbox, worksheet: gspread.Worksheet
) -> None:
    worksheet.update([["=C2*2"]], "F2", raw=False)
    await open_sheet(page, sandbox)
    await page.context.grant_permissions(["clipboard-read", "clipboard-write"])
    await select(page, "F2")
    await page.keyboard.press("Control+x")
    await expect(cell(page, "F2")).to_have_text("7")
    await select(page, "H9")
    await page.keyboard.press("Control+v")
    await expect(cell(page, "H9")).to_have_text("7")
    await expect(cell(page, "F2")).to_have_text("")
    assert worksheet.acell("H9", value_render_option=ValueRenderOption.formula).value == "=C2*2"
    # What was moved is on the clipboard still, as text.
    await select(page, "H11")
    await page.keyboard.press("Control+v")
    await expect(cell(page, "H11")).to_have_text("7")
    assert worksheet.get("H9:H11") == [["7"], [], ["7"]]


async def test_a_table_of_google_sheets_comes_with_its_formulas(
    page: Page, sandbox: Sandbox, worksheet: gspread.Worksheet
) -> None:
    await open_sheet(page, sandbox)
    await select(page, "B10")
    await paste(page, '4.00\t8\n"two\nlines"\tx & y\nwide\t', GOOGLE)
    await expect_selected(page, "B10:C12")
    await expect(cell(page, "C10")).to_have_text("8.00")
    assert worksheet.get("B10:C12", value_render_option=ValueRenderOption.formula) == [
        [4, "=B10*2"],
        ["two\nlines", "x & y"],
        ["wide"],
    ]


async def test_one_cell_of_google_sheets_comes_with_its_formula(page: Page, sandbox: Sandbox) -> None:
    await open_sheet(page, sandbox)
    await select(page, "G3")
    await paste(page, "7", '<span data-sheets-root="1" data-sheets-formula="=R[0]C[-4]*R2C4">7</span>')
    await page.keyboard.press("F2")
    await expect(page.get_by_role("textbox", name="G3", exact=True)).to_have_value("=C3*$D$2")


async def test_a_table_of_excel_is_pasted(page: Page, sandbox: Sandbox, worksheet: gspread.Worksheet) -> None:
    await open_sheet(page, sandbox)
    await select(page, "G10")
    await paste(page, '25.6%\ta longer text\n"l1\nl2"\t', EXCEL)
    await expect(cell(page, "H10")).to_have_text("a longer text")
    assert worksheet.get("G10:H12", value_render_option=ValueRenderOption.unformatted) == [
        [0.256, "a longer text"],
        ["l1\nl2"],
    ]


async def test_of_a_page_with_more_than_a_table_the_text_is_pasted(page: Page, sandbox: Sandbox) -> None:
    await open_sheet(page, sandbox)
    await select(page, "G10")
    await paste(page, "before\n1", "<p>before</p><table><tr><td>1</td></tr></table>")
    await expect(cell(page, "G10")).to_have_text("before")
    await expect(cell(page, "G11")).to_have_text("1")


async def test_a_copy_is_text_and_a_table(page: Page, sandbox: Sandbox) -> None:
    await open_sheet(page, sandbox)
    await page.context.grant_permissions(["clipboard-read", "clipboard-write"])
    await select(page, "B2", "C2")
    await page.keyboard.press("Control+c")
    await expect(page.locator(".copied")).to_be_visible()
    html = await page.evaluate(
        "navigator.clipboard.read().then(([one]) => one.getType('text/html')).then(blob => blob.text())"
    )
    assert "<td>Anvil</td><td>3.50</td>" in html
    assert await page.evaluate("navigator.clipboard.readText()") == "Anvil\t3.50"


async def test_a_clipboard_without_text_empties_no_cells(
    page: Page, sandbox: Sandbox, worksheet: gspread.Worksheet
) -> None:
    await open_sheet(page, sandbox)
    await select(page, "B2", "C3")
    await paste(page, "")
    await expect(page.get_by_role("status")).to_contain_text("There is no text on the clipboard.")
    assert worksheet.get("B2:C3") == [["Anvil", "3.50"], ["Bellows", "5.75"]]


async def test_what_was_copied_is_pasted_though_its_row_has_moved(
    page: Page, sandbox: Sandbox, worksheet: gspread.Worksheet
) -> None:
    await open_sheet(page, sandbox)
    await page.context.grant_permissions(["clipboard-read", "clipboard-write"])
    await select(page, "B3")
    await page.keyboard.press("Control+c")
    await expect(page.locator(".copied")).to_be_visible()
    await select(page, "B2")
    await choose(page, "Insert", "1 row above")
    await expect(cell(page, "B4")).to_have_text("Bellows")
    await select(page, "G6")
    await page.keyboard.press("Control+v")
    await expect(cell(page, "G6")).to_have_text("Bellows")
    assert worksheet.acell("G6").value == "Bellows"


async def test_a_tall_block_is_pasted_where_one_looks(page: Page, sandbox: Sandbox) -> None:
    await open_sheet(page, sandbox)
    await select(page, "G3")
    await paste(page, "\n".join(f"line {number}" for number in range(150)))
    await expect_selected(page, "G3:G152")
    await expect(cell(page, "G3")).to_have_text("line 0")
    await expect(cell(page, "G3")).to_be_in_viewport()
