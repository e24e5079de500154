"""The look at a worksheet before it is registered, and the column that registration adds."""

from collections.abc import Iterator

import pytest

from db.errors import BadUserInput, SourceUnreachable
from db.wire import ColumnType
from sandbox.demo import CUSTOMERS, SPREADSHEET_ID
from sync.adapters import Adapters
from sync.registration.input import WantedSheet
from sync.registration.plan import MANAGED_KEY
from sync.sheets.look import parse_spreadsheet
from sync.values.infer import infer
from tests.sync.sheets import Bench, bench

BATCH = r"POST /v4/spreadsheets/[^/]*:batchUpdate"


@pytest.fixture
def people() -> Iterator[Bench]:
    with bench() as made:
        yield made


async def test_the_demo_sheet_is_seen_as_it_is(people: Bench) -> None:
    url = f"https://docs.google.com/spreadsheets/d/{SPREADSHEET_ID}/edit#gid=0"
    inspected = await people.adapters.inspect(WantedSheet(url))
    assert (inspected.worksheet, inspected.spreadsheet, inspected.sheet_id) == (CUSTOMERS, SPREADSHEET_ID, 0)
    assert not inspected.problems
    assert len(inspected.rows) == 200
    types = {column.header: infer(column.samples) for column in inspected.columns}
    assert {header: found.type for header, found in types.items()} == {
        "id": ColumnType.INTEGER,
        "name": ColumnType.TEXT,
        "email": ColumnType.TEXT,
        "city": ColumnType.TEXT,
        "postcode": ColumnType.TEXT,
        "orders": ColumnType.INTEGER,
        "balance": ColumnType.FLOAT,
        "active": ColumnType.BOOLEAN,
        "since": ColumnType.DATE,
        "note": ColumnType.TEXT,
        "total": ColumnType.FLOAT,
    }
    assert [header for header, found in types.items() if found.formula] == ["total"]
    assert [column.letter for column in inspected.columns] == list("ABCDEFGHIJK")


@pytest.mark.parametrize("worksheet", ["products", "1", None])
async def test_a_worksheet_is_named_by_title_or_gid(people: Bench, worksheet: str | None) -> None:
    gid = (await people.looks(SPREADSHEET_ID, "sheets.properties"))["sheets"][1]["properties"]["sheetId"]
    text = str(gid) if worksheet == "1" else worksheet
    url = f"https://docs.google.com/spreadsheets/u/0/d/{SPREADSHEET_ID}/edit?gid={gid}#gid={gid}"
    inspected = await people.adapters.inspect(WantedSheet(url, text))
    assert inspected.worksheet == "products"


async def test_an_unknown_worksheet_is_refused_with_those_there_are(people: Bench) -> None:
    with pytest.raises(BadUserInput, match="“Demo” has no worksheet “nope”: name one of “customers”, “products”"):
        await people.adapters.inspect(WantedSheet(SPREADSHEET_ID, "nope"))


async def test_headers_that_keep_a_sheet_from_being_bound(people: Bench) -> None:
    people.type("E1", [["", "Name"], ["x", "y"]])
    inspected = await people.adapters.inspect(WantedSheet(people.book))
    assert inspected.problems == [
        "Column E has values but no header in Sheet1!E1: type one, or clear the column.",
        "The header “Name” is there 2 times (Sheet1!B1, Sheet1!F1): rename all but one.",
    ]


async def test_a_header_row_further_down(people: Bench) -> None:
    inspected = await people.adapters.inspect(WantedSheet(people.book, header_row=2))
    assert [column.header for column in inspected.columns] == ["1", "Ada", "London", "10"]
    assert inspected.rows == [3, 4]
    beyond = await people.adapters.inspect(WantedSheet(people.book, header_row=50))
    assert not beyond.columns
    assert not beyond.rows


@pytest.mark.parametrize("text", ["", "https://example.com/x", "short", "spreadsheet of mine"])
def test_what_is_no_spreadsheet_is_refused(text: str) -> None:
    with pytest.raises(BadUserInput, match="neither an id nor an address"):
        parse_spreadsheet(text)


def test_ids_and_addresses() -> None:
    assert parse_spreadsheet(" 1AbC-d_e0123456789 ") == ("1AbC-d_e0123456789", None)
    url = "http://127.0.0.1:8010/spreadsheets/d/1AbC-d_e/edit?gid=7#gid=8"
    assert parse_spreadsheet(url) == ("1AbC-d_e", "8")


@pytest.mark.parametrize("fault", [None, {"status": 503}, {"drop": True, "afterApply": True}])
async def test_the_managed_key_column_is_added_once_and_hidden(people: Bench, fault: dict[str, object] | None) -> None:
    assert people.source.sheet is not None
    if fault is not None:
        people.fault(BATCH, **fault)
    await people.adapters.add_managed_key(people.source.sheet)
    await people.adapters.add_managed_key(people.source.sheet)
    (header,) = await people.shown("1:1")
    assert header.count(MANAGED_KEY) == 1
    assert header[26] == MANAGED_KEY
    looks = await people.looks(people.book, "sheets.data.columnMetadata")
    columns = looks["sheets"][0]["data"][0]["columnMetadata"]
    hidden = [place for place, column in enumerate(columns) if column.get("hiddenByUser")]
    assert hidden == [26]


async def test_a_column_that_can_not_be_added(people: Bench) -> None:
    assert people.source.sheet is not None
    people.fault(BATCH, status=400)
    with pytest.raises(BadUserInput, match=r"refused the column rowcast_id in Sheet1!.* name a key of the sheet's own"):
        await people.adapters.add_managed_key(people.source.sheet)


async def test_credentials_that_are_not_there(people: Bench) -> None:
    with pytest.raises(SourceUnreachable, match="set ROWCAST_GOOGLE_CREDENTIALS"):
        await Adapters({}).inspect(WantedSheet(people.book))
    with pytest.raises(BadUserInput, match="no credential “other”: there are default"):
        await people.adapters.inspect(WantedSheet(people.book, credential="other"))
