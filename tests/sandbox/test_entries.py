"""What is typed and what is shown: tables of Google's readings in the locale en_US, and that both fit together."""

from datetime import datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sandbox.workbook.cells import Cell, CellError, Effective, Scalar
from sandbox.workbook.dates import from_serial, to_serial
from sandbox.workbook.display import exact, general, show
from sandbox.workbook.entry import parse_entry
from sandbox.workbook.errors import InvalidArgument
from sandbox.workbook.number_format import NumberFormat
from sandbox.workbook.writing import entered, entered_text


@pytest.mark.parametrize(
    ("typed", "value", "pattern"),
    [
        ("0042", 42.0, None),
        ("-3", -3.0, None),
        ("+3.50", 3.5, None),
        (".5", 0.5, None),
        ("5.", 5.0, None),
        (" 7 ", 7.0, None),
        ("1,234", 1234.0, "#,##0"),
        ("1,234.5", 1234.5, "#,##0.00"),
        ("1,23", "1,23", None),
        ("(5)", -5.0, None),
        ("(5", "(5", None),
        ("-(5)", "-(5)", None),
        ("1e3", 1000.0, "0.00E+00"),
        ("1e999", "1e999", None),
        ("7%", 0.07, "0%"),
        ("-12.5%", -0.125, "0.00%"),
        ("$5", 5.0, '"$"#,##0'),
        ("-$1,000.5", -1000.5, '"$"#,##0.00'),
        ("$-5", -5.0, '"$"#,##0'),
        ("--5", "--5", None),
        ("-", "-", None),
        (".", ".", None),
        ("true", True, None),
        (" FALSE", False, None),
        ("'007", "007", None),
        ("'=A1", "=A1", None),
        ("=", "=", None),
        ("2024-02-29", 45351.0, "yyyy-mm-dd"),
        ("2023-02-29", "2023-02-29", None),
        ("2/28/2024", 45350.0, "m/d/yyyy"),
        ("2/28/24", 45350.0, "m/d/yyyy"),
        ("1/1/99", 36161.0, "m/d/yyyy"),
        ("13/1/2024", "13/1/2024", None),
        ("Jan 5, 2024", 45296.0, "mmm d, yyyy"),
        ("5 January 2024", 45296.0, "d mmm yyyy"),
        ("Jab 5, 2024", "Jab 5, 2024", None),
        ("Janu 5, 2024", "Janu 5, 2024", None),
        ("2024-01-01 12:00", 45292.5, "yyyy-mm-dd h:mm:ss"),
        ("2024-01-01 25:00", "2024-01-01 25:00", None),
        ("6:00", 0.25, "h:mm"),
        ("3 pm", 0.625, "h:mm:ss am/pm"),
        ("13pm", "13pm", None),
        ("36:00", 1.5, "[h]:mm:ss"),
        ("36:60", "36:60", None),
        ("6:00:00", 0.25, "h:mm:ss"),
        ("6:00 PM", 0.75, "h:mm:ss am/pm"),
        ("12:00 am", 0.0, "h:mm:ss am/pm"),
        ("13:00 pm", "13:00 pm", None),
        ("6:60", "6:60", None),
        ("hello", "hello", None),
        ("", None, None),
    ],
)
def test_what_is_typed(typed: str, value: Scalar | None, pattern: str | None) -> None:
    entry = parse_entry(typed)
    assert (entry.value, type(entry.value)) == (value, type(value))
    assert (entry.number_format.pattern if entry.number_format else None) == pattern
    assert entry.formula is None


def test_formulas_text_cells_and_limits() -> None:
    assert parse_entry("=1+1").formula == "=1+1"
    assert parse_entry("=1+1", as_text=True).value == "=1+1"
    with pytest.raises(InvalidArgument, match="50000 characters"):
        parse_entry("x" * 50_001)
    assert parse_entry("x" * 50_000).value == "x" * 50_000


