"""Every kind of value, from a real sheet into a real table and back, without a change. One worksheet, one run each way.

First each cell goes to the table, is copied there to a new row, and the copy's cell must be the first one's equal.
Then what only SQL can make goes to the sheet, is copied there by a person, and the copy's row must be the first one's.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import pytest

from db.runs import RunState
from db.wire import ColumnType as T
from sync.registration.input import WantedColumn
from sync.sheets.grid import column_letters
from sync.source import Cell
from tests.sync.sheets import Bench, bench
from tests.sync.syncing import Sync, syncing

ZONE = "Europe/Berlin"
LONG = "ä" * 50_000
TYPES = tuple(T)
UUID = "c0ffee00-0000-4000-8000-000000000001"


@dataclass(frozen=True)
class Same:
    """A cell, what the table holds of it, and, where it isn't the same, the cell that comes back."""

    type: T
    cell: Cell
    text: str | None
    back: tuple[Cell] | None = None

    @property
    def returned(self) -> Cell:
        return self.cell if self.back is None else self.back[0]


FROM_SHEET: Sequence[Same] = (
    # Texts stay as they are, whatever they look like.
    *(
        Same(T.TEXT, text, text)
        for text in (
            "007", "00", "12345678901234567890", "1e5", "1,5", "50%", "$5", "2026-01-31", "12:30", "TRUE", "false",
            "=1+1", "+1", "-1", "'quoted", "#N/A", "NULL", "null", "None", " ", "  blanks  ", "tab\there", "a\nb",
            "a\r\nb", "Zoë", "e\u0301", "😀👩\u200d👩\u200d👧", "שלום", "\u200b", '"', "\\", "{}", "a\ufeffb", LONG,
        )
    ),
    Same(T.TEXT, None, None),
    Same(T.TEXT, "", None, (None,)),
    # A column of mixed cells is text.
    Same(T.TEXT, 7.0, "7", ("7",)),
    Same(T.TEXT, 0.1, "0.1", ("0.1",)),
    Same(T.TEXT, True, "TRUE", ("TRUE",)),
    Same(T.INTEGER, 7.0, "7"),
    Same(T.INTEGER, -2147483648.0, "-2147483648"),
    Same(T.INTEGER, "007", "7", (7.0,)),
    Same(T.BIGINT, 2.0**53 - 1, "9007199254740991"),
    Same(T.BIGINT, 2.0**53, "9007199254740992"),
    Same(T.BIGINT, "9007199254740993", "9007199254740993"),
    Same(T.BIGINT, "-9223372036854775808", "-9223372036854775808"),
    Same(T.FLOAT, 0.5, "0.5"),
    Same(T.FLOAT, 0.1, "0.1"),
    # Google's JSON has no sign of zero.
    Same(T.FLOAT, -0.0, "0", (0.0,)),
    Same(T.FLOAT, 5e-324, "5e-324"),
    Same(T.FLOAT, 1.7976931348623157e308, "1.7976931348623157e+308"),
    Same(T.FLOAT, 1e15, "1e+15"),
    Same(T.FLOAT, 0.30000000000000004, "0.30000000000000004"),
    Same(T.FLOAT, "NaN", "NaN"),
    Same(T.NUMERIC, 1234.5, "1234.5"),
    Same(T.NUMERIC, "0.1234567890123456789", "0.1234567890123456789"),
    Same(T.NUMERIC, "1.50", "1.50", (1.5,)),
    Same(T.BOOLEAN, True, "t"),
    Same(T.BOOLEAN, False, "f"),
    Same(T.DATE, 46053.0, "2026-01-31"),
    Same(T.DATE, 0.0, "1899-12-30"),
    Same(T.DATE, -1.0, "1899-12-29"),
    Same(T.DATE, "2026-01-31", "2026-01-31", (46053.0,)),
    Same(T.DATE, "infinity", "infinity"),
    Same(T.TIME, 0.5, "12:00:00"),
    Same(T.TIME, 0.0, "00:00:00"),
    Same(T.TIME, 86_399_999 / 86_400_000, "23:59:59.999"),
    Same(T.TIME, "24:00:00", "24:00:00"),
    Same(T.TIMESTAMP, 46053.5, "2026-01-31 12:00:00"),
    Same(T.TIMESTAMP, 45956 + 2.5 / 24, "2025-10-26 02:30:00"),
    Same(T.TIMESTAMP, "2026-01-31 12:00:00.000001", "2026-01-31 12:00:00.000001"),
    # Winter, summer, and both hours that the clock shows twice: only the second needs its offset.
    Same(T.TIMESTAMPTZ, 46053.5, "2026-01-31 11:00:00+00"),
    Same(T.TIMESTAMPTZ, 46204.5, "2026-07-01 10:00:00+00"),
    Same(T.TIMESTAMPTZ, 45956 + 2.5 / 24, "2025-10-26 00:30:00+00"),
    Same(T.TIMESTAMPTZ, "2025-10-26 01:30:00+00", "2025-10-26 01:30:00+00"),
    Same(T.TIMESTAMPTZ, 45746 + 1.75 / 24, "2025-03-30 00:45:00+00"),
    # An hour that the clock skips is the one after it.
    Same(T.TIMESTAMPTZ, 45746 + 2.5 / 24, "2025-03-30 01:30:00+00", (45746 + 3.5 / 24,)),
    Same(T.TIMESTAMPTZ, "2026-01-31T12:00:00+05:30", "2026-01-31 06:30:00+00", (46053 + 7.5 / 24,)),
    Same(T.UUID, UUID, UUID),
    Same(T.JSON, '{"a": [1, 2.5, null], "ä": "x"}', '{"a": [1, 2.5, null], "ä": "x"}'),
)  # fmt: skip

