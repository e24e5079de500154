"""The sheet to type in when it isn't alone: what others do, what is refused, and a sandbox that goes away."""

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import gspread
import httpx
import pytest
import pytest_asyncio
from playwright.async_api import Browser, Page, Route, expect

from sandbox.demo import SPREADSHEET_ID
from sandbox.office import Office
from sandbox.server import Sandbox, serve
from tests.browser import PATIENCE_MS, SHARED
from tests.ports import free_port
from tests.sandbox.client import client_for
from tests.sandbox.sheet_page import (
    bar,
    cell,
    choose,
    expect_active,
    expect_flashes,
    open_sheet,
    paste,
    select,
    watch_flashes,
)

pytestmark = [pytest.mark.usefixtures("built"), SHARED]


@pytest_asyncio.fixture(loop_scope="session")
async def second(browser: Browser, sandbox: Sandbox) -> AsyncIterator[Page]:
    """Another person's browser: with cookies and storage of its own."""
    context = await browser.new_context()
    page = await context.new_page()
    page.set_default_timeout(PATIENCE_MS)
    yield page
    await context.close()


async def test_what_others_write_appears_and_flashes_with_their_name(
    page: Page, second: Page, sandbox: Sandbox, worksheet: gspread.Worksheet
) -> None:
    await open_sheet(page, sandbox)
    await open_sheet(second, sandbox)
    await second.get_by_label("You are").fill("Second")
    await watch_flashes(page)
    worksheet.update([["by a program"]], "B2")
    await expect(cell(page, "B2")).to_have_text("by a program")
    await expect_flashes(page, "B2 demo")
    await select(second, "B3")
    await second.keyboard.type("by another person")
    await second.keyboard.press("Enter")
    await expect(cell(page, "B3")).to_have_text("by another person")
    await expect_flashes(page, "B3 Second")
    await expect(page.get_by_role("status")).to_contain_text("Second changed B3")
    await select(second, "A4")
    await paste(second, "1\t2\n3\t4\n")
    await expect_flashes(page, "A4 Second", "B4", "A5", "B5")
    await select(second, "B4")
    await choose(second, "Sort", "By column B, A to Z")
    await expect(cell(page, "B2")).to_have_text("2")
    await second.keyboard.press("Control+z")
    await expect(cell(page, "B2")).to_have_text("by a program")
    # One's own edits don't flash.
    await select(page, "B9")
    await page.keyboard.type("mine")
    await page.keyboard.press("Enter")
    await expect(cell(second, "B9")).to_have_text("mine")
    assert not any(name.startswith("B9") for name in await page.evaluate("[...window.flashed]"))


async def test_what_is_typed_goes_to_its_row_though_others_moved_it(
    page: Page, sandbox: Sandbox, worksheet: gspread.Worksheet
) -> None:
    await open_sheet(page, sandbox)
    await select(page, "D3")
    await page.keyboard.type("99")
    worksheet.insert_row(["new"], 2)
    await expect(cell(page, "B4")).to_have_text("Bellows")
    await page.keyboard.press("Enter")
    await expect(cell(page, "D4")).to_have_text("99")
    assert worksheet.get("B3:D4") == [["Anvil", "3.50", "0"], ["Bellows", "5.75", "99"]]


async def test_the_selection_follows_its_cells_when_others_insert_and_delete(
    page: Page, second: Page, sandbox: Sandbox, worksheet: gspread.Worksheet
) -> None:
    worksheet.update([["four"], ["five"], ["six"]], "G4")
    await open_sheet(page, sandbox)
    await open_sheet(second, sandbox)
    await select(page, "G5")
    await select(second, "B2")
    await choose(second, "Insert", "1 row above")
    await expect_active(page, "G6")
    await page.keyboard.press("Delete")
    await expect(cell(page, "G6")).to_have_text("")
    assert worksheet.get("G5:G7") == [["four"], [], ["six"]]
    # Whoever inserts has the new row selected.
    await expect_active(second, "B2")
    await choose(second, "Insert", "1 column left")
    await expect_active(page, "H6")
    await choose(second, "Delete", "Row 2")
    await expect_active(page, "H5")
    await second.keyboard.press("Control+z")
    await expect_active(page, "H6")


