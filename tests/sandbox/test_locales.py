"""What is typed and shown where other marks stand between figures, and days come before months."""

from typing import Any

import pytest

from tests.sandbox.client import Api, refusal
from tests.sandbox.test_shifts import done


def at_home(api: Api, file_id: str, locale: str) -> None:
    done(api, file_id, {"updateSpreadsheetProperties": {"properties": {"locale": locale}, "fields": "locale"}})


# Locale, what is typed, its value, how it is shown.
TYPED = [
    ("de_DE", "1.234,5", 1234.5, "1.234,50"),
    ("de_DE", "1,5", 1.5, "1,5"),
    ("de_DE", "1.5", "1.5", "1.5"),
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
