"""Formulas: values, errors in Google's names, and results that are right after every kind of edit."""

from datetime import UTC, datetime

import pytest

from sandbox.workbook import structure
from sandbox.workbook.calculation import Calculation
from sandbox.workbook.cells import Cell, CellError, Effective
from sandbox.workbook.shifts import Dimension
from sandbox.workbook.spreadsheet import Spreadsheet

NOON = datetime(2024, 1, 5, 12, tzinfo=UTC)


class Book:
    """A spreadsheet whose edits are new copies, as the drive makes them."""

    def __init__(self) -> None:
        self.now = NOON
        self.book = Spreadsheet("Test")
        self.calculation = Calculation(lambda: self.now)

    def put(self, row: int, column: int, cell: Cell) -> None:
        self.book = self.book.copy()
        self.book.sheets[0].put(row, {column: cell})

    def value(self, row: int, column: int) -> Effective:
        self.calculation.bring_up_to_date(self.book)
        sheet = self.book.sheets[0]
        return self.calculation.value(sheet, row, column, sheet.cell(row, column))


@pytest.mark.parametrize(
    ("formula", "expected"),
    [
        ("=A1*2", 4.0),
        ("=SUM(A:A)", 5.0),
        ("=A1:A2", 2.0),
        ('=IF(A1>1,"yes","no")', "yes"),
        ("=A1=2", True),
        ("=DATE(2024,1,31)", 45322.0),
        ("=TODAY()", 45296.0),
        ('=INDIRECT("C1")', "far"),
        ("=OFFSET(A1,0,2)", "far"),
        ("=Z99", None),
        ("=sheet1!Z9999", None),
        ("=Z99+1", 1.0),
        ("=Z98:Z99", 0.0),
        ("=A3", 0.0),
        ("=A1/0", "#DIV/0!"),
        ("=Nowhere!A1", "#REF!"),
        ("=#REF!+1", "#REF!"),
        ("=NOSUCH(1)", "#NAME?"),
        ('="x"*2', "#VALUE!"),
        ("=VLOOKUP(9,A1:B2,2,FALSE)", "#N/A"),
        ("=SQRT(-1)", "#NUM!"),
        ("=1e400", "#NUM!"),
        ("=1+", "#ERROR!"),
        ('="open', "#ERROR!"),
        ("=G9", "#REF!"),
        ('=REGEXMATCH("order 7","[0-9]+")', True),
        ('=REGEXEXTRACT("order 7","[0-9]+")', "7"),
        ('=REGEXEXTRACT("order","[0-9]+")', "#N/A"),
        ('=REGEXREPLACE("2024-01","([0-9]+)-([0-9]+)","$2/$1")', "01/2024"),
        ('=REGEXMATCH("a","[")', "#VALUE!"),
        ('=REGEXMATCH("aa","(a)\\1")', "#VALUE!"),
        ('=REGEXMATCH("' + "a" * 40_000 + 'b","^(a+)+$")', False),
        ('=REGEXREPLACE("Äb","(\\w)","<$1$2>")', "Ä<b$2>"),
        ('=JOIN("-",A1:A2,"x")', "2-3-x"),
        ("=COUNTUNIQUE(A1:A3,2)", 3.0),
        ("=DIVIDE(A1,A3)", "#DIV/0!"),
        ("=DIVIDE(A1,0/0)", "#DIV/0!"),
        ("=MINUS(MULTIPLY(A1,A2),ADD(1,1))", 4.0),
        ('=EQ("A","a")', True),
        ("=GT(A2,A1)", True),
        ("=ISBETWEEN(A1,2,3,FALSE)", False),
        ('=ISEMAIL("ada@example.com")', True),
        ('=ISURL("ada")', False),
        ("=TO_TEXT(A1)&A2", "23"),
        ("=INDEX(SORT(A1:A3,1,FALSE),1)", 3.0),
        ("=IFERROR(A1/0)", ""),
        ("=iferror(IFERROR(1/0),A1)&IFNA(NA())", ""),
        ("=ROUND(2.5)+ROUNDUP(2.1)+ROUNDDOWN(2.9)", 8.0),
        ("=SUM({A1,A2;A2:B2},{1,2})", 11.0),
        ("=SUMPRODUCT({A1:A2,A1:A2})", 10.0),
        ('=COUNTA({A1,"a;b","{"})', 3.0),
        ('=LEN(REPT("ab",25000))', 50000.0),
        ('=REPT("a",50001)', "#VALUE!"),
        ('=VALUE("$1,234.50")+VALUE("50%")', 1235.0),
        ('=VALUE("1/31/2024")', 45322.0),
        ('=VALUE("a")', "#VALUE!"),
        ("=MMULT({1,2},{3;4})", 11.0),
        ("=AVERAGE.WEIGHTED(A1:A2,A1:A2)", 2.6),
        ("=SUM(SORTN(A1:A3,2,0,1,FALSE))", 5.0),
        ('=ENCODEURL("a b/ä")', "a%20b%2F%C3%A4"),
        ("=EPOCHTODATE(86400)", 25570.0),
        ('=COUNTUNIQUEIFS({1;1;2;3},{5;6;7;8},">5")', 3.0),
        ('=COUNTUNIQUEIFS({1;1;2;3},{"ab";"b";"AC";"a*"},"a*",{1;1;1;2},1)', 2.0),
        ('=COUNTUNIQUEIFS({1;1;2;3},{"ab";"b";"AC";"a*"},"a~*")', 1.0),
        ('=COUNTUNIQUEIFS(A1:A3,C1:C3,"<>")', 1.0),
        ('=COUNTUNIQUEIFS(A1:A3,C1:C3,"=")', 2.0),
        ('=COUNTUNIQUEIFS(A1:A3,A1:A3,"<1/2/1900")', 2.0),
        ('=COUNTUNIQUEIFS(A1:A3,C1:C2,"x")', "#VALUE!"),
        ("=INDEX(WRAPROWS(SEQUENCE(5),2),3,1)", 5.0),
        ("=INDEX(WRAPROWS(SEQUENCE(5),2),3,2)", "#N/A"),
        ('=INDEX(WRAPCOLS(SEQUENCE(1,5),2,"-"),2,3)', "-"),
        ("=COLUMNS(WRAPROWS(A1:A3,99999999))", 3.0),
        ("=INDEX(WRAPROWS(C1:C3,3),1,2)", ""),
        ("=WRAPROWS(A1:B2,2)", "#VALUE!"),
        ("=WRAPCOLS(A1:A3,0)", "#NUM!"),
        ("=LAMBDA(x,y,x-y)(A2,A1)", 1.0),
        ("=1+lambda(x, LAMBDA(y,x*y)(3))(2)", 7.0),
        ("=REDUCE(5,A1:A3,LAMBDA(a,b,a+b))", 10.0),
        ('=JOIN("-",MAP(A1:A2,A2:A3,LAMBDA(x,y,x&"|"&y)))', "2|3-3|0"),
        ("=SUM(MAP(A1:A2,LAMBDA(x,SUM(MAP(A1:A2,LAMBDA(y,x*y*A$2))))))", 75.0),
        ('=JOIN("",MAP({1;2},LAMBDA(x,JOIN("",MAP({"a""b","c"},LAMBDA(y,y&x&","))))))', 'a"b1,c1,a"b2,c2,'),
        ("=LET(k,10,SUM(MAP(A1:A2,LAMBDA(x,LET(y,x*k,y+1)))))", 52.0),
        ("=LET(k,10,SUM(MAP(A1:A2,LAMBDA(x,LET(y,k,z,y,z*x)))))", 50.0),
        ("=SUM(MAP(A1:A2,LAMBDA(x,LAMBDA(y,x*y)(x))))", 13.0),
        ("=SUM(MAP(A1:A3,LAMBDA(x,IFERROR(1/x,A1/0))))", "#DIV/0!"),
        ("=SUM(MAP(A1:A3,LAMBDA(x,IFERROR(6/x))))", 5.0),
        ("=SUM(MAP(MAP(A1:A3,LAMBDA(x,6/x)),LAMBDA(y,IFERROR(y))))", 5.0),
        ('=REDUCE("",A1:A2,LAMBDA(a,x,a&IFERROR(C$1*1,"-")&x))', "-2-3"),
        ('=SUM(MAP(A1:A3,LAMBDA(x,COUNTIF(A$1:A$3,"<"&x))))', 3.0),
        ("=SUM(MAP(A1:A2,LAMBDA(x,SUM(ARRAYFORMULA({1,2}*x)))))", 15.0),
        ("=INDEX(MAP({1},LAMBDA(x,TODAY()+x)),1)", 45297.0),
        ("=BYROW(A1:B2,LAMBDA(x,y,x))", "#N/A"),
        ("=MAP(A1:A2,A1:A3,LAMBDA(x,y,x))", "#N/A"),
        ("=MAP(A1:A2,LAMBDA(x,{x,x}))", "#VALUE!"),
        ("=MAP(A1:A2,LAMBDA(x,NOSUCH(x)))", "#NAME?"),
        ("=SUM(MAP(A1:A2,LAMBDA(x,IF(x>2,NOSUCH(x),x))))", "#NAME?"),
        ("=MAP(A1:A2,LAMBDA(x,ROW(x)))", "#NAME?"),
        ("=MAP(A1:A2,3)", "#NAME?"),
        ("=SUM(MAKEARRAY(1000,1000,LAMBDA(r,c,1)))", "#VALUE!"),
        ("=MAKEARRAY(0,1,LAMBDA(r,c,1))", "#NUM!"),
    ],
)
def test_results(formula: str, expected: Effective) -> None:
    book = Book()
    for row, column, value in ((0, 0, 2.0), (1, 0, 3.0), (0, 2, "far"), (2, 0, 0.0)):
        book.put(row, column, Cell(value))
    book.put(8, 6, Cell(formula=formula))
    found = book.value(8, 6)
    assert (found.text if isinstance(found, CellError) else found) == expected