FROM_TABLE: Sequence[tuple[T, str]] = (
    (T.TEXT, "=HYPERLINK(\"x\")"),
    (T.TEXT, "+49 30 1234"),
    (T.TEXT, "0000"),
    (T.INTEGER, "2147483647"),
    (T.BIGINT, "9007199254740993"),
    (T.BIGINT, "9223372036854775807"),
    (T.FLOAT, "Infinity"),
    (T.FLOAT, "-Infinity"),
    (T.FLOAT, "2.2250738585072014e-308"),
    (T.NUMERIC, "123456789012345678901234567890.123456789"),
    (T.NUMERIC, "NaN"),
    (T.NUMERIC, "0.00000000000000000001"),
    (T.DATE, "0044-03-15 BC"),
    (T.DATE, "9999-12-31"),
    (T.TIME, "12:00:00.000001"),
    (T.TIMESTAMP, "0001-01-01 00:00:00"),
    (T.TIMESTAMP, "294276-12-31 23:59:59.999999"),
    (T.TIMESTAMPTZ, "infinity"),
    (T.TIMESTAMPTZ, "2026-01-31 12:00:00.123456+00"),
    (T.UUID, UUID),
    (T.JSON, '"=1+1"'),
    (T.JSON, "7"),
)  # fmt: skip


def columns() -> tuple[WantedColumn, ...]:
    return tuple(WantedColumn(name(type_), type=type_) for type_ in TYPES)


def name(type_: T) -> str:
    return f"c_{type_.lower()}"


async def enter(people: Bench, row: int, column: int, lines: Sequence[Sequence[Cell]]) -> None:
    """Puts cells as they are, numbers without a format."""
    start = {"sheetId": 0, "rowIndex": row, "columnIndex": column}
    rows = [{"values": [_data(cell) for cell in line]} for line in lines]
    await people.batch({"updateCells": {"start": start, "rows": rows, "fields": "userEnteredValue"}})


def _data(cell: Cell) -> dict[str, Any]:
    if cell is None:
        return {}
    kind = "boolValue" if isinstance(cell, bool) else "numberValue" if isinstance(cell, float) else "stringValue"
    return {"userEnteredValue": {kind: cell}}


@pytest.fixture
def worksheet() -> Any:
    with bench(lines=[["ID", *map(name, TYPES)]]) as people:
        yield people