async def test_what_is_typed_and_what_was_cut_follow_columns_that_others_insert(
    page: Page, sandbox: Sandbox, worksheet: gspread.Worksheet
) -> None:
    await open_sheet(page, sandbox)
    await page.context.grant_permissions(["clipboard-read", "clipboard-write"])
    await select(page, "B3")
    await page.keyboard.press("Control+x")
    await expect(page.locator(".copied")).to_be_visible()
    await select(page, "F3")
    await page.keyboard.type("typed")
    worksheet.insert_cols([[]], 1)
    await expect(page.get_by_role("textbox", name="G3", exact=True)).to_have_value("typed")
    await page.keyboard.press("Enter")
    await expect(cell(page, "G3")).to_have_text("typed")
    await expect_active(page, "G4")
    await page.keyboard.press("Control+v")
    await expect(cell(page, "G4")).to_have_text("Bellows")
    await expect(cell(page, "C3")).to_have_text("")
    assert worksheet.get("G3:G4") == [["typed"], ["Bellows"]]


async def test_a_protected_cell_is_refused_and_goes_back(page: Page, sandbox: Sandbox) -> None:
    file = client_for(sandbox).create("Theirs")
    file.sheet1.update([["kept", "free"]], "A1")
    file.sheet1.add_protected_range("A1:A2")
    await open_sheet(page, sandbox, file.id, 0)
    await expect(page.locator(".locked")).to_be_visible()
    await select(page, "A1")
    await page.keyboard.type("changed")
    await page.keyboard.press("Enter")
    await expect(page.get_by_role("status")).to_contain_text("You are trying to edit a protected cell")
    await expect(cell(page, "A1")).to_have_text("kept")
    await select(page, "B1")
    await page.keyboard.type("changed")
    await page.keyboard.press("Enter")
    await expect(page.get_by_role("status")).not_to_contain_text("protected")
    await expect(cell(page, "B1")).to_have_text("changed")
    assert file.sheet1.get("A1:B1") == [["kept", "changed"]]


async def test_a_lost_answer_repeats_nothing(page: Page, sandbox: Sandbox, worksheet: gspread.Worksheet) -> None:
    await open_sheet(page, sandbox)
    sent: list[Any] = []

    async def lose_first(route: Route) -> None:
        """The sandbox carries it out, and its answer is lost."""
        sent.append(route.request.post_data_json)
        if len(sent) == 1:
            await route.fetch()
            await route.abort()
        else:
            await route.continue_()

    await page.route("**/actions/insert", lose_first)
    await select(page, "B3")
    await choose(page, "Insert", "1 row above")
    await expect(cell(page, "B4")).to_have_text("Bellows")
    await select(page, "A3")
    await page.keyboard.type("after it")
    await page.keyboard.press("Enter")
    await expect(cell(page, "A3")).to_have_text("after it")
    await expect(cell(page, "A3")).not_to_have_class("text pending")
    assert len(sent) == 2
    assert sent[0] == sent[1]
    assert worksheet.get("A2:B4") == [["0001-AN", "Anvil"], ["after it"], ["0002-BE", "Bellows"]]


async def test_a_sandbox_that_goes_away_loses_no_edit(page: Page, tmp_path: Path) -> None:
    port = free_port()
    url = f"http://127.0.0.1:{port}/spreadsheets/d/{SPREADSHEET_ID}/edit#gid=1"
    first = await started(port, tmp_path)
    await page.goto(url)
    await expect(cell(page, "B2")).to_have_text("Anvil")
    await stopped(first)
    await expect(page.get_by_role("status")).to_contain_text("The sandbox doesn’t answer.")
    await select(page, "B2")
    await page.keyboard.type("typed")
    await page.keyboard.press("Enter")
    await page.keyboard.type("meanwhile")
    await page.keyboard.press("Enter")
    await expect(cell(page, "B2")).to_have_text("typed")
    await expect(page.get_by_role("status")).to_contain_text("2 edits wait")
    again = await started(port, tmp_path)
    await expect(page.get_by_role("status")).not_to_contain_text("doesn’t answer")
    await expect(cell(page, "B3")).not_to_have_class("text pending")
    await page.reload()
    await expect(cell(page, "B2")).to_have_text("typed")
    await expect(cell(page, "B3")).to_have_text("meanwhile")
    await stopped(again)