def test_results_follow_edits_undone_copies_and_structure() -> None:
    book = Book()
    book.put(0, 0, Cell(1.0))
    assert book.value(0, 0) == 1.0
    book.put(0, 1, Cell(formula="=A1+C1"))
    assert book.value(0, 1) == 1.0
    before = book.book
    book.put(0, 2, Cell(5.0))
    assert book.value(0, 1) == 6.0
    book.book = before
    assert book.value(0, 1) == 1.0
    book.put(0, 0, Cell())
    assert book.value(0, 1) == 0.0
    book.put(0, 0, Cell("text"))
    value = book.value(0, 1)
    assert isinstance(value, CellError)
    assert value.kind == "VALUE"
    book.put(0, 0, Cell(formula="=2*3"))
    assert book.value(0, 1) == 6.0
    book.put(0, 0, Cell(formula="=1+"))
    assert isinstance(book.value(0, 1), CellError)
    book.put(0, 0, Cell(2.0))
    book.book = book.book.copy()
    structure.insert(book.book, book.book.sheets[0], Dimension.ROWS, 0, 3)
    assert book.value(3, 1) == 2.0
    book.book = book.book.copy()
    structure.delete(book.book, book.book.sheets[0], Dimension.ROWS, 0, 3)
    assert book.value(0, 1) == 2.0
    book.put(0, 1, Cell(7.0))
    assert book.value(0, 1) == 7.0


