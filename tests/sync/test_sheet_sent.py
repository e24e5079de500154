"""What is kept of a write until it was judged, and how it is judged when people may have gone on since."""

from collections.abc import Sequence
from dataclasses import replace

import pytest

from sync.sheets.grid import Grid
from sync.sheets.ids import IdWrite
from sync.sheets.plan import CellWrite
from sync.sheets.refreshed import refreshed
from sync.sheets.repair import displaced_cells, displaced_deletes
from sync.sheets.sent import Sent, decoded, is_done
from sync.source import Cell, Edit
from tests.sync.test_sheet_pure import key, rows_of

BEFORE: Sequence[Sequence[Cell]] = ((1.0, "Ada", "London"), (2.0, "Grace", "Arlington"), (3.0, "Alan", "Wilmslow"))
WRITE = CellWrite(key(2), "name", 2, 1, "Grace H")

Lines = Sequence[Sequence[Cell]]


@pytest.mark.parametrize(
    ("after", "hit"),
    [
        pytest.param(((1.0, "Ada", ""), (2.0, "Grace H", ""), (3.0, "Alan", "")), [], id="arrived"),
        pytest.param(((1.0, "Ada", ""), (2.0, "Grace", ""), (3.0, "Alan", "")), [], id="not sent, or not yet"),
        pytest.param(((3.0, "Alan", ""), (1.0, "Grace H", ""), (2.0, "Grace", "")), [1], id="sorted at that moment"),
        pytest.param(((1.0, "Grace H", ""), (3.0, "Alan", ""), (2.0, "Grace", "")), [1], id="and once more since"),
        pytest.param(((3.0, "Alan", ""), (1.0, "typed", ""), (2.0, "Grace", "")), [], id="and typed over"),
        pytest.param(((1.0, "Ada", ""), (2.0, "typed", ""), (3.0, "Grace H", "")), [], id="people's since it arrived"),
        pytest.param(((1.0, "Ada", ""), (2.0, "Grace", ""), (3.0, "Grace H", "")), [], id="people's, and undone"),
        pytest.param(((3.0, "Grace H", ""), (1.0, "Grace H", ""), (2.0, "Grace", "")), [1], id="where it was sent to"),
        pytest.param(((3.0, "Grace H", ""), (4.0, "", ""), (1.0, "Grace H", ""), (2.0, "x", "")), [], id="not sure"),
    ],
)
def test_a_write_is_judged_though_people_went_on(after: Lines, hit: Sequence[int]) -> None:
    damages = displaced_cells(rows_of(BEFORE), rows_of(after), [WRITE], later=True)
    assert [damage.key for damage in damages] == [key(id_) for id_ in hit]
    assert all(damage.original.value in ("Ada", "Alan") for damage in damages)


@pytest.mark.parametrize(
    ("after", "gone"),
    [
        pytest.param((1, 3), [], id="arrived"),
        pytest.param((1, 2, 3), [], id="not sent, or not yet"),
        pytest.param((3, 2), [1], id="sorted at that moment"),
        pytest.param((9, 2, 3), [1], id="a row inserted at that moment"),
        pytest.param((2, 3), [], id="not sent, and people's"),
        pytest.param((3,), [], id="arrived, and people's"),
        pytest.param((2,), [3], id="another one deleted at that moment"),
    ],
)
def test_a_delete_is_judged_though_people_went_on(after: Sequence[int], gone: Sequence[int]) -> None:
    names = {1: "Ada", 2: "Grace", 3: "Alan", 9: "Niklaus"}
    rows = rows_of([(float(id_), names[id_], "") for id_ in after])
    assert displaced_deletes(rows_of(BEFORE), rows, {key(2): 2}, later=True) == gone


@pytest.mark.parametrize(
    ("after", "kept"),
    [
        pytest.param(BEFORE, None, id="nothing entered"),
        pytest.param((BEFORE[2], BEFORE[0], BEFORE[1]), None, id="sorted"),
        pytest.param(
            ((3.0, "Alan", "Oslo"), (1.0, "Ada", "London"), (2.0, "Grace", "Arlington")),
            ((1.0, "Ada", "London"), (2.0, "Grace", "Arlington"), (3.0, "Alan", "Oslo")),
            id="sorted, and typed",
        ),
        pytest.param(
            ((1.0, "Ada", "Oslo"), (9.0, "Niklaus", "Bern"), (3.0, "Alan", "Wilmslow")),
            ((1.0, "Ada", "Oslo"), (2.0, "Grace", "Arlington"), (3.0, "Alan", "Wilmslow")),
            id="what is gone, or new, stays as it was",
        ),
        pytest.param(((1.0, "Grace H", "Oslo"), *BEFORE[1:]), None, id="what may be our value is nobody's entry"),
    ],
)
def test_what_people_entered_since_is_kept_where_it_was(after: Lines, kept: Lines | None) -> None:
    grid = refreshed(rows_of(BEFORE), rows_of(after), [WRITE])
    assert (None if grid is None else [tuple(line) for line in grid.values[1:]]) == (None if kept is None else [*kept])


def test_a_formula_that_was_entered_since_is_kept_as_one_of_its_old_line() -> None:
    before, after = rows_of(BEFORE), rows_of((BEFORE[2], BEFORE[0], BEFORE[1]))
    entered = replace(after, grid=replace(after.grid, computed={(1, 2): '=B2&"!"'}, errors={(2, 2): "#N/A"}))
    grid = refreshed(before, entered, [])
    assert grid is not None
    assert (grid.computed, grid.errors) == ({(3, 2): '=B4&"!"'}, {(1, 2): "#N/A"})


@pytest.mark.parametrize(
    ("sent", "done"),
    [
        ({"cells": [WRITE]}, False),
        ({"cells": [CellWrite(key(2), "name", 9, 1, "Grace")]}, True),
        ({"cells": [CellWrite(key(9), "name", 2, 1, "Grace")]}, False),
        ({"inserts": [Edit(key(3), {}, insert=True)]}, True),
        ({"inserts": [Edit(key(9), {}, insert=True)]}, False),
        ({"deletes": {key(9): 3}}, True),
        ({"deletes": {key(1): 1, key(9): 3}}, False),
    ],
)
def test_what_the_sheet_shows_is_done(sent: dict[str, object], done: bool) -> None:
    rows = rows_of(BEFORE)
    assert is_done(Sent("book", rows.grid, **sent), rows) is done  # type: ignore[arg-type]


def test_what_is_kept_is_as_it_was() -> None:
    values: list[list[Cell]] = [["ID", "Name"], [1.0, None], [], [True, "=not a formula", 1e20, "\u00fc\x00"]]
    grid = Grid("It's", 7, 9, 4, "UTC", values, {(1, 1): "=A1"}, {(2, 0): "#N/A"}, {}, {5: 1}, {3: [(0, 2)]})
    edit = Edit(key(1), {"name": "x", "done": None}, insert=True, expected={"n": 1.0}, idempotency_key="k")
    sent = Sent("book", grid, [WRITE], [edit], {key(2): 3}, [IdWrite(2, None), IdWrite(3, "id")])
    back = decoded(sent.encoded())
    assert back == sent
    assert [type(cell) for line in back.grid.values for cell in line] == [type(c) for line in values for c in line]