async def test_what_waits_outlives_a_reload(page: Page, sandbox: Sandbox, worksheet: gspread.Worksheet) -> None:
    await open_sheet(page, sandbox)
    await page.route("**/actions/*", lambda route: route.abort())
    await select(page, "B2")
    await page.keyboard.type("kept")
    await page.keyboard.press("Enter")
    await expect(page.get_by_role("status")).to_contain_text("One edit waits")
    await page.unroute("**/actions/*")
    page.on("dialog", lambda dialog: dialog.accept())
    await page.reload()
    await expect(cell(page, "B2")).to_have_text("kept")
    await expect(cell(page, "B2")).not_to_have_class("text pending")
    assert worksheet.acell("B2").value == "kept"


async def test_a_spreadsheet_made_anew_is_shown_as_it_is(page: Page, sandbox: Sandbox) -> None:
    await open_sheet(page, sandbox)
    for text in ("one", "two"):
        await select(page, "B2")
        await page.keyboard.type(text)
        await page.keyboard.press("Enter")
    await expect(cell(page, "B2")).not_to_have_class("text pending")
    await asyncio.to_thread(sandbox.do, Office.reset)
    await expect(cell(page, "B2")).to_have_text("Anvil")
    await select(page, "B2")
    await expect(bar(page)).to_have_value("Anvil")
    await expect_active(page, "B2")


async def test_hidden_rows_and_columns_and_formulas_are_shown_as_they_should(page: Page, sandbox: Sandbox) -> None:
    file = client_for(sandbox).create("Shapes")
    sheet = file.sheet1
    sheet.update([["a", "b", "c"], [1, "=A2+1", "=1/0"], [3, 4, 5]], "A1", raw=False)
    sheet.hide_columns(0, 1)
    sheet.hide_rows(2, 3)
    await open_sheet_of_shapes(page, sandbox, file.id)
    await expect(cell(page, "A1")).to_have_count(0)
    await expect(cell(page, "A3")).to_have_count(0)
    await expect(cell(page, "B2")).to_have_text("2")
    await expect(cell(page, "C2")).to_have_class("error")
    await select(page, "B2")
    await expect(bar(page)).to_have_value("=A2+1")
    await page.keyboard.press("ArrowDown")
    await expect_active(page, "B4")
    await page.keyboard.press("ArrowLeft")
    await expect_active(page, "B4")


async def test_a_finger_selects_and_edits_what_is_selected(browser: Browser, sandbox: Sandbox) -> None:
    context = await browser.new_context(has_touch=True, is_mobile=True, viewport={"width": 390, "height": 800})
    page = await context.new_page()
    page.set_default_timeout(PATIENCE_MS)
    await open_sheet(page, sandbox)
    await cell(page, "B3").tap()
    await expect_active(page, "B3")
    editor = page.get_by_role("textbox", name="B3", exact=True)
    await expect(editor).to_have_attribute("inputmode", "none")
    await cell(page, "B3").tap()
    await expect(editor).to_have_attribute("inputmode", "text")
    await expect(editor).to_be_focused()
    await page.keyboard.type("!")
    await page.keyboard.press("Enter")
    await expect(cell(page, "B3")).to_have_text("Bellows!")
    await context.close()


async def test_a_feed_is_edited_and_follows_programs(page: Page, sandbox: Sandbox) -> None:
    document = f"{sandbox.url}/_sandbox/feeds/prices"
    async with httpx.AsyncClient(trust_env=False, headers={"Content-Type": "application/json"}) as client:
        assert (await client.put(document, content='[{"id": 1}]')).status_code < 300
        await page.goto(f"{sandbox.url}/feeds/prices/edit")
        area = page.get_by_label("The feed's document")
        await expect(area).to_have_value('[{"id": 1}]')
        await client.put(document, content='[{"id": 2}]')
        await expect(area).to_have_value('[{"id": 2}]')
        await area.fill('[{"id": 3}]')
        await page.keyboard.press("Control+s")
        await expect(page.get_by_role("status")).to_have_text("Saved")
        assert (await client.get(document)).text == '[{"id": 3}]'


async def open_sheet_of_shapes(page: Page, sandbox: Sandbox, file_id: str) -> None:
    await page.goto(f"{sandbox.url}/spreadsheets/d/{file_id}/edit")
    await expect(cell(page, "B1")).to_have_text("b")


async def started(port: int, folder: Path) -> "asyncio.Task[None]":
    listening = asyncio.Event()
    task = asyncio.create_task(serve("127.0.0.1", port, folder / "sandbox.sqlite", lambda _url: listening.set()))
    await asyncio.wait_for(listening.wait(), 60)
    return task


async def stopped(task: "asyncio.Task[None]") -> None:
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)