def test_the_clock_moves_volatile_results() -> None:
    book = Book()
    book.put(0, 0, Cell(formula="=NOW()"))
    assert book.value(0, 0) == 45296.5
    book.now = datetime(2024, 1, 6, tzinfo=UTC)
    assert book.value(0, 0) == 45297.0


def test_whole_rows_are_read_to_the_end_that_the_grid_has_now() -> None:
    book = Spreadsheet("Test")
    sheet = book.sheets[0]
    sheet.put(0, {0: Cell(formula="=SUM(2:2)")})
    sheet.put(1, {0: Cell(1.0)})
    calculation = Calculation(lambda: datetime(2026, 1, 1, tzinfo=UTC))
    calculation.bring_up_to_date(book)
    assert calculation.value(sheet, 0, 0, sheet.cell(0, 0)) == 1
    sheet.resize(sheet.row_count, 30)
    sheet.put(1, {29: Cell(5.0)})
    calculation.bring_up_to_date(book)
    assert calculation.value(sheet, 0, 0, sheet.cell(0, 0)) == 6


@pytest.mark.parametrize(("zone", "now"), [("America/New_York", 46022.875), ("GMT+02:00", 46023.166666666664)])
def test_the_time_is_that_of_the_spreadsheets_zone(zone: str, now: float) -> None:
    book = Book()
    book.now = datetime(2026, 1, 1, 2, tzinfo=UTC)
    book.book.time_zone = zone
    book.put(0, 0, Cell(formula="=NOW()"))
    book.put(1, 0, Cell(formula="=TODAY()"))
    assert book.value(0, 0) == pytest.approx(now)
    assert book.value(1, 0) == now // 1
