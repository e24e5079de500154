"""What is typed and shown where other marks stand between figures, and days come before months."""

from datetime import UTC, datetime
from typing import Any

import pytest

from sandbox.workbook.cells import Cell
from sandbox.workbook.display import show
from sandbox.workbook.entry import Typing
from sandbox.workbook.locales import EN_US, locale
from sandbox.workbook.writing import entered, entered_text
from tests.sandbox.client import Api, refusal
from tests.sandbox.test_shifts import done


def at_home(api: Api, file_id: str, locale: str) -> None:
    done(api, file_id, {"updateSpreadsheetProperties": {"properties": {"locale": locale}, "fields": "locale"}})


# Locale, what is typed, its value, how it is shown.
TYPED = [
    ("de_DE", "1.234,5", 1234.5, "1.234,50"),
    ("de_DE", "1,5", 1.5, "1,5"),
    ("de_DE", "1.55", "1.55", "1.55"),
    ("de_DE", "12,5%", 0.125, "12,50%"),
    ("de_DE", "31.01.2024", 45322, "31.01.2024"),
    ("de_DE", "1.2.24", 45323, "01.02.2024"),
    ("de_DE", "31. Januar 2024", 45322, "31 Jan 2024"),
    ("de_DE", "12,50 €", 12.5, "12,50\u00a0€"),
    ("de_DE", "wahr", True, "WAHR"),
    ("de_DE", "2024-01-31", 45322, "2024-01-31"),
    ("de_DE", "1,5e3", 1500, "1,50E+03"),
    ("fr_FR", "1 234,5", 1234.5, "1\u202f234,50"),
    ("fr_FR", "31/01/2024 13:30", 45322.5625, "31/01/2024 13:30:00"),
    ("fr_FR", "15 août 2024", 45519, "15 août 2024"),
    ("fr_FR", "FAUX", False, "FAUX"),
    ("en_GB", "31/01/2024", 45322, "31/01/2024"),
    ("en_GB", "01/31/2024", "01/31/2024", "01/31/2024"),
    ("en_GB", "£1,200.50", 1200.5, "£1,200.50"),
    ("en_US", "1/31/2024", 45322, "1/31/2024"),
    ("en_US", "1.234,5", "1.234,5", "1.234,5"),
    ("sv_SE", "1 234,5", 1234.5, "1\u00a0234,50"),
]


# Locale, what is typed in 2024, its serial day, how it is shown.
PARTIAL = [
    ("en_US", "3/4", 45355, "3/4"),
    ("en_US", "3-4", 45355, "3-4"),
    ("en_US", "Mar 4", 45355, "Mar 4"),
    ("en_US", "4 March", 45355, "4 Mar"),
    ("en_US", "4-Mar", 45355, "4-Mar"),
    ("en_US", "March 2024", 45352, "Mar 2024"),
    ("en_US", "3/4 13:30", 45355.5625, "3/4 13:30:00"),
    ("en_US", "2/29", 45351, "2/29"),
    ("en_US", "2/30", None, "2/30"),
    ("en_US", "13/1", None, "13/1"),
    ("en_US", "Room 4", None, "Room 4"),
    ("en_GB", "3/4", 45385, "3/4"),
    ("en_GB", "3.4", 3.4, "3.4"),
    ("de_DE", "3.4.", 45385, "3.4"),
    ("de_DE", "1.5", 45413, "1.5"),
    ("de_DE", "4. März", 45355, "4 März"),
    ("fr_FR", "15 août", 45519, "15 août"),
]


@pytest.mark.parametrize(("name", "typed", "serial", "shown"), PARTIAL)
def test_dates_without_a_year_are_of_the_given_one(name: str, typed: str, serial: float | None, shown: str) -> None:
    home = locale(name)
    cell = entered(Cell(), typed, True, Typing(home, 2024))
    assert cell.value == (typed if serial is None else serial)
    assert show(cell.value, cell.number_format, home) == shown


def test_dates_without_a_year_are_of_this_one(api: Api, file_id: str) -> None:
    before = datetime.now(UTC).year
    api.write(file_id, "A1", [["3/4", "=YEAR(A1)"]], "USER_ENTERED")
    after = datetime.now(UTC).year
    assert api.read(file_id, "B1")[0][0] in (before, after)
    assert api.read(file_id, "A1", valueRenderOption="FORMATTED_VALUE") == [["3/4"]]


def test_the_formula_bar_shows_the_year() -> None:
    cell = entered(Cell(), "3/4", True, Typing(EN_US, 2024))
    assert entered_text(cell) == "3/4/2024"
    assert entered_text(Cell("3/4")) == "'3/4"


