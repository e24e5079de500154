"""ARRAYFORMULA and its like: what they give spills into empty cells, and an entry in its way blocks it."""

import doctest
from typing import Any

import pytest

from sandbox.workbook import arrays, closures, criteria, dialect, formula_formats, functions, notation, structure
from sandbox.workbook.cells import Cell, CellError, Effective
from sandbox.workbook.shifts import Dimension
from tests.sandbox.client import Api
from tests.sandbox.test_calculation import Book


def book_of(formula: str, place: tuple[int, int] = (1, 2)) -> Book:
    """1, 2, nothing, 4 in B2:B5 of a sheet of six rows, and the formula."""
    book = Book()
    book.book.sheets[0].resize(6, 26)
    for row, value in ((1, 1.0), (2, 2.0), (4, 4.0)):
        book.put(row, 1, Cell(value))
    book.put(*place, Cell(formula=formula))
    return book


def column(book: Book, index: int, rows: range = range(6)) -> list[Effective]:
    return [book.value(row, index) for row in rows]


def test_examples() -> None:
    assert doctest.testmod(arrays).failed == 0
    assert doctest.testmod(closures).failed == 0
    assert doctest.testmod(criteria).failed == 0
    assert doctest.testmod(functions).failed == 0
    assert doctest.testmod(notation).failed == 0
    assert doctest.testmod(dialect).failed == 0
    assert doctest.testmod(formula_formats).failed == 0


@pytest.mark.parametrize(
    ("formula", "shown"),
    [
        ("=ARRAYFORMULA(B2:B*2)", [2.0, 4.0, 0.0, 8.0, 0.0]),
        ("=arrayformula(B2:B4*2)", [2.0, 4.0, 0.0, None, None]),
        ('=ARRAYFORMULA(IF(B2:B="","",B2:B*2))', [2.0, 4.0, "", 8.0, ""]),
        ("=SUM(ARRAYFORMULA(B2:B*B2:B))", [21.0, None, None, None, None]),
        ('="ARRAYFORMULA(B2:B)"', ["ARRAYFORMULA(B2:B)", None, None, None, None]),
        ("=ARRAYFORMULA(1+1)", [2.0, None, None, None, None]),
    ],
)
def test_results_fill_the_cells_below(formula: str, shown: list[Effective]) -> None:
    assert column(book_of(formula), 2, range(1, 6)) == shown


@pytest.mark.parametrize(
    ("formula", "shown"),
    [
        ("=FILTER(B2:B,B2:B>1)", [[2.0, None], [4.0, None], [None, None]]),
        ('=FILTER(B2:B,B2:B="x")', [["#N/A", None], [None, None], [None, None]]),
        ("=SORT(B2:B5,1,FALSE)", [[4.0, None], [2.0, None], [1.0, None]]),
        ("=UNIQUE({1;1;2})", [[1.0, None], [2.0, None], [None, None]]),
        ("=SEQUENCE(2,2)", [[1.0, 2.0], [3.0, 4.0], [None, None]]),
        ('=SPLIT("a,7",",")', [["a", 7.0], [None, None], [None, None]]),
        ("=TRANSPOSE(B2:B3)", [[1.0, 2.0], [None, None], [None, None]]),
        ("=WRAPROWS({1,2,3,4},2)", [[1.0, 2.0], [3.0, 4.0], [None, None]]),
        ("=WRAPCOLS({1,2,3},2)", [[1.0, 3.0], [2.0, "#N/A"], [None, None]]),
        ("=MAP(B2:B3,LAMBDA(x,x*B3))", [[2.0, None], [4.0, None], [None, None]]),
        ('=MAP(B2:B4,LAMBDA(x,IF(x="","none",x)))', [[1.0, None], [2.0, None], ["none", None]]),
        ("=BYROW({1,2;3,4},LAMBDA(r,SUM(r)))", [[3.0, None], [7.0, None], [None, None]]),
        ("=BYCOL({1,2;3,4},LAMBDA(c,MAX(c)))", [[3.0, 4.0], [None, None], [None, None]]),
        ("=SCAN(1,B2:B3,LAMBDA(a,b,a+b))", [[2.0, None], [4.0, None], [None, None]]),
        ("=MAKEARRAY(2,2,LAMBDA(r,c,10*r+c))", [[11.0, 12.0], [21.0, 22.0], [None, None]]),
        ("=REDUCE({0,0},B2:B3,LAMBDA(a,b,VSTACK(a,{7,7})))", [[0.0, 0.0], [7.0, 7.0], [7.0, 7.0]]),
        ("={1,2;3,4}", [[1.0, 2.0], [3.0, 4.0], [None, None]]),
        ('=ARRAYFORMULA(REGEXMATCH(B2:B3&"","1"))', [[True, None], [False, None], [None, None]]),
        ("=SUM(FILTER(B2:B,B2:B>1))", [[6.0, None], [None, None], [None, None]]),
    ],
)
def test_functions_that_give_several_values_fill_cells(formula: str, shown: list[list[Effective]]) -> None:
    book = book_of(formula)
    found = [[book.value(row, 2), book.value(row, 3)] for row in range(1, 4)]
    assert [[cell.text if isinstance(cell, CellError) else cell for cell in row] for row in found] == shown


