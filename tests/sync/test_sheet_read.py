"""Reading a real worksheet of the sandbox: values, formulas, headers, keys."""

from collections.abc import Iterator, Sequence
from dataclasses import replace

import pytest

from db.errors import SourceUnreachable
from db.sources import Column, DriftPolicy, SourceState
from db.wire import ColumnType
from tests.sync.sheets import MANAGED_COLUMNS, Bench, bench

ONE, TWO, THREE = '["1"]', '["2"]', '["3"]'
READ = r"GET /v4/spreadsheets/[^/]*$"
VALUES = r"POST .*values:batchUpdate"


@pytest.fixture
def people() -> Iterator[Bench]:
    with bench() as made:
        yield made


async def codes(people: Bench) -> list[tuple[str, str | None]]:
    reading = await people.adapter().read()
    return [(problem.code, problem.address) for problem in reading.problems]


async def test_a_row_has_values_formulas_and_addresses(people: Bench) -> None:
    people.type("C3", [["=1/0"]])
    people.calls()
    reading = await people.adapter().read()
    assert [row.key for row in reading.rows] == [ONE, TWO, THREE]
    row = reading.rows[1]
    assert row.cells == {"id": 2.0, "name": "Grace", "total": 20.0}
    assert row.formulas == {"total", "city"}
    assert row.errors["city"].startswith("#DIV/0!")
    assert dict(row.addresses) == {"id": "Sheet1!A3", "name": "Sheet1!B3", "city": "Sheet1!C3", "total": "Sheet1!D3"}
    assert row.address == "Sheet1!3:3"
    assert not reading.problems
    assert not reading.unsure
    assert reading.calls == len(people.calls()) == 2


async def test_the_mark_rises_with_every_change_and_is_older_than_the_values(people: Bench) -> None:
    adapter = people.adapter()
    first = await adapter.read()
    assert first.mark == await adapter.mark()
    assert first.modified_at is not None
    people.type_after(r"GET /drive", "B2", [["Ada L"]])
    reading = await adapter.read()
    assert reading.mark == first.mark
    assert reading.rows[0].cells["name"] == "Ada L"
    assert await adapter.mark() != first.mark


async def test_blank_lines_are_no_rows(people: Bench) -> None:
    await people.batch({"updateCells": {
        "start": {"sheetId": 0, "rowIndex": 8, "columnIndex": 2},
        "rows": [{"values": [{"userEnteredValue": {"boolValue": False}}]}],
        "fields": "userEnteredValue",
    }})  # fmt: skip
    people.type("A5", [["", "", "", "=A5*10"], ["", "", "", ""]])
    people.type("A12", [["7", "Edsger", "Austin", "=A12*10"]])
    reading = await people.adapter().read()
    assert [row.key for row in reading.rows] == [ONE, TWO, THREE, '["7"]']
    assert not reading.unsure
    assert reading.rows[3].address == "Sheet1!12:12"


async def test_rows_without_a_key_of_their_own_are_named_and_make_the_reading_unsure(people: Bench) -> None:
    people.type("A5", [["", "No Id", "X"], ["2", "Another Grace", "Y"], ["two", "Text Id", "Z"]])
    reading = await people.adapter().read()
    assert [row.key for row in reading.rows] == [ONE, THREE]
    assert reading.unsure
    assert sorted((problem.code, problem.address) for problem in reading.problems) == [
        ("DUPLICATE_KEY", "Sheet1!A3"),
        ("DUPLICATE_KEY", "Sheet1!A6"),
        ("EMPTY_KEY", "Sheet1!A5"),
        ("UNREADABLE_KEY", "Sheet1!A7"),
    ]
    people.type("A5", [["5"], ["6"], ["=1/0"]])
    assert await codes(people) == [("UNREADABLE_KEY", "Sheet1!A7")]


async def test_headers_that_are_blank_or_twice_there_are_named(people: Bench) -> None:
    people.type("E1", [["New", "", "Twice", "Twice"], ["n", "x", "", ""]])
    assert sorted(await codes(people)) == [
        ("BLANK_HEADER", "Sheet1!F1"),
        ("DUPLICATE_HEADER", "Sheet1!G1"),
        ("DUPLICATE_HEADER", "Sheet1!H1"),
    ]
    reading = await people.adapter().read()
    assert len(reading.rows) == 3
    assert not reading.unsure


async def test_a_new_header_is_a_column_with_the_type_of_all_its_values(people: Bench) -> None:
    people.type("F1", [["Born", "Half"], ["12/10/1815", "1"], ["", "2"], ["6/23/1912", "=1/2"]])
    people.calls()
    reading = await people.adapter().read()
    assert reading.columns is not None
    assert [(one.address, one.column) for one in reading.columns.new] == [
        ("Sheet1!F1", Column("born", ColumnType.DATE, "Born")),
        ("Sheet1!G1", Column("half", ColumnType.FLOAT, "Half")),
    ]
    assert reading.calls == len(people.calls()) == 3
    assert reading.rows[2].cells["half"] == 0.5
    assert reading.rows[2].formulas == {"total", "half"}


async def test_a_header_that_is_not_to_become_a_column_costs_no_call(people: Bench) -> None:
    people.source = replace(people.source, drift_policy=DriftPolicy.STRICT)
    people.type("F1", [["Born"], ["12/10/1815"]])
    people.calls()
    reading = await people.adapter().read()
    assert reading.columns is not None
    assert [one.address for one in reading.columns.new] == ["Sheet1!F1"]
    assert "born" not in reading.rows[0].cells
    assert len(people.calls()) == 2


