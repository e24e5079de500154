"""The parts of the sheet source that only compute: grids, requests, and what an accident hit."""

import doctest
import json
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

import sync.sheets.grid
import sync.sheets.ids
from db.keys import key_text
from db.sources import Column
from db.wire import ColumnType
from sync.sheets.answer import parse_grids
from sync.sheets.binding import Bound
from sync.sheets.chunks import MAX_BYTES, Block, blocks, cell_chunks
from sync.sheets.grid import Grid, column_letters, header_text, quote_title, same_cell
from sync.sheets.ids import new_row_id
from sync.sheets.plan import MAX_CELLS, CellWrite, plan_rows, plan_updates
from sync.sheets.repair import Entered, displaced_cells, displaced_deletes, entered, restores
from sync.sheets.requests import values_body
from sync.sheets.rows import Rows, read_rows
from sync.source import Cell, Edit

ID = Column("id", ColumnType.INTEGER, "ID")
NAME = Column("name", ColumnType.TEXT, "Name")
CITY = Column("city", ColumnType.TEXT, "City")
BOUND = Bound(0, ((ID, 0), (NAME, 1), (CITY, 2)), ((ID, 0),), managed=False, problems=())


def rows_of(lines: Sequence[Sequence[Cell]]) -> Rows:
    """Rows below a header."""
    values: list[list[Cell]] = [["ID", "Name", "City"], *[list(line) for line in lines]]
    grid = Grid("people", 0, 1000, 26, "UTC", values, {}, {}, {})
    return read_rows(BOUND, grid)


def key(id_: int) -> str:
    return key_text([str(id_)])


@pytest.mark.parametrize("module", [sync.sheets.grid, sync.sheets.ids])
def test_examples(module: Any) -> None:
    assert doctest.testmod(module).failed == 0


def test_an_answer_of_google_is_read() -> None:
    answer = {
        "properties": {"timeZone": "Europe/Berlin"},
        "sheets": [
            {"properties": {"sheetId": 7, "title": "x", "gridProperties": {}}},
            {
                "properties": {"title": "It's", "gridProperties": {"rowCount": 10, "columnCount": 5}},
                "data": [
                    {
                        "startRow": 1,
                        "startColumn": 1,
                        "columnMetadata": [
                            {},
                            {"developerMetadata": [{"metadataId": 5, "metadataKey": "rowcast"}, {"metadataId": 6}]},
                        ],
                        "rowData": [
                            {
                                "values": [
                                    {"userEnteredValue": {"numberValue": 7}, "effectiveValue": {"numberValue": 7}},
                                    {},
                                    {
                                        "userEnteredValue": {"formulaValue": "=X"},
                                        "effectiveValue": {"errorValue": {"type": "NAME"}},
                                        "effectiveFormat": {"numberFormat": {"type": "DATE"}},
                                    },
                                    {"effectiveValue": {"stringValue": "spilled"}, "effectiveFormat": {}},
                                    {"userEnteredValue": {"boolValue": False}, "effectiveValue": {"boolValue": False}},
                                    {},
                                ]
                            },
                            {},
                        ],
                    }
                ],
            },
        ],
    }
    grids = parse_grids(json.dumps(answer).encode())
    grid = grids[0]
    assert grid.values == [[], [None, 7.0, None, None, "spilled", False], []]
    assert grid.computed == {(1, 3): "=X", (1, 4): ""}
    assert grid.errors == {(1, 3): "#NAME?"}
    assert grid.formats == {(1, 3): "DATE", (1, 4): ""}
    assert (grid.zone, grid.row_count, grid.column_count) == ("Europe/Berlin", 10, 5)
    assert (grid.address(1, 3), grid.address(1)) == ("'It''s'!D2", "'It''s'!2:2")
    assert (grid.value(99, 0), grid.value(0, 99), grid.row(99)) == (None, None, ())
    assert grid.tags == {5: 2}
    assert set(grids) == {0, 7}


@given(st.integers(0, 18_277))
def test_letters_count_like_google(column: int) -> None:
    number = 0
    for letter in column_letters(column):
        number = number * 26 + ord(letter) - ord("A") + 1
    assert number - 1 == column


@pytest.mark.parametrize(
    ("one", "other", "same"),
    [
        (1.0, True, False),
        (0.0, False, False),
        ("", None, True),
        (None, None, True),
        (0.0, None, False),
        (False, None, False),
        ("1", 1.0, False),
        (1.0, 1.0, True),
    ],
)
def test_cells_are_compared_with_their_kind(one: Cell, other: Cell, same: bool) -> None:
    assert same_cell(one, other) is same
    assert same_cell(other, one) is same


def test_headers_and_titles() -> None:
    assert [header_text(cell) for cell in (" a b ", 7.0, 7.5, True, None)] == ["a b", "7", "7.5", "TRUE", ""]
    assert quote_title("A1's") == "'A1''s'"