async def bind(people: Bench) -> None:
    properties = {"properties": {"timeZone": ZONE}, "fields": "timeZone"}
    await people.batch({"updateSpreadsheetProperties": properties})


def wide(type_: T, cell: Cell) -> list[Cell]:
    """A line with one cell in the column of its type."""
    return [cell if type_ is other else None for other in TYPES]


async def settled(sync: Sync) -> None:
    run = await sync.settle()
    assert (run.state, run.counts.failures) == (RunState.SUCCEEDED, 0)
    quiet = await sync.run()
    counts = quiet.counts
    assert (counts.database_upserts, counts.source_upserts, counts.conflicts) == (0, 0, 0)


async def test_there_and_back(worksheet: Bench, database: str) -> None:
    people = worksheet
    await bind(people)
    await enter(people, 1, 0, [[float(i), *wide(same.type, same.cell)] for i, same in enumerate(FROM_SHEET)])
    async with syncing(database, people, columns=columns()) as sync:
        await settled(sync)
        for i, same in enumerate(FROM_SHEET):
            found = sync.sql(
                f"SELECT format('%s', {name(same.type)}), {name(same.type)} IS NULL FROM people WHERE id = {i}"
            )
            assert found == [(same.text or "", same.text is None)], same
        listed = ", ".join(map(name, TYPES))
        sync.sql(f"INSERT INTO people SELECT id + 1000, {listed} FROM people")
        await settled(sync)
        rows = await people.rows()
        assert len(rows) == 2 * len(FROM_SHEET)
        for i, same in enumerate(FROM_SHEET):
            cell = rows[f'["{i + 1000}"]'].cells[name(same.type)]
            assert (type(cell), cell) == (type(same.returned), same.returned), same
            assert str(cell) == str(same.returned)

        for i, (type_, text) in enumerate(FROM_TABLE, 2000):
            sync.sql(f"INSERT INTO people (id, {name(type_)}) VALUES ({i}, $t${text}$t$)")
        await settled(sync)
        top = 1 + 2 * len(FROM_SHEET)
        source = {"sheetId": 0, "startRowIndex": top, "endRowIndex": top + len(FROM_TABLE)}
        copy = {"source": source, "destination": {**source, "startRowIndex": top + len(FROM_TABLE)}}
        copy["destination"]["endRowIndex"] = top + 2 * len(FROM_TABLE)
        await people.batch({"copyPaste": {**copy, "pasteType": "PASTE_NORMAL"}})
        ids = [[float(i)] for i in range(3000, 3000 + len(FROM_TABLE))]
        await enter(people, top + len(FROM_TABLE), 0, ids)
        await settled(sync)
        for i, (type_, text) in enumerate(FROM_TABLE, 3000):
            assert sync.sql(f"SELECT format('%s', {name(type_)}) FROM people WHERE id = {i}") == [(text,)]


def test_the_table_is_large_enough() -> None:
    assert len(FROM_SHEET) >= 60
    assert {same.type for same in FROM_SHEET} == set(TYPES)


UNFIT: Sequence[tuple[T, Cell, str]] = (
    (T.INTEGER, "seven", "VALUE"),
    (T.INTEGER, 2.0**31, "VALUE"),
    (T.BIGINT, 2.0**63, "VALUE"),
    (T.FLOAT, "much", "VALUE"),
    (T.BOOLEAN, 1.0, "VALUE"),
    (T.DATE, 46053.5, "VALUE"),
    (T.DATE, "31.01.2026", "VALUE"),
    (T.TIME, 1.5, "VALUE"),
    (T.TIMESTAMP, "soon", "VALUE"),
    (T.TIMESTAMPTZ, True, "VALUE"),
    (T.UUID, "c0ffee", "VALUE"),
    (T.JSON, "{", "VALUE"),
    (T.NUMERIC, "=1/0", "CELL_ERROR"),
    (T.TEXT, "=NA()", "CELL_ERROR"),
)


