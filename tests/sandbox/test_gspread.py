"""What a user of gspread does every day, through gspread itself."""

import gspread
import pytest
from gspread.utils import ValueInputOption, ValueRenderOption

from sandbox.server import Sandbox
from tests.sandbox.client import client_for


def test_open_by_title_key_and_url(client: gspread.Client, book: gspread.Spreadsheet) -> None:
    assert client.open("Test").id == book.id
    assert client.open_by_key(book.id).title == "Test"
    assert client.open_by_url(book.url).id == book.id
    assert {one["name"] for one in client.list_spreadsheet_files()} == {"Demo", "Test"}
    with pytest.raises(gspread.SpreadsheetNotFound):
        client.open("Nothing of that name")
    with pytest.raises(gspread.SpreadsheetNotFound):
        client.open_by_key("no-such-id")


def test_a_new_file_is_as_googles(book: gspread.Spreadsheet) -> None:
    sheet = book.sheet1
    assert (sheet.title, sheet.id, sheet.row_count, sheet.col_count) == ("Sheet1", 0, 1000, 26)
    assert (book.locale, book.timezone) == ("en_US", "Etc/GMT")


def test_read_and_write(book: gspread.Spreadsheet) -> None:
    sheet = book.sheet1
    sheet.update([["id", "name"], [1, "Ada"], [2, "0042"], [None, "kept"], ["", True]], "A1")
    assert sheet.get_all_values() == [["id", "name"], ["1", "Ada"], ["2", "0042"], ["", "kept"], ["", "TRUE"]]
    assert sheet.get("A2:B3", value_render_option=ValueRenderOption.unformatted) == [[1, "Ada"], [2, "0042"]]
    assert sheet.batch_get(["A1:A2", "B2:B"]) == [[["id"], ["1"]], [["Ada"], ["0042"], ["kept"], ["TRUE"]]]
    assert sheet.get_all_records() == [
        {"id": 1, "name": "Ada"},
        {"id": 2, "name": 42},
        {"id": "", "name": "kept"},
        {"id": "", "name": "TRUE"},
    ]
    assert sheet.row_values(2) == ["1", "Ada"]
    assert sheet.col_values(1) == ["id", "1", "2"]
    found = sheet.find("kept")
    assert found is not None
    assert found.address == "B4"
    assert sheet.acell("B3").value == "0042"


def test_cells_and_batches(book: gspread.Spreadsheet) -> None:
    sheet = book.sheet1
    cells = sheet.range("A1:B2")
    for number, cell in enumerate(cells):
        cell.value = str(number)
    sheet.update_cells(cells, value_input_option=ValueInputOption.user_entered)
    sheet.update_cell(3, 1, "x")
    sheet.update_acell("B3", "=A2*10")
    sheet.batch_update([{"range": "D1", "values": [[1.5]]}, {"range": "D2:E2", "values": [["a", "b"]]}])
    assert sheet.get_all_values() == [
        ["0", "1", "", "1.5", ""],
        ["2", "3", "", "a", "b"],
        ["x", "20", "", "", ""],
    ]
    assert sheet.get("B3", value_render_option=ValueRenderOption.formula) == [["=A2*10"]]
    sheet.batch_clear(["A1:B1", "D2"])
    assert sheet.get_all_values() == [
        ["", "", "", "1.5", ""],
        ["2", "3", "", "", "b"],
        ["x", "20", "", "", ""],
    ]
    sheet.clear()
    assert sheet.get_all_values() == [[]]


def test_rows(book: gspread.Spreadsheet) -> None:
    sheet = book.sheet1
    sheet.append_row(["id", "name"])
    sheet.append_rows([[3, "c"], [1, "a"]], value_input_option=ValueInputOption.user_entered)
    sheet.insert_row([2, "b"], 2)
    sheet.insert_rows([[9, "y"], [8, "z"]], 5)
    assert sheet.col_values(2) == ["name", "b", "c", "a", "y", "z"]
    sheet.delete_rows(5, 6)
    sheet.sort((1, "asc"), range="A2:B4")
    assert sheet.get_all_values() == [["id", "name"], ["1", "a"], ["2", "b"], ["3", "c"]]
    sheet.insert_cols([["first", 1, 2, 3]], 1)
    assert sheet.row_values(2) == ["1", "1", "a"]
    sheet.delete_columns(1)
    sheet.add_rows(5)
    sheet.resize(rows=10, cols=3)
    assert (sheet.row_count, sheet.col_count) == (10, 3)


