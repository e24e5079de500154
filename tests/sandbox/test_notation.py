"""A1 notation and shifts: tables, and properties that hold for all."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sandbox.workbook.a1 import (
    MAX_COLUMNS,
    A1Range,
    Area,
    area_name,
    column_index,
    column_letters,
    full_name,
    parse,
    quote_title,
)
from sandbox.workbook.errors import InvalidArgument
from sandbox.workbook.formulas import Malformed, moved, pieces, references, retitled, rewrite, shifted
from sandbox.workbook.shifts import Deleted, Dimension, Inserted, Moved, Shift


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("A1", A1Range(None, 0, 0, 1, 1)),
        ("b2:C3", A1Range(None, 1, 1, 3, 3)),
        ("C3:B2", A1Range(None, 1, 1, 3, 3)),
        ("$A$1:$B$2", A1Range(None, 0, 0, 2, 2)),
        ("A:C", A1Range(None, None, 0, None, 3)),
        ("2:5", A1Range(None, 1, None, 5, None)),
        ("A2:B", A1Range(None, 1, 0, None, 2)),
        ("A2:2", A1Range(None, 1, 0, 2, None)),
        ("Sheet1!A1", A1Range("Sheet1", 0, 0, 1, 1)),
        ("'It''s!'!A1", A1Range("It's!", 0, 0, 1, 1)),
        ("Sheet1", A1Range("Sheet1")),
        ("'A1'", A1Range("A1")),
        ("My sheet", A1Range("My sheet")),
        ("ZZZ1", A1Range(None, 0, 18277, 1, 18278)),
        ("AAAA1", A1Range("AAAA1")),
    ],
)
def test_ranges_are_read(text: str, expected: A1Range) -> None:
    assert parse(text) == expected


@pytest.mark.parametrize("text", ["Sheet1!", "Sheet1!A", "Sheet1!A1:", "Sheet1!1", "S!A1:AAAA9", "S!-1:2", "S!A0"])
def test_ranges_that_cannot_be_read(text: str) -> None:
    with pytest.raises(InvalidArgument, match="Unable to parse range"):
        parse(text)


@pytest.mark.parametrize(
    ("title", "quoted"),
    [("Sheet1", "Sheet1"), ("A1", "'A1'"), ("My sheet", "'My sheet'"), ("It's", "'It''s'"), ("1st", "'1st'")],
)
def test_titles_are_quoted_where_needed(title: str, quoted: str) -> None:
    assert quote_title(title) == quoted


@given(st.integers(0, MAX_COLUMNS - 1))
def test_column_letters_round_trip(index: int) -> None:
    assert column_index(column_letters(index)) == index


@given(
    st.text(min_size=1, alphabet=st.characters(blacklist_categories=["Cs"])),
    st.tuples(st.integers(0, 999), st.integers(0, 999), st.integers(1, 99), st.integers(1, 99)),
)
def test_what_is_written_is_read_again(title: str, corners: tuple[int, int, int, int]) -> None:
    top, left, height, width = corners
    area = Area(top, left, top + height, left + width)
    assert parse(full_name(title, area)) == A1Range(title, area.top, area.left, area.bottom, area.right)
    assert ("'" in full_name(title, area)) or area_name(area) in full_name(title, area)


SIZE = 30
shifts = st.one_of(
    st.builds(Inserted, st.integers(0, SIZE), st.integers(1, 5)),
    st.tuples(st.integers(0, SIZE - 1), st.integers(1, 5)).map(lambda p: Deleted(p[0], min(p[0] + p[1], SIZE))),
    st.tuples(st.integers(0, 10), st.integers(1, 5), st.integers(0, SIZE))
    .filter(lambda p: not p[0] < p[2] < p[0] + p[1])
    .map(lambda p: Moved(p[0], p[0] + p[1], p[2])),
)


def carried_out(shift: Shift) -> list[int | None]:
    """The old indexes in their new order, by doing it to a list."""
    line: list[int | None] = list(range(SIZE))
    if isinstance(shift, Inserted):
        line[shift.at : shift.at] = [None] * shift.count
    elif isinstance(shift, Deleted):
        del line[shift.start : shift.end]
    elif isinstance(shift, Moved):
        block = line[shift.start : shift.end]
        rest = line[: shift.start] + line[shift.end :]
        to = shift.to if shift.to <= shift.start else shift.to - len(block)
        line = rest[:to] + block + rest[to:]
    return line


@given(shifts)
def test_indexes_go_where_the_list_has_them(shift: Shift) -> None:
    line = carried_out(shift)
    for index in range(SIZE):
        assert shift.index(index) == (line.index(index) if index in line else None)


@given(shifts, st.integers(0, SIZE - 1), st.integers(1, SIZE))
def test_spans_cover_what_is_left_of_them(shift: Shift, start: int, length: int) -> None:
    end = min(start + length, SIZE)
    span = shift.span(start, end)
    left = [place for place, index in enumerate(carried_out(shift)) if index is not None and start <= index < end]
    if isinstance(shift, Moved):
        assert span is not None
    elif not left:
        assert span is None
    else:
        assert span == (left[0], left[-1] + 1)


@pytest.mark.parametrize(
    ("formula", "shift", "expected"),
    [
        ("=A1+B2", Inserted(1, 2), "=A1+B4"),
        ("=SUM(A1:A3)", Inserted(1, 1), "=SUM(A1:A4)"),
        ("=SUM(A1:A3)", Inserted(3, 1), "=SUM(A1:A3)"),
        ("=SUM(A$2:$A4)", Deleted(0, 1), "=SUM(A$1:$A3)"),
        ("=SUM(A1:A3)", Deleted(0, 3), "=SUM(#REF!)"),
        ("=SUM(A2:A)", Deleted(0, 2), "=SUM(A1:A)"),
        ("=SUM(A2:A)", Inserted(0, 1), "=SUM(A3:A)"),
        ("=SUM(A:A, 2:3)", Inserted(2, 1), "=SUM(A:A, 2:4)"),
        ("=SUM($2:$3)", Inserted(0, 1), "=SUM($3:$4)"),
        ("=Other!A5&Home!A5&'Home'!A5", Inserted(0, 1), "=Other!A5&Home!A6&Home!A6"),
        ('="A5 ü"&A5', Inserted(0, 1), '="A5 ü"&A6'),
        ("=A5.x", Inserted(0, 1), "=A5.x"),
        ("=LOG10(A5)+named", Inserted(0, 1), "=LOG10(A6)+named"),
        ('="open', Inserted(0, 1), '="open'),
        ("=A3", Moved(2, 3, 0), "=A1"),
    ],
)
def test_formulas_follow_rows(formula: str, shift: Shift, expected: str) -> None:
    assert shifted(formula, "Home", "Home", Dimension.ROWS, shift) == expected


def test_formulas_follow_columns_copies_and_titles() -> None:
    assert shifted("=B$1+$C2+2:2", "S", "S", Dimension.COLUMNS, Inserted(2, 1)) == "=B$1+$D2+2:2"
    assert moved("=A1+$A1+A$1+$A$1+B:B+3:3", 2, 1) == "=B3+$A3+B$1+$A$1+C:C+5:5"
    assert moved("=A1+A1:B2", -1, 0) == "=#REF!+#REF!"
    assert retitled("=Old!A1+A1", "old", "New one") == "='New one'!A1+A1"
    assert retitled("='Old'!A1:B2", "Old", None) == "=#REF!"
    assert [one.text() for one in references("='a b'!A1+SUM(B:B)")] == ["'a b'!A1", "B:B"]
    assert references('="open') == []
    with pytest.raises(Malformed):
        pieces('="open')


@given(st.text(alphabet="A1B2:$!'\"()+,= ", max_size=20))
def test_a_rewrite_that_changes_nothing_changes_nothing(text: str) -> None:
    formula = "=" + text
    assert rewrite(formula, lambda reference: reference).upper().replace("'", "").replace("$", "") == (
        formula.upper().replace("'", "").replace("$", "")
    )