@given(st.integers(0, 2**48 - 1), st.integers(0, 2**74 - 1))
def test_ids_are_version_7_and_ordered_by_time(unix_ms: int, bits: int) -> None:
    import uuid

    made = uuid.UUID(new_row_id(unix_ms, bits))
    assert (made.version, made.variant) == (7, uuid.RFC_4122)
    assert made.int >> 80 == unix_ms
    assert str(made) == new_row_id(unix_ms, bits)


def test_neighbouring_cells_are_one_range() -> None:
    writes = [CellWrite("k", "n", row, place, value) for row, place, value in [
        (2, 3, None), (1, 1, "a"), (1, 2, 2.0), (1, 4, True), (2, 0, "x"),
    ]]  # fmt: skip
    assert values_body("S", blocks(writes)) == {
        "valueInputOption": "RAW",
        "data": [
            {"range": "'S'!B2:C2", "values": [["a", 2.0]]},
            {"range": "'S'!E2:E2", "values": [[True]]},
            {"range": "'S'!A3:A3", "values": [["x"]]},
            {"range": "'S'!D3:D3", "values": [[""]]},
        ],
    }


def test_runs_that_follow_each_other_are_one_range() -> None:
    writes = [CellWrite("k", "n", row, place, "x") for row in (1, 2, 3, 5) for place in (1, 2)]
    found = [(block.first.index, block.last.index, block.first.place, block.last.place) for block in blocks(writes)]
    assert found == [(1, 3, 1, 2), (5, 5, 1, 2)]
    writes = [CellWrite("k", "n", row, row % 2, "x") for row in range(1, 4)]
    assert [(block.first.index, block.last.index) for block in blocks(writes)] == [(1, 1), (2, 2), (3, 3)]


@given(
    st.lists(
        st.tuples(st.integers(0, 60), st.integers(0, 3), st.text("aä\n", max_size=3).map(lambda text: text * 60_000)),
        unique_by=lambda write: write[:2],
        max_size=60,
    )
)
def test_calls_hold_every_write_once_and_are_not_too_large(cells: list[tuple[int, int, str]]) -> None:
    writes = [CellWrite("k", "n", *cell) for cell in cells]
    chunks = cell_chunks("It's", writes)
    sent = [write for chunk in chunks for block in chunk for line in block.lines for write in line]
    assert sorted(sent, key=id) == sorted(writes, key=id)
    for chunk in chunks:
        size = len(json.dumps(values_body("It's", chunk)))
        assert size <= MAX_BYTES + 100 or [len(block.lines) for block in chunk] == [1]


def shapes(chunk: Sequence[Block]) -> list[int]:
    return [len(block.lines) for block in chunk]


def test_ten_thousand_cells_in_one_column_are_one_range_and_one_call() -> None:
    writes = [CellWrite("k", "n", row, 1, "a value of some length") for row in range(10_000)]
    assert [shapes(chunk) for chunk in cell_chunks("Sheet1", writes)] == [[10_000]]


def test_ten_thousand_cells_that_lie_apart_are_one_call() -> None:
    writes = [CellWrite("k", "n", 2 * row, 1, "a value of some length") for row in range(10_000)]
    assert [len(chunk) for chunk in cell_chunks("Sheet1", writes)] == [10_000]