def test_worksheets(client: gspread.Client, book: gspread.Spreadsheet) -> None:
    added = book.add_worksheet("It's new", rows=20, cols=4)
    assert [sheet.title for sheet in book.worksheets()] == ["Sheet1", "It's new"]
    added.update([["x"]], "B2")
    assert added.get("B2") == [["x"]]
    copy = added.duplicate(new_sheet_name="Copy")
    assert copy.get("B2") == [["x"]]
    copy.update_title("Renamed")
    copy.update_index(2)
    book.reorder_worksheets([added, copy, book.sheet1])
    assert [sheet.title for sheet in book.worksheets()] == ["It's new", "Renamed", "Sheet1"]
    copy.hide()
    assert [sheet.title for sheet in book.worksheets(exclude_hidden=True)] == ["It's new", "Sheet1"]
    copy.show()
    book.del_worksheet(added)
    with pytest.raises(gspread.WorksheetNotFound):
        book.worksheet("It's new")
    copy.freeze(rows=1)
    assert copy.frozen_row_count == 1
    copy.update_tab_color("#ff0000")
    assert copy.get_tab_color() == "#FF0000"
    other = client.create("Other")
    assert copy.copy_to(other.id)["title"] == "Copy of Renamed"
    assert [sheet.title for sheet in other.worksheets()] == ["Sheet1", "Copy of Renamed"]


def test_formats_notes_and_hidden_columns(book: gspread.Spreadsheet) -> None:
    sheet = book.sheet1
    sheet.update([[0.5]], "A1")
    sheet.format("A1", {"numberFormat": {"type": "PERCENT", "pattern": "0%"}, "textFormat": {"bold": True}})
    assert sheet.acell("A1").value == "50%"
    sheet.update_note("A1", "a note")
    assert sheet.get_note("A1") == "a note"
    sheet.clear_note("A1")
    assert sheet.get_note("A1") == ""
    sheet.hide_columns(1, 2)
    data = book.fetch_sheet_metadata({"includeGridData": "true"})["sheets"][0]["data"][0]
    assert [column.get("hiddenByUser") for column in data["columnMetadata"][:3]] == [None, True, None]
    assert data["rowData"][0]["values"][0]["userEnteredFormat"]["textFormat"] == {"bold": True}
    sheet.unhide_columns(1, 2)


def test_sharing_copying_and_deleting(sandbox: Sandbox, client: gspread.Client, book: gspread.Spreadsheet) -> None:
    other = client_for(sandbox, "other@rowcast-sandbox.iam.gserviceaccount.com")
    with pytest.raises(PermissionError):
        other.open_by_key(book.id)
    book.share("other@rowcast-sandbox.iam.gserviceaccount.com", perm_type="user", role="reader", notify=False)
    assert other.open_by_key(book.id).sheet1.get_all_values() == [[]]
    with pytest.raises(gspread.exceptions.APIError) as refused:
        other.open_by_key(book.id).sheet1.update([["x"]], "A1")
    assert refused.value.code == 403
    assert len(book.list_permissions()) == 2
    book.remove_permissions("other@rowcast-sandbox.iam.gserviceaccount.com", role="reader")
    with pytest.raises(PermissionError):
        other.open_by_key(book.id)
    copy = client.copy(book.id, "A copy")
    assert copy.title == "A copy"
    book.update_title("New title")
    assert client.open("New title").id == book.id
    client.del_spreadsheet(copy.id)
    with pytest.raises(gspread.SpreadsheetNotFound):
        client.open_by_key(copy.id)
