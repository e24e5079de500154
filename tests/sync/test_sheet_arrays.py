"""Cells that a formula elsewhere fills: nothing is ever written into one, for that would block the whole formula."""

import pytest

from sync.sheets.arrays import filled_by_array, is_array, open_arrays
from sync.sheets.grid import Grid
from sync.source import Cell
from tests.sync.sheets import bench
from tests.sync.syncing import syncing

HEADERS = ("ID", "Name", "Qty", "Twice")
LINES = (HEADERS, ("1", "a", "10", "=ARRAYFORMULA(C2:C*2)"), ("2", "b", "20", ""), ("3", "c", "30", ""))
HIDING_BLANKS = '=ARRAYFORMULA(IF(C2:C="","",C2:C*2))'


def grid(computed: dict[tuple[int, int], str], values: list[list[Cell]]) -> Grid:
    return Grid("s", 0, 10, 5, "UTC", values, computed, {}, {})


@pytest.mark.parametrize(
    ("formula", "array", "without_end"),
    [
        ("=ARRAYFORMULA(B2:B*2)", True, True),
        ("=arrayFormula($B$2:$B)", True, True),
        ("=ARRAYFORMULA(B2:B9*2)", True, False),
        ("=MAP(A2:A,LAMBDA(x,x*2))", True, True),
        ("=SUM(B2:B)", False, False),
        ("=MYARRAYFORMULA(B2:B)", False, False),
        ("=ARRAYFORMULA(Other!A:A)", True, True),
    ],
)
def test_which_formulas_fill_others(formula: str, array: bool, without_end: bool) -> None:
    assert is_array(formula) is array
    assert (open_arrays(grid({(1, 3): formula}, [])) == {3: 1}) is without_end


def test_empty_cells_below_belong_to_the_formula() -> None:
    sheet = grid({(1, 3): "=ARRAYFORMULA(C2:C)"}, [[], [], [None, None, None, None], [None, None, None, "mine"]])
    arrays = open_arrays(sheet)
    assert [filled_by_array(arrays, sheet, row, 3) for row in range(5)] == [False, False, True, False, True]
    assert not filled_by_array(arrays, sheet, 2, 2)


@pytest.mark.parametrize("formula", [LINES[1][3], HIDING_BLANKS])
async def test_rows_inserted_and_updated_leave_the_formula_its_cells(database: str, formula: str) -> None:
    lines = [list(line) for line in LINES]
    lines[1][3] = formula
    with bench(lines=lines) as people:
        async with syncing(database, people) as sync:
            await sync.settle()
            assert sync.source.columns[3].read_only
            sync.sql("INSERT INTO people (id, name, qty) VALUES (4, 'd', 40)")
            sync.sql("UPDATE people SET qty = 5, name = NULL WHERE id = 1")
            sync.sql("DELETE FROM people WHERE id = 2")
            await sync.settle()
            assert (await people.shown("A2:D5")) == [
                [1, "", 5, formula],
                [3, "c", 30, 60],
                [4, "d", 40, 80],
                ["", "", "", 0 if formula == LINES[1][3] else ""],
            ]
            assert sync.sql("SELECT id, twice FROM people ORDER BY id") == [(1, 10), (3, 60), (4, 80)]
            assert sync.failures() == []


async def test_the_only_row_has_the_formula_and_is_no_model_for_the_next(database: str) -> None:
    with bench(lines=[HEADERS, ["1", "a", "10", HIDING_BLANKS]]) as people:
        async with syncing(database, people) as sync:
            await sync.settle()
            sync.sql("INSERT INTO people (id, name, qty) VALUES (2, 'b', 20), (3, 'c', NULL)")
            await sync.settle()
            assert (await people.shown("A2:D4"))[0] == [1, "a", 10, HIDING_BLANKS]
            assert sync.sql("SELECT id, twice FROM people ORDER BY id") == [(1, 20), (2, 40), (3, None)]


async def test_a_value_of_the_database_for_such_a_cell_is_a_failure_and_the_formula_stays(database: str) -> None:
    lines = [HEADERS, ["1", "a", "10", ""], ["2", "b", "20", ""]]
    with bench(lines=lines) as people:
        async with syncing(database, people) as sync:
            # The column was bound before it became a formula's.
            await sync.settle()
            assert not sync.source.columns[3].read_only
            people.type("D2", [["=ARRAYFORMULA(IF(C2:C=20,C2:C*2,))"]])
            await sync.settle()
            sync.sql("UPDATE people SET twice = '7' WHERE id = 1")
            sync.sql("UPDATE people SET twice = '8' WHERE id = 2")
            sync.sql("INSERT INTO people (id, name, twice) VALUES (3, 'c', '9')")
            await sync.settle()
            assert [code for code, _ in sync.failures()] == ["FORMULA_CELL"] * 2
            shown = await people.shown("A2:D4", render="UNFORMATTED_VALUE")
            assert [row[3:] for row in shown[:2]] == [[0], [40]]
            assert [row[:2] for row in shown] == [[1, "a"], [2, "b"], [3, "c"]]


async def test_what_blocks_a_formula_may_be_cleared_from_the_database(database: str) -> None:
    lines = [HEADERS, ["1", "a", "10", "=ARRAYFORMULA(C2:C*2)"], ["2", "b", "20", "x"], ["3", "c", "30", "y"]]
    with bench(lines=lines) as people:
        async with syncing(database, people) as sync:
            await sync.settle()
            assert [code for code, _ in sync.failures()] == ["CELL_ERROR"]
            sync.sql("UPDATE people SET twice = NULL")
            await sync.settle()
            assert [row[3] for row in await people.shown("A2:D4", render="UNFORMATTED_VALUE")] == [20, 40, 60]
            assert sync.sql("SELECT id, twice FROM people ORDER BY id") == [(1, "20"), (2, "40"), (3, "60")]
            assert sync.failures() == []