def test_a_worksheet_near_the_limit_takes_what_fits() -> None:
    rows = replace(rows_of([]), grid=replace(rows_of([]).grid, row_count=MAX_CELLS // 4 - 1, column_count=4))
    plan = plan_rows(rows, [Edit(key(id_), {"id": float(id_)}, insert=True) for id_ in (1, 2, 3)])
    assert [edit.key for edit in plan.inserts] == [key(1)]
    assert [(one.key, [problem.code for problem in one.problems]) for one in plan.settled] == [
        (key(2), ["SHEET_FULL"]),
        (key(3), ["SHEET_FULL"]),
    ]


def test_a_formula_follows_its_row() -> None:
    grid = Grid(
        "s", 0, 10, 5, "UTC", [["h"], [1.0]], {(1, 0): '=B2+$C2*D$2-Other!E2&"B2"&B22&LOG2(A3)', (1, 1): ""}, {}, {}
    )
    moved = '=B5+$C5*D$2-Other!E2&"B2"&B22&LOG2(A3)'
    assert entered(grid, 1, 0, moved_to=4) == Entered(formula=moved)
    assert entered(grid, 1, 1) == Entered()


# Accidents

LINES = st.lists(
    st.tuples(st.integers(1, 9), st.text("abc", max_size=2), st.text("xyz", max_size=2)),
    min_size=1,
    max_size=6,
    unique_by=lambda line: line[0],
)


@st.composite
def accidents(draw: st.DrawFn) -> tuple[list[list[Cell]], list[list[Cell]], dict[int, str]]:
    """Lines as located, as they stand when the write comes, and what is written into the names of which ids."""
    lines: list[list[Cell]] = [[float(id_), name, city] for id_, name, city in draw(LINES)]
    moved = draw(st.permutations(lines))
    blanks = draw(st.lists(st.integers(0, len(lines)), max_size=2))
    standing: list[list[Cell]] = [list(line) for line in moved]
    for at in blanks:
        standing.insert(at, [None, None, None])
    ids = draw(st.lists(st.sampled_from([line[0] for line in lines]), unique=True, min_size=1))
    # Values of ours that nobody else has: equal ones are told apart in the tests below.
    return lines, standing, {int(str(id_).split(".")[0]): f"new {id_}" for id_ in ids}


@given(accidents())
def test_whatever_was_hit_is_put_back(
    accident: tuple[list[list[Cell]], list[list[Cell]], dict[int, str]],
) -> None:
    lines, standing, wanted = accident
    before = rows_of(lines)
    plan = plan_updates(before, [Edit(key(id_), {"name": name}) for id_, name in wanted.items()])
    expected = {line[0]: list(line) for line in lines}
    after_lines = [list(line) for line in standing]
    for write in plan.writes:
        while len(after_lines) < write.index:
            after_lines.append([None, None, None])
        hit = after_lines[write.index - 1]
        hit[write.place] = write.value
        if hit[0] is not None and key(int(hit[0])) == write.key:
            expected[hit[0]][write.place] = write.value
    after = rows_of(after_lines)
    for _, restore in restores(after, displaced_cells(before, after, plan.writes)):
        assert restore.entered.formula is None
        after_lines[restore.index - 1][restore.place] = restore.entered.value
    left = [line for line in after_lines if line[0] is not None]
    assert {line[0]: [cell or None for cell in line] for line in left} == {
        id_: [cell or None for cell in line] for id_, line in expected.items()
    }
    assert all(not any(line) for line in after_lines if line[0] is None)


@given(accidents(), st.data())
def test_every_row_that_a_delete_hit_comes_back(
    accident: tuple[list[list[Cell]], list[list[Cell]], dict[int, str]], data: st.DataObject
) -> None:
    lines, standing, wanted = accident
    before = rows_of(lines)
    deleted = {key(id_): before.by_key[key(id_)].index for id_ in wanted}
    person = data.draw(st.sampled_from([None, *range(len(standing))]))
    if person is not None:
        gone = standing[person][0]
        standing = [line for number, line in enumerate(standing) if number != person]
    else:
        gone = None
    after_lines = list(standing)
    for index in sorted(deleted.values(), reverse=True):
        if index - 1 < len(after_lines):
            del after_lines[index - 1]
    after = rows_of(after_lines)
    back = {before.grid.value(index, 0) for index in displaced_deletes(before, after, deleted)}
    left = {line[0] for line in after_lines}
    in_order = [line[0] for line in after_lines if line[0]] == [line[0] for line in lines if line[0] in left]
    # Who moves rows so that another delete puts them back in order can't be told from who only deleted.
    assume(
        gone is None
        or not in_order
        or [line[0] for line in standing if line[0]] == [line[0] for line in lines if line[0] != gone]
    )
    ours = {float(id_) for id_ in wanted}
    if gone not in ours:
        assert {line[0] for line in lines} - ours - left - {gone} <= back
    assert not back & (left | ours)


def test_values_that_were_there_before_are_no_accident() -> None:
    before = rows_of([[1.0, "Ada", "x"], [2.0, "same", "y"]])
    write = CellWrite(key(1), "name", 1, 1, "same")
    assert displaced_cells(before, rows_of([[1.0, "Ada", "x"], [2.0, "same", "y"]]), [write]) == []


def test_an_accident_that_can_not_be_told_is_left() -> None:
    before = rows_of([[1.0, "a", "x"], [2.0, "b", "y"], [3.0, "c", "z"]])
    after = rows_of([[9.0, "d", "v"], [1.0, "a", "x"], [2.0, "new", "y"], [3.0, "new", "z"]])
    assert displaced_cells(before, after, [CellWrite(key(1), "name", 1, 1, "new")]) == []


def test_a_person_who_deletes_too_is_told_from_the_accident() -> None:
    lines: list[list[Cell]] = [[float(id_), "n", "c"] for id_ in range(1, 7)]
    before = rows_of(lines)
    # A person deleted row 1, so the delete meant for row 3 hit row 4.
    after = rows_of([line for line in lines if line[0] not in (1.0, 4.0)])
    assert displaced_deletes(before, after, {key(3): 3}) == [4]
    # The person deleted the very row: the delete hit the one below.
    after = rows_of([line for line in lines if line[0] not in (3.0, 4.0)])
    assert displaced_deletes(before, after, {key(3): 3}) == [4]
    after = rows_of([line for line in lines if line[0] not in (3.0, 6.0)])
    assert displaced_deletes(before, after, {key(3): 3}) == []
