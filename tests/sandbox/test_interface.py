"""The interface that the sandbox knows is the newest: what newer documents add, deprecate or drop is listed."""

import copy
from typing import Any

import pytest

from sandbox.google.interface import drive, sheets
from tests.sandbox.snapshot import METHODS, committed, differences, document, snapshot


@pytest.mark.parametrize("name", METHODS)
def test_nothing_changed_at_google(name: str) -> None:
    """Where this fails the package brought newer documents: read the list, build what is new or say that it is lacking
    (LACKING in sandbox/google/batch.py, docs/sandbox.md), then run `python -m tests.sandbox.snapshot`."""
    assert differences(committed(name), snapshot(document(name), METHODS[name])) == []


def test_what_changes_is_listed() -> None:
    old = committed("sheets.v4")
    new: Any = copy.deepcopy(old)
    del new["methods"]["sheets.spreadsheets.values.clear"]["response"]
    new["schemas"]["Request"]["addMagic"] = "AddMagicRequest"
    new["schemas"]["SheetProperties"]["hidden"] += " (deprecated)"
    new["schemas"]["GridRange"]["sheetId"] = "int64"
    new["schemas"]["SortSpec"]["sortOrder"] += "|RANDOM"
    assert differences(old, old) == []
    assert differences(old, new) == [
        "added: schemas Request addMagic (AddMagicRequest)",
        "added: schemas SortSpec sortOrder = RANDOM",
        "changed: schemas GridRange sheetId from int32 to int64",
        "deprecated: schemas SheetProperties hidden",
        "dropped: methods sheets.spreadsheets.values.clear response (ClearValuesResponse)",
    ]


@pytest.mark.parametrize(
    ("message", "field", "name"),
    [
        ("ValueRange", "majorDimension", "Dimension"),
        ("BatchUpdateValuesRequest", "valueInputOption", "ValueInputOption"),
        ("BatchUpdateValuesRequest", "responseValueRenderOption", "ValueRenderOption"),
        ("Spreadsheet", "commentsViewMode", "CommentsViewMode"),
        ("PieChartSpec", "legendPosition", "PieChartSpec.PieChartLegendPosition"),
    ],
)
def test_enums_are_named_as_in_googles_errors(message: str, field: str, name: str) -> None:
    """Those that public reports of errors quote."""
    assert sheets().enum_name(sheets().messages[message][field].choices) == name


def test_methods_are_named_as_in_googles_errors() -> None:
    names = {method.method_id: method.rpc for method in (*sheets().methods.values(), *drive().methods.values())}
    assert names["sheets.spreadsheets.values.get"] == "google.apps.sheets.v4.SpreadsheetsService.GetValues"
    assert names["sheets.spreadsheets.values.update"] == "google.apps.sheets.v4.SpreadsheetsService.UpdateValues"
    assert names["sheets.spreadsheets.get"] == "google.apps.sheets.v4.SpreadsheetsService.GetSpreadsheet"
    assert names["drive.files.list"] == "google.apps.drive.v3.DriveFiles.List"
    assert not [name for name in names.values() if name.endswith(".")]


def test_every_message_that_is_named_is_there() -> None:
    for interface in (sheets(), drive()):
        for fields in interface.messages.values():
            named = {
                one.message
                for kind in fields.values()
                for one in (kind, kind.item, kind.item and kind.item.item)
                if one
            }
            assert named - {""} <= interface.messages.keys()