@pytest.mark.parametrize(
    ("value", "kind", "pattern", "shown"),
    [
        (None, "", "", ""),
        (True, "", "", "TRUE"),
        ("text", "NUMBER", "0.00", "text"),
        (CellError("REF", "#REF!"), "", "", "#REF!"),
        (1234.5, "", "", "1234.5"),
        (1234.5, "TEXT", "@", "1234.5"),
        (1234.5, "NUMBER", "", "1,234.50"),
        (1234.5, "NUMBER", "0", "1235"),
        (-1234.5, "NUMBER", "#,##0.0", "-1,234.5"),
        (0.5, "NUMBER", "#.##", ".5"),
        (0.5, "NUMBER", ".00", ".50"),
        (5.0, "NUMBER", "000", "005"),
        (5.0, "NUMBER", "#,##0.##", "5"),
        (-5.0, "NUMBER", "0;(0)", "(5)"),
        (0.0, "NUMBER", '0;0;"none"', "none"),
        (5.0, "NUMBER", '"no placeholder"', "no placeholder"),
        (5.0, "NUMBER", "General", "5"),
        (5.0, "NUMBER", '0 "pcs"', "5 pcs"),
        (5.0, "NUMBER", r"\#0", "#5"),
        (0.075, "PERCENT", "", "7.50%"),
        (0.5, "PERCENT", "0%", "50%"),
        (3.5, "CURRENCY", "", "$3.50"),
        (12345.0, "SCIENTIFIC", "", "1.23E+04"),
        (0.00012, "SCIENTIFIC", "0.0E+0", "1.2E-4"),
        (45296.0, "DATE", "", "1/5/2024"),
        (45296.75, "DATE_TIME", "", "1/5/2024 18:00:00"),
        (45296.75, "TIME", "", "6:00:00 PM"),
        (45296.0, "DATE", "dddd, mmmm dd, yy", "Friday, January 05, 24"),
        (45296.0, "DATE", "ddd mmm mmmmm", "Fri Jan J"),
        (0.5213, "TIME", 'hh"h" mm"m" ss.000', "12h 30m 40.320"),
        (0.0, "TIME", "h:mm am/pm", "12:00 AM"),
        (5e9, "DATE", "", "5000000000"),
        (1.5, "TIME", "[h]:mm:ss", "36:00:00"),
        (0.0625, "TIME", "[mm]:ss", "90:00"),
        (-5.0, "NUMBER", "0;[Red](0)", "(5)"),
        (5.0, "CURRENCY", "#,##0.00 [$€-407]", "5.00 €"),
        (5.0, "CURRENCY", "[$$]0", "$5"),
    ],
)
def test_what_is_shown(value: Effective, kind: str, pattern: str, shown: str) -> None:
    assert show(value, NumberFormat(kind, pattern) if kind else None) == shown


@pytest.mark.parametrize(
    ("number", "shown"),
    [
        (0.0, "0"),
        (-0.0, "0"),
        (0.1 + 0.2, "0.3"),
        (1 / 3, "0.3333333333"),
        (1234567.891, "1234567.891"),
        (12345678901.5, "12345678902"),
        (123456789012.0, "123456789012"),
        (1e15, "1E+15"),
        (1.5e-10, "1.5E-10"),
    ],
)
def test_numbers_without_a_format(number: float, shown: str) -> None:
    assert general(number) == shown


@given(st.floats(allow_nan=False, allow_infinity=False))
def test_exact_text_is_read_as_the_same_number(number: float) -> None:
    assert float(exact(number)) == number
    assert show(number, NumberFormat("NUMBER", "#,##0.00")) != ""
    assert general(number) != ""


@given(st.datetimes())
def test_serial_days_round_trip_to_the_millisecond(moment: datetime) -> None:
    read = from_serial(to_serial(moment))
    assert read is not None
    assert abs((read - moment).total_seconds()) <= 0.001


def test_serials_beyond_the_calendar_are_no_dates() -> None:
    assert from_serial(3_000_000) is None
    assert from_serial(-700_000) is None


@given(st.text(max_size=30), st.sampled_from([None, NumberFormat("TEXT", "@"), NumberFormat("DATE", "yyyy-mm-dd")]))
def test_typing_what_the_formula_bar_shows_changes_nothing(text: str, number_format: NumberFormat | None) -> None:
    cell = entered(Cell(number_format=number_format), text, user_entered=True)
    again = entered(cell, entered_text(cell), user_entered=True)
    assert (again.value, again.formula) == (cell.value, cell.formula)


@given(st.sampled_from(["NUMBER", "PERCENT", "DATE", "TIME", "DATE_TIME", ""]), st.floats(-1e6, 1e6))
def test_typing_a_shown_number_changes_nothing(kind: str, number: float) -> None:
    cell = Cell(number, number_format=NumberFormat(kind) if kind else None)
    assert entered(cell, entered_text(cell), user_entered=True).value == number


def test_the_formula_bar() -> None:
    for cell, text in (
        (Cell(formula="=A1"), "=A1"),
        (Cell("007"), "'007"),
        (Cell("007", number_format=NumberFormat("TEXT")), "007"),
        (Cell(True), "TRUE"),
        (Cell(0.5, number_format=NumberFormat("PERCENT", "0%")), "50%"),
        (Cell(45296.0, number_format=NumberFormat("DATE", "yyyy-mm-dd")), "2024-01-05"),
        (Cell(), ""),
    ):
        assert entered_text(cell) == text