def test_an_entry_in_the_way_blocks_all_of_it_until_it_is_gone() -> None:
    book = book_of("=ARRAYFORMULA(B2:B*2)")
    book.put(3, 2, Cell("mine"))
    error, *others = column(book, 2, range(1, 6))
    assert isinstance(error, CellError)
    assert (error.text, error.message[-3:]) == ("#REF!", "C4.")
    assert others == [None, "mine", None, None]
    book.put(3, 2, Cell())
    assert column(book, 2, range(1, 6)) == [2.0, 4.0, 0.0, 8.0, 0.0]


def test_formulas_read_what_has_spilled_and_it_follows_edits() -> None:
    book = book_of("=ARRAYFORMULA(B2:B*2)")
    book.put(0, 3, Cell(formula="=SUM(C2:C)"))
    book.put(1, 4, Cell(formula="=ARRAYFORMULA(C2:C+1)"))
    assert book.value(0, 3) == 14.0
    assert column(book, 4, range(1, 6)) == [3.0, 5.0, 1.0, 9.0, 1.0]
    book.put(5, 1, Cell(10.0))
    assert (book.value(0, 3), book.value(5, 4)) == (34.0, 21.0)
    book.book = book.book.copy()
    structure.insert(book.book, book.book.sheets[0], Dimension.ROWS, 2, 1)
    assert book.value(2, 2) == 0.0
    assert book.value(3, 2) == 4.0


def test_one_array_is_in_the_way_of_another() -> None:
    book = book_of("=ARRAYFORMULA(B2:B*2)")
    book.put(4, 1, Cell(formula="=ARRAYFORMULA(D1:E1)"))
    assert isinstance(book.value(4, 1), CellError)


def test_the_api_shows_values_that_nobody_entered(api: Api, file_id: str) -> None:
    api.write(file_id, "B2", [[1], [2], [4]])
    api.write(file_id, "C2", [["=ARRAYFORMULA(B2:B4*2)"]], "USER_ENTERED")
    answer: Any = api.sheets(
        "GET",
        f"/{file_id}",
        ranges="Sheet1!C2:C5",
        fields="sheets.data.rowData.values(userEnteredValue,effectiveValue)",
    ).json()
    rows = [row["values"][0] for row in answer["sheets"][0]["data"][0]["rowData"]]
    assert rows == [
        {"userEnteredValue": {"formulaValue": "=ARRAYFORMULA(B2:B4*2)"}, "effectiveValue": {"numberValue": 2}},
        {"effectiveValue": {"numberValue": 4}},
        {"effectiveValue": {"numberValue": 8}},
    ]
    assert api.read(file_id, "C2:C9") == [[2], [4], [8]]
    assert api.read(file_id, "C2:C9", valueRenderOption="FORMULA") == [["=ARRAYFORMULA(B2:B4*2)"], [4], [8]]


def test_a_result_that_the_grid_has_no_room_for(api: Api, file_id: str) -> None:
    api.write(file_id, "A1", [["=SEQUENCE(2000)"]], "USER_ENTERED")
    api.write(file_id, "Y1", [["={1,2,3}"]], "USER_ENTERED")
    fields = "sheets.data.rowData.values.effectiveValue.errorValue.message"
    ranges = ["A1", "Y1"]
    shown = api.sheets("GET", f"/{file_id}", ranges=ranges, fields=fields).json()["sheets"][0]["data"]
    messages = [one["rowData"][0]["values"][0]["effectiveValue"]["errorValue"]["message"] for one in shown]
    assert messages == [
        "Result was not automatically expanded, please insert more rows.",
        "Result was not automatically expanded, please insert more columns.",
    ]
    assert api.read(file_id, "A2") == []


def test_a_date_that_a_formula_gives_is_shown_as_one(api: Api, file_id: str) -> None:
    formulas = ["=DATE(2024,1,31)", "=DATE(2024,1,31)+1", "=YEAR(DATE(2024,1,31))", "=TO_PERCENT(0.5)", "=TIME(6,0,0)"]
    api.write(file_id, "A1", [formulas], "USER_ENTERED")
    assert api.read(file_id, "A1:E1", valueRenderOption="FORMATTED_VALUE") == [
        ["1/31/2024", "2/1/2024", "2024", "50.00%", "6:00:00 AM"]
    ]
    strings = {"valueRenderOption": "UNFORMATTED_VALUE", "dateTimeRenderOption": "FORMATTED_STRING"}
    assert api.read(file_id, "A1:C1", **strings) == [["1/31/2024", "2/1/2024", 2024]]
    fields = "sheets.data.rowData.values(userEnteredFormat,effectiveFormat.numberFormat)"
    cell = api.sheets("GET", f"/{file_id}", ranges="A1", fields=fields).json()["sheets"][0]["data"][0]["rowData"][0]
    assert cell["values"] == [{"effectiveFormat": {"numberFormat": {"type": "DATE", "pattern": "m/d/yyyy"}}}]