# Locale, what is typed, what it gives, and what is read back.
FORMULAS = [
    ("de_DE", '=IF(1,5>1;"a;b";"c")', "a;b", '=IF(1,5>1;"a;b";"c")'),
    ("de_DE", "=SUM({1\\2;3\\4,5})", 10.5, "=SUM({1\\2;3\\4,5})"),
    ("de_DE", "=ROUND(2,345;2)", 2.35, "=ROUND(2,345;2)"),
    ("en_US", "=SUM(1;2)", 3, "=SUM(1,2)"),
    ("en_US", "=SUM({1,2;3,4})", 10, "=SUM({1,2;3,4})"),
    ("tr_TR", '=HYPERLINK("https://example.com/a,b";"x")', "x", '=HYPERLINK("https://example.com/a,b";"x")'),
]


@pytest.mark.parametrize(("locale", "typed", "value", "read"), FORMULAS)
def test_formulas_have_the_marks_of_the_place(
    api: Api, file_id: str, locale: str, typed: str, value: Any, read: str
) -> None:
    at_home(api, file_id, locale)
    api.write(file_id, "A1", [[typed]], "USER_ENTERED")
    cell = {"values": [{"userEnteredValue": {"formulaValue": typed}}]}
    done(api, file_id, {"updateCells": {"start": {"rowIndex": 1}, "rows": [cell], "fields": "userEnteredValue"}})
    assert api.read(file_id, "A1:A2") == [[value], [value]]
    assert api.read(file_id, "A1:A2", valueRenderOption="FORMULA") == [[read], [read]]
    fields = "sheets.data.rowData.values.userEnteredValue"
    shown = api.sheets("GET", f"/{file_id}", ranges="A1", fields=fields).json()
    assert shown["sheets"][0]["data"][0]["rowData"][0]["values"] == [{"userEnteredValue": {"formulaValue": read}}]
    at_home(api, file_id, "en_US")
    assert api.read(file_id, "A1") == [[value]]


def test_what_is_replaced_is_read_as_it_is_shown_there(api: Api, file_id: str) -> None:
    at_home(api, file_id, "de_DE")
    api.write(file_id, "A1", [["1,5", "=SUM(1;1,5)"]], "USER_ENTERED")
    done(
        api,
        file_id,
        {"findReplace": {"find": "1,5", "replacement": "2,5", "includeFormulas": True, "allSheets": True}},
    )
    assert api.read(file_id, "A1:B1") == [[2.5, 3.5]]


@pytest.mark.parametrize(("locale", "typed", "value", "shown"), TYPED)
def test_what_is_typed(api: Api, file_id: str, locale: str, typed: str, value: Any, shown: str) -> None:
    at_home(api, file_id, locale)
    api.write(file_id, "A1", [[typed]], "USER_ENTERED")
    read = api.read(file_id, "A1")[0][0]
    assert (read, type(read) is bool) == (value, type(value) is bool)
    assert api.read(file_id, "A1", valueRenderOption="FORMATTED_VALUE") == [[shown]]


def test_formats_without_a_pattern_are_those_of_the_place(api: Api, file_id: str) -> None:
    at_home(api, file_id, "de_DE")
    api.write(file_id, "A1", [[45322.5, 45322.5, 1234.5, 1234.5, 1e20]])
    kinds = [
        {"userEnteredFormat": {"numberFormat": {"type": kind}}} for kind in ("DATE", "DATE_TIME", "CURRENCY", "NUMBER")
    ]
    rows = [{"values": kinds}]
    done(api, file_id, {"updateCells": {"start": {}, "rows": rows, "fields": "userEnteredFormat"}})
    shown = api.read(file_id, "A1:E1", valueRenderOption="FORMATTED_VALUE")[0]
    assert shown == ["31.01.2024", "31.01.2024 12:00:00", "1.234,50\u00a0€", "1.234,50", "1E+20"]
    cell = api.sheets(
        "GET", f"/{file_id}", ranges="A1", fields="sheets.data.rowData.values.effectiveFormat.numberFormat"
    )
    formats = cell.json()["sheets"][0]["data"][0]["rowData"][0]["values"][0]["effectiveFormat"]["numberFormat"]
    assert formats == {"type": "DATE", "pattern": "dd.mm.yyyy"}


def test_an_unknown_locale_is_refused(api: Api, file_id: str) -> None:
    request = {"updateSpreadsheetProperties": {"properties": {"locale": "xx_YY"}, "fields": "locale"}}
    assert "Unsupported locale: xx_YY" in refusal(api.batch(file_id, request))[2]