async def test_a_cell_that_does_not_fit_fails_alone_until_it_is_mended(worksheet: Bench, database: str) -> None:
    people = worksheet
    await bind(people)
    lines = [[float(i), *wide(type_, cell)] for i, (type_, cell, _) in enumerate(UNFIT)]
    for line in lines:
        line[1 + TYPES.index(T.BIGINT)] = line[1 + TYPES.index(T.BIGINT)] or 5.0
    await enter(people, 1, 0, lines)
    errors = [(i, type_, cell) for i, (type_, cell, code) in enumerate(UNFIT, 2) if code == "CELL_ERROR"]
    for row, type_, cell in errors:
        people.type(f"{letter(type_)}{row}", [[str(cell)]])
    async with syncing(database, people, columns=columns()) as sync:
        assert (await sync.settle()).state is RunState.PARTIAL
        expected = [(code, f"Sheet1!{letter(type_)}{row}") for row, (type_, _, code) in enumerate(UNFIT, 2)]
        assert sorted(sync.failures()) == sorted(expected)
        # The other cells went on, and nothing was written into the ones that don't fit.
        assert sync.sql("SELECT count(*), count(c_bigint) FROM people") == [(len(UNFIT), len(UNFIT) - 1)]
        assert (await people.shown(f"{letter(T.INTEGER)}2:{letter(T.INTEGER)}3")) == [["seven"], [2**31]]
        for row, (type_, _, _) in enumerate(UNFIT, 2):
            people.type(f"{letter(type_)}{row}", [[FITTING[type_]]])
        run = await sync.settle()
        assert sync.failures() == []
        assert run.state is RunState.SUCCEEDED
        filled = " + ".join(f"count({name(type_)})" for type_ in TYPES if type_ is not T.BIGINT)
        assert sync.sql(f"SELECT {filled} FROM people") == [(len(UNFIT) - 1,)]


FITTING = {
    T.TEXT: "text", T.INTEGER: "7", T.BIGINT: "8", T.FLOAT: "50%", T.NUMERIC: "$1,234.50", T.BOOLEAN: "TRUE",
    T.DATE: "2026-01-31", T.TIME: "12:30", T.TIMESTAMP: "2026-01-31 12:30", T.TIMESTAMPTZ: "1/31/2026 12:30:00",
    T.UUID: UUID, T.JSON: "{}",
}  # fmt: skip


def letter(type_: T) -> str:
    return column_letters(1 + TYPES.index(type_))


async def test_types_are_inferred_from_what_is_typed_and_formats_stay(database: str) -> None:
    lines = [
        ["ID", "Share", "Price", "Code", "Day", "At", "Done", "Mixed", "Big", "Twice"],
        ["1", "50%", "$1,234.50", "'007", "2026-01-31", "2026-01-31 12:30:00", "TRUE", "7", "3000000000", "=B2*2"],
        ["2", "7%", "$5", "'12345678901234567890", "1/2/2026", "2026-07-01 0:00", "FALSE", "seven", "1", "=B3*2"],
    ]
    with bench(lines=lines) as people:
        async with syncing(database, people) as sync:
            assert (await sync.settle()).state is RunState.SUCCEEDED
            assert [column.type for column in sync.source.columns] == [
                T.INTEGER, T.FLOAT, T.FLOAT, T.TEXT, T.DATE, T.TIMESTAMP, T.BOOLEAN, T.TEXT, T.BIGINT, T.FLOAT,
            ]  # fmt: skip
            assert sync.source.columns[9].read_only
            assert sync.sql("SELECT share, price, code, day::text, at::text, done, mixed FROM people ORDER BY id") == [
                (0.5, 1234.5, "007", "2026-01-31", "2026-01-31 12:30:00", True, "7"),
                (0.07, 5.0, "12345678901234567890", "2026-01-02", "2026-07-01 00:00:00", False, "seven"),
            ]
            sync.sql("UPDATE people SET share = 0.25, price = 99, code = '008', day = day + 1, done = NOT done")
            await sync.settle()
            assert (await people.shown("A2:J2", render="FORMATTED_VALUE")) == [
                ["1", "25%", "$99.00", "008", "2026-02-01", "2026-01-31 12:30:00", "FALSE", "7", "3000000000", "0.5"]
            ]
            assert sync.failures() == []