async def test_columns_are_found_wherever_they_are(people: Bench) -> None:
    people.type("A1", [[" City ", "Total", "ID", "Name"], ["London", "=C2*2", "1", "Ada"], ["", "", "", ""]])
    people.type("A4", [["", "", "", ""]])
    row = (await people.rows())[ONE]
    assert row.cells == {"id": 1.0, "name": "Ada", "city": "London", "total": 2.0}


@pytest.mark.parametrize(
    ("header", "message"),
    [
        ("Key", r"The header “ID” of the key column id is not in row 1.*put it back"),
        ("Name", "“Name” is there 2 times"),
    ],
)
async def test_a_lost_header_stops_the_reading_and_says_which(people: Bench, header: str, message: str) -> None:
    people.type("A1", [[header]])
    with pytest.raises(SourceUnreachable, match=message):
        await people.adapter().read()


async def test_a_deleted_worksheet_is_not_mistaken_for_one_of_its_title(people: Bench) -> None:
    await people.batch(
        {"addSheet": {"properties": {"title": "Other", "sheetId": 5}}},
        {"deleteSheet": {"sheetId": 0}},
        {"updateSheetProperties": {"properties": {"sheetId": 5, "title": "Sheet1"}, "fields": "title"}},
    )
    with pytest.raises(SourceUnreachable, match=r"“Sheet1” was deleted \(there are “Sheet1”\)"):
        await people.adapter().read()


async def test_other_headers_rows_and_number_headers() -> None:
    columns = (Column("y", ColumnType.INTEGER, "2024"), Column("t", ColumnType.TEXT, "TRUE"))
    with bench(columns, key=("y",), lines=[["a title", ""], ["2024", "TRUE"], ["1", "x"]]) as people:
        assert people.source.sheet is not None
        people.source = replace(people.source, sheet=replace(people.source.sheet, header_row=2))
        assert {key: dict(row.cells) for key, row in (await people.rows()).items()} == {ONE: {"y": 1.0, "t": "x"}}


# The managed key

MANAGED_LINES: Sequence[Sequence[str]] = (
    ("Name", "City", "rowcast_id"),
    ("Ada", "London", ""),
    ("Grace", "Arlington", "keep"),
    ("Alan", "Wilmslow", ""),
)


@pytest.fixture
def managed() -> Iterator[Bench]:
    with bench(MANAGED_COLUMNS, ("rowcast_id",), MANAGED_LINES, managed=True) as made:
        yield made


async def ids(people: Bench) -> list[tuple[object, object]]:
    return [(row[0], row[2] if len(row) > 2 else "") for row in (await people.shown())[1:]]


async def test_lines_without_an_id_get_one_and_keep_it(managed: Bench) -> None:
    reading = await managed.adapter().read()
    assert await ids(managed) == [("Ada", "id-1"), ("Grace", "keep"), ("Alan", "id-2")]
    assert [row.key for row in reading.rows] == ['["id-1"]', '["id-2"]', '["keep"]']
    assert not reading.unsure
    assert not reading.problems
    assert reading.mark == await managed.adapter().mark()
    managed.calls()
    again = await managed.adapter().read()
    assert again.rows[0].key == '["id-1"]'
    assert not [call for call in managed.calls() if call.startswith("POST")]


async def test_a_pasted_line_gets_an_id_of_its_own(managed: Bench) -> None:
    managed.type("A5", [["Grace", "Arlington", "keep"]])
    reading = await managed.adapter().read()
    assert not reading.unsure
    assert await ids(managed) == [("Ada", "id-1"), ("Grace", "keep"), ("Alan", "id-2"), ("Grace", "id-3")]


async def test_ids_that_land_in_other_lines_are_put_right(managed: Bench) -> None:
    # Sorted between the look and the ids: Grace, who has an id, is where Ada was.
    managed.type_after(READ, "A2", [["Grace", "Arlington", "keep"], ["Ada", "London", ""], ["Alan", "Wilmslow", ""]])
    reading = await managed.adapter().read()
    assert not reading.unsure
    found = dict(await ids(managed))
    assert found["Grace"] == "keep"
    assert len(set(found.values())) == 3
    assert all(found.values())


async def test_an_id_that_lands_in_a_blank_line_is_taken_away(managed: Bench) -> None:
    managed.type_after(READ, "A2", [["Grace", "Arlington", "keep"], ["Ada", "London", ""], ["", "", ""]])
    reading = await managed.adapter().read()
    assert not reading.unsure
    assert len(reading.rows) == 2
    assert [line for line in await ids(managed) if line[0] == "" and line[1] != ""] == []


@pytest.mark.parametrize("fault", [{"status": 500}, {"drop": True, "afterApply": True}, {"status": 429}])
async def test_ids_survive_lost_requests_and_answers(managed: Bench, fault: dict[str, object]) -> None:
    managed.fault(VALUES, **fault)
    reading = await managed.adapter().read()
    assert not reading.unsure
    assert len({row.key for row in reading.rows}) == 3


async def test_ids_that_can_not_be_written_are_a_problem(managed: Bench) -> None:
    managed.fault(VALUES, status=400)
    reading = await managed.adapter().read()
    assert reading.unsure
    assert [row.key for row in reading.rows] == ['["keep"]']
    assert {problem.code for problem in reading.problems} == {"KEY_PENDING", "KEY_REFUSED"}


async def test_gives_up_on_ids_for_now_and_stays_unsure(managed: Bench) -> None:
    managed.fault(VALUES, status=503, times=20)
    reading = await managed.adapter().read()
    assert reading.unsure
    assert {problem.code for problem in reading.problems} == {"KEY_PENDING"}


async def test_a_held_source_gets_no_ids(managed: Bench) -> None:
    managed.source = replace(managed.source, state=SourceState.HELD)
    managed.calls()
    reading = await managed.adapter().read()
    assert reading.unsure
    assert not [call for call in managed.calls() if call.startswith("POST")]
